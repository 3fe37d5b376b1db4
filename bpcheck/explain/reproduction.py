"""A program that shows a defect of torch with torch alone, to be sent to its maintainers."""

from __future__ import annotations

from bpcheck.cases import Case
from bpcheck.filling import fill

#: Numbers up to which the arrays are written out.
MAX_NUMBERS = 400


def torch_reproduction(
    case: Case, result: str, expected: str, *, dtype: str = "float64", onednn: bool = True
) -> str:
    """Lines of Python that print what torch gives for `result`, and what it should be.

    `dtype` and `onednn` are those of torch's path that is wrong. Empty where the arrays are too
    large to be written out, or the operation is no single function of `torch.nn.functional`.

    Examples
    --------
    >>> from bpcheck.cases import parse_case
    >>> case = parse_case("avg_pool1d n1ic1iw2kw2 f64 small c-order seed=0")
    >>> print(torch_reproduction(case, "x_bar", "[...]").splitlines()[-1])
    print(x.grad)  # it should be [...]
    """
    from torch.nn import functional

    arrays = fill(case)
    numbers = sum(array.size for array in arrays.operands.values())
    # By its address: one of a user's own is none of torch's, whatever its name.
    if numbers > MAX_NUMBERS or not hasattr(functional, str(case.operation)):
        return ""
    dtype = f"torch.{dtype}"
    lines = ["import torch", "from torch.nn import functional", ""]
    if not onednn:
        lines.append("torch.backends.mkldnn.set_flags(False)")
    for name, array in arrays.operands.items():
        values = array.astype(float).tolist()
        lines.append(f"{name} = torch.tensor({values}, dtype={dtype}, requires_grad=True)")
    names = [name if name in arrays.operands else "None" for name in case.operation.operands]
    params = ", ".join(f"{key}={value!r}" for key, value in case.params.items())
    lines.append(f"y = functional.{case.operation}({', '.join(names)}, {params})")
    if result == "y":
        lines.append(f"print(y)  # it should be {expected}")
    else:
        y_bar = arrays.y_bar.astype(float).tolist()
        operand = result.removesuffix("_bar")
        lines.append(f"y.backward(torch.tensor({y_bar}, dtype={dtype}))")
        lines.append(f"print({operand}.grad)  # it should be {expected}")
    return "\n".join(lines)
