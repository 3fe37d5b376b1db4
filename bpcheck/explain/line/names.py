"""Names that people mistake for each other: height and width, row and column, in and out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

#: What is exchanged in a name, as whole words of it or as its first or last letter.
_WORDS = (
    ("height", "width"),
    ("row", "col"),
    ("rows", "cols"),
    ("in", "out"),
    ("low", "high"),
    ("top", "left"),
    ("bottom", "right"),
    ("first", "second"),
    ("stride", "dilation"),
    ("stride", "kernel"),
    ("stride", "padding"),
)
_LETTERS = ("hw", "HW", "ij", "yx", "rc", "xy", "ab", "kl", "pq", "uv", "mn", "01", "12", "io")


def twins(name: str, known: Collection[str]) -> Iterator[str]:
    """The names among those known that differ from one by an axis alone.

    Examples
    --------
    >>> list(twins("stride_h", {"stride_w", "stride_h", "pad_h"}))
    ['stride_w']
    >>> list(twins("ho", {"wo", "h", "w"}))
    ['wo']
    """
    found: dict[str, None] = {}
    for one, other in _WORDS:
        for old, new in ((one, other), (other, one)):
            found[re.sub(rf"(?<![A-Za-z]){old}(?![A-Za-z])", new, name)] = None
    for pair in _LETTERS:
        for old, new in zip(pair, pair[::-1], strict=True):
            if name.startswith(old):
                found[new + name[1:]] = None
            if name.endswith(old):
                found[name[:-1] + new] = None
    yield from (each for each in found if each != name and each in known)
