"""Torch autograd as an oracle: float64, on the values that the subject got."""

from __future__ import annotations

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.filling import Arrays
from bpcheck.operations.torch_vjp import torch_vjp


def autograd(
    case: Case, arrays: Arrays, *, dtype: str = "float64", onednn: bool = True
) -> dict[str, Array]:
    """``y`` and every gradient of a case, by result name, computed in `dtype`.

    Without `onednn` torch takes its own kernels where it would take oneDNN's.

    Examples
    --------
    >>> from bpcheck.cases import parse_case
    >>> from bpcheck.filling import fill
    >>> case = parse_case("avg_pool1d n1ic1iw4kw2sw2")
    >>> autograd(case, fill(case))["x_bar"].shape
    (1, 1, 4)
    """
    return torch_vjp(
        case.operation.torch_forward,
        arrays.operands,
        arrays.y_bar,
        case.params,
        dtype=dtype,
        onednn=onednn,
    )
