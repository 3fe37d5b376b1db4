"""Planes made smaller or larger: adaptive pools, unpooling, power pools, folding, upsampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.operations.declared import each, operation
from bpcheck.operations.promises import Shape

__all__ = [
    "adaptive_avg_pool2d",
    "adaptive_max_pool2d",
    "fold",
    "lp_pool2d",
    "max_unpool2d",
    "unfold",
    "upsample_bilinear2d",
    "upsample_nearest2d",
]

_PLANE = {"n": range(1, 9), "c": range(1, 33), "h": range(1, 34), "w": range(1, 34)}

#: Samples, channels and sides of the planes of usual layers: even and odd ones, one sample and
#: several, channels in fours and not.
_USUAL = ((2, 4, 8, 6), (1, 3, 5, 7), (3, 8, 7, 4))


def _planes(*params: Mapping[str, int]) -> tuple[Mapping[str, int], ...]:
    """Each usual plane with each of these numbers of params."""
    return tuple(
        {"n": n, "c": c, "h": h, "w": w, **each} for each in params for n, c, h, w in _USUAL
    )


def _both(name: str, number: int) -> dict[str, int]:
    return {f"{name}_0": number, f"{name}_1": number}


def _windows(*layers: tuple[int, int, int]) -> list[dict[str, int]]:
    """Windows of kernel, stride and padding, alike in both dimensions."""
    return [
        {**_both("kernel_size", k), **_both("stride", s), **_both("padding", p)}
        for k, s, p in layers
    ]


def _resized(numerator: int, denominator: int, **params: int) -> tuple[Mapping[str, int], ...]:
    """Each usual plane made larger or smaller by a factor, to a whole cell at least."""
    return tuple(
        {
            "n": n,
            "c": c,
            "h": h,
            "w": w,
            "size_0": max(1, h * numerator // denominator),
            "size_1": max(1, w * numerator // denominator),
            **params,
        }
        for n, c, h, w in _USUAL
    )


@operation("x: n c h w", sizes=_PLANE, params={"output_size": each(range(1, 9), 2)})
def adaptive_avg_pool2d(x: Any, *, output_size: Any) -> Any:
    """Means over parts of a plane, as many as asked for."""
    from torch.nn import functional

    return functional.adaptive_avg_pool2d(x, output_size)


@operation("x: n c h w", sizes=_PLANE, params={"output_size": each(range(1, 9), 2)})
def adaptive_max_pool2d(x: Any, *, output_size: Any) -> Any:
    """Largest numbers of parts of a plane, as many as asked for."""
    from torch.nn import functional

    return functional.adaptive_max_pool2d(x, output_size)


@operation(
    "x: n c h w",
    sizes=_PLANE,
    params={"norm_type": [2.0, 3.0], "kernel_size": each(range(1, 4), 2)},
    where=lambda h, w, kernel_size: h >= kernel_size[0] and w >= kernel_size[1],
)
def lp_pool2d(x: Any, *, norm_type: float, kernel_size: Any) -> Any:
    """The root of the sum of powers of each window."""
    from torch.nn import functional

    return functional.lp_pool2d(x, norm_type, kernel_size)


def _places(rng: np.random.Generator, shape: Shape) -> Array:
    """A place of its own, in a plane of twice the sides, for each cell of a plane."""
    cells = shape[2] * shape[3]
    drawn = [rng.permutation(4 * cells)[:cells] for _ in range(shape[0] * shape[1])]
    return np.array(drawn, np.int64).reshape(shape)


@operation(
    "x: n c h w, indices: n c h w",
    sizes=_PLANE,
    params={"kernel_size": [(2, 2)]},
    constant="indices",
    draw={"indices": _places},
)
def max_unpool2d(x: Any, indices: Any, *, kernel_size: Any = (2, 2)) -> Any:
    """Each number at its recorded place, and zeros elsewhere."""
    from torch.nn import functional

    return functional.max_unpool2d(x, indices, kernel_size)


@operation(
    "x: n c h w",
    sizes=_PLANE,
    params={
        "kernel_size": each(range(1, 4), 2),
        "dilation": each(range(1, 3), 2),
        "padding": each(range(2), 2),
        "stride": each(range(1, 4), 2),
    },
    where=lambda h, w, kernel_size, dilation, padding: all(
        size + 2 * p > d * (k - 1)
        for size, k, d, p in zip((h, w), kernel_size, dilation, padding, strict=True)
    ),
)
def unfold(
    x: Any, *, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Any:
    """The windows of a plane as columns."""
    from torch.nn import functional

    return functional.unfold(x, kernel_size, dilation, padding, stride)


@operation(
    "x: n (c*kh*kw) (lh*lw)",
    sizes={
        "n": range(1, 5),
        "c": range(1, 17),
        **dict.fromkeys(("kh", "kw"), range(1, 4)),
        **dict.fromkeys(("lh", "lw"), range(1, 9)),
    },
    params={
        "stride": each(range(1, 4), 2),
        "kernel_size": lambda kh, kw: (kh, kw),
        "output_size": lambda kh, kw, lh, lw, stride: (
            (lh - 1) * stride[0] + kh,
            (lw - 1) * stride[1] + kw,
        ),
    },
)
def fold(x: Any, *, output_size: Any, kernel_size: Any, stride: Any = 1) -> Any:
    """Columns as windows of a plane, added up where they overlap."""
    from torch.nn import functional

    return functional.fold(x, output_size, kernel_size, stride=stride)


@operation("x: n c h w", sizes=_PLANE, params={"size": each(range(1, 17), 2)})
def upsample_nearest2d(x: Any, *, size: Any) -> Any:
    """The nearest cell of a plane."""
    from torch.nn import functional

    return functional.interpolate(x, size)


@operation(
    "x: n c h w",
    sizes=_PLANE,
    params={"size": each(range(1, 17), 2), "align_corners": [False, True]},
)
def upsample_bilinear2d(x: Any, *, size: Any, align_corners: bool = False) -> Any:
    """Between the four nearest cells of a plane."""
    from torch.nn import functional

    return functional.interpolate(x, size, mode="bilinear", align_corners=align_corners)


#: By two, by four, by half, to one cell, and to what it is.
_FACTORS = ((2, 1), (4, 1), (1, 2), (0, 1), (1, 1))

adaptive_avg_pool2d.own_landmarks = (
    *_planes(_both("output_size", 1), _both("output_size", 2), _both("output_size", 7)),
    # A plane past a block of threads, made one number.
    {"n": 2, "c": 3, "h": 19, "w": 17, **_both("output_size", 1)},
)
adaptive_max_pool2d.own_landmarks = adaptive_avg_pool2d.own_landmarks
lp_pool2d.own_landmarks = _planes(_both("kernel_size", 2), _both("kernel_size", 3))
unfold.own_landmarks = _planes(*_windows((3, 1, 1), (1, 1, 0), (2, 2, 0), (3, 2, 1), (3, 1, 0)))
fold.own_landmarks = tuple(
    {"n": n, "c": c, "kh": k, "kw": k, "lh": h, "lw": w, **_both("stride", s)}
    for k, s in ((3, 1), (2, 2), (3, 2), (1, 1))
    for n, c, h, w in _USUAL
)
upsample_nearest2d.own_landmarks = tuple(each for factor in _FACTORS for each in _resized(*factor))
upsample_bilinear2d.own_landmarks = tuple(
    each
    for factor in _FACTORS
    for aligned in (0, 1)
    for each in _resized(*factor, align_corners=aligned)
)
