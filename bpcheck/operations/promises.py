"""The values that an operation's promise is made of: sums, lattice, symmetries, edge classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

Shape = tuple[int, ...]
Params = dict[str, Any]
#: What describes a geometry: numbers by their keys.
Numbers = Mapping[str, int]
#: Numbers of a geometry changed so that something holds: the ways there are, none always allowed.
Narrowing = Callable[[Numbers], Sequence[dict[str, int]]]
#: Relative error that a number of roundings can do.
Growth = Callable[[int], float]
#: Draws an integer between two bounds, both included. Simple values lie near the lower bound.
Integers = Callable[[int, int], int]


class Geometry(Protocol):
    """The shapes and params of one case: a frozen value that its operation owns."""

    def numbers(self) -> dict[str, int]:
        """The numbers that describe it, by key, defaults included."""
        ...


@dataclass(frozen=True, slots=True)
class Product:
    """A result that is a sum of at most `terms` products of one value from each of `factors`."""

    result: str
    terms: int
    factors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lattice:
    """What the integers of a case must fulfil so that every partial sum of it is exact.

    Parameters
    ----------
    products
        The sums of products that the operation and its vjp compute.
    multiples
        For an array that is divided: the number that all its values must be multiples of.
    distinct
        Number of cells in each spatial dimension within which the values of ``x`` must differ, for
        an operation that compares; ``None`` for one that does not.
    """

    products: tuple[Product, ...]
    multiples: Mapping[str, int] = field(default_factory=dict)
    distinct: Shape | None = None


#: The name of the symmetry of a batch.
SAMPLES = "samples"


@dataclass(frozen=True, slots=True)
class Symmetry:
    """A permutation that the operation commutes with.

    Parameters
    ----------
    name
        What is permuted, in the plural: ``"samples"``.
    length
        How many of them there are, two at least.
    axes
        The axis to permute, by the name of the operand, or ``"y"``; a gradient is permuted as its
        operand. Arrays that are left out stay.
    blocks
        How many neighbours on that axis move together, where it is more than one.
    """

    name: str
    length: int
    axes: Mapping[str, int]
    blocks: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EdgeClass:
    """A named kind of geometry in which defects are known to hide.

    `factor` names the question that the class answers, such as ``"stride"``; classes of one factor
    need not exclude each other.
    """

    factor: str
    name: str
    holds: Callable[[Any], bool]

    def __str__(self) -> str:
        return f"{self.factor} {self.name}"


@dataclass(frozen=True, slots=True)
class Measure:
    """A number of a geometry, past some size of which a kernel may take another path.

    `name` is what is counted, in the plural: ``"samples"``.
    """

    name: str
    of: Callable[[Any], int]


@dataclass(frozen=True, slots=True)
class Restriction:
    """A part of the geometries that a subject may claim not to take, by a claim of its own.

    Parameters
    ----------
    outside
        What lies outside, as reports call it: ``"dilation > 1"``.
    holds
        Whether a geometry lies inside.
    narrow
        Numbers of geometries like one that lie inside, if the operation allows them.
    shows
        Whether one outside would show a kernel that knows the inside alone.
    """

    outside: str
    holds: Callable[[Any], bool]
    narrow: Narrowing
    shows: Callable[[Any], bool] = lambda geometry: True


@dataclass(frozen=True, slots=True)
class Extreme:
    """One number far beyond what is usual, all else tiny: an edge class, and how to be in it.

    Parameters
    ----------
    edge
        The class.
    make
        A geometry in it, from integers to draw and from a scale: 1 is far out, more is farther.
    """

    edge: EdgeClass
    make: Callable[[Integers, int], Any]


@runtime_checkable
class HasReductions(Protocol):
    """An operation that can be asked for a cheap geometry with long sums, to measure rounding."""

    def reduction(self, result: str, terms: int) -> Mapping[str, int] | None:
        """Numbers of a geometry in which `result` has sums of `terms` terms or a few more.

        ``None`` where the result is no sum, or one so long would cost too much.
        """
        ...
