"""Interpreters of kernels that are written for another device: no GPU is needed to check them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from types import MappingProxyType

from bpcheck.errors import UsageError
from bpcheck.imports.triton_interpreter import complete

#: The packages with an interpreter that a variable switches on where they are imported.
VARIABLES: Mapping[str, str] = MappingProxyType(
    {"triton": "TRITON_INTERPRET", "numba": "NUMBA_ENABLE_CUDASIM"}
)

#: What is set before code is imported: Triton's interpreter, and Numba's simulator of CUDA.
ENVIRONMENT: Mapping[str, str] = MappingProxyType(dict.fromkeys(VARIABLES.values(), "1"))

#: What a report says of it.
NOTE = "interpreted: passing here is not passing on the device"


def interpret() -> None:
    """Let kernels that are imported from now on run in their interpreters; none is edited.

    Raises
    ------
    UsageError
        If one of the packages was imported before without its interpreter, which then stays off.
    """
    for package, variable in VARIABLES.items():
        if package in sys.modules and os.environ.get(variable) != ENVIRONMENT[variable]:
            raise UsageError(
                f"{package} was imported before its interpreter was asked for, and keeps to the "
                f"device: ask first, or set {variable}=1 in the environment"
            )
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
