"""Convolution in 1, 2 and 3 dimensions: forward, and the vjp of input, kernel and bias."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from reference import depthwise, unrolled
from reference.operands import DTYPES, Array, require_cotangent, require_float
from reference.windows import Windows, per_dimension

__all__ = ["DTYPES", "OPERATIONS", "Residuals", "forward", "vjp"]

OPERATIONS = ("conv1d", "conv2d", "conv3d")
#: float16 is added up in float32.
ACCUMULATES = "float32"


@dataclass(frozen=True, slots=True)
class Residuals:
    """What the vjp needs: the copies that `forward` worked on, so nothing that a caller may change.

    Attributes
    ----------
    padded, kernel
        The input, zero-padded, and the kernel, laid out as the algorithm has them.
    windows
        How the kernel's windows lie on the plane.
    """

    padded: Array
    kernel: Array
    windows: Windows
    y_shape: tuple[int, ...]
    w_shape: tuple[int, ...]
    has_bias: bool
    groups: int
    dtype: np.dtype[Any]


# Overflow to infinity and inf - inf = NaN are IEEE arithmetic doing its duty, not worth a warning.
@np.errstate(over="ignore", invalid="ignore")
def forward(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: int | tuple[int, ...] = 1,
    padding: int | tuple[int, ...] | str = 0,
    dilation: int | tuple[int, ...] = 1,
    groups: int = 1,
) -> tuple[Array, Residuals]:
    r"""Return ``y = b + w * x``, the kernel correlated with the input.

    Along one dimension ``y[o, i] = b[o] + sum_{c, t} w[o, c, t] x[c, i * stride - padding + t *
    dilation]``, where cells outside the input are 0. A convolution in the sense of signal
    processing would read the kernel backwards; the deep-learning field calls this one so.

    Parameters
    ----------
    x
        Input, (n, c_in, \*size), with 1, 2 or 3 sizes, of one of the `DTYPES`.
    w
        Kernel, (c_out, c_in / groups, \*kernel), of the input's dtype.
    b
        Bias, (c_out,), or None.
    stride, padding, dilation
        As in ``torch.nn.functional``: an int, or one for each dimension. The padding may also be
        "valid", which is none, or "same", with which a stride-1 output has the input's size; an odd
        total puts the extra cell after the input.
    groups
        How many groups the channels fall into; each group convolves on its own.

    Returns
    -------
    y, residuals
        Output, (n, c_out, \*output), and what `vjp` needs.

    Raises
    ------
    ValueError
        When a parameter or an operand does not fit.

    Examples
    --------
    >>> x, w = np.array([[[1.0, 2.0, 4.0, 8.0]]]), np.array([[[1.0, -1.0]]])
    >>> forward(x, w)[0]
    array([[[-1., -2., -4.]]])
    >>> forward(x, w, np.array([10.0]), stride=2)[0]
    array([[[9., 6.]]])
    """
    windows = _windows(x, w, b, stride, padding, dilation, groups)
    y, padded, kernel = _algorithm(w.shape, groups).forward(x, w, windows, groups)
    if b is not None:
        y += b.reshape(-1, *(1,) * windows.rank)
    shapes = y.shape, w.shape
    residuals = Residuals(padded, kernel, windows, *shapes, b is not None, groups, x.dtype)
    return y.astype(x.dtype, copy=False), residuals


@np.errstate(over="ignore", invalid="ignore")
def vjp(residuals: Residuals, y_bar: Array) -> tuple[Array, Array, Array | None]:
    r"""Return ``x_bar``, ``w_bar`` and ``b_bar``, shaped as the operands; None without a bias.

    The layer is linear in each operand, so each cotangent is the transposed map applied to `y_bar`,
    which is the layer's ``delta``: `y_bar` comes from above as it is if that is a pool, and
    multiplied by ``f'`` if it is an activation.

    **x_bar.** See the layer as a fully connected one: ``y = M x``, with a row of the sparse matrix
    ``M`` for each output cell, in which the shared weights stand: ``M[i, p] = w[t]`` where ``p =
    i * stride + t * dilation - padding``. Then ``x_bar = M^T y_bar``: cell ``p`` receives
    ``w[t] y_bar[i]`` from each window ``i`` that read it, at the tap ``t`` that did. For stride 1
    and no padding, ``x_bar[p] = sum_t w[t] y_bar[p - t * dilation]``: the kernel is read backwards.
    So ``x_bar`` is the *full convolution*: the cotangent, zero-padded by ``(kernel - 1) * dilation
    - padding`` (and zero-interleaved for a stride above 1, ``stride - 1`` zeros between its cells),
    correlated at stride 1 with the kernel rotated by 180 degrees and its channel axes exchanged,
    for now it is the output channels that are summed. A cell that no window reads, in the rows that
    remain past the last window, receives exactly 0.

    **w_bar.** Each weight ``w[t]`` multiplies ``x[i * stride + t * dilation - padding]`` into
    ``y[i]`` for every `i`, as it is shared; so ``w_bar[t]`` sums ``y_bar[i] x[i * stride + t *
    dilation - padding]`` over all windows and samples: the input correlated with the cotangent.

    **b_bar.** The bias is added to every output cell of its channel: the sum of `y_bar` over
    samples and plane.

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
    Each cell of the cotangent sends the kernel back to the cells that its window read:

    >>> x, w = np.array([[[1.0, 2.0, 4.0, 8.0]]]), np.array([[[1.0, -1.0]]])
    >>> y, residuals = forward(x, w, stride=2)
    >>> x_bar, w_bar, b_bar = vjp(residuals, np.array([[[1.0, 10.0]]]))
    >>> x_bar
    array([[[  1.,  -1.,  10., -10.]]])
    >>> w_bar
    array([[[41., 82.]]])
    """
    padded, windows, w_shape = residuals.padded, residuals.windows, residuals.w_shape
    require_cotangent(y_bar, residuals.y_shape, residuals.dtype)
    algorithm = _algorithm(w_shape, residuals.groups)
    x_bar, w_bar = algorithm.vjp(padded, residuals.kernel, y_bar, windows)
    b_bar = None
    if residuals.has_bias:
        plane = tuple(range(2, y_bar.ndim))
        b_bar = y_bar.sum(axis=(0, *plane), dtype=padded.dtype).astype(y_bar.dtype, copy=False)
    return x_bar.astype(y_bar.dtype, copy=False), w_bar.astype(y_bar.dtype, copy=False), b_bar


def _algorithm(w_shape: tuple[int, ...], groups: int) -> ModuleType:
    return depthwise if groups > 1 and w_shape[:2] == (groups, 1) else unrolled


def _windows(
    x: Array, w: Array, b: Array | None, stride: Any, padding: Any, dilation: Any, groups: int
) -> Windows:
    require_float(x=x, w=w, b=b)
    rank = x.ndim - 2
    if rank not in (1, 2, 3):
        raise ValueError(f"x.shape={x.shape}: must be (n, c_in, *size) with 1, 2 or 3 sizes")
    if w.ndim != x.ndim:
        raise ValueError(f"w.shape={w.shape}: must be (c_out, c_in / groups, *kernel), {x.ndim}-d")
    if min(x.shape[1:]) < 1 or min(w.shape) < 1:
        raise ValueError(f"x.shape={x.shape}, w.shape={w.shape}: only the batch may be empty")
    if groups < 1 or x.shape[1] != w.shape[1] * groups or len(w) % groups:
        raise ValueError(
            f"groups={groups}: must be at least 1, divide c_out={len(w)}, and make c_in="
            f"{x.shape[1]} of as many times w.shape[1]={w.shape[1]}"
        )
    if b is not None and b.shape != w.shape[:1]:
        raise ValueError(f"b.shape={b.shape}: must be (c_out,) = {w.shape[:1]}")
    size, kernel = x.shape[2:], w.shape[2:]
    stride = per_dimension("stride", stride, rank, least=1)
    dilation = per_dimension("dilation", dilation, rank, least=1)
    reach = tuple((k - 1) * d for k, d in zip(kernel, dilation, strict=True))
    if padding == "same":
        if max(stride) > 1:
            raise ValueError(
                f"stride={stride}: must be 1 with padding='same'; give numbers instead"
            )
        before, total = tuple(r // 2 for r in reach), reach
    else:
        before = per_dimension("padding", 0 if padding == "valid" else padding, rank, least=0)
        total = tuple(2 * p for p in before)
    output = tuple(
        (s + t - r - 1) // step + 1
        for s, t, r, step in zip(size, total, reach, stride, strict=True)
    )
    if min(output) < 1:
        raise ValueError(
            f"w.shape={w.shape}: the kernel with dilation={dilation} must fit into the padded "
            f"input {tuple(s + t for s, t in zip(size, total, strict=True))}; pad more"
        )
    return Windows(size, kernel, stride, dilation, before, output)
