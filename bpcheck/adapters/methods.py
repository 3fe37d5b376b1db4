"""The methods of a class of layers: which are its forward and its backward."""

from __future__ import annotations

import inspect
from types import MappingProxyType
from typing import Any

#: The usual names of the methods, by the word that declares their calls.
METHODS = MappingProxyType(
    {
        "forward": ("forward", "__call__", "forward_pass", "fwd"),
        "backward": ("backward", "backprop", "backward_pass", "bwd"),
    }
)


def usual_method(target: Any, word: str) -> str:
    """The first of the usual names that a class, or an object, has a method of; ``""`` for none.

    Examples
    --------
    >>> class Pool:
    ...     def forward_pass(self, x): ...
    >>> usual_method(Pool, "forward"), usual_method(Pool, "backward")
    ('forward_pass', '')
    """
    return next((each for each in METHODS[word] if _has(target, each)), "")


def takes_instance(target: Any, name: str) -> bool:
    """Whether the first parameter of a class's method is the instance.

    Examples
    --------
    >>> class Pool:
    ...     def forward(self, x): ...
    ...
    ...     @staticmethod
    ...     def backward(dout, cache): ...
    >>> takes_instance(Pool, "forward"), takes_instance(Pool, "backward")
    (True, False)
    """
    return not isinstance(inspect.getattr_static(target, name, None), staticmethod | classmethod)


def _has(target: Any, name: str) -> bool:
    # That a class can be called is not its own method.
    is_own = not isinstance(target, type) or any(
        name in vars(each) for each in target.__mro__ if each is not object
    )
    return is_own and callable(getattr(target, name, None))
