"""Worked by hand: the arithmetic of one element, and what the wrong number in it is."""

from bpcheck.explain.worked.element import element_lines, worked_by_hand
from bpcheck.explain.worked.ruled import worked

__all__ = ["element_lines", "worked", "worked_by_hand"]
