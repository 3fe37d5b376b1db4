"""Calling what a person wrote with those things that its signature names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from bpcheck.errors import OperationError


def call_by_name(function: Callable[..., Any], known: Mapping[str, Any], *, what: str) -> Any:
    """What `function` gives when it is called with the things that it names.

    Raises
    ------
    OperationError
        If it names something else than what is `known`.

    Examples
    --------
    >>> call_by_name(lambda stride, n: stride * n, {"n": 2, "c": 5, "stride": 3}, what="where")
    6
    """
    parameters = inspect.signature(function).parameters.values()
    if any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters):
        return function(**known)
    unknown = [
        each.name
        for each in parameters
        if each.name not in known and each.default is inspect.Parameter.empty
    ]
    if unknown:
        raise OperationError(
            f"{what} takes {unknown[0]}, and there are {', '.join(map(str, known))}"
        )
    return function(**{each.name: known[each.name] for each in parameters if each.name in known})
