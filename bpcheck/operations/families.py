"""What people ship, as an operation tells it: families of layers, and the sizes they come in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Family:
    """Layers that kernels have a path of their own for: the same window, and any sizes.

    Parameters
    ----------
    name
        In words, such as ``"depthwise 3x3, stride 2, padding 1"``.
    models
        How many published models have it.
    numbers
        What all its layers have in common, by the keys of the descriptor.
    taps
        Multiplications for each output of one input channel.
    holds
        Whether a geometry is of the family.
    """

    name: str
    models: int
    numbers: Mapping[str, int]
    taps: int
    holds: Callable[[Any], bool]

    def __str__(self) -> str:
        return f"family {self.name}"


@dataclass(frozen=True, slots=True)
class Size:
    """One way to choose a part of a layer's sizes, such as its width, or its channels.

    Parameters
    ----------
    numbers
        What it sets, by the keys of the descriptor.
    cost
        By what it multiplies the number of multiplications.
    classes
        Names of the classes that a layer of this size belongs to whatever its other sizes are:
        residues above all.
    """

    numbers: Mapping[str, int]
    cost: int
    classes: frozenset[str]
