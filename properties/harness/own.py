"""A module with an operation of a user's own, as a user would have it in the current directory."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import TypeVar

import pytest
from click.testing import CliRunner, Result

import bpcheck
from bpcheck.cli import main
from bpcheck.operations import Operation, operation_named
from properties.harness.targets import folder

__all__ = ["folder"]

T = TypeVar("T")

ROOT = Path(__file__).parents[2]

#: The operation, a right kernel and a wrong one: what the documentation shows.
MODULE = (ROOT / "examples" / "own_operation.py").read_text(encoding="utf-8")

#: The same, the operation being a dataclass, made by the decorator that stands in the braces.
AS_DATACLASS = re.sub(r": Mapping\[.*\] = \{", " = {", MODULE).replace(
    "class RunningSum(", "{}\nclass RunningSum("
)

OPERATION = "mymodule:running_sum"


@pytest.fixture(autouse=True)
def written(folder: Path) -> Path:
    """The module, as ``mymodule.py`` in a directory of its own."""
    (folder / "mymodule.py").write_text(MODULE, encoding="utf-8")
    return folder


def operation() -> Operation:
    return operation_named(OPERATION)


def subject(kernel: str, **options: object) -> bpcheck.Subject:
    found = bpcheck.adapters.load(f"mymodule:{kernel}", operation=OPERATION)
    return found.claiming(**options) if options else found  # type: ignore[arg-type]


def command(*arguments: str) -> Result:
    """One command in this process."""
    result = CliRunner().invoke(main, arguments)
    assert "Traceback" not in result.output
    return result


def process(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A Python process of its own, in the current directory."""
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def pickled(value: T) -> T:
    """What comes back when it is pickled and read."""
    found: T = pickle.loads(pickle.dumps(value))  # noqa: S301 - written here
    return found
