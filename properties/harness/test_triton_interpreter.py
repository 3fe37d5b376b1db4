"""What `--interpret` adds to Triton's interpreter, so that kernels run that run on a device."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from bpcheck.imports.triton_interpreter import NoDriver

ROOT = Path(__file__).parents[2]
KERNELS = "properties/frameworks/triton_norms.py"
needs_triton = pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")


def started(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    environment.pop("TRITON_INTERPRET", None)
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@needs_triton
@pytest.mark.parametrize(("attribute", "code"), [("norm", 0), ("eps_outside_the_root", 1)])
def test_a_kernel_that_asks_for_a_device_is_judged_without_one(attribute: str, code: int) -> None:
    case = "rms_norm c=7 batch=3 eps=0.01 f32 rows c-order seed=3"
    words = f"-m bpcheck replay CASE {KERNELS}:{attribute} --style torch --interpret".split()
    words[words.index("CASE")] = case
    done = started(*words)
    assert done.returncode == code, done.stdout + done.stderr


PRELUDE = """
from bpcheck.imports.interpreters import interpret
interpret()
interpret()
import torch
from properties.frameworks import triton_norms
"""


@needs_triton
def test_tensors_that_begin_at_one_address_are_all_written() -> None:
    # Two storages of one memory: the interpreter copies them back as if they were one.
    program = """
import numpy as np
memory = np.array([1, 2], np.float32)
short, long = torch.from_numpy(memory[:1]), torch.from_numpy(memory)
triton_norms.exchanged(short, long[1:], long, long[1:])
print(memory.tolist())
"""
    done = started("-c", PRELUDE + program)
    assert done.stdout == "[2.0, 1.0]\n", done.stderr


@needs_triton
def test_a_function_of_the_device_that_nothing_stands_in_for_is_named() -> None:
    done = started("-c", f"{PRELUDE}\ntriton_norms.rounded(torch.ones(1))")
    assert done.returncode
    assert "libdevice.round: no function of torch's stands in for it" in done.stderr


def test_no_configuration_takes_longer_than_another_where_none_is_timed() -> None:
    ran = []
    benchmark = NoDriver().get_benchmarker()
    times = [benchmark(lambda: ran.append(1), quantiles=(0.5, 0.2, 0.8)) for _ in range(2)]
    assert times[0] == times[1]
    assert not ran
