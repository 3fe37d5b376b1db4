"""The condition of a defect: the classes that all failing cases share and the others lack."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from bpcheck.cases import Case
from bpcheck.cases.layouts import C_ORDER
from bpcheck.explain.where import worded
from bpcheck.operations import EdgeClass, Operation
from bpcheck.planning.classes import (
    ClassesOf,
    beside_classes,
    dress_classes,
    edge_class,
    geometry_classes,
)

#: Classes that a condition has at most.
MOST = 3

#: A longer condition must rule out so much of what a shorter one leaves, and so many cases for each
#: failing one: in a few of those that fail, values hide it.
_GAIN, _HIDDEN = 0.05, 0.04

#: Classes of which pairs and triples are looked at, those that rule out most.
_LOOKED_AT = 24

#: What stands before the name of a class that a case is not in.
_NOT = "not "


@dataclass(frozen=True, slots=True)
class Condition:
    """Some classes, all of which a case must be in; ``not stride 1`` is met outside of one.

    Examples
    --------
    >>> Condition(("not groups 1", "stride > 1")).holds({"stride > 1", "not groups 1", "bias yes"})
    True
    """

    names: tuple[str, ...] = ()

    def holds(self, atoms: frozenset[str] | set[str]) -> bool:
        """Whether a case of these classes meets it."""
        return atoms.issuperset(self.names)


def atoms_of(case: Case, *, dresses: bool = False) -> frozenset[str]:
    """The classes that a case is in, and ``not`` and the name of each edge class that it is not in.

    Of a factor with many levels one is often the plain one: what has groups is not ``groups 1``.
    An empty batch is evidence for no other class than that.
    """
    operation = case.operation
    if 0 in case.shapes["y"]:
        return frozenset((operation.empty_class,))
    found = operation.once(_atoms)(case.geometry)
    return found | dress_atoms(case) if dresses else found


def dress_atoms(case: Case) -> frozenset[str]:
    """The classes of what a case wears, and for each array whether it lies in any other order."""
    relaid = (name for name, layout in case.layouts.items() if layout != C_ORDER)
    return dress_classes(case).union(f"{_NOT}{edge_class(name, C_ORDER)}" for name in relaid)


def _atoms(operation: Operation) -> ClassesOf:
    """Those of a geometry; what follows from an operation is made once."""
    # What has samples is all there is, unless a case is an empty batch.
    edges = [str(each) for each in operation.edge_classes if str(each) != operation.empty_class]
    more = [(str(each), each.holds) for each in operation.conditions]

    def found(geometry: Any) -> frozenset[str]:
        held = geometry_classes(operation, geometry)
        return frozenset(
            (
                *(name if name in held else f"{_NOT}{name}" for name in edges),
                *(name if holds(geometry) else f"{_NOT}{name}" for name, holds in more),
                *beside_classes(operation, geometry),
            )
        )

    return found


def fitting(
    failing: Sequence[frozenset[str]], passing: Sequence[frozenset[str]]
) -> list[Condition]:
    """The shortest conditions that hold in all failing cases and in fewest passing ones.

    Several fit equally well where the cases do not tell them apart, the plainest first.

    Examples
    --------
    >>> failing = [frozenset("ab"), frozenset("abc")]
    >>> [each.names for each in fitting(failing, [frozenset("a"), frozenset("c")])]
    [('b',)]
    >>> fitting(failing, [])
    [Condition(names=())]
    """
    if not failing:
        return []
    shared = sorted(frozenset.intersection(*failing), key=_plainness)
    # Passing cases as bits, so that thousands of pairs and triples are looked at in no time.
    within = {name: _bits(name in atoms for atoms in passing) for name in shared}
    everything = (1 << len(passing)) - 1
    telling = sorted(
        (name for name in shared if within[name] != everything),
        key=lambda name: within[name].bit_count(),
    )[:_LOOKED_AT]
    telling.sort(key=_plainness)
    best, left = [Condition()], len(passing)
    for length in range(1, MOST + 1):
        counted = {
            names: _within(names, within, everything) for names in combinations(telling, length)
        }
        least = min(counted.values(), default=left)
        if left - least <= max(_GAIN * left, _HIDDEN * len(failing), 0.5):
            continue
        best, left = [Condition(names) for names, n in counted.items() if n == least], least
    return best


def said(condition: Condition, operation: Operation) -> str:
    """The condition as a headline reads it.

    Examples
    --------
    >>> from bpcheck.operations import operation_named
    >>> said(Condition(("not groups 1", "stride > 1")), operation_named("conv2d"))
    'stride > 1 and groups not 1'
    >>> said(Condition(("family 3x3", "width 1 mod 2")), operation_named("conv2d"))
    '3x3, odd width'
    """
    factors = {str(each): each for each in (*operation.edge_classes, *operation.conditions)}
    families = [name for name in condition.names if name.startswith("family ")]
    residues = [name for name in condition.names if " mod " in name]
    others = [name for name in condition.names if name not in (*families, *residues)]
    words = []
    for name in sorted(others, key=lambda each: (each.startswith(_NOT), each)):
        plain = factors.get(name.removeprefix(_NOT))
        if plain and name.startswith(_NOT):
            words.append(_opposite(plain))
        elif name.startswith(_NOT):
            words.append(f"{name.split()[1]} not in C order")
        else:
            words.append(worded(name))
    layer = ", ".join(worded(each) for each in (*families, *residues))
    return " and ".join((*([layer] if layer else []), *words))


def _opposite(plain: EdgeClass) -> str:
    """What a case is that is not in a class: ``stride equal`` rather than ``not unequal``."""
    if plain.name == "unequal":
        return f"{plain.factor} equal"
    return f"{plain.factor} not {plain.name}"


def _bits(flags: Iterable[bool]) -> int:
    return sum(1 << place for place, flag in enumerate(flags) if flag)


def _within(names: tuple[str, ...], within: dict[str, int], everything: int) -> int:
    """How many passing cases meet all of these."""
    left = everything
    for name in names:
        left &= within[name]
    return left.bit_count()


def _plainness(name: str) -> tuple[int, int, str]:
    """Edge classes of short names first, what a case is not, families, residues of few numbers."""
    if " mod " in name:
        return 3, int(name.rpartition(" ")[2]), name
    if name.startswith("family "):
        return 2, 0, name
    # Of two that no case tells apart, such as "padding > 0" and "divisor counts padding", the
    # shorter name is that of the plainer thing.
    return int(name.startswith(_NOT)), len(name), name
