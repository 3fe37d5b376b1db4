"""The call that a signature suggests, by the names of its parameters."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from bpcheck.adapters.names import HOLDERS, meaning
from bpcheck.errors import TargetError
from bpcheck.operations import Operation

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
#: What a message ends in where trying may find what names do not say.
OR_ADAPT = ", or let  bpcheck adapt  find out"

_BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def suggested_arguments(
    function: Callable[..., Any],
    operation: Operation,
    *,
    name: str,
    word: str,
    backward: bool,
    skips_self: bool = False,
    looks_inside: bool = False,
) -> str:
    """Arguments for every parameter whose name means something; others must have a default.

    Parameters
    ----------
    function
        The function.
    operation
        What it belongs to.
    name
        How messages call it.
    word
        The option that would declare the call.
    backward
        Whether it is a backward.
    skips_self
        Whether its first parameter is the instance.
    looks_inside
        Whether its source is read for what a dictionary of params holds.

    Raises
    ------
    TargetError
        If a parameter without a default means nothing.

    Examples
    --------
    >>> from bpcheck.operations import operation_named
    >>> def conv(X, W, b, stride=1, *, pad, verbose=False): ...
    >>> conv2d = operation_named("conv2d")
    >>> suggested_arguments(conv, conv2d, name="conv", word="forward", backward=False)
    'X, W, b, stride, pad=pad'
    """
    parts, by_name = [], False
    held = held_params(function, operation) if looks_inside else {}
    parameters = parameters_of(function, name=name, word=word)
    for parameter in parameters[1:] if skips_self else parameters:
        is_known = meaning(parameter.name, operation, of_backward=backward) is not None
        if is_known:
            is_named = by_name or parameter.kind is inspect.Parameter.KEYWORD_ONLY
            parts.append(f"{parameter.name}={parameter.name}" if is_named else parameter.name)
        elif parameter.default is not inspect.Parameter.empty:
            by_name = True
        elif looks_inside and parameter.name in held:
            parts.append(held[parameter.name])
        elif parameter.name.lower() in HOLDERS:
            raise TargetError(
                f"{name}: its {parameter.name} holds several params; say which, as in "
                f'{word}="{_shown(parts, operation, word)}"{OR_ADAPT}'
            )
        else:
            raise TargetError(
                f"{name}: its parameter {parameter.name} means nothing to bpcheck; show the call, "
                f'as in {word}="{_shown(parts, operation, word)}"{OR_ADAPT}'
            )
    return ", ".join(parts)


def parameters_of(function: Callable[..., Any], *, name: str, word: str) -> list[inspect.Parameter]:
    """The parameters that can be passed one by one.

    Raises
    ------
    TargetError
        If the signature does not tell.
    """
    found = _parameters(function)
    # Decorators of frameworks take anything, and keep what they were put on as `fun`.
    takes_any = any(each.kind is inspect.Parameter.VAR_POSITIONAL for each in found)
    if takes_any and not any(each.kind in _BY_POSITION for each in found):
        found = _parameters(getattr(function, "fun", None))
    kept = [each for each in found if each.kind in {*_NAMED, *_BY_POSITION}]
    if not kept:
        raise TargetError(
            f"{name}: its signature does not say what it takes; show the call, as in "
            f'{word}="x, w, b, stride=stride"'
        )
    return kept


def _parameters(function: Any) -> list[inspect.Parameter]:
    """What a signature says; nothing, where there is none."""
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []


def takes_nothing(function: Callable[..., Any]) -> bool:
    """Whether the signature says that nothing can be passed.

    Examples
    --------
    >>> class Pool:
    ...     def forward(self, x, size): ...
    >>> takes_nothing(Pool), takes_nothing(needs_bias)
    (True, False)
    """
    try:
        return not inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


def held_params(function: Callable[..., Any], operation: Operation) -> dict[str, str]:
    """For each parameter that is a dictionary of params: that dictionary, by the keys it is asked.

    A key that means nothing is left out.
    """
    found = {}
    for name, asked in held_keys(function).items():
        known = [each for each in asked if meaning(each, operation)]
        if known:
            inside = ", ".join(f"{each!r}: {meaning(each, operation)}" for each in known)
            found[name] = f"{{{inside}}}"
    return found


def held_keys(function: Callable[..., Any]) -> dict[str, list[str]]:
    """For each name that a function asks for texts, those texts: its source is read, and not run.

    Examples
    --------
    >>> held_keys(held_params)
    {}
    """
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return {}
    keys: dict[str, list[str]] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str(key))):
                keys.setdefault(name, []).append(key)
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=name), attr="get"),
                args=[ast.Constant(value=str(key)), *_],
            ):
                keys.setdefault(name, []).append(key)
    return {name: list(dict.fromkeys(asked)) for name, asked in keys.items()}


def takes_ints(function: Callable[..., Any], operation: Operation) -> bool:
    """Whether the signature says that its spatial params are single numbers.

    Examples
    --------
    >>> from bpcheck.operations import operation_named
    >>> def conv(X, W, b, stride=1, pad=0): ...
    >>> takes_ints(conv, operation_named("conv2d"))
    True
    """
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    spatial = ("stride", "padding", "dilation", "kernel_size")
    own = [each for each in found if meaning(each.name, operation) in spatial]
    said = [type(each.default) is int or each.annotation in {int, "int"} for each in own]
    return bool(said) and any(said) and not any(isinstance(each.default, tuple) for each in own)


def needs_bias(function: Callable[..., Any], operation: Operation) -> bool:
    """Whether the signature says that there is always a bias: ``None`` is not its default.

    Examples
    --------
    >>> from bpcheck.operations import operation_named
    >>> def conv(X, W, b, stride=1): ...
    >>> def other(X, W, bias=None, stride=1): ...
    >>> [needs_bias(each, operation_named("conv2d")) for each in (conv, other)]
    [True, False]
    """
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    own = [each for each in found if meaning(each.name, operation) == "b"]
    return any(each.default is not None and "None" not in str(each.annotation) for each in own)


def says_whether_bias(function: Callable[..., Any], operation: Operation) -> bool:
    """Whether the bias of a signature is a yes or a no, not the numbers.

    Examples
    --------
    >>> from bpcheck.operations import operation_named
    >>> def conv(size, stride=1, bias=True): ...
    >>> def other(W, bias=None, stride=1): ...
    >>> [says_whether_bias(each, operation_named("conv2d")) for each in (conv, other)]
    [True, False]
    """
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    own = [each for each in found if meaning(each.name, operation) == "b"]
    return any(isinstance(each.default, bool) or each.annotation in {bool, "bool"} for each in own)


def _shown(parts: list[str], operation: Operation, word: str) -> str:
    """An example of a call, with a dictionary of params where one is likely."""
    if word == "backward":
        return ", ".join(dict.fromkeys([*parts, "dout"]))
    first = [] if word == "make" else list(operation.operands)
    size = "" if "w" in operation.operands else "'size': k, "
    return ", ".join([*(parts or first), f"{{{size}'stride': s, 'pad': p}}"])
