"""Kinds of network that a defect may need, and a run has no need to cover."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from bpcheck.operations.promises import EdgeClass
from bpcheck.operations.windowed.window import Window

#: What a headline calls the blocks.
_BLOCKS = ("first", "second")


def conditions() -> tuple[EdgeClass, ...]:
    """Those of either block, and of the loss."""
    return (
        *(each for block in range(len(_BLOCKS)) for each in _of_block(block)),
        EdgeClass("pools", "unlike", lambda g: _windows(g) > 1),
        EdgeClass("samples", "as many as classes", lambda g: g.n == g.classes),
        EdgeClass("activation", "smooth", lambda g: g.activation != "relu"),
    )


def _of_block(block: int) -> Iterator[EdgeClass]:
    def where(factor: str, name: str, holds: Callable[[Window], bool]) -> EdgeClass:
        return EdgeClass(
            f"{_BLOCKS[block]} {factor}", name, lambda g: any(map(holds, g.convs[block]))
        )

    yield where("kernel", "> 1", lambda w: w.k > 1)
    yield where("stride", "> 1", lambda w: w.s > 1)
    yield where("padding", "> 0", lambda w: w.p > 0)
    yield where("remainder", "> 0", lambda w: w.remainder > 0)
    yield EdgeClass(f"{_BLOCKS[block]} pool", "> 1", lambda g: any(w.k > 1 for w in g.pools[block]))


def _windows(geometry: Any) -> int:
    """How many different windows the two pools have."""
    return len({tuple(window.k for window in windows) for windows in geometry.pools})
