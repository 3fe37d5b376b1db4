"""The linear layers of the network and their transposes, on tensors with further leading axes.

The error analysis carries several bounds of one array beside each other, as a first axis: it costs
one call of torch for all of them.
"""

from __future__ import annotations

from typing import Any


def convolve(a: Any, w: Any, stride: Any, padding: Any) -> Any:
    """The convolution without a bias: (..., c, h, w) with (oc, c, kh, kw)."""
    from torch.nn.functional import conv2d

    y = conv2d(a.flatten(0, -4), w, stride=stride, padding=padding)
    return y.view(*a.shape[:-3], *y.shape[1:])


def convolve_back(y_bar: Any, w: Any, plane: Any, stride: Any, padding: Any) -> Any:
    """Its transpose in the input, for an input with this plane: (..., oc, oh, ow)."""
    from torch.nn.functional import conv_transpose2d

    left = [
        i - ((out - 1) * s - 2 * p + k)
        for i, out, s, p, k in zip(
            plane, y_bar.shape[-2:], stride, padding, w.shape[2:], strict=True
        )
    ]
    flat = y_bar.flatten(0, -4)
    x_bar = conv_transpose2d(flat, w, stride=stride, padding=padding, output_padding=left)
    return x_bar.view(*y_bar.shape[:-3], *x_bar.shape[1:])


def pair_up(a: Any, y_bar: Any, shape: Any, stride: Any, padding: Any) -> Any:
    """Its transpose in the weights of this shape; one of the two may have a further first axis."""
    from torch.nn.functional import unfold

    columns = unfold(a.flatten(0, -4), tuple(shape[2:]), stride=stride, padding=padding)
    # (..., samples and positions, taps) and (..., outputs, samples and positions).
    columns = columns.view(*a.shape[:-3], *columns.shape[1:]).mT.flatten(-3, -2)
    outputs = y_bar.transpose(-4, -3).flatten(-3)
    product = outputs @ columns
    return product.view(*product.shape[:-2], *shape)


def pool_back(values: Any, size: Any, plane: Any, winners: Any) -> Any:
    """The transpose of a tiling pool of the plane: to the `winners`, or shared out if ``None``."""
    if winners is None:
        return spread(values, size, plane) / (size[0] * size[1])
    flat = values.new_zeros((*values.shape[:-2], plane[0] * plane[1]))
    index = winners.flatten(-2).expand(values.flatten(-2).shape)
    return flat.scatter(-1, index, values.flatten(-2)).view(*values.shape[:-2], *plane)


def spread(values: Any, size: Any, plane: Any) -> Any:
    """Each value in all cells of its window; 0 (or false) in what no window reads."""
    full = values.repeat_interleave(size[0], -2).repeat_interleave(size[1], -1)
    whole = values.new_zeros((*values.shape[:-2], *plane))
    whole[..., : full.shape[-2], : full.shape[-1]] = full
    return whole


def winners(a: Any, size: Any, is_exact: Any) -> tuple[Any, Any, Any, Any]:
    """Of each window: the maximum, its first place, the best that no tie explains, and all ties.

    A tie is between exact numbers; of others it is not known whether they are equal.
    """
    from torch.nn.functional import max_pool2d

    best, index = max_pool2d(a, size, return_indices=True)
    won_exactly = is_exact.flatten(-2).gather(-1, index.flatten(-2)).view(best.shape)
    first = a.new_zeros(a.shape).bool().flatten(-2).scatter(-1, index.flatten(-2), value=True)
    first = first.view(a.shape)
    plane = a.shape[-2:]
    tied = first | (is_exact & spread(won_exactly, size, plane) & (a == spread(best, size, plane)))
    second = max_pool2d(a.masked_fill(tied, float("-inf")), size)
    return best, index, second, tied
