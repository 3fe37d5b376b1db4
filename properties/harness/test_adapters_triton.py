"""Kernels of Triton with hand-written backwards, run in its interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")


@pytest.mark.parametrize(
    ("attribute", "case", "code"),
    [
        ("conv", "conv1d n1ic2iw5oc1kw2sw2bias0 f32 exact", 0),
        ("conv_wrong", "conv1d n1ic2iw5oc1kw2sw2bias0 f32 exact", 1),
        ("pool", "max_pool1d n1ic1iw5kw3sw1 f32 exact", 0),
        ("pool_wrong", "max_pool1d n1ic1iw5kw3sw1 f64 small", 1),
    ],
)
def test_a_kernel_is_judged_without_a_gpu(attribute: str, case: str, code: int) -> None:
    target = f"examples/your_code/triton_kernels.py:{attribute}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    environment.pop("TRITON_INTERPRET", None)
    done = subprocess.run(
        [
            *f"{sys.executable} -m bpcheck replay".split(),
            case,
            target,
            "--style",
            "torch",
            "--interpret",
        ],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
