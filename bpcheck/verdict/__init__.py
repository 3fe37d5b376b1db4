"""From findings to one judgement: the jury."""

from bpcheck.verdict.judgement import Judgement, Verdict
from bpcheck.verdict.report import Cell, Report

__all__ = ["Cell", "Judgement", "Report", "Verdict"]
