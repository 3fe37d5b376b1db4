"""What the plugin costs a pytest run that has no conformance test: nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"click", "hypothesis", "ml_dtypes", "numpy", "rich", "scipy", "torch"}


def run_python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_the_plugin_imports_nothing_beside_itself() -> None:
    code = (
        "import sys, os, typing, pytest; before = set(sys.modules); "
        "import bpcheck.pytest_plugin; print(*sorted(set(sys.modules) - before))"
    )
    assert run_python(code).split() == ["bpcheck", "bpcheck.pytest_plugin"]


def test_an_unrelated_run_imports_nothing_heavy(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        f"import sys\ndef test_heavy():\n    assert not {HEAVY!r} & set(sys.modules)\n"
    )
    pytester.runpytest_subprocess("-p", "no:hypothesispytest").assert_outcomes(passed=1)


def test_a_conformance_test_is_made_without_torch() -> None:
    code = (
        "import sys, bpcheck; "
        "bpcheck.conformance(bpcheck.Subject(print, print, operation='conv2d')); "
        "print(*sys.modules)"
    )
    # An operation knows its arrays by NumPy.
    assert not (HEAVY - {"numpy", "ml_dtypes"}) & set(run_python(code).split())
