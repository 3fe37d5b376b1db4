"""Objects with ``.backward(dout)`` and ``.grad``, from engines made on NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bpcheck.adapters.adapted import adapted_subject
from bpcheck.adapters.declaration import declared
from bpcheck.adapters.expressions import Line, Place, line, place
from bpcheck.adapters.functions import known_names, shown_call
from bpcheck.adapters.names import meaning
from bpcheck.adapters.scope import Scope
from bpcheck.adapters.signatures import needs_bias, takes_ints
from bpcheck.claims import DEFAULT_DTYPES
from bpcheck.operations import Operation
from bpcheck.subject import Subject

#: The words of a declaration that engines have besides the common ones.
OWN: Mapping[str, Any] = {
    "forward": "",
    "value": "data",
    "backward": "backward(dy)",
    "grad": "grad",
}


@dataclass(frozen=True)
class Tensors:
    """A function on the tensors of an engine.

    Parameters
    ----------
    operation
        What it promises.
    function, shown
        The function, and how it is called.
    to
        Makes a tensor of an array.
    value, grad
        Where the numbers of a tensor, and of its gradient, lie.
    back
        The call of the result's method; ``to`` there stands for what makes a tensor.
    """

    operation: Operation
    function: Callable[..., Any]
    shown: Line
    to: Callable[[Any], Any]
    value: Place
    grad: Place
    back: Line

    def forward(self, scope: Scope) -> tuple[Any, Any]:
        """``y``, and the tensors."""
        leaves = {name: self.to(each.own) for name, each in scope.handed.items()}
        arguments, named = self.shown.arguments(scope.keeping(**leaves))
        y = self.function(*arguments, **named)
        return self.value.read(y), (leaves, y)

    def backward(self, state: Any, scope: Scope) -> Mapping[str, Any]:
        """What a backward leaves in the operands."""
        leaves, y = state
        scope = scope.keeping(to=self.to)
        arguments, named = self.back.arguments(scope)
        backward = Place(self.back.function).read(y)
        if "dy" in {meaning(each, self.operation, of_backward=True) for each in self.back.names()}:
            backward(*arguments, **named)
        else:
            self._begun_from(y, scope.kept["dy"])
            backward(*arguments, **named)
            self._require_kept(y, scope.kept["dy"])
        return {name: self.grad.read(each) for name, each in leaves.items()}

    def names(self) -> Sequence[str]:
        """What the function is passed."""
        return tuple(self.shown.names())

    def _begun_from(self, y: Any, dy: Any) -> None:
        """Put the cotangent in the place of the result's gradient."""
        held = self.grad.read(y)
        is_array = held is None or isinstance(held, np.ndarray)
        self.grad.write(y, dy.copy() if is_array else self.to(dy.copy()))

    def _require_kept(self, y: Any, dy: Any) -> None:
        """Raise unless the backward began from the cotangent that lay there."""
        held = self.grad.read(y)
        numbers = held if isinstance(held, np.ndarray) else self.value.read(held)
        if not np.array_equal(numbers, dy, equal_nan=True):
            raise TypeError(
                f"{self.back.function} is passed no cotangent, and begins from a gradient of the "
                "result that it sets itself; let it take one, as in "
                f"def {self.back.function}(self, grad=None)"
            )


def tensors_subject(
    function: Callable[..., Any],
    to: Callable[[Any], Any],
    *,
    operation: Operation,
    name: str,
    words: Mapping[str, Any],
    dtypes: Sequence[str] = DEFAULT_DTYPES,
) -> Subject:
    """The subject that a function on an engine's tensors makes.

    Raises
    ------
    UsageError
        For a word that cannot be understood.
    TargetError
        If it cannot be told how the function is called.
    """
    declaration, own = declared(words, operation=operation, style="tensor", own=OWN)
    if "ints" not in words and takes_ints(function, operation):
        declaration = replace(declaration, ints=True)
    if "without_bias" not in words and needs_bias(function, operation):
        declaration = replace(declaration, without_bias="never")
    back = line(own["backward"], word="backward")
    known_names(back, operation, word="backward", also=("to",))
    code = Tensors(
        operation,
        function,
        shown_call(function, own["forward"], operation, word="forward", name=name),
        to,
        place(own["value"], word="value"),
        place(own["grad"], word="grad"),
        back,
    )
    return adapted_subject(
        code,
        holder=function,
        operation=operation,
        declaration=declaration,
        name=name,
        style="tensor",
        dtypes=dtypes,
        # Such graphs add to what an earlier backward has left in them.
        claims={"single_use": True},
    )
