"""Signatures that tell little: what a decorator was put on, and who must be shown the call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bpcheck.adapters.signatures import suggested_arguments
from bpcheck.errors import TargetError
from bpcheck.operations import operation_named


def suggested(function: Callable[..., Any]) -> str:
    operation = operation_named("avg_pool1d")
    return suggested_arguments(function, operation, name="pool", word="forward", backward=False)


def wrapped(*, fun: object = None) -> Callable[..., Any]:
    """As a decorator of a framework leaves a function: with words of its own, and no others."""

    def pool(*args: Any, called_by_a_dispatcher: bool = False, **kwargs: Any) -> None:
        """Nothing is called here."""

    if fun is not None:
        pool.__dict__["fun"] = fun
    return pool


def test_a_decorated_function_is_called_as_what_it_was_put_on() -> None:
    def raw(x: Any, kernel_size: Any, stride: Any) -> None:
        """The function itself."""

    assert suggested(wrapped(fun=raw)) == suggested(raw) == "x, kernel_size, stride"


def test_where_it_keeps_none_the_call_is_to_be_shown() -> None:
    with pytest.raises(TargetError, match="its signature does not say what it takes"):
        suggested(wrapped())


def test_names_beside_any_number_of_others_are_kept() -> None:
    def pool(x: Any, *others: Any, kernel_size: Any) -> None:
        """Both ways at once."""

    assert suggested(pool) == "x, kernel_size=kernel_size"
