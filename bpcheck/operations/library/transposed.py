"""Transposed convolutions in one, two and three dimensions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bpcheck.operations.declared import Declared, each, operation

__all__ = ["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]


#: Kernel, stride, padding and output padding: of a U-Net, of DCGAN, of an autoencoder, and plain.
_USUAL = ((2, 2, 0, 0), (4, 2, 1, 0), (3, 2, 1, 1), (3, 1, 1, 0))

#: The same of layers that are rarer: another parity, a whole kernel beside its neighbour, and a
#: change of channels alone.
_RARER = ((3, 2, 1, 0), (3, 2, 0, 0), (3, 3, 0, 0), (1, 1, 0, 0), (2, 1, 0, 0))

#: Those come as two layers each.
_FEW_LAYERS = ((2, 1, 4, 8, 4), (3, 1, 5, 2, 3))

#: Samples, groups, channels of each group in and out, and a side: one sample and several, channels
#: in fours and not, both parities, grouped and depthwise. As they are odd in number, neighbours
#: and the same layer of the next family are of other dtypes.
_LAYERS = (
    (1, 1, 8, 16, 4),
    (2, 1, 4, 8, 3),
    (3, 1, 16, 4, 4),
    (2, 1, 3, 66, 3),
    (2, 3, 1, 1, 5),
    (3, 2, 4, 4, 4),
    (1, 1, 5, 7, 3),
)

#: How long a side of the input may be: past blocks of threads where all else is tiny.
_LONGEST = {1: 2_048, 2: 257, 3: 129}


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

    declared = operation(
        f"x: n (g*ci) {axes}, weight: (g*ci) co {kernel}, bias: (g*co)?",
        sizes={
            "g": range(1, 9),
            # Past a block of 64 channels.
            "ci": range(1, 70),
            "co": range(1, 70),
            **{f"k{each}": range(1, most) for each in letters},
            **{each: range(1, _LONGEST[rank] + 1) for each in letters},
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
    declared.own_landmarks, declared.is_usual_alone = tuple(_landmarks(letters)), True
    return declared


def _landmarks(letters: str) -> Iterator[dict[str, int]]:
    """What is mostly run: doubling the sides of a plane, in decoders and generators."""
    usual = [(window, layer) for window in _USUAL for layer in _LAYERS]
    rarer = [(window, layer) for window in _RARER for layer in _FEW_LAYERS]
    for (kernel, stride, padding, extra), (n, g, ci, co, side) in (*usual, *rarer):
        numbers = {"n": n, "g": g, "ci": ci, "co": co, "has_bias": int(g == 1)}
        for place, axis in enumerate(letters):
            # The sides differ by 1, so that both parities meet.
            numbers |= {axis: side + len(letters) - 1 - place, f"k{axis}": kernel}
            numbers |= {f"stride_{place}": stride, f"padding_{place}": padding}
            numbers[f"output_padding_{place}"] = extra
        yield numbers
    # A generator begins with one cell, of which a plane is made.
    cell = {key: size for axis in letters for key, size in ((axis, 1), (f"k{axis}", 4))}
    yield {"n": 2, "g": 1, "ci": 12, "co": 8, "has_bias": 0, **cell}
    # More channels than a tile has, on both sides.
    doubling = {key: 2 for axis in letters for key in (axis, f"k{axis}")}
    strides = {f"stride_{place}": 2 for place in range(len(letters))}
    yield {"n": 2, "g": 1, "ci": 66, "co": 40, "has_bias": 1, **doubling, **strides}


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
