"""A batch in blocks: what a cache holds is written and read again much faster than main memory."""

from __future__ import annotations

from collections.abc import Iterator

# Numbers in a block: a few megabytes, for which the caches of a core and of its neighbours do.
_NUMBERS = 2**20


def samples(n: int, each: int) -> Iterator[slice]:
    """Slices that take `n` samples of `each` numbers some at a time, at least one.

    Examples
    --------
    >>> list(samples(5, 500_000))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    at_once = max(1, _NUMBERS // each)
    for first in range(0, n, at_once):
        yield slice(first, min(first + at_once, n))
