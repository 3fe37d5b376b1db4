"""Transposed convolutions in one, two and three dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bpcheck.operations.declared import Declared, each, operation

__all__ = ["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]


def _of(rank: int) -> Declared:
    letters = "dhw"[3 - rank :]
    axes, kernel = " ".join(letters), " ".join(f"k{each}" for each in letters)
    most = 9 if rank == 1 else 6 if rank == 2 else 4

    def conv_transpose(
        x: Any,
        weight: Any,
        bias: Any,
        *,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        dilation: Any = 1,
    ) -> Any:
        from torch.nn import functional

        convolve = getattr(functional, f"conv_transpose{rank}d")
        return convolve(x, weight, bias, stride, padding, output_padding, groups, dilation)

    return operation(
        f"x: n (g*ci) {axes}, weight: (g*ci) co {kernel}, bias: (g*co)?",
        sizes={
            "g": range(1, 9),
            "ci": range(1, 17),
            "co": range(1, 17),
            **{f"k{each}": range(1, most) for each in letters},
        },
        params={
            "stride": each(range(1, 4), rank),
            "padding": each(range(3), rank),
            "output_padding": each(range(3), rank),
            "groups": "g",
            "dilation": each(range(1, 4), rank),
        },
        where=_is_allowed,
        name=f"conv_transpose{rank}d",
    )(conv_transpose)


def _is_allowed(
    stride: Sequence[int], dilation: Sequence[int], output_padding: Sequence[int], **known: Any
) -> bool:
    """Torch's rule for the output padding, and a plane that is not empty."""
    return all(
        o < max(s, d) for o, s, d in zip(output_padding, stride, dilation, strict=True)
    ) and all(
        (known[axis] - 1) * s - 2 * p + d * (known[f"k{axis}"] - 1) + o + 1 > 0
        for axis, s, p, d, o in zip(
            "dhw"[3 - len(stride) :],
            stride,
            known["padding"],
            dilation,
            output_padding,
            strict=True,
        )
    )


conv_transpose1d, conv_transpose2d, conv_transpose3d = map(_of, (1, 2, 3))
