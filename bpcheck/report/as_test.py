"""A case as a test of its own: NumPy, torch and the user's code, with the arrays written out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from bpcheck.arithmetic import FORMATS, Array
from bpcheck.cases import Case
from bpcheck.cases.layouts import OUTPUT
from bpcheck.errors import UsageError
from bpcheck.finding import Finding, Kind
from bpcheck.report.replay import Replayed
from bpcheck.report.written import LAID_OUT, given_lines, written
from bpcheck.verdict.jury import Ruling

#: Numbers up to which the arrays are written out; a longer test is none that one reads.
MOST = 4_096

#: What is seen by calling the code once, whatever its numbers are.
_CONTRACT = (Kind.TYPE, Kind.COUNT, Kind.SHAPE, Kind.DTYPE)


@dataclass(frozen=True, slots=True)
class Called:
    """How a subject's code is called: what stands in place of its operands is their names.

    Parameters
    ----------
    style
        ``"numpy"`` or ``"torch"``.
    positional, named
        The arguments of the forward; an operand is a `Word`.
    function
        What of the target is called: empty, or ``".apply"``.
    """

    style: str
    positional: tuple[Any, ...]
    named: Mapping[str, Any]
    function: str = ""

    @property
    def arguments(self) -> str:
        """They, as they are written."""
        parts = [*map(repr, self.positional), *(f"{k}={v!r}" for k, v in self.named.items())]
        return ", ".join(parts)


class Word(str):
    """A name that is written without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def as_test(replayed: Replayed, target: str, called: Called) -> str:
    """The source of a test that fails as the case does; `target` is what names the code.

    Raises
    ------
    UsageError
        If the case does not fail, is too large to be written out, or fails in a way that no short
        test shows.
    """
    case = replayed.case
    rulings = [ruling for ruling in replayed.rulings if ruling.verdict.is_defect]
    if replayed.unsupported:
        raise UsageError(f"{target} does not claim {case}: {replayed.unsupported}")
    if not rulings:
        raise UsageError(f"{case} does not fail on {target}: there is nothing that a test can hold")
    size = sum(each.size for each in (*replayed.arrays.operands.values(), replayed.arrays.y_bar))
    if size > MOST:
        raise UsageError(
            f"{case} has {size:,} numbers, and up to {MOST:,} are written out; take the smallest "
            "case of the report"
        )
    asserted = [line for ruling in rulings for line in _asserted(replayed, ruling)]
    shown = [ruling for ruling in rulings if _how(replayed, ruling) is not None]
    if not shown:
        because = rulings[0]
        raise UsageError(
            f"{because.result}: {because.verdict} is found by further runs ({because.because}); no "
            f"short test shows that: replay it by  bpcheck replay '{case}' {target}"
        )
    given = list(given_lines(case, replayed.arrays))
    body = [
        *(f"# {ruling.result}: {ruling.verdict}; {_line(ruling.because)}" for ruling in shown),
        f"# bpcheck replay '{case}' {target}",
        *given,
        *_kept(replayed, shown),
        "",
        *_calls(case, replayed, called),
        *asserted,
    ]
    text = "\n".join(f"    {line}" if line else "" for line in body)
    helper = f"\n\n{LAID_OUT}" if any("laid_out(" in line for line in given) else ""
    imports = "\n".join(_imports(text + helper, target))
    name = re.sub(r"\W+", "_", f"{shown[0].result}_of_{case.operation}").strip("_")
    return f"{imports}\n{helper}\n\ndef test_{name}():\n{text}\n"


def _line(text: str) -> str:
    return " ".join(text.split())


def _imports(text: str, target: str) -> Iterator[str]:
    path, _, attribute = target.rpartition(":") if ":" in target else (target, "", "")
    is_file = path.endswith(".py") or "/" in path
    if is_file:
        yield "import sys\n"
    yield "import numpy as np"
    if "torch." in text or "functional." in text:
        yield "import torch"
    if "ml_dtypes." in text:
        yield "import ml_dtypes  # NumPy has no bfloat16 of its own"
    if "functional." in text:
        yield "from torch.nn import functional"
    yield ""
    if is_file:
        file = Path(path)
        yield f"sys.path.insert(0, {str(file.parent)!r})"
        path = file.stem
    if not attribute:
        yield f"import {path} as code"
        return
    first, *rest = attribute.split(".")
    yield f"from {path} import {first} as {'holder' if rest else 'code'}"
    if rest:
        yield f"\ncode = holder.{'.'.join(rest)}"


def _kept(replayed: Replayed, shown: Sequence[Ruling]) -> Iterator[str]:
    """Copies of what the code may not change, where it does."""
    if any(finding.kind is Kind.MUTATES for ruling in shown for finding in ruling.findings):
        for name in (*replayed.arrays.operands, "y_bar"):
            yield f"before_{name} = {name}.copy()"


def _calls(case: Case, replayed: Replayed, called: Called) -> Iterator[str]:
    """The code, called as a user calls it; then torch's results."""
    names = list(replayed.arrays.operands)
    bars = [f"{name}_bar" if name in names else "_" for name in case.operation.operands]
    targets = f"({', '.join(bars)},)" if len(bars) == 1 else ", ".join(bars)
    cotangent = "y" if case.layouts.get("y_bar") == OUTPUT else "y_bar"
    if called.style == "numpy":
        yield "kernel = code() if isinstance(code, type) else code"
        if case.outputs:
            yield f"outputs, residuals = kernel.forward({called.arguments})"
            yield "y = np.concatenate([np.ravel(each) for each in outputs])"
            parts = ", ".join(_parts(case))
            cotangent = f"({parts},)" if len(case.outputs) == 1 else f"({parts})"
        else:
            yield f"y, residuals = kernel.forward({called.arguments})"
        yield f"{targets} = kernel.vjp(residuals, {cotangent})"
        return
    for name in names:
        yield f"t_{name} = {_tensor(case, name)}.requires_grad_()"
    call = f"code{called.function}({called.arguments})"
    yield (
        f"out = torch.cat([each.reshape(-1) for each in {call}])"
        if case.outputs
        else f"out = {call}"
    )
    yield f"out.backward({'out.detach()' if cotangent == 'y' else _tensor(case, 'y_bar')})"
    wide = ".double()" if case.dtype == "bfloat16" else ""
    yield f"y = out.detach(){wide}.numpy()"
    for name in names:
        yield f"{name}_bar = t_{name}.grad{wide}.numpy()"


def _parts(case: Case) -> Iterator[str]:
    """The cotangent of each of several outputs, of all that `y_bar` holds one after the other."""
    start = 0
    for shape in case.outputs:
        yield f"y_bar[{start}:{start + prod(shape)}].reshape({shape})"
        start += prod(shape)


def _tensor(case: Case, name: str) -> str:
    if case.dtype == "bfloat16":
        return f"torch.from_numpy({name}.astype(np.float32)).bfloat16()"
    strides = any("negative" in each for each in case.layouts.values())
    return f"torch.from_numpy({name}{'.copy()' if strides else ''})"


def _how(replayed: Replayed, ruling: Ruling) -> Finding | None:
    """The finding that a call of the code shows; ``None`` if only further runs do."""
    for finding in ruling.findings:
        if finding.kind in (*_CONTRACT, Kind.RAISES, Kind.MUTATES):
            return finding
        got = replayed.got.get(finding.result)
        if got is None or finding.index is None or finding.got is None:
            continue
        if np.array_equal(got[finding.index], finding.got, equal_nan=True):
            return finding
    return None


def _asserted(replayed: Replayed, ruling: Ruling) -> Iterator[str]:
    finding = _how(replayed, ruling)
    if finding is None or finding.kind is Kind.RAISES:
        # The call itself raises.
        return
    result, case = finding.result, replayed.case
    yield ""
    if finding.kind is Kind.MUTATES:
        for name in (*replayed.arrays.operands, "y_bar"):
            yield f"np.testing.assert_array_equal({name}, before_{name})"
        return
    if finding.kind in _CONTRACT:
        shape, dtype = case.shapes.get(result), FORMATS[case.dtype].dtype.name
        yield f"assert isinstance({result}, np.ndarray), type({result})"
        yield f"assert ({result}.shape, {result}.dtype.name) == ({shape}, {dtype!r})"
        return
    yield from _expected(replayed, result)
    index = finding.index or ()
    if finding.bound:
        where = f"[{', '.join(map(str, index))}]" if index else ""
        yield f"# Rounding may do up to {finding.bound:.3g} here."
        yield f"assert abs(float({result}{where}) - float(expected{where})) <= {finding.bound!r}"
        return
    yield f"np.testing.assert_array_equal({result}.astype(np.float64), expected)"


def _expected(replayed: Replayed, result: str) -> Iterator[str]:
    """What torch has in float64: its own call where that is one function, else its numbers."""
    case, right = replayed.case, (replayed.autograd or {})[result]
    if _gives(replayed, result, right):
        yield "# What torch has, in float64."
        yield from _torch_lines(case, list(replayed.arrays.operands), result)
        return
    yield "# What torch's autograd has, in float64."
    yield f"expected = {written(right)}"


def _torch_lines(case: Case, names: Sequence[str], result: str) -> list[str]:
    operands = [f"right_{name}" if name in names else "None" for name in case.operation.operands]
    params = [f"{key}={value!r}" for key, value in case.params.items()]
    call = f"functional.{case.operation}({', '.join([*operands, *params])})"
    lines = [f"right_{name} = {_double(name)}.requires_grad_()" for name in names]
    if result == "y":
        return [*lines, f"expected = {call}.detach().numpy()"]
    return [
        *lines,
        f"{call}.backward({_double('y_bar')})",
        f"expected = right_{result.removesuffix('_bar')}.grad.numpy()",
    ]


def _double(name: str) -> str:
    return f'torch.from_numpy(np.array({name}, np.float64, order="C"))'


def _gives(replayed: Replayed, result: str, right: Array) -> bool:
    """Whether torch's function of that name gives the numbers by which the case was judged."""
    import torch
    from torch.nn import functional

    case, operands = replayed.case, replayed.arrays.operands
    if case.layouts.get("y_bar") == OUTPUT or not hasattr(functional, str(case.operation)):
        return False
    tensors = {
        name: torch.from_numpy(np.array(array, np.float64, order="C")).requires_grad_()
        for name, array in operands.items()
    }
    given = [tensors.get(name) for name in case.operation.operands]
    y = getattr(functional, str(case.operation))(*given, **case.params)
    if result == "y":
        return np.array_equal(y.detach().numpy(), right, equal_nan=True)
    y.backward(torch.from_numpy(np.array(replayed.arrays.y_bar, np.float64, order="C")))
    found = tensors[result.removesuffix("_bar")].grad
    return found is not None and np.array_equal(found.numpy(), right, equal_nan=True)
