"""Conditions that many faults share."""

from __future__ import annotations

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.cases.layouts import C_ORDER, lay_out
from bpcheck.explain.faults.placing import reads_input, right
from bpcheck.filling import fill


def always(case: Case) -> bool:
    """In every case."""
    return True


def has_samples(case: Case) -> bool:
    """A batch that is not empty."""
    return bool(case.geometry.n > 0)


def is_read(case: Case) -> bool:
    """Some window reads the input, as opposed to padding alone."""
    return has_samples(case) and reads_input(right(case.geometry.windows))


def has_batch(case: Case) -> bool:
    """Several samples, and some window reads the input."""
    return case.geometry.n > 1 and is_read(case)


def has_many_windows(case: Case) -> bool:
    """More than one position of the window."""
    return has_samples(case) and any(window.out > 1 for window in case.geometry.windows)


def overlaps(case: Case) -> bool:
    """Some cell of the input is read by several windows."""
    return is_read(case) and any(window.overlap > 1 for window in case.geometry.windows)


def is_gapped(case: Case) -> bool:
    """Some cell of the input is read by no window."""
    return has_samples(case) and any(window.is_gapped for window in case.geometry.windows)


def handed(case: Case, name: str) -> Array:
    """An operand or the cotangent (``y_bar``) of a case, as a subject gets it."""
    arrays = fill(case)
    array = arrays.y_bar if name == "y_bar" else arrays.operands[name]
    return lay_out(array, case.layouts.get(name, C_ORDER))


def is_writeable(case: Case, name: str) -> bool:
    """Whether a subject could change an operand or the cotangent in place."""
    return bool(handed(case, name).flags.writeable)
