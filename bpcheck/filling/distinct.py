"""Values that differ inside every window, so that a maximum has one winner and a step keeps it."""

from __future__ import annotations

from math import prod

import numpy as np

from bpcheck.arithmetic import Array, Format
from bpcheck.operations.promises import Shape

#: Largest step that is asked for; larger gaps would not make a probe much sharper.
MAX_STEP = 127


def distinct_values(
    shape: Shape,
    spans: Shape,
    form: Format,
    rng: np.random.Generator,
    *,
    negative: bool = False,
    wide: bool = False,
) -> tuple[Array, int]:
    """Integers ``(n, c, *i)`` that differ inside every window, and the step they tolerate.

    Two values of one window lie more than twice the step apart. Where the format has too few
    integers for a whole plane, a random tile that is no smaller than a window repeats; where it has
    too few even for a window, the step is 0 and values of a window may be neighbours.
    """
    planes, image = shape[:2], shape[2:]
    # Two thirds of the exact integers, so that a step of half a gap stays among them.
    capacity = int(min(2**form.bits, form.largest)) * 2 // 3
    tile = _tile(image, spans, limit=2 * capacity // 3)
    cells = prod(tile)
    # Every third array is negative throughout, and others on demand: zero padding must not win.
    drawn = rng.integers(3) == 0
    fits = cells <= int(min(2**form.bits, form.largest)) if negative else capacity // cells >= 3
    negative = (drawn or negative) and fits
    gap = max(1, min((1 if negative else 2) * capacity // cells, 2 * MAX_STEP + 1))
    lowest = -gap * cells if negative else -gap * (cells - 1) // 2
    step = (gap - 1) // 2
    if wide:
        # As large as they may be: neighbours differ in the last bits alone.
        lowest = int(min(2**form.bits, form.largest)) - 1 - step - gap * (cells - 1)
    # One random order, begun at another place in each plane: drawing an order for each costs more.
    levels = lowest + gap * rng.permutation(cells).astype(np.float64)
    starts = rng.integers(cells, size=prod(planes))
    rows = np.lib.stride_tricks.sliding_window_view(np.tile(levels, 2), cells)[starts]
    values = rows.reshape(*planes, *tile)
    if tile != image:
        repeats = (1, 1, *(-(-i // t) for i, t in zip(image, tile, strict=True)))
        values = np.tile(values, repeats)[(slice(None), slice(None), *map(slice, image))]
    return values, step


def _tile(image: Shape, spans: Shape, *, limit: int) -> Shape:
    """A tile as large as the image if `limit` cells allow, else shrunk down to a window's span."""
    tile = list(image)
    while prod(tile) > limit:
        spare = [t - min(s, i) for t, s, i in zip(tile, spans, image, strict=True)]
        widest = int(np.argmax(spare))
        if spare[widest] <= 0:
            break
        tile[widest] -= min(spare[widest], max(1, tile[widest] // 8))
    return tuple(tile)
