"""Reports for people and programs: the terminal, JSON, Markdown, HTML, one case replayed."""

from __future__ import annotations

from bpcheck.report.json import to_json
from bpcheck.report.markdown import to_markdown
from bpcheck.report.replay import print_replay
from bpcheck.report.terminal import print_report, report_text
from bpcheck.report.walked import print_walk

__all__ = ["print_replay", "print_report", "print_walk", "report_text", "to_json", "to_markdown"]
