"""What code could be, by its names and signatures: styles with declarations, plain ones first."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import permutations
from types import ModuleType
from typing import Any

from bpcheck.adapters.axes import axes_of
from bpcheck.adapters.fitting import Candidate
from bpcheck.adapters.found import (
    closeness,
    functions_of,
    gradient_told_by,
    module_of,
    pairs,
    partner,
)
from bpcheck.adapters.libraries import IMPORTED, framework_of, makers_of_arrays
from bpcheck.adapters.methods import usual_method
from bpcheck.adapters.names import SIZES, SPELLINGS, meaning
from bpcheck.adapters.signatures import suggested_arguments
from bpcheck.adapters.unknown import calls_of_backward, calls_of_forward
from bpcheck.adapters.variations import (
    last_resorts,
    parameters,
    plain_variations,
    single_images,
    variations,
)
from bpcheck.errors import BpcheckError
from bpcheck.operations import Operation

#: Where layers keep weights and gradients, if not in attributes of their own.
_PLACES: tuple[dict[str, str], ...] = (
    {},
    {"weights": "params['W'], params['b']", "grads": "grads['W'], grads['b']"},
    {"weights": "params['w'], params['b']", "grads": "grads['w'], grads['b']"},
    {"weights": "params['W']", "grads": "grads['W']"},
    {"weights": "params['w']", "grads": "grads['w']"},
    {"weights": "W.data, b.data", "grads": "W.grad, b.grad"},
    {"weights": "weight.data, bias.data", "grads": "weight.grad, bias.grad"},
)


def candidates(found: Any, target: str, operation: Operation) -> list[list[Candidate]]:
    """The candidates for each piece of code that a target holds, plain ones first."""
    if isinstance(found, ModuleType):
        separator = "." if ":" in target else ":"
        every = [
            _functions(f"{target}{separator}{name}", found, name, operation)
            for name in _alone_in_their_backward(pairs(found, operation))
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
                _alone(getattr(found, name), f"{target}{separator}{name}", operation)
                for name in functions_of(found)
                if closeness(name, operation)
            ]
        if all(hasattr(found, each) for each in ("forward", "vjp")):
            every.append([Candidate(target, found, "numpy", {})])
    else:
        every = [_alone(found, target, operation)]
    return [each for each in every if each]


def _alone_in_their_backward(found: Mapping[str, tuple[Any, ...]]) -> list[str]:
    """The names of forwards, without the rules of a framework's function that is there itself."""
    ruled = [back for forward, back in found.values() if framework_of(forward)]
    return [
        name
        for name, (forward, back) in found.items()
        if framework_of(forward) or back not in ruled
    ]


def _alone(found: Any, target: str, operation: Operation) -> list[Candidate]:
    if inspect.isclass(found):
        return _class(target, found, operation)
    if not callable(found):
        return []
    if framework_of(found):
        return _of_framework(target, found, operation)
    holder, name = module_of(found), getattr(found, "__name__", "")
    if holder and name and partner(name, functions_of(holder)):
        return _functions(target, holder, name, operation)
    of_framework = _framework(target, found, operation)
    return of_framework or _split(target, found, operation) or _engine(target, found, operation)


def _functions(target: str, holder: Any, name: str, operation: Operation) -> list[Candidate]:
    forward = getattr(holder, name)
    if framework_of(forward):
        # Its backward is registered with it, whatever stands beside it.
        return _of_framework(target, forward, operation)
    backward = partner(name, functions_of(holder))
    assert backward is not None  # noqa: S101 - whoever calls has looked
    asked = [meaning(each, operation, of_backward=True) for each in parameters(backward)]
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
        for words in variations(operation, forward)
    ]
    found += _in_other_orders(found, backward, operation)
    found += [
        Candidate(target, forward, style, {**calls, **words}, is_last_resort=True)
        for words in last_resorts(operation, forward)
    ]
    found += _by_trial(target, forward, backward, operation)
    found += [
        Candidate(target, forward, style, {**calls, "to": to, **words}, is_last_resort=True)
        for to in makers_of_arrays(holder)
        for words in plain_variations(operation)
    ]
    return found


def _in_other_orders(
    options: list[Candidate], backward: Callable[..., Any], operation: Operation
) -> list[Candidate]:
    """The same with a backward that returns its gradients in another order."""
    usual = tuple(f"d{each}" for each in operation.operands)
    orders = [each for each in permutations(usual) if each != usual]
    found = []
    for order in orders:
        for each in options:
            shown = each.words.get("backward", backward.__name__)
            words = {**each.words, "backward": f"{shown} -> {', '.join(order)}"}
            # A preset shows the call itself.
            if each.style in {"pair", "stateless"}:
                found.append(replace(each, words=words))
    return found


def _by_trial(
    target: str,
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    operation: Operation,
) -> list[Candidate]:
    """Calls by the places of parameters whose names mean nothing."""
    means = [meaning(each, operation) for each in parameters(forward)]
    means += [meaning(each, operation, of_backward=True) for each in parameters(backward)]
    if None not in means:
        return []
    found = []
    for words in plain_variations(operation):
        for ahead in calls_of_forward(forward, operation):
            for back, is_pair in calls_of_backward(backward, forward, ahead, operation):
                style = "pair" if is_pair else "stateless"
                given = {"forward": ahead, "backward": back, **words}
                found.append(Candidate(target, forward, style, given, is_last_resort=True))
    return found


def _class(target: str, value: type, operation: Operation) -> list[Candidate]:
    if "torch" in {each.__module__.partition(".")[0] for each in value.__mro__}:
        return _by_variations(target, value, "torch", operation)
    if hasattr(value, "vjp"):
        return [Candidate(target, value, "numpy", {})]
    back = usual_method(value, "backward")
    if not back:
        return []
    found = [Candidate(target, value, "saito", {})]
    places = _PLACES if len(operation.operands) > 1 else ({},)
    made = _made(value, operation)
    found += [
        Candidate(target, value, "layer", {**made, **where, **words})
        for where in places
        for words in variations(operation, value)
    ]
    # Whose backward returns all gradients, as functions do.
    returned = {"backward": f"{back} -> {', '.join(f'd{each}' for each in operation.operands)}"}
    found += [
        Candidate(target, value, "layer", {**made, **returned, **words})
        for words in variations(operation, value)
    ]
    found += [
        Candidate(target, value, "layer", {**made, **words}, is_last_resort=True)
        for words in single_images(operation)
    ]
    return found


def _made(value: type, operation: Operation) -> dict[str, str]:
    """The call of a constructor, if a dictionary of params makes it worth showing."""
    shown = _shown(value, operation, "make")
    return {"make": shown} if shown else {}


def _by_variations(target: str, value: Any, style: str, operation: Operation) -> list[Candidate]:
    found = [Candidate(target, value, style, words) for words in variations(operation, value)]
    rare = single_images(operation)
    return found + [Candidate(target, value, style, each, is_last_resort=True) for each in rare]


def _of_framework(target: str, value: Any, operation: Operation) -> list[Candidate]:
    style = framework_of(value)
    # An operator of torch is called by its schema.
    ways = plain_variations(operation) if style == "torch" else variations(operation, value)
    return [Candidate(target, value, style, words) for words in ways]


def _framework(target: str, value: Any, operation: Operation) -> list[Candidate]:
    module = module_of(value)
    there = {} if module is None else vars(module)
    roots = {
        each.__name__.partition(".")[0] for each in there.values() if isinstance(each, ModuleType)
    }
    for style, names in IMPORTED.items():
        if any(each in there for each in names) or style in roots:
            return _by_variations(target, value, style, operation)
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


def _split(target: str, value: Any, operation: Operation) -> list[Candidate]:
    """A forward with a function for each gradient beside it."""
    holder = module_of(value)
    functions = {} if holder is None else functions_of(holder)
    found: dict[str, str] = {}
    for name, function in functions.items():
        operand = gradient_told_by(name, operation)
        if operand is None or function is value or operand in found:
            continue
        try:
            arguments = suggested_arguments(
                function, operation, name=name, word="backward", backward=True
            )
        except BpcheckError:
            continue
        found[operand] = f"{name}({arguments}) -> d{operand}"
    passed = {meaning(each, operation) for each in parameters(value)}
    if not found or not passed.intersection(operation.operands) <= found.keys():
        return []
    backward = "; ".join(found[each] for each in operation.operands if each in found)
    shown = list(dict.fromkeys(_with_sizes(backward, operation)))
    options = [
        Candidate(target, value, "stateless", {"backward": each, **words}, is_last_resort=place > 1)
        for place, each in enumerate(shown)
        for words in (variations if place < 2 else _plainly)(operation, value)
    ]
    options += [
        Candidate(target, value, "stateless", {"backward": each, **words}, is_last_resort=True)
        for each in shown
        for words in single_images(operation)
    ]
    return list({repr(each.words): each for each in options}.values())


def _plainly(operation: Operation, _: Any) -> list[dict[str, Any]]:
    return plain_variations(operation)


def _with_sizes(shown: str, operation: Operation) -> Iterator[str]:
    """A call as its names say, and with other readings of what they call a size.

    That of the image may be its lengths, and that of the kernel its sides, where params are single
    numbers otherwise, or the whole shape of the weights.
    """
    spatial = axes_of(operation).get("x", "")[2:]
    yield shown
    if not spatial:
        return
    own = [next(name for name, where in SIZES.items() if where == ("x", each)) for each in spatial]
    lengths = _together(own)
    sides = _together([f"k{each.lower()}" for each in spatial])
    images = [shown, re.sub(r"\b(x|in|input)_size\b", lengths, shown)]
    yield images[1]
    kernel = "|".join(SPELLINGS["kernel_size"])
    for read in (sides, "w_shape"):
        for image in images:
            yield re.sub(rf"\b({kernel})\b(?=[,)])", read, image)


def _together(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"({', '.join(names)})"


def _engine(target: str, value: Any, operation: Operation) -> list[Candidate]:
    """A function on tensors of a class that stands beside it, and has a backward."""
    module = module_of(value)
    classes = {
        name: each
        for name, each in ({} if module is None else vars(module)).items()
        if inspect.isclass(each) and hasattr(each, "backward") and not hasattr(each, "forward")
    }
    return [
        Candidate(target, value, "tensor", {**to, **way, **words})
        for name, each in classes.items()
        for to in [{} if name == "Tensor" else {"to": name}]
        for way in _ways_back(each)
        for words in plain_variations(operation)
    ]


def _ways_back(engine: Any) -> list[dict[str, str]]:
    """How the result's backward may be called, and where a tensor's numbers may lie."""
    if parameters(engine.backward)[1:]:
        return [{}, {"backward": "backward(to(dy))"}, {"value": "value"}]
    # It begins from the gradient that lies in the result.
    return [{"backward": "backward()"}, {"backward": "backward()", "value": "value"}]
