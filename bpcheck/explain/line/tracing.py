"""The lines of a user's code that run in a call; whoever traced before does so after."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

#: A line: the code that it belongs to, and its number in the file.
Line = tuple[CodeType, int]

_TOOL = "bpcheck"


def lines_run(call: Callable[[], object], is_wanted: Callable[[CodeType], bool]) -> frozenset[Line]:
    """The lines that run in a call, of the code that is wanted; it may end in an exception.

    Examples
    --------
    >>> def double(number):
    ...     return 2 * number
    >>> lines = lines_run(lambda: double(3), lambda code: code is double.__code__)
    >>> [(code.co_name, line - code.co_firstlineno) for code, line in lines]
    [('double', 1)]
    """
    seen: set[Line] = set()
    monitoring = getattr(sys, "monitoring", None)
    around = _traced(seen, is_wanted) if monitoring is None else _monitored(seen, is_wanted)
    with around:
        try:
            call()
        except Exception:  # noqa: BLE001 - what ran before is what is asked for
            return frozenset(seen)
    return frozenset(seen)


@contextmanager
def _traced(seen: set[Line], is_wanted: Callable[[CodeType], bool]) -> Iterator[None]:
    def of_line(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            seen.add((frame.f_code, frame.f_lineno))
        return of_line

    def of_call(frame: FrameType, event: str, _: Any) -> Any:
        return of_line if is_wanted(frame.f_code) else None

    before = sys.gettrace()
    sys.settrace(of_call)
    try:
        yield
    finally:
        sys.settrace(before)


@contextmanager
def _monitored(seen: set[Line], is_wanted: Callable[[CodeType], bool]) -> Iterator[None]:
    """As above, from Python 3.12 on, beside whatever other tool has a number of its own."""
    monitoring: Any = getattr(sys, "monitoring")  # noqa: B009 - 3.11 has none, and its types neither
    number = next((n for n in range(6) if monitoring.get_tool(n) is None), None)
    if number is None:
        with _traced(seen, is_wanted):
            yield
        return

    def of_line(code: CodeType, line: int) -> Any:
        if is_wanted(code):
            seen.add((code, line))
            return None
        return monitoring.DISABLE

    monitoring.use_tool_id(number, _TOOL)
    try:
        monitoring.register_callback(number, monitoring.events.LINE, of_line)
        monitoring.set_events(number, monitoring.events.LINE)
        yield
    finally:
        monitoring.set_events(number, 0)
        monitoring.register_callback(number, monitoring.events.LINE, None)
        monitoring.free_tool_id(number)
        monitoring.restart_events()
