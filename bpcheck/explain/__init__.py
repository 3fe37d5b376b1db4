"""Explanations: the smallest case that shows a defect, and what its cases have in common."""

from bpcheck.explain.minimal import smallest
from bpcheck.explain.where import where_it_fails

__all__ = ["smallest", "where_it_fails"]
