"""The examples run, agree with autograd at every step, and print what their page quotes."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

# Each example runs once for all that look at what it prints.
pytestmark = pytest.mark.xdist_group("examples")

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-the-error-travels.md"

#: What is added to a command, by its first word, so that it takes no longer than it must.
QUICKLY = {"check": ("--profile", "quick")}

#: For each example: how often it must say that autograd agrees.
AGREEMENTS = {"by_hand_3x3": 9, "by_hand_2_to_3": 3, "network_64_96": 10}


@cache
def output(name: str) -> str:
    """What ``python examples/name.py`` prints; it must print no warning and end well."""
    done = subprocess.run(
        [sys.executable, "-W", "error", f"examples/{name}.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={
            "PYTHONPATH": str(ROOT),
            "PYTHONUTF8": "1",
            "OMP_NUM_THREADS": "1",
            # A compiler looks for its own parts there.
            "PATH": os.environ.get("PATH", os.defpath),
        },
    )
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout


@pytest.mark.parametrize("name", AGREEMENTS)
def test_an_example_says_of_every_step_that_autograd_agrees(name: str) -> None:
    assert output(name).count("✓ autograd agrees: ") == AGREEMENTS[name]
    assert output(name).endswith("Every step agrees with autograd.\n")


def test_the_network_gives_the_last_row_and_column_nothing_and_compares_them() -> None:
    assert "its last row and column were read by no window: 0" in output("network_64_96")


def test_the_layer_with_a_bug_is_reported_on_the_case_that_its_text_explains() -> None:
    said = output("check_my_layer")
    assert "✗ w_bar: backward wrong" in said
    assert "x_bar: " not in said
    assert "b_bar: " not in said
    assert "smallest case    conv2d n1ic1ih1iw3oc1kh1kw1sh2sw2 " in said
    assert "BACKWARD WRONG. 1 defect." in said


def test_an_operation_of_ones_own_is_checked_in_two_processes_and_its_wrong_kernel_found() -> None:
    right, wrong = output("own_operation").split("\n Wrong · ")
    assert " Right · own_operation:running_sum " in right
    assert "AGREES in 450 cases" in right
    assert "smallest case     own_operation:running_sum n1len2rev1 f64 small " in wrong
    assert "BACKWARD WRONG. 1 defect" in wrong


def test_the_commands_that_contributing_gives_for_it_work_where_it_lies() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    commands = re.findall(r"^bpcheck (.*own_operation:.*)$", text, re.MULTILINE)
    codes = [
        subprocess.run(
            [sys.executable, "-m", "bpcheck", *shlex.split(command), *QUICKLY.get(command[:5], ())],
            cwd=ROOT / "examples",
            capture_output=True,
            check=False,
            env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        ).returncode
        for command in commands
    ]
    assert codes == [0, 1]


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_a_convolution_in_c_is_compiled_and_its_wrong_backward_found() -> None:
    right, wrong = output("c_convolution").split("\n conv_backward_wrong · ")
    assert "AGREES in 100 cases" in right
    assert "✗ w_bar: backward wrong" in wrong
    assert "BACKWARD WRONG. 1 defect." in wrong


def test_no_line_of_an_example_is_wider_than_a_terminal_of_100_columns() -> None:
    for name in (*AGREEMENTS, "check_my_layer", "own_operation"):
        assert max(map(len, output(name).splitlines())) <= 100


def quotations() -> list[tuple[str, str]]:
    """Each block of output on the page, with the example whose command opens it or came before."""
    found, name = [], ""
    block = r"```(?:console|text)\n(?:\$ \.venv/bin/python examples/(\w+)\.py\n)?(.*?)```"
    for command, quoted in re.findall(block, PAGE.read_text("utf-8"), re.DOTALL):
        name = command or name
        found.append((name, quoted))
    return found


def what_lasts(text: str) -> str:
    """`text` without what each machine has its own of: last bits, line ends, and counts of cases.

    How many cases a slow layer is given depends on how fast it is here.
    """
    counts = (
        r"no number more than [^;]*|seen in \d+ of \d+ cases|(explains|with,) \d+ of \d+"
        r"|wrong (exactly|only)(?= where)|(?<=windows:) \d+ of \d+"
    )
    return re.sub(counts, "", " ".join(text.split()))


QUOTATIONS = [pytest.param(*each, id=f"{i}-{each[0]}") for i, each in enumerate(quotations())]


@pytest.mark.parametrize(("name", "block"), QUOTATIONS)
def test_the_page_quotes_what_the_examples_print(name: str, block: str) -> None:
    assert name
    assert what_lasts(block) in what_lasts(output(name))


def test_the_page_quotes_each_example() -> None:
    assert {name for name, _ in quotations()} == {*AGREEMENTS, "check_my_layer"}
