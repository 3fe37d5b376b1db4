"""Code of any shape as a subject: what all adapters do around the calls that are their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from bpcheck.adapters.axes import axes_of, inward
from bpcheck.adapters.claims import claims_of
from bpcheck.adapters.declaration import Declaration
from bpcheck.adapters.foreign import as_numpy
from bpcheck.adapters.names import NUMBERS, meaning
from bpcheck.adapters.scope import Scope, scope_of
from bpcheck.arithmetic import Array
from bpcheck.claims import DEFAULT_DTYPES, claims_from
from bpcheck.operations import Operation
from bpcheck.subject import OneInstance, OnTensors, Subject


class Code(Protocol):
    """One shape of code: how its forward and its backward are called."""

    def forward(self, scope: Scope) -> tuple[Any, Any]:
        """``y`` as the code returned it, and what its backward needs besides the scope."""
        ...

    def backward(self, state: Any, scope: Scope) -> Mapping[str, Any]:
        """The gradients as the code returned them, by operand; the scope knows ``dy``."""
        ...

    def names(self) -> Sequence[str]:
        """The names that its forward and its constructor are passed."""
        ...


@dataclass(frozen=True, slots=True)
class Residuals:
    """One call of the forward: what was handed, and what the code kept."""

    scope: Scope
    state: Any


@dataclass(frozen=True)
class Adapted:
    """The forward and the vjp of a subject, made of `code` and what its author declares."""

    code: Code
    operation: Operation
    declaration: Declaration

    def forward(self, *operands: Array | None, **params: Any) -> tuple[Any, Residuals]:
        """``(y, residuals)`` in torch's order of axes."""
        scope = scope_of(self.operation, self.declaration, operands, params)
        y, state = self.code.forward(scope)
        scope.write_back()
        if self.operation.may_have_outputs and isinstance(y, tuple | list):
            return tuple(self._inward("y", each) for each in y), Residuals(scope, state)
        return self._inward("y", y), Residuals(scope, state)

    def vjp(self, residuals: Residuals, y_bar: Array | tuple[Array, ...]) -> tuple[Any, ...]:
        """One gradient for each operand, ``None`` where there is none."""
        scope = residuals.scope
        every = y_bar if isinstance(y_bar, tuple) else (y_bar,)
        handed = [scope.outward("y", each) for each in every]
        knowing = scope.with_cotangent(handed if isinstance(y_bar, tuple) else handed[0])
        given = self.code.backward(residuals.state, knowing)
        scope.write_back()
        for each in handed:
            each.write_back()
        # Code that returns a gradient for a bias that there is not breaks no promise of its own.
        return tuple(
            self._scaled(name, self._inward(name, given.get(name)), scope)
            if name in scope.handed
            else None
            for name in self.operation.operands
        )

    def lacks(self, operands: Sequence[str], params: Sequence[str]) -> tuple[str, ...]:
        """Those operands and params that no declared call passes."""
        passed = {place_of(name, self.operation) for name in self.code.names()}
        return tuple(each for each in (*operands, *params) if each not in passed)

    def _inward(self, name: str, value: Any) -> Any:
        value, axes = as_numpy(value), axes_of(self.operation).get(name)
        if axes is None:
            return value
        return inward(value, axes, self.declaration.orders.get(name, tuple(axes)))

    def _scaled(self, name: str, value: Any, scope: Scope) -> Any:
        if not self.declaration.scaled or name == "x" or not isinstance(value, np.ndarray):
            return value
        # The product with a power of two is exact.
        return value * value.dtype.type(scope.value("n"))


def place_of(name: str, operation: Operation) -> str:
    """The operand or param that a name passes, if it passes one."""
    found = meaning(name, operation) or name
    return NUMBERS[found][0] if found in NUMBERS else found


def adapted_subject(
    code: Code,
    *,
    holder: Any,
    operation: Operation,
    declaration: Declaration,
    name: str,
    style: str,
    dtypes: Sequence[str] = DEFAULT_DTYPES,
    claims: Mapping[str, Any] | None = None,
    tensors: OnTensors | None = None,
    one_instance: OneInstance | None = None,
) -> Subject:
    """The subject that `code` makes, with what its declaration leaves out and its holder claims.

    Parameters
    ----------
    code
        The calls.
    holder
        What may state claims in its attributes: a module, a class, a function.
    operation, declaration, name
        What it promises, how it differs, how reports call it.
    style
        What kind of code it is.
    dtypes
        What it is taken to claim if neither it nor the declaration says so.
    claims
        More that follows from the shape of the code.
    tensors
        The same code on torch's tensors, if it is such.
    one_instance
        Keeps one instance of a class, of which each forward makes a new one otherwise.
    """
    adapted = Adapted(code, operation, declaration)
    told = declaration.told()
    # As it is: the usual dtypes are a tuple that tells that nobody has named them.
    known = dtypes if isinstance(dtypes, tuple) else tuple(dtypes)
    stated = claims_of(holder, origin=name, dtypes=known)
    suggested = {**_suggested(code, operation, declaration), **(claims or {})}
    return Subject(
        forward=adapted.forward,
        vjp=adapted.vjp,
        operation=operation,
        name=name,
        style=f"{style} ({told})" if told else style,
        claims=claims_from({**suggested, **declaration.claims}, origin=name, base=stated),
        lacks=adapted.lacks,
        tensors=tensors,
        one_instance=one_instance,
    )


def _suggested(code: Code, operation: Operation, declaration: Declaration) -> dict[str, Any]:
    """The claims that say what a declaration leaves out, so that plans keep within it."""
    names = [meaning(each, operation) for each in code.names()]
    found: dict[str, Any] = {}
    alike = {"equal_strides": ("stride", "s"), "square_kernels": ("kernel_size", "k")}
    for claim, (param, single) in alike.items():
        is_single = single in names or (declaration.ints and param in names)
        if is_single and claim in operation.restrictions:
            found[claim] = True
    if declaration.scaled:
        # An empty batch would be divided by 0, and a subnormal quotient has lost bits.
        found |= {"empty": False, "subnormals": False}
    if declaration.dtype:
        found["dtypes"] = (declaration.dtype,)
    return found
