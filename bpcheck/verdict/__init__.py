"""From findings to one judgement: the jury."""

from bpcheck.verdict.judgement import Judgement, Verdict
from bpcheck.verdict.report import Cell, Exhausted, Report

__all__ = ["Cell", "Exhausted", "Judgement", "Report", "Verdict"]
