"""Finding the declaration that fits code, by names, signatures and shapes: never by numbers.

A wrong kernel gets the declaration of the right one: what is compared with what is right is the
shape of each result, on small cases in which no two lengths are alike.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from types import ModuleType
from typing import Any

import numpy as np

from bpcheck.adapters.axes import axes_of
from bpcheck.adapters.found import closeness, functions_of, module_of, pairs, partner
from bpcheck.adapters.names import meaning
from bpcheck.adapters.signatures import suggested_arguments
from bpcheck.adapters.styles import STYLES
from bpcheck.calls import call
from bpcheck.errors import BpcheckError
from bpcheck.operations import Operation
from bpcheck.operations.torch_vjp import torch_vjp
from bpcheck.subject import Subject

#: Frameworks by the names under which modules import them.
_IMPORTED = {
    "jax": ("jax", "jnp"),
    "tensorflow": ("tensorflow", "tf"),
    "paddle": ("paddle",),
    "mlx": ("mlx", "mx"),
    "tinygrad": ("tinygrad",),
    "mindspore": ("mindspore",),
    "chainer": ("chainer",),
    "autograd": ("autograd", "anp"),
    "torch": ("torch",),
}


#: Where layers keep weights and gradients, if not in attributes of their own.
_PLACES: tuple[dict[str, str], ...] = (
    {},
    {"weights": "params['W'], params['b']", "grads": "grads['W'], grads['b']"},
    {"weights": "params['w'], params['b']", "grads": "grads['w'], grads['b']"},
    {"weights": "W.data, b.data", "grads": "W.grad, b.grad"},
    {"weights": "weight.data, bias.data", "grads": "weight.grad, bias.grad"},
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A style and a declaration for a target."""

    target: str
    found: Any
    style: str
    words: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a candidate fits.

    Parameters
    ----------
    candidate
        What was tried.
    ahead, back
        In how many of the small cases that it takes ``y``, and all gradients, have the right shape.
    refused
        In how many the declaration leaves the case out.
    tried
        How many there were.
    said
        What went wrong first.
    subject
        What it makes.
    """

    candidate: Candidate
    ahead: int
    back: int
    refused: int
    tried: int
    said: str
    subject: Subject | None

    @property
    def is_whole(self) -> bool:
        """Whether all that it takes has the right shapes."""
        return self.ahead > 0 and self.ahead == self.back == self.tried - self.refused


def candidates(found: Any, target: str, operation: Operation) -> list[list[Candidate]]:
    """The candidates for each piece of code that a target holds, plain ones first."""
    if isinstance(found, ModuleType):
        separator = "." if ":" in target else ":"
        every = [
            _functions(f"{target}{separator}{name}", found, name, operation)
            for name in pairs(found, operation)
        ]
        every += [
            _class(f"{target}{separator}{name}", value, operation)
            for name, value in vars(found).items()
            if inspect.isclass(value)
            and not name.startswith("_")
            and (closeness(name, operation) or name == "ModelNew")
        ]
        if not any(every):
            every = [
                _framework(f"{target}{separator}{name}", getattr(found, name), operation)
                for name in functions_of(found)
                if closeness(name, operation)
            ]
        if all(hasattr(found, each) for each in ("forward", "vjp")):
            every.append([Candidate(target, found, "numpy", {})])
    else:
        every = _alone(found, target, operation)
    return [each for each in every if each]


def _alone(found: Any, target: str, operation: Operation) -> list[list[Candidate]]:
    if inspect.isclass(found):
        return [_class(target, found, operation)]
    if not callable(found):
        return []
    holder, name = module_of(found), getattr(found, "__name__", "")
    if holder and partner(name, functions_of(holder)):
        return [_functions(target, holder, name, operation)]
    return [_framework(target, found, operation)]


def _functions(target: str, holder: Any, name: str, operation: Operation) -> list[Candidate]:
    forward = getattr(holder, name)
    backward = partner(name, functions_of(holder))
    assert backward is not None  # noqa: S101 - whoever calls has looked
    asked = [meaning(each, operation, of_backward=True) for each in _parameters(backward)]
    style = "pair" if "cache" in asked else "stateless"
    presets = ("cs231n", "coursera") if style == "pair" else ()
    found = [Candidate(target, forward, each, {}) for each in presets]
    calls = {}
    for word, function in (("forward", forward), ("backward", backward)):
        shown = _shown(function, operation, word)
        if shown:
            calls[word] = shown
    found += [
        Candidate(target, forward, style, {**calls, **words})
        for words in _variations(operation, forward)
    ]
    return found


def _class(target: str, value: type, operation: Operation) -> list[Candidate]:
    if "torch" in {each.__module__.partition(".")[0] for each in value.__mro__}:
        return [Candidate(target, value, "torch", words) for words in _variations(operation, value)]
    if hasattr(value, "vjp"):
        return [Candidate(target, value, "numpy", {})]
    if not any(hasattr(value, each) for each in ("backward", "backprop", "bwd")):
        return []
    found = [Candidate(target, value, "saito", {})]
    places = _PLACES if len(operation.operands) > 1 else ({},)
    found += [
        Candidate(target, value, "layer", {**where, **words})
        for where in places
        for words in _variations(operation, value)
    ]
    return found


def _framework(target: str, value: Any, operation: Operation) -> list[Candidate]:
    module = module_of(value)
    there = {} if module is None else vars(module)
    roots = {
        each.__name__.partition(".")[0] for each in there.values() if isinstance(each, ModuleType)
    }
    for style, names in _IMPORTED.items():
        if any(each in there for each in names) or style in roots:
            return [Candidate(target, value, style, each) for each in _variations(operation, value)]
    return []


def _variations(operation: Operation, function: Any) -> Iterator[dict[str, Any]]:
    """Declarations, those that differ least from torch's way first."""
    axes = axes_of(operation)
    last = {name: each[2:] + "".join(reversed(each[:2])) for name, each in axes.items()}
    images: list[dict[str, Any]] = [{}]
    weights: list[dict[str, Any]] = [{}]
    biases: list[dict[str, Any]] = [{}]
    if axes:
        images.append({"layout": f"N{axes['x'][2:]}C"})
    if "w" in axes:
        weights += [{"weight_layout": last["w"]}, {"weight_layout": f"{axes['w'][2:]}OI"}]
        weights.append({"weight_layout": f"O{axes['w'][2:]}I"})
        ones = "1 " * (len(axes["y"]) - 1)
        biases += [{"bias_shape": f"{ones}O"}, {"bias_shape": "O 1"}, {"bias_shape": "1 O"}]
    ints: list[dict[str, Any]] = [{}, {"ints": True}]
    counts: list[dict[str, Any]] = [{}]
    passed = {meaning(each, operation) for each in _parameters(function)}
    if passed & {"padding", "p"} or not passed & {"x"}:
        counts.append({"padding": "total"})
    if passed & {"dilation", "dil"}:
        counts.append({"dilation_from": 0})
    choices = (images, weights, biases, ints, counts)
    ranked = sorted(
        product(*(range(len(each)) for each in choices)), key=lambda places: (sum(places), places)
    )
    for places in ranked:
        parts = [choice[place] for choice, place in zip(choices, places, strict=True)]
        yield {word: value for part in parts for word, value in part.items()}


def _parameters(function: Any) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return []


def _shown(function: Callable[..., Any], operation: Operation, word: str) -> str:
    """The call of a function, if a dictionary of params makes it worth showing."""
    name = function.__name__
    try:
        suggested_arguments(function, operation, name=name, word=word, backward=word == "backward")
    except BpcheckError:
        pass
    else:
        return ""
    try:
        arguments = suggested_arguments(
            function,
            operation,
            name=name,
            word=word,
            backward=word == "backward",
            looks_inside=True,
        )
    except BpcheckError:
        return ""
    return f"{name}({arguments})"


def best(options: Sequence[Candidate], operation: Operation) -> Fit:
    """The candidate that fits best; of those that fit alike, the plainest."""
    found: Fit | None = None
    for each in options:
        fit = fit_of(each, operation)
        if found is None or _order(fit) > _order(found):
            found = fit
        if fit.is_whole:
            # Those that follow differ more, and take no more cases.
            break
    assert found is not None  # noqa: S101 - there is at least one
    return found


def _order(fit: Fit) -> tuple[int, int]:
    return (fit.ahead, fit.back)


def fit_of(candidate: Candidate, operation: Operation) -> Fit:
    """How well a candidate fits, on the operation's small cases."""
    probes = operation.shape_probes
    try:
        subject = STYLES[candidate.style](
            candidate.found,
            operation=operation,
            name=candidate.target,
            dtypes=("float64",),
            words=candidate.words,
        )
    except BpcheckError as error:
        return Fit(candidate, 0, 0, 0, len(probes), str(error), None)
    ahead = back = refused = 0
    said = ""
    for numbers in probes:
        went = _try(subject, operation, numbers)
        ahead, back, refused = ahead + went.ahead, back + went.back, refused + went.refused
        said = said or went.said
        if numbers is probes[0] and not (went.ahead or went.refused):
            # What does not take the plain case fits nothing.
            break
    return Fit(candidate, ahead, back, refused, len(probes), said, subject)


@dataclass(frozen=True, slots=True)
class _Went:
    """How one small case went."""

    ahead: bool = False
    back: bool = False
    refused: bool = False
    said: str = ""


def _try(subject: Subject, operation: Operation, numbers: Mapping[str, int]) -> _Went:
    geometry = operation.geometry(numbers)
    shapes, params = operation.operand_shapes(geometry), operation.params(geometry)
    lacking = subject.lacking(operation.operands, tuple(params))
    needed = (each for each in params if not _is_neutral(operation, each, params))
    if any(each in lacking for each in (*shapes, *needed)):
        return _Went(refused=True)
    operands, y_bar = numbers_for(operation, geometry)
    given = [operands.get(name) for name in operation.operands]
    ahead = call(subject.forward, *given, **subject.accepted(params))
    if ahead.unsupported:
        return _Went(refused=True)
    if ahead.raised:
        return _Went(said=f"forward raised {ahead.raised}")
    y, residuals = ahead.value
    if getattr(y, "shape", None) != y_bar.shape:
        return _Went(said=f"y has shape {getattr(y, 'shape', None)} where {y_bar.shape} is right")
    back = call(subject.vjp, residuals, y_bar)
    if not back.returned:
        return _Went(ahead=True, said=f"backward raised {back.raised or back.unsupported}")
    for name, gradient in zip(operation.operands, back.value, strict=True):
        if name in shapes and getattr(gradient, "shape", None) != shapes[name]:
            shape = getattr(gradient, "shape", None)
            said = f"the gradient of {name} has shape {shape} where {shapes[name]} is right"
            return _Went(ahead=True, said=said)
    return _Went(ahead=True, back=True)


def _is_neutral(operation: Operation, param: str, params: dict[str, Any]) -> bool:
    """Whether leaving out a param makes no difference here."""
    tells = operation.neutral.get(param)
    return tells is not None and tells(params)


def numbers_for(operation: Operation, geometry: Any) -> tuple[dict[str, Any], Any]:
    """Operands and a cotangent of small integers."""
    rng = np.random.default_rng(0)
    shapes = operation.operand_shapes(geometry)
    operands = {
        name: rng.integers(1, 9, shape).astype(np.float64) for name, shape in shapes.items()
    }
    return operands, rng.integers(1, 9, operation.output_shape(geometry)).astype(np.float64)


def hints(fit: Fit, operation: Operation) -> list[str]:
    """What numbers suggest and nobody but the author can declare."""
    if fit.subject is None or not fit.back:
        return []
    geometry = operation.geometry(operation.shape_probes[0])
    operands, y_bar = numbers_for(operation, geometry)
    params = operation.params(geometry)
    right = torch_vjp(operation.torch_forward, operands, y_bar, params)
    given = [operands.get(name) for name in operation.operands]
    went = call(fit.subject.forward, *given, **fit.subject.accepted(params))
    if not went.returned:
        return []
    samples = len(y_bar)
    first, second = (call(fit.subject.vjp, went.value[1], y_bar) for _ in range(2))
    if not (first.returned and second.returned):
        return []
    found = []
    for name, value, again in zip(operation.operands, first.value, second.value, strict=True):
        expected = right[f"{name}_bar"]
        if not isinstance(value, np.ndarray) or value.shape != expected.shape:
            continue
        if np.array_equal(value * samples, expected) and expected.any():
            found.append(
                f"{name}_bar is torch's divided by N: declare scaled='1/n' if that is meant"
            )
        if np.array_equal(np.asarray(again), 2 * expected) and expected.any():
            found.append(
                f"{name}_bar of a second backward is twice the first: declare accumulating=true if "
                "that is meant"
            )
    return found
