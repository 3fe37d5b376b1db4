"""Other shapes of code as subjects: a `forward`/`vjp` pair on NumPy arrays, a torch callable."""

from __future__ import annotations

from bpcheck.adapters.for_frameworks import functional, torch
from bpcheck.adapters.for_functions import pair, stateless
from bpcheck.adapters.for_objects import layer, tensor
from bpcheck.adapters.for_targets import ctypes, load
from bpcheck.adapters.styles import STYLES

__all__ = [
    "STYLES",
    "ctypes",
    "functional",
    "layer",
    "load",
    "pair",
    "stateless",
    "tensor",
    "torch",
]
