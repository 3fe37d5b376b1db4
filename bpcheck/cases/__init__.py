"""Cases: points of the test space, their text form, and the arrays that fill them."""

from bpcheck.cases.case import Case
from bpcheck.cases.lattice import Arrays
from bpcheck.cases.text import parse_case
from bpcheck.cases.values import fill

__all__ = ["Arrays", "Case", "fill", "parse_case"]
