"""Interpreters of kernels that are written for another device: no GPU is needed to check them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType

#: What is set before code is imported: Triton's interpreter, and Numba's simulator of CUDA.
ENVIRONMENT: Mapping[str, str] = MappingProxyType(
    {"TRITON_INTERPRET": "1", "NUMBA_ENABLE_CUDASIM": "1"}
)

#: What a report says of it.
NOTE = "interpreted: passing here is not passing on the device"


def interpret() -> None:
    """Let kernels that are imported from now on run in their interpreters; none is edited."""
    os.environ.update(ENVIRONMENT)
