"""The commands as a person types them: what is printed, what is written, and the exit code."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner, Result

from bpcheck.cli import main

KERNELS = """
    import numpy as np

    class Pool:
        '''Average pooling of windows that tile the input.'''

        def forward(self, x, *, kernel_size, stride):
            if stride != kernel_size:
                raise NotImplementedError("windows that do not tile")
            n, c, size = x.shape
            k = kernel_size[0]
            tiles = x[:, :, : size // k * k].reshape(n, c, size // k, k)
            total = tiles.sum(axis=-1, dtype=np.result_type(x, np.float32))
            return (total / k).astype(x.dtype), (x.shape, k)

        def vjp(self, residuals, y_bar):
            shape, k = residuals
            x_bar = np.zeros(shape, y_bar.dtype)
            share = self.share(y_bar / y_bar.dtype.type(k))
            x_bar[:, :, : y_bar.shape[2] * k] = np.repeat(share, k, axis=-1)
            return (x_bar,)

        def share(self, y_bar):
            return y_bar

    class Negated(Pool):
        def share(self, y_bar):
            return -y_bar

    class Nothing(Pool):
        def forward(self, x, *, kernel_size, stride):
            raise NotImplementedError("nothing yet")

    class Interrupted(Pool):
        calls = 0

        def forward(self, x, *, kernel_size, stride):
            self.calls += 1
            # Past those that tell how fast it is.
            if self.calls > 40:
                raise KeyboardInterrupt
            return super().forward(x, kernel_size=kernel_size, stride=stride)

    class Talks(Pool):
        def forward(self, x, *, kernel_size, stride):
            print("shape", x.shape)
            return super().forward(x, kernel_size=kernel_size, stride=stride)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A current directory with a file of kernels."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BPCHECK_DEBUG", raising=False)
    path = list(sys.path)
    Path("kernels.py").write_text(dedent(KERNELS), encoding="utf-8")
    yield tmp_path
    sys.path[:] = path
    sys.modules.pop("kernels", None)


def bpcheck(*arguments: str) -> Result:
    """One command, with nothing of the harness's inside in what it prints."""
    result = CliRunner().invoke(main, arguments)
    assert "Traceback" not in result.output
    return result


def check(name: str, *options: str) -> Result:
    return bpcheck("check", "avg_pool1d", f"kernels:{name}", "--cases", "24", *options)


def test_a_right_kernel_agrees() -> None:
    result = check("Pool")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == " kernels:Pool · avg_pool1d · NumPy · float64 float32"
    assert lines[1].split() == ["y", "x_bar"]
    assert "AGREES in " in result.stdout
    assert result.stderr == ""


def test_a_wrong_kernel_is_a_defect_with_a_command_that_shows_it_again() -> None:
    result = check("Negated")
    assert result.exit_code == 1
    assert "✗ x_bar: backward wrong" in result.stdout
    command = next(line for line in result.stdout.splitlines() if "bpcheck replay" in line)
    _, case, target = command.split("'")
    again = bpcheck("replay", case, target.strip())
    assert again.exit_code == 1
    assert again.stdout.startswith(f"{case}\n")
    assert "BACKWARD WRONG. x_bar" in again.stdout


def test_a_kernel_that_claims_nothing_could_not_be_judged() -> None:
    result = check("Nothing")
    assert result.exit_code == 3
    assert "nothing yet" in result.stdout
    assert "INCONCLUSIVE" in result.stdout


def test_what_a_kernel_prints_does_not_tear_the_report() -> None:
    result = check("Talks")
    assert result.exit_code == 1
    assert not result.stdout.startswith("shape")
    assert "forward printed 'shape (" in result.stdout


def test_an_interrupted_run_prints_what_it_has() -> None:
    # In a worker, nobody but the kernel itself raises it.
    result = check("Interrupted", "--json", "report.json", "--in-process")
    assert result.exit_code == 130
    assert "INTERRUPTED. So far: AGREES" in result.stdout
    (report,) = json.loads(Path("report.json").read_text(encoding="utf-8"))["reports"]
    assert report["is_complete"] is False


def test_the_same_seed_gives_the_same_json_and_another_seed_another() -> None:
    for name, seed in (("one", "3"), ("two", "3"), ("other", "4")):
        assert check("Pool", "--seed", seed, "--json", f"{name}.json").exit_code == 0
    one, two, other = (Path(f"{name}.json").read_bytes() for name in ("one", "two", "other"))
    assert one == two != other
    (report,) = json.loads(one)["reports"]
    assert (report["subject"], report["verdict"], report["seed"]) == ("kernels:Pool", "agrees", 3)


def test_worker_processes_give_the_same_report() -> None:
    for jobs in ("1", "2"):
        assert check("Negated", "--jobs", jobs, "--json", f"{jobs}.json").exit_code == 1
    assert Path("1.json").read_bytes() == Path("2.json").read_bytes()


def test_the_conformance_matrix_is_printed_where_asked_for() -> None:
    assert "conformance, in cases" not in check("Pool").stdout
    told = check("Pool", "--classes", "--json", "report.json").stdout
    (report,) = json.loads(Path("report.json").read_text(encoding="utf-8"))["reports"]
    classes = [name for name in report["coverage"] if " mod " not in name]
    assert len(classes) > 20
    for name in classes:
        # Long names are broken over lines.
        start = re.escape(name.removeprefix("family ")[:12])
        assert re.search(rf"^ +{start}.* [✓✗!–·]", told, re.MULTILINE), name


@pytest.mark.parametrize("typed", ["f32", "float32"])
def test_a_dtype_is_understood_by_both_its_names(typed: str) -> None:
    result = check("Pool", "--dtype", typed, "--dtype", "f16", "--json", "report.json")
    assert result.exit_code == 0
    (report,) = json.loads(Path("report.json").read_text(encoding="utf-8"))["reports"]
    assert report["dtypes"] == ["float32", "float16"]


def test_a_torch_function_is_checked_with_its_style() -> None:
    target = "torch.nn.functional:avg_pool1d"
    result = bpcheck("check", "avg_pool1d", target, "--style", "torch", "--cases", "6")
    assert result.exit_code == 0
    assert f" {target} · avg_pool1d · torch" in result.stdout


CASE = "avg_pool1d n1ic1iw4kw2sw2 f64 exact"


def test_a_replay_of_a_right_case_agrees() -> None:
    result = bpcheck("replay", CASE, "kernels.py:Pool")
    assert result.exit_code == 0
    assert result.stdout.endswith("AGREES.\n")


def test_a_case_that_lost_its_quotes_is_understood() -> None:
    assert bpcheck("replay", *CASE.split(), "kernels.py:Pool").exit_code == 0


def test_a_replay_of_an_unclaimed_case_judges_nothing() -> None:
    result = bpcheck("replay", "avg_pool1d n1ic1iw4kw2", "kernels.py:Pool")
    assert result.exit_code == 3
    assert "windows that do not tile" in result.stdout


def test_a_replay_judges_a_dtype_that_the_case_names() -> None:
    result = bpcheck("replay", "avg_pool1d n1ic1iw4kw2sw2 f16", "kernels.py:Pool")
    assert result.exit_code == 0
    assert "x  float16 (1, 1, 4)" in result.stdout


def test_a_case_text_that_does_not_parse_is_shown_with_a_caret() -> None:
    long = "conv2d n1ic64ih13iw13oc96kh2kw2sh2sw2ph1pw1dh1dw1 f32 exact c-order sed=7"
    result = bpcheck("replay", long, "kernels:Pool")
    assert result.exit_code == 2
    _, text, caret = result.stderr.splitlines()
    assert text[caret.index("^") :] == "sed=7"
    assert text.strip() == long


PROJECT = """
    [tool.bpcheck.subjects]
    pool = { target = "kernels:Pool", operation = "avg_pool1d" }
    again = { target = "kernels.py:Pool", operations = ["avg_pool1d", "avg_pool1d"] }
"""


def project(text: str = PROJECT) -> None:
    Path("pyproject.toml").write_text(dedent(text), encoding="utf-8")


def test_all_subjects_of_a_project_are_checked_from_any_directory_in_it(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    project()
    (folder / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir("deep/down")
    result = bpcheck("check", "--cases", "4", "--json", "report.json")
    assert result.exit_code == 0
    assert "3 of 3 subjects agree" in result.stdout
    reports = json.loads(Path("report.json").read_text(encoding="utf-8"))["reports"]
    assert [each["subject"] for each in reports] == [
        "kernels:Pool",
        "kernels.py:Pool",
        "kernels.py:Pool",
    ]


@pytest.mark.parametrize(
    ("names", "code"),
    [(["Pool", "Nothing"], 3), (["Nothing", "Negated"], 1), (["Interrupted", "Negated"], 130)],
)
def test_the_worst_subject_decides_the_exit_code(names: list[str], code: int) -> None:
    project(
        "[tool.bpcheck.subjects]\n"
        + "".join(
            f'{name} = {{ target = "kernels:{name}", operation = "avg_pool1d" }}\n'
            for name in names
        )
    )
    result = bpcheck("check", "--cases", "12", "--in-process")
    assert result.exit_code == code
    assert "subjects agree" in result.stdout


def test_a_bad_target_in_a_project_is_said_before_anything_runs() -> None:
    project(PROJECT + 'bad = { target = "kernels:Missing", operation = "avg_pool1d" }')
    result = bpcheck("check", "--cases", "4")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "kernels has no attribute 'Missing'" in result.stderr
