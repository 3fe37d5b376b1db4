"""Params that a kernel may leave out: it is asked for the reference's default alone then."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from bpcheck.errors import CaseError
from bpcheck.operations.declared.declaration import Declaration
from bpcheck.operations.promises import Narrowing, Params


def neutral_params(
    declaration: Declaration,
) -> tuple[dict[str, Callable[[Params], bool]], dict[str, Narrowing]]:
    """Tests of params that have their default, and numbers in which they have, by the param."""
    try:
        parameters = inspect.signature(declaration.reference).parameters
    except (TypeError, ValueError):
        return {}, {}
    neutral: dict[str, Callable[[Params], bool]] = {}
    narrowing: dict[str, Narrowing] = {}
    for param in declaration.params:
        default = parameters[param.name].default if param.name in parameters else None
        if not param.levels or param.name not in parameters:
            continue
        if default is inspect.Parameter.empty:
            continue
        try:
            numbers = param.read(_text_of(default))
        except CaseError:
            continue
        neutral[param.name] = _equals(param.name, default)
        narrowing[param.name] = _with(numbers)
    return neutral, narrowing


def _text_of(default: Any) -> str:
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    return str(default).replace(" ", "")


def _equals(name: str, default: Any) -> Callable[[Params], bool]:
    return lambda params: bool(params[name] == default)


def _with(numbers: Mapping[str, int]) -> Narrowing:
    return lambda given: [{**given, **numbers}]
