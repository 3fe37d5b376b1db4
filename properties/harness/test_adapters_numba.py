"""Kernels of Numba-CUDA with hand-written backwards, run in its simulator."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(find_spec("numba") is None, reason="Numba is not installed")


@pytest.mark.parametrize(("target", "code"), [("numba_pool.py", 0), ("numba_pool.py:Wrong", 1)])
def test_a_kernel_of_numba_is_judged_without_a_gpu(target: str, code: int) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    environment.pop("NUMBA_ENABLE_CUDASIM", None)
    done = subprocess.run(
        [
            *f"{sys.executable} -m bpcheck replay".split(),
            "avg_pool1d n1ic1iw5kw3sw1 f32 exact",
            f"examples/your_code/{target}",
            "--interpret",
        ],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
