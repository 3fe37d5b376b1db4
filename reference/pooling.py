"""The geometry that max and average pooling share."""

from __future__ import annotations

from typing import Any

from reference.operands import Array, require_float
from reference.windows import Index, Windows, per_dimension


def pool_windows(
    x: Array, kernel_size: Any, stride: Any, padding: Any, dilation: Any, *, ceil_mode: bool
) -> Windows:
    r"""The windows of a pool over `x` (n, c, \*size).

    Parameters
    ----------
    x
        Input; only its shape and dtype are read.
    kernel_size, stride, padding, dilation
        An int, or one for each dimension; a stride of None is the kernel's size.
    ceil_mode
        Whether the output's size is rounded up.

    Raises
    ------
    ValueError
        When a parameter or the input does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> pool_windows(np.zeros((1, 1, 5)), 2, None, 0, 1, ceil_mode=False).output
    (2,)
    >>> pool_windows(np.zeros((1, 1, 5)), 2, None, 0, 1, ceil_mode=True).output
    (3,)
    """
    require_float(x=x)
    rank = x.ndim - 2
    if rank not in (1, 2, 3):
        raise ValueError(f"x.shape={x.shape}: must be (n, c, *size) with 1, 2 or 3 sizes")
    size = x.shape[2:]
    if min(size) < 1:
        raise ValueError(f"x.shape={x.shape}: every spatial size must be at least 1")
    kernel = per_dimension("kernel_size", kernel_size, rank, least=1)
    stride = kernel if stride is None else per_dimension("stride", stride, rank, least=1)
    padding = per_dimension("padding", padding, rank, least=0)
    dilation = per_dimension("dilation", dilation, rank, least=1)
    if any(p > k // 2 for p, k in zip(padding, kernel, strict=True)):
        raise ValueError(
            f"padding={padding}: must be at most half of kernel_size={kernel}; pad less"
        )
    output = tuple(
        _output_size(*numbers, ceil_mode=ceil_mode)
        for numbers in zip(size, kernel, stride, padding, dilation, strict=True)
    )
    if min(output) < 1:
        raise ValueError(
            f"kernel_size={kernel}: with dilation={dilation} and padding={padding} it must fit "
            f"into the input {size}; take a smaller kernel"
        )
    return Windows(size, kernel, stride, dilation, padding, output)


def along(axis: int, cells: slice) -> Index:
    """The given cells of one axis, with every other axis whole."""
    return (*(slice(None),) * axis, cells)


def _output_size(
    size: int, kernel: int, stride: int, padding: int, dilation: int, *, ceil_mode: bool
) -> int:
    last = size + 2 * padding - dilation * (kernel - 1) - 1
    if not ceil_mode:
        return last // stride + 1
    output = -(-last // stride) + 1
    # A last window that would start in the padding after the input is dropped.
    return output - 1 if (output - 1) * stride >= size + padding else output
