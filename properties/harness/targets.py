"""Targets in an empty directory: writing them, and what is made or said of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from bpcheck.adapters import load
from bpcheck.errors import TargetError
from bpcheck.subject import Subject

PAIR = """
    def forward(x, **params):
        return x, None

    def vjp(residuals, y_bar):
        return (y_bar,)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty current directory, whose modules nobody else sees."""
    monkeypatch.chdir(tmp_path)
    path, modules = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(
            sys.modules[name].__file__
        ):
            del sys.modules[name]


def write(name: str, text: str) -> None:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text), encoding="utf-8")


def find(target: str, *, operation: str = "max_pool1d", style: str = "numpy") -> Subject:
    return load(target, operation=operation, style=style)


def refusal(target: str, *, operation: str = "max_pool1d", style: str = "numpy") -> str:
    """What is said of a target that is no subject."""
    with pytest.raises(TargetError) as caught:
        load(target, operation=operation, style=style)
    message = str(caught.value)
    assert "Traceback" not in message
    assert "bpcheck/" not in message
    return message
