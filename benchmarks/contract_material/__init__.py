"""Violations of what a backward promises beside its numbers, collected from public reports.

Each is a small convolution (conv1d) that makes the mistake of a report, and is right in all else.
They were collected before the rows that find them were written. `VIOLATIONS` lists them all.
"""

from __future__ import annotations

from benchmarks.contract_material import (
    backwards,
    double,
    forward_mode,
    modes,
    operators,
    saved,
    subsets,
    vmapped,
)
from benchmarks.contract_material.base import Right, Violation

__all__ = ["VIOLATIONS", "Right", "Violation"]

VIOLATIONS: tuple[Violation, ...] = (
    *subsets.VIOLATIONS,
    *backwards.VIOLATIONS,
    *double.VIOLATIONS,
    *forward_mode.VIOLATIONS,
    *vmapped.VIOLATIONS,
    *saved.VIOLATIONS,
    *modes.VIOLATIONS,
    *operators.VIOLATIONS,
)
