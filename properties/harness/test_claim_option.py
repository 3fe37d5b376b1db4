"""``--claim`` on the command line: what is typed is claimed, over what the code says."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
from click.testing import CliRunner

from bpcheck.cli import main
from bpcheck.cli.requests import asked_claims
from properties.harness.targets import folder, write

__all__ = ["folder"]

#: Right but for an empty batch, and for a batch of three.
KERNEL = """
from reference import avg_pool

def forward(x, *, kernel_size, stride):
    if not len(x):
        raise ValueError("no samples")
    return avg_pool.forward(x, kernel_size=kernel_size, stride=stride)

def vjp(residuals, y_bar):
    (x_bar,) = avg_pool.vjp(residuals, y_bar)
    return (x_bar * {factor},)
"""

CASES = "avg_pool1d n0ic1iw4kw2\navg_pool1d n2ic1iw4kw2sw2\navg_pool1d n1ic2iw5kw3\n"


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, [*arguments, "--in-process"], catch_exceptions=False)
    return result.exit_code, result.output


def check(*options: str) -> tuple[int, str]:
    return run("check", "avg_pool1d", "mine.py", "--cases", "cases.txt", *options)


def test_what_is_claimed_on_the_command_line_is_claimed(folder: Any) -> None:
    write("mine.py", KERNEL.format(factor=1))
    write("cases.txt", CASES)
    assert check()[0] == 1
    code, said = check("--claim", "empty=no")
    assert code == 0, said
    assert "empty batches" in said


def test_an_option_stands_over_the_code_and_over_the_project(folder: Any) -> None:
    write("mine.py", "EMPTY = False\n" + KERNEL.format(factor=1))
    write("cases.txt", CASES)
    assert check()[0] == 0
    assert check("--claim", "empty=yes")[0] == 1
    write(
        "pyproject.toml",
        '[tool.bpcheck.subjects]\npool = { target = "mine.py", operation = "avg_pool1d" }\n',
    )
    assert run("check", "--cases", "cases.txt", "--claim", "empty=yes")[0] == 1


def test_the_replay_of_a_report_makes_the_same_claims(folder: Any) -> None:
    write("mine.py", KERNEL.format(factor=2))
    write("cases.txt", CASES)
    code, said = check("--claim", "empty=no", "--claim", "dtypes=f32,f64")
    assert code == 1
    found = re.search(r"bpcheck (replay .*)", said)
    assert found is not None
    command = shlex.split(found[1])
    assert command[-4:] == ["--claim", "empty=no", "--claim", "dtypes=f32,f64"]
    assert run(*command)[0] == 1


def test_a_claim_may_be_spelled_as_reports_and_classes_do() -> None:
    assert asked_claims(("ACCUMULATES=bfloat16",)) == asked_claims(("accumulates=bfloat16",))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("empty", "write key=value, such as --claim empty=no"),
        ("emty=no", "did you mean empty?"),
        ("empty=perhaps", "True or False was expected"),
        ("layout=NHWC", "'layout' is no claim; did you mean layouts?"),
    ],
)
def test_what_is_no_claim_is_refused_with_what_is(folder: Any, typed: str, said: str) -> None:
    write("mine.py", KERNEL.format(factor=1))
    write("cases.txt", CASES)
    code, message = check("--claim", typed)
    assert code == 2
    assert said in message
