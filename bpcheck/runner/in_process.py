"""Whether a subject is to run in this process, and why, if nobody asked for it."""

from __future__ import annotations

import sys


def why_in_process() -> str:
    """What follows the code of this process alone, and would see nothing of a worker; or ``""``."""
    if sys.gettrace() is not None:
        return "a debugger or tracer is running"
    monitoring = getattr(sys, "monitoring", None)
    if monitoring is not None and any(monitoring.get_tool(number) for number in range(6)):
        return "a debugger, tracer or profiler is running"
    if sys.getprofile() is not None:
        return "a profiler is running"
    coverage = sys.modules.get("coverage")
    current = getattr(getattr(coverage, "Coverage", None), "current", lambda: None)()
    return "" if current is None else "coverage is measured"
