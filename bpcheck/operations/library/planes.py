"""Planes made smaller or larger: adaptive pools, unpooling, power pools, folding, upsampling."""

from __future__ import annotations

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
