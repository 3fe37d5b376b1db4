"""Where a defect shows: the edge class that its cases share and the others lack."""

from __future__ import annotations

from collections.abc import Mapping


def where_it_fails(
    failing: int,
    failing_by_class: Mapping[str, int],
    judged: int,
    judged_by_class: Mapping[str, int],
) -> str:
    """The class that holds all failing cases and the fewest others; ``""`` if none tells.

    A class tells if it holds every failing case, and cases fail in it at least twice as often as
    they do overall.

    Examples
    --------
    >>> where_it_fails(5, {"stride > 1": 5, "bias yes": 4}, 100, {"stride > 1": 6, "bias yes": 80})
    'stride > 1'
    """
    if failing < 3:
        return ""
    shared = [name for name, count in failing_by_class.items() if count == failing]
    telling = [name for name in shared if 2 * judged_by_class[name] <= judged]
    return min(telling, key=lambda name: (judged_by_class[name], name), default="")
