"""Random integers, as operations and strategies ask for them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def integers_from(rng: np.random.Generator) -> Callable[[int, int], int]:
    """Uniform integers between two bounds, both included, as `Operation.draw` wants them."""

    def integers(low: int, high: int) -> int:
        return int(rng.integers(low, high + 1))

    return integers
