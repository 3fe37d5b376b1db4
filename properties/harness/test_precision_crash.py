"""`bpcheck precision` and `adapt` on code that crashes, exits or hangs: told, by its line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bpcheck.cli import main

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="what is watched is Linux's"
)

KERNEL = """
import ctypes, os, sys, time
from reference.conv import forward as right, vjp

def forward(x, w, b, *, stride, padding, dilation, groups):
    {death}
    return right(x, w, b, stride=stride, padding=padding, dilation=dilation, groups=groups)
"""

#: What a forward does, and what is said of it.
DEATHS = {
    "os._exit(0)": "forward ended the process with exit code 0",
    "ctypes.string_at(0)": "forward crashed: the process was ended by signal 11",
    "time.sleep(99)": "forward did not come back within 0.5 s at kernel.py:6",
    "sys.exit(0)": "forward raises SystemExit: 0 (kernel.py:6)",
    "raise KeyboardInterrupt": "forward raises KeyboardInterrupt (kernel.py:6)",
}


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in a directory of its own: its exit code, and what it says of an error."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main([*words])
        assert isinstance(ended.value.code, int)
        return ended.value.code, capsys.readouterr().err

    return call


def written(folder: Path, death: str) -> None:
    (folder / "kernel.py").write_text(KERNEL.format(death=death), encoding="utf-8")


@pytest.mark.parametrize("death", DEATHS)
def test_precision_of_a_kernel_that_ends_its_process_is_an_error_that_says_so(
    run: Run, tmp_path: Path, death: str
) -> None:
    written(tmp_path, death)
    words = ("conv1d", "kernel.py", "--longest", "16", "--cases", "1", "--call-timeout", "0.5")
    code, said = run("precision", "record", *words)
    assert code == 2, said
    assert DEATHS[death] in said
    assert "bpcheck check conv1d says what is wrong" in said
    assert not (tmp_path / "precision-baseline.json").exists()


def test_a_comparison_whose_kernel_crashes_by_now_says_so(run: Run, tmp_path: Path) -> None:
    words = ("conv1d", "kernel.py", "--longest", "64", "--cases", "9", "--dtype", "f32")
    written(tmp_path, "pass")
    code, said = run("precision", "record", *words, "--result", "y")
    assert code == 0, said
    before = (tmp_path / "precision-baseline.json").read_bytes()
    written(tmp_path, "os.abort()")
    code, said = run("precision", "compare")
    assert code == 2
    assert "forward crashed: the process was ended by signal 6" in said
    assert (tmp_path / "precision-baseline.json").read_bytes() == before


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import os; os._exit(0)", "ended the process with exit code 0, when it was imported"),
        ("raise KeyboardInterrupt", "the code of the target raised"),
        (KERNEL.format(death="os._exit(0)"), "a call ended the process with exit code 0"),
        (KERNEL.format(death="time.sleep(99)"), "a call did not come back within 0.5 s"),
    ],
)
@pytest.mark.parametrize(
    "command", [("adapt", "kernel.py"), ("precision", "measure", "kernel.py")], ids=str
)
def test_looking_at_code_that_ends_its_process_is_an_error_that_says_so(
    run: Run, tmp_path: Path, command: tuple[str, ...], text: str, expected: str
) -> None:
    if command[0] == "precision" and "forward" in text:
        pytest.skip("that no operation is named is said first")
    (tmp_path / "kernel.py").write_text(text, encoding="utf-8")
    words = (*command, "conv1d") if command[0] == "adapt" else command
    code, said = run(*words, "--call-timeout", "0.5")
    assert code == 2, said
    assert expected in said


def test_code_that_raises_while_it_is_looked_at_is_told_by_its_line(
    run: Run, tmp_path: Path
) -> None:
    text = "def __getattr__(name):\n    raise RuntimeError(name)\n"
    (tmp_path / "kernel.py").write_text(text, encoding="utf-8")
    code, said = run("adapt", "kernel.py", "conv1d")
    assert code == 2, said
    assert "its own code raised" in said
    assert "kernel.py, line 2: RuntimeError" in said
