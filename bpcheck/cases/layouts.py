"""Memory layouts: how the arrays of a case lie in memory."""

from __future__ import annotations

#: Names of the layouts that a case may have.
LAYOUTS = ("c-order",)


def parse_layout(text: str) -> str | None:
    """`text` if it names a layout, else ``None``."""
    return text if text in LAYOUTS else None
