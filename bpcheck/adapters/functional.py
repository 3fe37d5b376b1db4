"""Functions of a framework, whose gradients its own vjp gives; arrays go there and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bpcheck.adapters.adapted import adapted_subject
from bpcheck.adapters.declaration import Declaration, declared
from bpcheck.adapters.expressions import Line
from bpcheck.adapters.functions import shown_call
from bpcheck.adapters.scope import Scope
from bpcheck.adapters.signatures import needs_bias, takes_ints
from bpcheck.claims import DEFAULT_DTYPES
from bpcheck.operations import Operation
from bpcheck.subject import Subject

#: ``vjp(fn, *operands) -> (y, pullback)``, with ``pullback(y_bar)`` a gradient for each operand.
Vjp = Callable[..., tuple[Any, Callable[[Any], Sequence[Any]]]]


@dataclass(frozen=True, slots=True)
class Framework:
    """How arrays become those of a framework, and back, how it differentiates, what it claims.

    `claims` are those of all its functions, `of_groups` those of operations that have groups;
    `on_tensors` makes what rows on tensors ask, of a call that is shown and a declaration.
    """

    name: str
    to: Callable[[Any], Any]
    back: Callable[[Any], Any]
    vjp: Vjp
    claims: Mapping[str, Any] = field(default_factory=dict)
    of_groups: Mapping[str, Any] = field(default_factory=dict)
    on_tensors: Callable[[Line, Declaration], Any] | None = None


@dataclass(frozen=True)
class Functional:
    """A function of a framework with the call that is made of it."""

    operation: Operation
    function: Callable[..., Any]
    shown: Line
    framework: Framework

    def forward(self, scope: Scope) -> tuple[Any, Any]:
        """``y``, and what pulls a cotangent back."""
        names = list(scope.handed)
        there = [self.framework.to(scope.handed[name].own) for name in names]

        def function(*operands: Any) -> Any:
            given = scope.keeping(**dict(zip(names, operands, strict=True)))
            arguments, named = self.shown.arguments(given)
            made = self.function(*arguments, **named)
            return tuple(made) if isinstance(made, list) else made

        y, pullback = self.framework.vjp(function, *there)
        return self._array(y), pullback

    def backward(self, state: Any, scope: Scope) -> Mapping[str, Any]:
        """The gradients, in the order of the operands that there are."""
        dy, to = scope.kept["dy"], self.framework.to
        found = state(tuple(map(to, dy)) if isinstance(dy, tuple) else to(dy))
        return {name: self._array(each) for name, each in zip(scope.handed, found, strict=True)}

    def names(self) -> Sequence[str]:
        """What the function is passed."""
        return tuple(self.shown.names())

    def _array(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(self._array, value))
        if value is None or isinstance(value, list | dict):
            return value
        # A view of the framework's memory could change when that is used again.
        return np.array(self.framework.back(value))


def functional_subject(
    function: Callable[..., Any],
    *,
    operation: Operation,
    name: str,
    framework: Framework,
    words: Mapping[str, Any],
    dtypes: Sequence[str] = DEFAULT_DTYPES,
) -> Subject:
    """The subject that a function of a framework makes.

    Raises
    ------
    UsageError
        For a word that cannot be understood.
    TargetError
        If it cannot be told how the function is called.
    """
    style = framework.name
    declaration, own = declared(words, operation=operation, style=style, own={"forward": ""})
    if "ints" not in words and takes_ints(function, operation):
        declaration = replace(declaration, ints=True)
    if "without_bias" not in words and needs_bias(function, operation):
        declaration = replace(declaration, without_bias="never")
    claims = {**framework.claims, **(framework.of_groups if "groups" in operation.neutral else {})}
    shown = shown_call(function, own["forward"], operation, word="forward", name=name)
    return adapted_subject(
        Functional(operation, function, shown, framework),
        holder=function,
        operation=operation,
        declaration=declaration,
        name=name,
        style=style,
        dtypes=dtypes,
        claims=claims,
        tensors=framework.on_tensors and framework.on_tensors(shown, declaration),
    )
