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
    """The instance that was made last, and how; `times` counts how often it was given again.

    For other numbers, arrays of one shape and dtype are alike: who is given the instance again puts
    their numbers in.
    """

    how: tuple[Any, ...] = ()
    instance: Any = None
    times: int = 0
    is_again: bool = False
    is_for_other_numbers: bool = False


#: What is kept while one instance is asked for.
_kept: Kept | None = None


@contextmanager
def one_instance(*, is_for_other_numbers: bool = False) -> Iterator[Kept]:
    """Within, a class gives the instance that it gave before, where it would be made alike.

    Parameters
    ----------
    is_for_other_numbers
        Whether it is made alike of arrays that hold other numbers: see `is_given_again`.

    Examples
    --------
    >>> with one_instance() as kept:
    ...     one, other = made(list, [1]), made(list, [1])
    >>> one is other, kept.times
    (True, 1)
    """
    global _kept  # noqa: PLW0603 - what makes instances is called deep in a user's code
    before, _kept = _kept, Kept(is_for_other_numbers=is_for_other_numbers)
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
    _kept.is_again = bool(_kept.how) and _are_alike(_kept.how, how, _kept.is_for_other_numbers)
    if _kept.is_again:
        _kept.times += 1
    else:
        _kept.how, _kept.instance = how, _made(maker, arguments, named)
    return _kept.instance


def is_given_again() -> bool | None:
    """Whether the instance was there already, for other numbers; ``None`` where none is kept so."""
    if _kept is None or not _kept.is_for_other_numbers:
        return None
    return _kept.is_again


def _are_alike(some: Sequence[Any], others: Sequence[Any], by_shape: bool) -> bool:  # noqa: FBT001
    pairs = zip(some, others, strict=False)
    return len(some) == len(others) and all(_is_alike(*pair, by_shape) for pair in pairs)


def _is_alike(one: Any, other: Any, by_shape: bool) -> bool:  # noqa: FBT001
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return (
            one.dtype == other.dtype
            and one.shape == other.shape
            and (by_shape or one.tobytes() == other.tobytes())
        )
    if isinstance(one, list | tuple):
        return _are_alike(one, other, by_shape)
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
