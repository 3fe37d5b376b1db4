"""The condition of a defect: the classes that all failing cases share and the others lack."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from bpcheck.explain.atoms import NOT, beyond_a_size, memory_said
from bpcheck.explain.where import worded
from bpcheck.operations import EdgeClass, Operation

#: Classes that a condition has at most.
MOST = 3

#: A longer condition must rule out so much of what a shorter one leaves, and so many cases for each
#: failing one: in a few of those that fail, values hide it.
_GAIN, _HIDDEN = 0.05, 0.04

#: Or nearly all that is left, and so many at least.
_NEARLY_ALL, _AT_LEAST = 0.75, 3

#: What one with a size must rule out of what classes leave.
_OF_SIZE = 0.5

#: Classes of which pairs and triples are looked at, those that rule out most.
_LOOKED_AT = 24


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

    def lacks(self, atoms: frozenset[str] | set[str]) -> tuple[str, ...]:
        """The classes that a case would have to be in as well.

        >>> Condition(("bias yes", "stride > 1")).lacks({"bias yes"})
        ('stride > 1',)
        """
        return tuple(name for name in self.names if name not in atoms)


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
    ordered = sorted(
        (name for name in shared if within[name] != everything),
        key=lambda name: within[name].bit_count(),
    )
    telling = _narrowest(ordered)[:_LOOKED_AT]
    telling.sort(key=_plainness)
    best, left = [Condition()], len(passing)
    plain = [name for name in telling if not beyond_a_size(name)]
    for names_of in (plain, telling) if len(plain) < len(telling) else (plain,):
        for length in range(1, MOST + 1):
            counted = {
                names: _within(names, within, everything)
                for names in combinations(names_of, length)
            }
            least = min(counted.values(), default=left)
            of_size = names_of is not plain
            if not _is_gain(left - least, left, len(failing), of_size=of_size):
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
    >>> said(
    ...     Condition(("not windows several", "output channels several")), operation_named("conv2d")
    ... )
    'several output channels and one window'
    """
    factors = {str(each): each for each in (*operation.edge_classes, *operation.conditions)}
    families = [name for name in condition.names if name.startswith("family ")]
    residues = [name for name in condition.names if " mod " in name]
    others = [name for name in condition.names if name not in (*families, *residues)]
    words = []
    for name in sorted(others, key=lambda each: (each.startswith(NOT), each)):
        plain = factors.get(name.removeprefix(NOT))
        if plain and name.startswith(NOT):
            words.append(_opposite(plain))
        elif counted := beyond_a_size(name):
            size = name.rpartition(" ")[2]
            words.append(f"{'at most' if name.startswith(NOT) else 'more than'} {size} {counted}")
        elif name.startswith(NOT):
            words.append(memory_said(name))
        else:
            words.append(worded(name))
    layer = ", ".join(worded(each) for each in (*families, *residues))
    return " and ".join((*([layer] if layer else []), *words))


def _opposite(plain: EdgeClass) -> str:
    """What a case is that is not in a class: ``stride equal`` rather than ``not unequal``."""
    if plain.name == "unequal":
        return f"{plain.factor} equal"
    if plain.name.startswith("several"):
        return f"one {plain.factor.removesuffix('s')}{plain.name.removeprefix('several')}"
    return f"{plain.factor} not {plain.name}"


def _is_gain(gain: int, left: int, failing: int, *, of_size: bool) -> bool:
    """Whether so many passing cases less are worth another condition.

    One with a size must rule out half of what classes leave: some size that all failing cases are
    beyond is soon found.
    """
    if of_size and gain < _OF_SIZE * left:
        return False
    if gain >= max(_NEARLY_ALL * left, _AT_LEAST):
        return True
    return gain > max(_GAIN * left, _HIDDEN * failing, 0.5)


def _narrowest(names: Sequence[str]) -> list[str]:
    """Of the sizes that all failing cases are beyond or below, the first one on each side."""
    found: dict[object, str] = {}
    for name in names:
        counted = beyond_a_size(name)
        found.setdefault((counted, name.startswith(NOT)) if counted else name, name)
    return list(found.values())


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
    if name.startswith("family ") or beyond_a_size(name):
        return 2, 0, name
    # Of two that no case tells apart, such as "padding > 0" and "divisor counts padding", the
    # shorter name is that of the plainer thing.
    return int(name.startswith(NOT)), len(name), name
