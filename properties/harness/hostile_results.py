"""Average pools that return or raise what no kernel should, each as people do it by mistake."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, NoReturn

import numpy as np

from bpcheck.verdict import Verdict
from reference import avg_pool


class Shapeless(np.ndarray):
    def __array_finalize__(self, obj: Any) -> None:
        pass

    @property  # type: ignore[misc]
    def shape(self) -> NoReturn:  # type: ignore[override]
        raise RuntimeError("no shape")


def shapeless(x: Any, **params: Any) -> Any:
    y, residuals = avg_pool.forward(x, **params)
    return y.view(Shapeless), residuals


def masked(x: Any, **params: Any) -> Any:
    y, residuals = avg_pool.forward(x, **params)
    return np.ma.masked_invalid(y), residuals


def huge(x: Any, **params: Any) -> Any:
    return np.broadcast_to(np.zeros(1), (10**9, 10**3)), None


class Silent:
    def __repr__(self) -> NoReturn:
        raise RuntimeError("no text")

    __str__ = __repr__


class SilentError(Exception):
    def __str__(self) -> NoReturn:
        raise RuntimeError("no text")

    __repr__ = __str__


def generator(x: Any, **params: Any) -> Iterator[Any]:
    yield from avg_pool.forward(x, **params)


def textless(x: Any, **params: Any) -> Any:
    return Silent(), None


def textless_elements(x: Any, **params: Any) -> Any:
    return np.array([Silent()], dtype=object), None


def textless_error(x: Any, **params: Any) -> Any:
    raise SilentError


def coloured(x: Any, **params: Any) -> Any:
    raise ValueError("\x1b[31mred\x07\r::error::[bold]text[/bold]")


#: What is said of each.
RETURNING: dict[str, tuple[Any, Verdict]] = {
    each.__name__: (SimpleNamespace(forward=each, vjp=avg_pool.vjp), verdict)
    for each, verdict in {
        shapeless: Verdict.RAISES,
        masked: Verdict.CONTRACT_BROKEN,
        huge: Verdict.CONTRACT_BROKEN,
        coloured: Verdict.RAISES,
        generator: Verdict.CONTRACT_BROKEN,
        textless: Verdict.CONTRACT_BROKEN,
        textless_elements: Verdict.CONTRACT_BROKEN,
        textless_error: Verdict.RAISES,
    }.items()
}
