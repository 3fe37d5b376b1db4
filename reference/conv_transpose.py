"""Transposed convolution in 1, 2 and 3 dimensions: forward, and the vjp of all operands."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from reference.operands import WITH_BFLOAT16 as DTYPES
from reference.operands import Array, accumulator, require_cotangent, require_float
from reference.windows import Index, Windows, per_dimension

__all__ = ["DTYPES", "OPERATIONS", "Residuals", "forward", "vjp"]

OPERATIONS = ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")


@dataclass(frozen=True, slots=True)
class Residuals:
    r"""What the vjp needs.

    Attributes
    ----------
    x
        The input by group, (n, groups, c_in / groups, cells), in the wide dtype.
    w
        The kernel by group, (groups, c_in / groups, c_out / groups, \*kernel).
    windows
        The windows that the kernel writes on the output: one for each cell of the input.
    """

    x: Array
    w: Array
    windows: Windows
    x_shape: tuple[int, ...]
    w_shape: tuple[int, ...]
    y_shape: tuple[int, ...]
    has_bias: bool
    dtype: np.dtype[Any]


@np.errstate(over="ignore", invalid="ignore")
def forward(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: int | tuple[int, ...] = 1,
    padding: int | tuple[int, ...] = 0,
    output_padding: int | tuple[int, ...] = 0,
    groups: int = 1,
    dilation: int | tuple[int, ...] = 1,
) -> tuple[Array, Residuals]:
    r"""Return what the vjp of a convolution gives for its input, of the cotangent `x`; plus `b`.

    Along one dimension, cell ``i`` of the input sends ``w[t] x[i]`` to cell ``i * stride + t *
    dilation - padding`` of the output, where what several send is added up and what falls outside
    is lost. A convolution of the same kernel, stride, padding and dilation reads exactly these
    cells in its window ``i``: the two are transposes of one another. So the padding makes the
    output *smaller* here, by ``padding`` cells on either side.

    A convolution with a stride gives one size for several sizes of its input, as it does not read
    the rows past its last window. `output_padding` says which of them is meant: so many cells more
    at the far end. They are part of the plane, not zeros that are put beside it: where the padding
    cut cells off, those come back.

    Parameters
    ----------
    x
        Input, (n, c_in, \*size), with 1, 2 or 3 sizes, of one of the `DTYPES`.
    w
        Kernel, (c_in, c_out / groups, \*kernel), of the input's dtype.
    b
        Bias, (c_out,), or None.
    stride, padding, output_padding, dilation
        As in ``torch.nn.functional``: an int, or one for each dimension. The output padding must be
        less than the stride or less than the dilation.
    groups
        How many groups the channels fall into; each group is transposed on its own.

    Returns
    -------
    y, residuals
        Output, (n, c_out, \*output), with ``(size - 1) * stride - 2 * padding + dilation * (kernel
        - 1) + output_padding + 1`` for each size, and what `vjp` needs.

    Raises
    ------
    ValueError
        When a parameter or an operand does not fit.

    Examples
    --------
    Two cells of the input write three cells each, and both write the one in the middle:

    >>> x, w = np.array([[[1.0, 10.0]]]), np.array([[[1.0, 2.0, 3.0]]])
    >>> forward(x, w, stride=2)[0]
    array([[[ 1.,  2., 13., 20., 30.]]])
    >>> forward(x, w, stride=2, padding=1)[0]
    array([[[ 2., 13., 20.]]])
    >>> forward(x, w, stride=2, padding=1, output_padding=1)[0]
    array([[[ 2., 13., 20., 30.]]])
    """
    windows = _windows(x, w, b, stride, padding, output_padding, groups, dilation)
    wide = accumulator(x.dtype)
    c_in, per_group = w.shape[:2]
    inputs = x.astype(wide).reshape(len(x), groups, c_in // groups, prod(x.shape[2:]))
    kernel = w.astype(wide).reshape(groups, c_in // groups, *w.shape[1:])
    plane = np.zeros((len(x), groups, per_group, *windows.padded), wide)
    for tap, cells in windows.tapped():
        sent = np.matmul(_tap(kernel, tap).swapaxes(1, 2), inputs)
        # Scatter-add: overlapping windows write the same output cell.
        plane[cells] += sent.reshape(plane[cells].shape)
    y_shape = (len(x), groups * per_group, *windows.size)
    y = plane[windows.inside].reshape(y_shape)
    if b is not None:
        y = y + b.astype(wide).reshape(-1, *(1,) * windows.rank)
    shapes = x.shape, w.shape, y_shape
    residuals = Residuals(inputs, kernel, windows, *shapes, b is not None, x.dtype)
    return y.astype(x.dtype, copy=False), residuals


@np.errstate(over="ignore", invalid="ignore")
def vjp(residuals: Residuals, y_bar: Array) -> tuple[Array, Array, Array | None]:
    r"""Return ``x_bar``, ``w_bar`` and ``b_bar``, shaped as the operands; None without a bias.

    The layer is linear in each operand, so each cotangent is the transposed map applied to `y_bar`.

    **x_bar.** Let ``M`` be the matrix of the convolution with this kernel: it has ``M[i, p] =
    w[t]`` where ``p = i * stride + t * dilation - padding``. The layer is ``y = M^T x``, so
    ``x_bar = M y_bar``: *the convolution itself*, ``x_bar[i] = sum_t w[t] y_bar[i * stride + t *
    dilation - padding]``, of the cotangent padded by zeros. The kernel is read forwards, and summed
    are the output's channels. The cells that the padding cut off, and those of the output that no
    window wrote, send nothing.

    **w_bar.** ``w[t]`` multiplies ``x[i]`` into ``y[i * stride + t * dilation - padding]`` for
    every ``i``; so ``w_bar[t] = sum_i x[i] y_bar[i * stride + t * dilation - padding]``, over all
    cells of the input and samples. That is what a convolution has, with the two exchanged: here the
    *cotangent* lies under the windows, and the input is what they are weighed by. It is not
    rotated, for tap ``t`` stands where it stood.

    **b_bar.** The bias is added to every output cell of its channel, those that no window wrote
    among them: the sum of the whole `y_bar` over samples and plane.

    Parameters
    ----------
    residuals
        What `forward` returned.
    y_bar
        Cotangent of the output, (n, c_out, \*output), of the operands' dtype.

    Raises
    ------
    ValueError
        When `y_bar` has not the shape and dtype of the output.

    Examples
    --------
    >>> x, w = np.array([[[1.0, 10.0]]]), np.array([[[1.0, 2.0, 3.0]]])
    >>> y, residuals = forward(x, w, np.zeros(1), stride=2)
    >>> x_bar, w_bar, b_bar = vjp(residuals, np.array([[[1.0, 0.0, 0.0, 0.0, 5.0]]]))
    >>> x_bar, w_bar, b_bar
    (array([[[ 1., 15.]]]), array([[[ 1.,  0., 50.]]]), array([6.]))
    """
    inputs, kernel, windows = residuals.x, residuals.w, residuals.windows
    require_cotangent(y_bar, residuals.y_shape, residuals.dtype)
    n, groups, per_group = len(inputs), len(kernel), kernel.shape[2]
    delta = y_bar.astype(inputs.dtype, copy=False)
    plane = np.zeros((n, groups, per_group, *windows.padded), inputs.dtype)
    plane[windows.inside] = delta.reshape(n, groups, per_group, *windows.size)
    x_bar, w_bar = np.zeros_like(inputs), np.empty_like(kernel)
    for tap, cells in windows.tapped():
        read = plane[cells].reshape(n, groups, per_group, inputs.shape[-1])
        x_bar += np.matmul(_tap(kernel, tap), read)
        _tap(w_bar, tap)[...] = np.matmul(inputs, read.swapaxes(2, 3)).sum(axis=0)
    b_bar = None
    if residuals.has_bias:
        b_bar = delta.sum(axis=(0, *range(2, delta.ndim))).astype(y_bar.dtype, copy=False)
    x_bar = x_bar.reshape(residuals.x_shape).astype(y_bar.dtype, copy=False)
    w_bar = w_bar.reshape(residuals.w_shape).astype(y_bar.dtype, copy=False)
    return x_bar, w_bar, b_bar


def _tap(kernel: Array, tap: tuple[int, ...]) -> Array:
    """One tap of a kernel by group: a view (groups, c_in / groups, c_out / groups)."""
    index: Index = (..., *tap)
    return kernel[index]


def _windows(
    x: Array,
    w: Array,
    b: Array | None,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Windows:
    """The windows of the convolution whose transpose this is: they lie on the output."""
    require_float(DTYPES, x=x, w=w, b=b)
    rank = x.ndim - 2
    if rank not in (1, 2, 3):
        raise ValueError(f"x.shape={x.shape}: must be (n, c_in, *size) with 1, 2 or 3 sizes")
    if w.ndim != x.ndim:
        raise ValueError(f"w.shape={w.shape}: must be (c_in, c_out / groups, *kernel), {x.ndim}-d")
    if min(x.shape[1:]) < 1 or min(w.shape) < 1:
        raise ValueError(f"x.shape={x.shape}, w.shape={w.shape}: only the batch may be empty")
    if groups < 1 or len(w) != x.shape[1] or len(w) % groups:
        raise ValueError(
            f"groups={groups}: must be at least 1 and divide c_in={x.shape[1]}, which must be "
            f"w.shape[0]={len(w)}"
        )
    if b is not None and b.shape != (groups * w.shape[1],):
        raise ValueError(f"b.shape={b.shape}: must be (c_out,) = {(groups * w.shape[1],)}")
    stride = per_dimension("stride", stride, rank, least=1)
    padding = per_dimension("padding", padding, rank, least=0)
    extra = per_dimension("output_padding", output_padding, rank, least=0)
    dilation = per_dimension("dilation", dilation, rank, least=1)
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise ValueError(
            f"output_padding={extra}: must be less than stride={stride} or dilation={dilation}"
        )
    windows = Windows(x.shape[2:], w.shape[2:], stride, dilation, padding, x.shape[2:])
    size = tuple(
        (line.output - 1) * line.stride + line.reach - 2 * line.before + more
        for line, more in zip(windows.lines(), extra, strict=True)
    )
    if min(size) < 1:
        raise ValueError(f"padding={padding}: leaves an output of {size}; pad less")
    return Windows(size, w.shape[2:], stride, dilation, padding, x.shape[2:])
