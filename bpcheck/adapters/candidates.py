"""What code could be, by its names and signatures: styles with declarations, plain ones first."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

from bpcheck.adapters.fitting import Candidate
from bpcheck.adapters.found import closeness, functions_of, module_of, pairs, partner
from bpcheck.adapters.names import meaning
from bpcheck.adapters.signatures import suggested_arguments
from bpcheck.adapters.variations import parameters, variations
from bpcheck.errors import BpcheckError
from bpcheck.operations import Operation

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
    return found


def _class(target: str, value: type, operation: Operation) -> list[Candidate]:
    if "torch" in {each.__module__.partition(".")[0] for each in value.__mro__}:
        return [Candidate(target, value, "torch", words) for words in variations(operation, value)]
    if hasattr(value, "vjp"):
        return [Candidate(target, value, "numpy", {})]
    if not any(hasattr(value, each) for each in ("backward", "backprop", "bwd")):
        return []
    found = [Candidate(target, value, "saito", {})]
    places = _PLACES if len(operation.operands) > 1 else ({},)
    found += [
        Candidate(target, value, "layer", {**where, **words})
        for where in places
        for words in variations(operation, value)
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
            return [Candidate(target, value, style, each) for each in variations(operation, value)]
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
