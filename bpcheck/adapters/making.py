"""Making an instance for each case: a constructor's draws leave no trace in the process.

Layers that make their own weights draw them from the generators of the whole process. Those weights
are replaced by the case's, and an instance for each forward is bpcheck's doing: that the draws move
the generators on is no fault of the code.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any

import numpy as np


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
