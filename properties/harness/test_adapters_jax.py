"""JAX is tested in processes of its own: one that has loaded it cannot fork workers any more.

No process of the tests may load it, or subjects that cannot be sent to a process that starts anew
would be judged in place there, and hostile ones end it: conftest.py stops a test that does.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")


def output_of(*arguments: str, code: int = 0) -> str:
    """What a command of Python writes, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("file", ["jax_functions.py", "jax_rows.py"])
def test_functions_of_jax_are_judged_as_they_should(file: str) -> None:
    said = output_of(
        *("pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"),
        *("--override-ini", "addopts=--import-mode=importlib"),
        f"properties/frameworks/{file}",
    )
    assert "skipped" not in said
    assert "passed" in said
