"""``bpcheck precision`` as a person or a workflow uses it: what is printed, written, returned."""

from __future__ import annotations

import re
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from bpcheck.cli import main

#: The cheapest measurement that can show a loss.
SMALL = ("--dtype", "f32", "--result", "w_bar", "--longest", "16", "--cases", "20")

KERNEL = textwrap.dedent(
    """
    import numpy as np
    from reference import conv

    OPERATIONS = ("conv1d",)
    forward = conv.forward


    def vjp(residuals, y_bar):
        return conv.vjp(residuals, ROUNDED(y_bar))
    """
)
RIGHT, COARSE = "lambda a: a", "lambda a: a.astype(np.float16).astype(a.dtype)"

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line where a kernel lies in layers.py."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    _write(tmp_path, RIGHT)

    def call(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(["precision", *words])
        captured = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return code, captured.out + captured.err

    return call


def _write(directory: Path, rounded: str) -> None:
    # A module of another name each time: an imported one is not read again.
    text = KERNEL.replace("ROUNDED", f"({rounded})")
    (directory / "layers.py").write_text(text)


def _target(directory: Path) -> str:
    return str(directory / "layers.py")


def test_measure_prints_a_table_and_draws_a_picture(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    code, text = run("measure", "conv1d", "layers.py", *SMALL, "--plot", "errors.png")
    assert code == 0
    assert "w_bar float32, 16 to 16 terms" in text
    assert all(kind in text for kind in ("zero-mean", "positive", "wide", "cancelling"))
    assert (tmp_path / "errors.png").read_bytes().startswith(b"\x89PNG")


def test_record_then_compare_then_lose_then_gain(run: Run, tmp_path: Path) -> None:
    code, text = run("record", "layers.py", *SMALL)
    assert (code, "recorded" in text) == (0, True)
    code, text = run("compare")
    assert code == 0
    assert "every number is the same in 12 comparisons" in text

    recorded = (tmp_path / "precision-baseline.json").read_text()
    (tmp_path / "coarse").mkdir()
    _write(tmp_path / "coarse", COARSE)
    edited = recorded.replace('"target": "layers.py"', '"target": "coarse/layers.py"')
    (tmp_path / "coarse.json").write_text(edited)
    code, text = run("compare", "--baseline", "coarse.json")
    assert code == 1
    assert "LOSS  w_bar, float32: " in text
    assert "PRECISION LOST" in text
    assert "w_bar float32 zero-mean, 16 to 16 terms: rms error" not in text
    code, text = run("compare", "--baseline", "coarse.json", "--all")
    assert "w_bar float32 zero-mean, 16 to 16 terms: rms error" in text


def test_a_baseline_is_not_overwritten_without_force_and_the_difference_is_shown(
    run: Run, tmp_path: Path
) -> None:
    assert run("record", "conv1d", "layers.py", *SMALL)[0] == 0
    before = (tmp_path / "precision-baseline.json").read_text()
    code, text = run("record", "conv1d", "layers.py", *SMALL, "--seed", "1")
    assert code == 2
    assert "--force replaces it" in text
    assert "the settings differ: seed 0, now 1" in text
    assert (tmp_path / "precision-baseline.json").read_text() == before
    code, text = run("record", "conv1d", "layers.py", *SMALL, "--force")
    assert code == 0
    assert "every number is the same" in text


def test_a_workflow_gets_a_summary(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("record", "layers.py", *SMALL)[0] == 0
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    assert run("compare")[0] == 0
    assert "### ✅ conv1d of layers.py" in (tmp_path / "summary.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("compare",), "there is no such file; bpcheck precision record makes it"),
        (("compare", "conv1d", "layers.py", "--baseline", "bad.json"), "not a whole JSON document"),
        (("measure", "conv1d", "layers.py", "--plot", "x.txt"), "must end in .png"),
        (("measure", "network", "layers.py"), "does not claim network"),
        (("measure", "conv1d"), "this is an operation"),
        (("measure", "conv1d", "layers.py", "--result", "z"), "conv1d has y, x_bar"),
        (("measure", "conv1d", "layers.py", "--baseline", "b"), "add --plot FILE"),
        (("record", "conv1d", "layers.py", "--output", "no/b.json"), "no directory no"),
        (("record", "layers.py", *SMALL[:-1], "2"), "cases=2 gives 2 pairs"),
        (("log",), "git"),
    ],
)
def test_what_cannot_be_done_is_said_with_exit_code_2(
    run: Run, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    (tmp_path / "bad.json").write_text('{"format": ')
    code, text = run(*words)
    assert code == 2
    assert message in text


def test_the_log_says_what_each_commit_changed(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert run("record", "layers.py", *SMALL)[0] == 0
    file = tmp_path / "precision-baseline.json"
    _git(tmp_path, "init", "-q")
    for message, edit in (
        ("First", str),
        ("Coarser", _tenfold),
        ("Broken", lambda text: text[:-9]),
    ):
        file.write_text(edit(file.read_text()))
        _git(tmp_path, "add", file.name)
        _git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", message)
    code, text = run("log", "--plot", "history.png")
    assert code == 0
    assert text.index("First") < text.index("Coarser") < text.index("Broken")
    assert "conv1d of layers.py: w_bar f32 0." in text
    assert "times as large" in text
    assert "cannot be read" in text
    assert (tmp_path / "history.png").exists()


def _tenfold(text: str) -> str:
    return re.sub(r'"rms": \[[^]]*]', lambda row: row.group().replace("0.", "9."), text)


def _git(directory: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(directory), *words], check=True, capture_output=True)  # noqa: S607 - whichever git there is


def test_pytest_compares_with_a_baseline(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import bpcheck
        from reference import conv

        subject = bpcheck.Subject(
            conv.forward, conv.vjp, operation="conv1d", name="mine", dtypes=("float32",)
        )
        test_conv = bpcheck.conformance(subject)


        def test_record(request):
            from bpcheck import precision

            found = precision.measure(subject, results=["w_bar"], longest=16, cases=20)
            precision.save(request.config.rootpath / "b.json", [found])
        """
    )
    pytester.runpytest("-q", "-k", "record").assert_outcomes(passed=1)
    options = ("-q", "--bpcheck-baseline", "b.json", "-k", "precision")
    pytester.runpytest(*options).assert_outcomes(passed=1, skipped=3)
    file = pytester.path / "b.json"
    file.write_text(file.read_text().replace('"rms": [0.', '"rms": [0.0').replace("mine", "other"))
    outcome = pytester.runpytest(*options)
    outcome.assert_outcomes(failed=4)
    outcome.stdout.fnmatch_lines(["*another subject: it holds conv1d of other*"])
