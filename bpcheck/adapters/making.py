"""Making an instance for each case: a constructor's draws leave no trace in the process.

Layers that make their own weights draw them from the generators of the whole process. Those weights
are replaced by the case's, and an instance for each forward is bpcheck's doing: that the draws move
the generators on is no fault of the code.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(slots=True)
class Kept:
    """The instance that was made last, and how; `times` counts how often it was given again."""

    how: tuple[Any, ...] = ()
    instance: Any = None
    times: int = 0


#: What is kept while one instance is asked for.
_kept: Kept | None = None


@contextmanager
def one_instance() -> Iterator[Kept]:
    """Within, a class gives the instance that it gave before, where it would be made alike.

    Examples
    --------
    >>> with one_instance() as kept:
    ...     one, other = made(list, [1]), made(list, [1])
    >>> one is other, kept.times
    (True, 1)
    """
    global _kept  # noqa: PLW0603 - what makes instances is called deep in a user's code
    before, _kept = _kept, Kept()
    try:
        yield _kept
    finally:
        _kept = before


def made(maker: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """What a constructor makes; the random states of the process are as they were before.

    Examples
    --------
    >>> import numpy as np
    >>> class Layer:
    ...     def __init__(self, size):
    ...         self.W = np.random.randn(size)
    >>> before = np.random.get_state()[2]
    >>> made(Layer, 3).W.shape, np.random.get_state()[2] == before
    ((3,), True)
    """
    how = (maker, *arguments, *named, *named.values())
    if _kept is None:
        return _made(maker, arguments, named)
    if _kept.how and _are_alike(_kept.how, how):
        _kept.times += 1
    else:
        _kept.how, _kept.instance = how, _made(maker, arguments, named)
    return _kept.instance


def _are_alike(some: Sequence[Any], others: Sequence[Any]) -> bool:
    return len(some) == len(others) and all(map(_is_alike, some, others))


def _is_alike(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return (
            one.dtype == other.dtype
            and one.shape == other.shape
            and one.tobytes() == other.tobytes()
        )
    if isinstance(one, list | tuple):
        return _are_alike(one, other)
    return isinstance(one, bool | int | float | str) and one == other


def _made(maker: Callable[..., Any], arguments: Sequence[Any], named: Mapping[str, Any]) -> Any:
    legacy, plain = np.random.get_state(), random.getstate()  # noqa: NPY002 - it is what they use
    # Who has not loaded torch draws nothing from it.
    torch = sys.modules.get("torch")
    drawn = torch.get_rng_state() if torch is not None else None
    try:
        return maker(*arguments, **named)
    finally:
        np.random.set_state(legacy)  # noqa: NPY002 - as above
        random.setstate(plain)
        if torch is not None:
            torch.set_rng_state(drawn)
