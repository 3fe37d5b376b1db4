"""Interpreters of kernels that are written for another device: no GPU is needed to check them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from types import MappingProxyType

from bpcheck.imports.triton_interpreter import complete

#: What is set before code is imported: Triton's interpreter, and Numba's simulator of CUDA.
ENVIRONMENT: Mapping[str, str] = MappingProxyType(
    {"TRITON_INTERPRET": "1", "NUMBA_ENABLE_CUDASIM": "1"}
)

#: What a report says of it.
NOTE = "interpreted: passing here is not passing on the device"


def interpret() -> None:
    """Let kernels that are imported from now on run in their interpreters; none is edited."""
    os.environ.update(ENVIRONMENT)
    # Before the code: kernels take functions of the device by name where they are imported.
    complete()


def interpret_loaded() -> None:
    """Let kernels of Pallas that were imported run in its interpreter, which no variable starts.

    What JAX asks whenever a kernel is called is a setting of its own, without a public name; one
    that has no such setting says itself that it needs ``interpret=True``.
    """
    config = sys.modules.get("jax._src.config")
    switch = getattr(config, "pallas_tpu_interpret_mode_context_manager", None)
    if switch is not None:
        switch.set_global(True)
