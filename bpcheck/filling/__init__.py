"""Filling: the arrays of one case, the same for the same case on every machine."""

from bpcheck.filling.lattice import Arrays
from bpcheck.filling.values import fill

__all__ = ["Arrays", "fill"]
