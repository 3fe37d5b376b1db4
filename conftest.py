"""Settings of every test run: Hypothesis profiles, and threads under pytest-xdist."""

from __future__ import annotations

import os
import sys
from importlib import import_module

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["pytester"]

#: Examples of frameworks are not looked through for doctests: that would import them, and a process
#: that has loaded JAX cannot fork workers. The tests run them in processes of their own.
collect_ignore = [
    "examples/your_code/jax_pool.py",
    "examples/your_code/numba_pool.py",
    "examples/your_code/pallas_pool.py",
    "examples/your_code/triton_kernels.py",
]
if not any("frameworks" in argument for argument in sys.argv):
    collect_ignore.append("properties/frameworks")

# The first examples of a test import torch: a deadline would judge that, not the test.
settings.register_profile("dev", deadline=None, max_examples=50)
settings.register_profile(
    "ci",
    deadline=None,
    max_examples=50,
    derandomize=True,
    database=None,
    print_blob=True,
    # A slow machine is no reason to fail.
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "thorough",
    deadline=None,
    max_examples=2000,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev")
)

# What one test found is nothing that another one may meet.
os.environ.setdefault("BPCHECK_NO_CACHE", "1")

if "PYTEST_XDIST_WORKER" in os.environ:
    # One thread a worker: the workers fill the cores, and torch reads this when it is imported.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def _found_nothing(*_given: object, **_words: object) -> None:
    """What a search says that found nothing."""


@pytest.fixture(autouse=True)
def _surroundings(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What every test finds."""
    # The search for the line at fault takes seconds for each defect: its own tests have it.
    if request.node.get_closest_marker("repairs") is None:
        monkeypatch.setattr(import_module("bpcheck.runner.repairing"), "SECONDS", 0.0)
    # So do those for the condition, a third of the time of a check, and for two mistakes in one
    # result, where nothing has a name: a verdict stands before them.
    if request.node.get_closest_marker("verdicts") is not None:
        monkeypatch.setattr(import_module("bpcheck.runner.condition"), "ATTEMPTS", 0)
        for name in ("split", "diagnose_pair"):
            monkeypatch.setattr(import_module("bpcheck.runner.naming"), name, _found_nothing)
    if "pytester" in request.fixturenames:
        # Which forgets what is imported meanwhile; torch and NumPy's FFT cannot be imported twice.
        import_module("torch")
        import_module("scipy.sparse")


def pytest_runtest_teardown(item: pytest.Item) -> None:
    # What is in properties/frameworks/ runs in processes of its own, by tests that start them.
    if "jaxlib" in sys.modules and "frameworks" not in item.path.parts:
        pytest.exit(
            f"{item.nodeid} has loaded JAX: subjects of later tests could not be judged in forks. "
            "Have it in a process of its own, as test_adapters_jax.py does",
            returncode=pytest.ExitCode.TESTS_FAILED,
        )
