"""Stride, padding, dilation or rotation wrong along one dimension, and right along the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from bpcheck.explain.faults.fault import CONV, EVERY, MAX_POOL, Fault, of_rank_2_up
from bpcheck.explain.faults.misplaced import w_bar_fault, x_bar_fault
from bpcheck.explain.faults.placing import Placer, Placing, place, rotated
from bpcheck.operations.windowed.window import Window

#: The dimensions by name, as an index among those of an image.
ALONG = {"height": -2, "width": -1}

#: What is wrong, the operations in which it can be, how, under which condition, and who did it.
MISTAKES: tuple[tuple[str, str, tuple[str, ...], Callable[[Window], Placing], str, str], ...] = (
    (
        "stride-ignored",
        "the stride is ignored",
        EVERY,
        lambda window: place(window, s=1),
        "stride > 1 in that dimension",
        "https://github.com/pytorch/pytorch/pull/187742",
    ),
    (
        "padding-forgotten",
        "the padding is forgotten",
        EVERY,
        lambda window: place(window, low=0),
        "padding > 0 in that dimension",
        "https://github.com/renmengye/np-conv2d/pull/2",
    ),
    (
        "padding-one-too-small",
        "the padding is taken for one cell less than it is",
        EVERY,
        lambda window: place(window, low=max(window.low - 1, 0)),
        "padding > 0 in that dimension",
        "https://github.com/renmengye/np-conv2d/pull/2",
    ),
    (
        "dilation-ignored",
        "the dilation is ignored",
        (*CONV, *MAX_POOL),
        lambda window: place(window, d=1),
        "dilation > 1 in that dimension",
        "https://github.com/tenstorrent/tt-metal/pull/19542",
    ),
    (
        "kernel-turned",
        "the kernel is turned the wrong way",
        CONV,
        rotated,
        "a kernel larger than 1 in that dimension",
        "https://github.com/ml-explore/mlx/pull/4277",
    ),
)


def _only(index: int, alter: Callable[[Window], Placing]) -> Placer:
    def placer(windows: Sequence[Window]) -> list[Placing]:
        wrong = len(windows) + index
        return [
            alter(window) if i == wrong else window.positions for i, window in enumerate(windows)
        ]

    return placer


def _faults() -> Iterator[Fault]:
    for name, what, operations, alter, condition, source in MISTAKES:
        for dimension, index in ALONG.items():
            placer, told = _only(index, alter), f"{what} along the {dimension} only"
            concerned = of_rank_2_up(operations)
            # Along the height it is `x-bar-kernel-flipped-along-the-width-only`.
            if (name, dimension) != ("kernel-turned", "height"):
                yield x_bar_fault(
                    f"x-bar-{name}-along-the-{dimension}",
                    f"x_bar: {told}",
                    placer,
                    operations=concerned,
                    condition=condition,
                    source=source,
                )
            yield w_bar_fault(
                f"w-bar-{name}-along-the-{dimension}",
                f"w_bar: {told}",
                placer,
                operations=tuple(each for each in concerned if each in CONV),
                condition=condition,
                source=source,
            )


FAULTS: tuple[Fault, ...] = tuple(_faults())
