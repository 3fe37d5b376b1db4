"""What a plan asks of an operation: which geometries there are, and which of them matter."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bpcheck.operations.families import Family, Size
from bpcheck.operations.promises import (
    EdgeClass,
    Extreme,
    Integers,
    Measure,
    Narrowing,
    Params,
    Restriction,
)
from bpcheck.operations.scopes import Scope
from bpcheck.operations.shaped import Shaped


class Planned(Shaped):
    """Which geometries there are, and which of them a run is to meet.

    Attributes
    ----------
    neutral
        For params that a subject may leave out of its signature: a test on all params that tells
        whether leaving this one out makes no difference.
    neutral_numbers
        For those params: numbers of geometries like one, with this one where it makes no
        difference. A plan for a subject that leaves the param out is drawn so.
    restrictions
        What the claims ``square_kernels``, ``equal_strides`` and ``dilation`` mean here, by their
        word, as far as they mean anything.
    value_kinds
        Value kinds that make sense for it, exact ones first.
    masked
        Operands in whose rows numbers may be minus infinity, as masked scores are.
    landmarks
        Descriptors, as numbers by key, of geometries that every run begins with.
    landmarks_are_plain
        Whether those come on exact values (real ones, where it has none) in C order at first, so
        that no repeated number hides what goes wrong in that geometry alone.
    empty_class
        The edge class of empty batches, the only one that such a case is evidence for.
    shape_probes
        Numbers of small geometries, no two lengths alike, in which code shows by the shapes of its
        results how it takes operands and params: a plain one first.
    """

    neutral: Mapping[str, Callable[[Params], bool]] = {}
    neutral_numbers: Mapping[str, Narrowing] = {}
    restrictions: Mapping[str, Restriction] = {}
    value_kinds: tuple[str, ...] = (
        "exact",
        "small",
        "wide",
        "sparse",
        "special",
        "tiny",
        "huge",
        "real",
        "jacobian",
    )
    masked: tuple[str, ...] = ()
    landmarks: tuple[Mapping[str, int], ...] = ()
    landmarks_are_plain: bool = False
    empty_class: str = "batch 0"
    shape_probes: tuple[Mapping[str, int], ...] = ()

    @abstractmethod
    def draw(self, integers: Integers) -> Any:
        """A geometry drawn with `integers`, which never fails; small integers give small shapes."""

    @property
    @abstractmethod
    def edge_classes(self) -> tuple[EdgeClass, ...]:
        """The kinds of geometry that a run must cover."""

    @property
    def conditions(self) -> tuple[EdgeClass, ...]:
        """More kinds of geometry that a defect may need; a run has no need to cover them."""
        return ()

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The numbers that a defect may need to be large, or small."""
        return ()

    @property
    def extremes(self) -> tuple[Extreme, ...]:
        """What is far beyond the usual in one number: each a class that every run meets once."""
        return ()

    @property
    def families(self) -> tuple[Family, ...]:
        """The layers that people ship, those of most models first."""
        return ()

    @property
    def residues(self) -> tuple[str, ...]:
        """Names of the residue classes of its sizes."""
        return ()

    def shipped_classes(self, geometry: Any) -> frozenset[str]:
        """The family that a geometry is of, and the residues of its sizes."""
        return frozenset()

    def sizes(self, family: Family) -> tuple[tuple[Size, ...], ...]:
        """Choices that are independent of one another, one of each making a layer of the family."""
        return ()

    def variants(self, family: Family) -> tuple[frozenset[str], ...]:
        """Sets of classes that a short run is to meet in a family that is common."""
        return (frozenset(),)

    def relatives(self, integers: Integers) -> Iterator[Any]:
        """Layers near the most common families, each of them with one number changed."""
        yield from ()

    def tiled_layers(self, integers: Integers) -> Iterator[Any]:
        """Layers with room for tiles and blocks of channels at once, and others of usual sizes."""
        return iter(())

    def blocked_layers(self) -> Iterator[Any]:
        """Layers of the most common families with one number past the blocks of most kernels."""
        return iter(())

    def shortened(self, geometry: Any, turn: int) -> Any | None:
        """The layer on so short a side that some taps read padding alone; ``None`` if none can.

        Which of its sides are short changes with `turn`.
        """
        return None

    @property
    def shrunken_layers(self) -> tuple[Any, ...]:
        """Small geometries like the layers of the named sets, each once."""
        return ()

    def layers(self, name: str) -> tuple[str, ...]:
        """Descriptors of the layers of a named set of real layers that are of this operation."""
        return ()

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """Sets of small geometries of which every single one can be judged, the smallest first."""
        return ()

    def plainer(self, numbers: Mapping[str, int]) -> Iterator[dict[str, int]]:
        """Numbers of plainer geometries that no change of a single kind of number leads to."""
        yield from ()

    def of_the_same_output(self, numbers: Mapping[str, int]) -> Iterator[dict[str, int]]:
        """Numbers of plainer geometries whose output has the same shape, where that is so."""
        yield from ()

    def turned(self, numbers: Mapping[str, int]) -> Iterator[dict[str, int]]:
        """Numbers of geometries as large, of which one is shown where all of them fail."""
        yield from ()

    def twin(self, geometry: Any, integers: Integers) -> Any | None:
        """Another geometry with operands of the same shapes, if there is one: params differ."""
        return None

    def worded(self, geometry: Any) -> tuple[str, tuple[Any, ...]] | None:
        """A param that is a word here and numbers elsewhere, and small geometries with it."""
        return None
