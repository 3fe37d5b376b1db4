"""`--interpret`: what switches interpreters on is there as long as the subject is."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

import bpcheck
from bpcheck.cli.app import main
from bpcheck.runner.one import judge

#: Triton reads its switch once more when a kernel is first launched.
TARGET = """
import os

from reference.avg_pool import forward as right, vjp


def forward(x, *, kernel_size, stride):
    assert os.environ["TRITON_INTERPRET"] == "1"
    return right(x, kernel_size=kernel_size, stride=stride)
"""


@pytest.mark.parametrize("place", [[], ["--in-process"]])
def test_the_switch_is_on_in_every_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: list[str]
) -> None:
    # Set and taken away again at the end of the test, whatever happens meanwhile.
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    monkeypatch.setenv("NUMBA_ENABLE_CUDASIM", "0")
    target = tmp_path / "interpreted.py"
    target.write_text(TARGET)
    case = "avg_pool1d n1ic1iw4kw2 f64 exact"
    result = CliRunner().invoke(main, ["replay", case, str(target), "--interpret", *place])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("place", [[], ["--in-process"]])
def test_code_is_adapted_with_the_switch_on_and_declared_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: list[str]
) -> None:
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    monkeypatch.setenv("NUMBA_ENABLE_CUDASIM", "0")
    target = tmp_path / "interpreted.py"
    target.write_text(TARGET)
    asked = ["adapt", str(target), "avg_pool1d", *place]
    result = CliRunner().invoke(main, [*asked, "--interpret"])
    assert result.exit_code == 0, result.output
    assert f"bpcheck check avg_pool1d {target} --interpret" in result.output
    assert "    interpret = true\n" in result.output
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    assert CliRunner().invoke(main, asked).exit_code == 2
    assert "interpret=True)" in result.output


def test_python_switches_it_on_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    monkeypatch.setenv("NUMBA_ENABLE_CUDASIM", "0")
    target = tmp_path / "interpreted_here.py"
    target.write_text(TARGET)
    pool = bpcheck.adapters.load(str(target), operation="avg_pool1d", interpret=True)
    assert "interpreted" in pool.style
    assert not judge(pool, bpcheck.parse_case("avg_pool1d n1ic1iw4kw2 f64 exact")).rulings


def test_what_was_imported_without_its_interpreter_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NUMBA_ENABLE_CUDASIM", "0")
    monkeypatch.setitem(sys.modules, "numba", ModuleType("numba"))
    with pytest.raises(bpcheck.UsageError, match="set NUMBA_ENABLE_CUDASIM=1 in the environment"):
        bpcheck.adapters.load("pools", operation="avg_pool1d", interpret=True)
