"""Layer objects: made for each case, gradients in attributes or in what an update took away."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bpcheck.adapters.adapted import adapted_subject
from bpcheck.adapters.attributes import (
    USUAL_GRADS,
    USUAL_WEIGHTS,
    clear,
    has_key,
    place_in,
    places_of,
    put,
    read_from,
    renew,
    require_as_made,
)
from bpcheck.adapters.declaration import Declaration, declared
from bpcheck.adapters.expressions import Line, Place, line, place
from bpcheck.adapters.functions import shown_call
from bpcheck.adapters.making import is_given_again, made, one_instance
from bpcheck.adapters.methods import METHODS, takes_instance, usual_method
from bpcheck.adapters.names import meaning
from bpcheck.adapters.results import by_name, gradient_names, gradients_by_operand
from bpcheck.adapters.scope import Scope
from bpcheck.adapters.signatures import (
    needs_bias,
    says_whether_bias,
    takes_ints,
    takes_nothing,
)
from bpcheck.adapters.updates import HiddenByUpdate, gradient_of_update, rate_for
from bpcheck.claims import DEFAULT_DTYPES
from bpcheck.errors import TargetError
from bpcheck.operations import Operation
from bpcheck.subject import Subject

#: The words of a declaration that layers have besides the common ones.
OWN: Mapping[str, Any] = {
    "make": "",
    "forward": "",
    "backward": "",
    "weights": (),
    "grads": (),
    "rate": "",
}


@dataclass(frozen=True)
class Layers:
    """A class whose instances hold weights; a new instance for each forward.

    Parameters
    ----------
    operation, declaration
        What it promises, and how it differs.
    maker, make
        The class, and how it is called; it may take the weights, or make its own.
    ahead, back
        The calls of its methods.
    weights, grads
        Where weights and gradients lie, by operand: the first place that there is.
    updates
        Whether a backward changes the weights instead of leaving gradients.
    rate
        Where its learning rate lies, if it is not passed.
    is_told
        Whether a layer is told if it has a bias, or that is declared; else it has one or has none.
    """

    operation: Operation
    declaration: Declaration
    maker: Callable[..., Any]
    make: Line
    ahead: Line
    back: Line
    weights: Mapping[str, tuple[Place, ...]]
    grads: Mapping[str, tuple[Place, ...]]
    updates: bool
    rate: Place | None
    is_told: bool = True

    def forward(self, scope: Scope) -> tuple[Any, Any]:
        """``y``, and the layer that made it."""
        layer = self._made(scope)
        found = _called(layer, self.ahead, scope)
        if not self.ahead.returns:
            return found, (layer, scope.keeping(y=found))
        parts = by_name(found, self.ahead.returns, who=self.ahead.function)
        y = next(value for name, value in parts.items() if meaning(name, self.operation) == "y")
        return y, (layer, scope.keeping(**{**parts, "y": y}))

    def backward(self, state: Any, scope: Scope) -> Mapping[str, Any]:
        """The gradient that a backward returns, and those that it leaves in the layer."""
        layer, kept = state
        scope = kept.keeping(dy=scope.kept["dy"], lr=0.0)
        there = [name for name in self.operation.operands[1:] if name in scope.handed]
        if self.updates:
            return self._updated(layer, scope, there)
        if self.declaration.accumulating:
            for name in there:
                clear(layer, self.grads[name])
        found = self._returned(layer, scope)
        found |= {name: read_from(layer, self.grads[name]) for name in there if name not in found}
        # What is cleared for the next backward is the layer's own.
        if self.declaration.accumulating:
            return {name: copied(value) for name, value in found.items()}
        return found

    def names(self) -> Sequence[str]:
        """What the constructor and the forward are passed, and the weights that are put in."""
        return (*self.make.names(), *self.ahead.names(), *self.weights)

    def _made(self, scope: Scope) -> Any:
        if self.updates:
            # They are the layer's own, for it to change.
            own = {name: each.own.copy() for name, each in scope.handed.items()}
            arguments, named = self.make.arguments(scope.keeping(**own))
        else:
            arguments, named = self.make.arguments(scope)
        layer, is_again = made(self.maker, *arguments, **named), is_given_again()
        passed = {meaning(name, self.operation) for name in self.make.names()}
        for name, places in self.weights.items():
            if name in passed:
                if is_again is not None and name in scope.handed:
                    renew(layer, places, scope.handed[name].own, is_again=is_again)
                continue
            if name == "b" and not (self.is_told and self._is_there(layer)):
                require_as_made(layer, places, is_handed=name in scope.handed)
            if name in scope.handed:
                put(layer, places, scope.handed[name].own)
        return layer

    def _is_there(self, layer: Any) -> bool:
        """Whether a bias may be put in: where it would lie, weights lie and it alone does not."""
        return has_key(layer, self.weights["b"]) or not has_key(layer, self.weights["w"])

    def _updated(self, layer: Any, scope: Scope, there: Sequence[str]) -> dict[str, Any]:
        held = {name: read_from(layer, self.weights[name]) for name in there}
        before = {name: value.copy() for name, value in held.items()}
        rate = rate_for(before.values(), scope.value("x"), scope.kept["dy"])
        if self.rate is not None:
            self.rate.write(layer, rate)
        first = self.operation.operands[0]
        found = {first: self._returned(layer, scope.keeping(lr=rate)).get(first)}
        for name in there:
            after = read_from(layer, self.weights[name])
            found[name] = gradient_of_update(before[name], after, rate)
            # Another backward of this forward is for the weights of the forward.
            held[name][...] = before[name]
            place_in(layer, self.weights[name]).write(layer, held[name])
        return found

    def _returned(self, layer: Any, scope: Scope) -> dict[str, Any]:
        """The gradients that a backward returns: that of ``x``, and those that its line names."""
        found, names = _called(layer, self.back, scope), self.back.returns
        if not names:
            return {self.operation.operands[0]: found}
        given = gradients_by_operand(found, names, self.operation, who=self.back.function)
        return {name: each for name, each in given.items() if name in scope.handed}


def _called(layer: Any, shown: Line, scope: Scope) -> Any:
    arguments, named = shown.arguments(scope)
    return Place(shown.function).read(layer)(*arguments, **named)


def copied(value: Any) -> Any:
    """A copy of an array; anything else as it is."""
    return value.copy() if isinstance(value, np.ndarray) else value


def layers_subject(
    target: Any,
    *,
    operation: Operation,
    name: str,
    style: str,
    words: Mapping[str, Any],
    dtypes: Sequence[str] = DEFAULT_DTYPES,
) -> Subject:
    """The subject that a class of layers makes.

    Raises
    ------
    UsageError
        For a word that cannot be understood.
    TargetError
        If it cannot be told how a layer is made or called.
    """
    declaration, own = declared(words, operation=operation, style=style, own=OWN)
    maker = own["make"] if callable(own["make"]) else target
    shown = "" if callable(own["make"]) else own["make"]
    if "ints" not in words and takes_ints(maker, operation):
        declaration = replace(declaration, ints=True)
    if not shown and takes_nothing(maker):
        make = line("_()", word="make")
    else:
        make = shown_call(maker, shown, operation, word="make", name=name)
    if says_whether_bias(maker, operation):
        make = make.renamed(lambda each: meaning(each, operation) == "b", "has_bias")
    passed = {meaning(each, operation) for each in make.names()}
    is_told = bool(passed & {"b", "has_bias"}) or "without_bias" in words
    if "without_bias" not in words and "b" in passed and needs_bias(maker, operation):
        declaration = replace(declaration, without_bias="never")
    calls = {word: _method(target, own[word], operation, word=word, name=name) for word in METHODS}
    if calls["backward"].returns:
        gradient_names(calls["backward"].returns, operation, word="backward")
    if "cache" in {meaning(each, operation) for each in calls["backward"].names()}:
        # What a backward is passed, the forward has returned.
        returned = calls["forward"].returns or ("y", "cache")
        calls["forward"] = replace(calls["forward"], returns=returned)
    is_passed = "lr" in {meaning(each, operation) for each in calls["backward"].names()}
    updates = (is_passed or bool(own["rate"])) and not own["grads"]
    code = Layers(
        operation,
        declaration,
        maker,
        make,
        calls["forward"],
        calls["backward"],
        places_of(own["weights"], USUAL_WEIGHTS, operation, word="weights"),
        places_of(own["grads"], USUAL_GRADS, operation, word="grads"),
        updates,
        place(own["rate"], word="rate") if own["rate"] else None,
        is_told,
    )
    return adapted_subject(
        code,
        holder=target,
        operation=operation,
        declaration=declaration,
        name=name,
        style=f"{style}, weights updated by 2**n" if updates else style,
        dtypes=dtypes,
        # A weight that is not finite stays so, whatever is taken from it.
        claims={"refuses": (HiddenByUpdate,), "nan": False} if updates else {},
        one_instance=one_instance,
    )


def _method(target: Any, text: str, operation: Operation, *, word: str, name: str) -> Line:
    """The call of a method, with its name."""
    shown = text.partition("(")[0].strip() if "(" in text else ""
    usual = usual_method(target, word)
    if not (shown or usual):
        raise TargetError(
            f'{name}: it has no {word}; show the call, as in {word}="{word}(x)"'
            if isinstance(target, type)
            else f"{name} is no class: name one of layers"
        )
    method = shown or usual
    function: Any = getattr(target, method, None)
    skips_self = takes_instance(target, method)
    found = shown_call(
        function, text, operation, word=word, name=f"{name}.{method}", skips_self=skips_self
    )
    return replace(found, function=method)
