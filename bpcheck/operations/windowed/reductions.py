"""Geometries whose sums have a chosen length: the ladder on which precision is measured.

See `bpcheck.operations.HasReductions`.
"""

from __future__ import annotations

from math import ceil, isqrt, sqrt

from bpcheck.operations.windowed import dimensions

#: About how many products one case computes for the result that it is about, with short sums. Long
#: ones get half: their operands are what costs.
WORK = 2**20

#: From this number of terms on a sum is long.
_LONG = 512

#: Longest sum of a pooling's ``x_bar``: that many windows read one cell, and they all read as many
#: cells, so the work grows with the square.
LONGEST_OVERLAP = 1_100


def conv_reduction(rank: int, result: str, terms: int) -> dict[str, int] | None:
    """The geometry for ``y``, ``x_bar``, ``w_bar`` or ``b_bar`` of a convolution.

    The kernel is 3 wide in the last two dimensions, with stride 1, as fast transforms want it.

    Examples
    --------
    >>> numbers = conv_reduction(2, "y", 65_536)
    >>> numbers["ic"], numbers["kh"], numbers["oc"]
    (7282, 3, 1)
    """
    if result == "y":
        side, channels = _plane(rank, terms)
        taps = 3 ** min(rank, 2)
        return _conv(rank, n=1, ic=ceil(terms / taps), oc=channels, kernel=3, out=side)
    if result == "x_bar":
        # Padding by 2 gives border cells as many windows as the others have.
        side, channels = _plane(rank, terms)
        taps = 3 ** min(rank, 2)
        numbers = _conv(rank, n=1, ic=channels, oc=ceil(terms / taps), kernel=3, out=side)
        return _padded(numbers, rank, input_side=side, padding=2)
    plane = ceil(terms / 2)
    if result == "w_bar":
        channels = min(32, max(2, isqrt(WORK // terms // 9)))
        return _conv(rank, n=2, ic=channels, oc=channels, kernel=3, out=_sides(rank, plane))
    if result == "b_bar":
        channels = min(512, max(4, WORK // (8 * terms)))
        return _conv(rank, n=2, ic=1, oc=channels, kernel=1, out=_sides(rank, plane))
    return None


def pool_reduction(rank: int, result: str, terms: int, *, sums: bool) -> dict[str, int] | None:
    """The geometry for a pooling's ``y`` (where it `sums`) or ``x_bar``.

    Window sizes are odd, so that no divisor is a power of two, whose reciprocal would be exact.

    Examples
    --------
    >>> pool_reduction(2, "y", 65_536, sums=True)["kh"]
    257
    >>> pool_reduction(2, "x_bar", 65_536, sums=True) is None
    True
    """
    used = min(rank, 2)
    kernel = ceil(terms ** (1 / used) - 1e-9)
    kernel += 1 - kernel % 2
    elements = min(16_384, max(4, WORK // (4 * terms)))
    if result == "y" and sums:
        channels = max(1, ceil(elements / 2**used))
        return _pool(rank, channels, kernel=kernel, stride=kernel, size=2 * kernel)
    if result == "x_bar" and terms <= LONGEST_OVERLAP:
        # Only cells around the middle are read by as many windows as the kernel has cells.
        extra = min(8, max(1, round(sqrt(elements) / 8)))
        channels = max(1, min(elements // (4 * extra**used), 8 * WORK // terms**2))
        return _pool(rank, channels, kernel=kernel, stride=1, size=2 * kernel - 1 + extra)
    return None


def _plane(rank: int, terms: int) -> tuple[tuple[int, ...], int]:
    """Output sides (multiples of 4) and channels: 16 to 16,384 elements."""
    elements = min(16_384, max(16, WORK // (terms if terms < _LONG else 2 * terms)))
    if rank == 1:
        side = min(512, max(16, elements // 16))
        return (side,), max(1, elements // side)
    side = max(4, min(32, isqrt(elements // 16) // 4 * 4))
    return (*(1,) * (rank - 2), side, side), max(1, elements // side**2)


def _sides(rank: int, cells: int) -> tuple[int, ...]:
    """A plane of at least that many cells, nearly square."""
    if rank == 1:
        return (cells,)
    height = isqrt(cells)
    return (*(1,) * (rank - 2), height, ceil(cells / height))


def _conv(
    rank: int, *, n: int, ic: int, oc: int, kernel: int, out: tuple[int, ...]
) -> dict[str, int]:
    kernels = (1,) * (rank - min(rank, 2)) + (kernel,) * min(rank, 2)
    sides = tuple(o + k - 1 for o, k in zip(out, kernels, strict=True))
    spatial = dimensions.spell("i", sides) | dimensions.spell("k", kernels)
    return {"n": n, "ic": ic, "oc": oc, **spatial}


def _padded(
    numbers: dict[str, int], rank: int, *, input_side: tuple[int, ...], padding: int
) -> dict[str, int]:
    paddings = (0,) * (rank - min(rank, 2)) + (padding,) * min(rank, 2)
    return numbers | dimensions.spell("i", input_side) | dimensions.spell("p", paddings)


def _pool(rank: int, channels: int, *, kernel: int, stride: int, size: int) -> dict[str, int]:
    def spell(prefix: str, number: int) -> dict[str, int]:
        flat = (1,) * (rank - min(rank, 2))
        return dimensions.spell(prefix, (*flat, *(number,) * min(rank, 2)))

    return {"ic": channels, **spell("i", size), **spell("k", kernel), **spell("s", stride)}
