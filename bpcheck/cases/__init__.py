"""Cases: points of the test space and their text form. Values, and nothing that chooses."""

from bpcheck.cases.case import Case
from bpcheck.cases.text import parse_case

__all__ = ["Case", "parse_case"]
