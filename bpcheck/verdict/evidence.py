"""What the cases of a run are evidence for: classes with results, families with residues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from itertools import product

from bpcheck.checks import CHECKS, Juror, contract
from bpcheck.finding import Status
from bpcheck.planning.classes import beside_classes
from bpcheck.verdict.conditions import condition_of
from bpcheck.verdict.judged import Judged
from bpcheck.verdict.judgement import Verdict

#: Results that came out alike are counted together, since nearly always all of a case do; they are
#: told apart when somebody asks.
Together = frozenset[str]


@dataclass(slots=True)
class Record:
    """How one result came out in the cases of one class: numbers of cases."""

    right: int = 0
    wrong: int = 0
    raises: int = 0


@dataclass(slots=True)
class Compared:
    """The cases in which one result was compared: how many, by class, and by layer."""

    total: int = 0
    classes: Counter[str] = field(default_factory=Counter)
    layers: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, classes: Iterable[str], layers: Iterable[tuple[str, str]]) -> None:
        """Count one case."""
        self.total += 1
        self.classes.update(classes)
        self.layers.update(layers)

    def __add__(self, other: Compared) -> Compared:
        return Compared(
            self.total + other.total, self.classes + other.classes, self.layers + other.layers
        )


@dataclass(slots=True)
class Evidence:
    """Counts by class; a class without any case has no entry.

    Attributes
    ----------
    cases
        Cases that are evidence for each class: by them it is met.
    judged
        Cases of each class, also those in which less was compared.
    ways
        For results together and their way of coming out (``right``, ``wrong``, ``raises``): cases
        of each class. What neither a check nor a juror could speak of is in none of the numbers.
    not_claimed
        Cases of each class that the subject does not claim.
    layers
        Cases of each family together with each residue.
    compared
        For each condition of values and results together: the cases in which they were held to an
        oracle.
    returned
        The cases in which something was returned for these results together, empty batches among
        them.
    given
        The same by the classes that an empty batch tells of, as defects count theirs.
    broken
        Cases of each class in which less was compared, and a defect was told instead.
    """

    cases: Counter[str] = field(default_factory=Counter)
    judged: Counter[str] = field(default_factory=Counter)
    compared: dict[tuple[str, Together], Compared] = field(default_factory=dict)
    returned: dict[Together, Compared] = field(default_factory=dict)
    given: dict[Together, Compared] = field(default_factory=dict)
    broken: Counter[str] = field(default_factory=Counter)
    ways: dict[tuple[Together, str], Counter[str]] = field(default_factory=dict)
    not_claimed: Counter[str] = field(default_factory=Counter)
    layers: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, judged: Judged) -> None:
        """Count one case."""
        if judged.unsupported:
            self.not_claimed.update(judged.classes)
            return
        shown = shown_by(judged)
        self.cases.update(shown)
        classes = telling(judged)
        self.judged.update(classes)
        layers = layers_of(classes)
        self.layers.update(layers)
        is_broken = not judged.is_compared and any(
            ruling.verdict.is_defect for ruling in judged.rulings
        )
        if is_broken:
            self.broken.update(judged.classes)
        whole = layers if classes is judged.classes else layers_of(judged.classes)
        together = returned(judged)
        self.returned.setdefault(together, Compared()).add(judged.classes, whole)
        self.given.setdefault(together, Compared()).add(classes, layers)
        held = compared(judged)
        self.compared.setdefault((condition_of(judged.case), held), Compared()).add(classes, layers)
        # What a defect kept from being compared was seen to be wrong all the same, and what was
        # compared beside it to be right.
        beside = held if is_broken and judged.case.is_exact else frozenset[str]()
        for way, results in _outcomes(judged).items():
            as_shown = results - beside if way == "right" else frozenset[str]()
            for some, met in ((as_shown, shown), (results - as_shown, classes)):
                if some:
                    self.ways.setdefault((some, way), Counter()).update(met)

    def compared_in(self, result: str, conditions: Collection[str]) -> Compared:
        """The cases of these conditions in which a result was held to an oracle."""
        return _sum(
            each
            for (condition, together), each in self.compared.items()
            if result in together and condition in conditions
        )

    def returned_for(self, result: str) -> Compared:
        """The cases in which something was returned for a result, empty batches among them."""
        return _sum(each for together, each in self.returned.items() if result in together)

    def given_for(self, result: str) -> Compared:
        """The same by the classes that an empty batch tells of."""
        return _sum(each for together, each in self.given.items() if result in together)

    @property
    def records(self) -> dict[tuple[str, str], Record]:
        """For each class and result: how it came out."""
        found: dict[tuple[str, str], Record] = {}
        for (together, way), counts in self.ways.items():
            for result, (name, count) in product(together, counts.items()):
                record = found.setdefault((name, result), Record())
                setattr(record, way, getattr(record, way) + count)
        return found


def _sum(found: Iterable[Compared]) -> Compared:
    return sum(found, Compared())


def compared(judged: Judged) -> frozenset[str]:
    """The results that some juror could say something of."""
    return frozenset(
        outcome.result
        for outcome in judged.outcomes
        if outcome.status is not Status.NOT_APPLICABLE
        and CHECKS[outcome.check].juror is not Juror.NOBODY
    )


def returned(judged: Judged) -> frozenset[str]:
    """The results for which something was returned; none where a call raised instead."""
    if any(ruling.verdict is Verdict.RAISES for ruling in judged.rulings):
        return frozenset()
    return frozenset(
        outcome.result
        for outcome in judged.outcomes
        if outcome.check == contract.NAME and outcome.status is not Status.NOT_APPLICABLE
    )


def telling(judged: Judged) -> frozenset[str]:
    """The classes of a case; an empty batch tells nothing of a layer, but of empty batches."""
    if 0 in judged.case.shapes["y"]:
        return judged.classes & {judged.case.operation.empty_class}
    return judged.classes


def shown_by(judged: Judged) -> frozenset[str]:
    """The classes that a case is evidence for.

    A family, a residue or an extreme was met where all results were compared with autograd, and
    all gradients with differences.
    """
    if judged.is_compared:
        return telling(judged)
    return telling(judged) - beside_classes(judged.case.operation, judged.case.geometry)


def layers_of(classes: Iterable[str]) -> list[tuple[str, str]]:
    """The family with each of the residues, if there is a family among the classes.

    >>> layers_of(["family 1x1", "width 1 mod 2", "bias yes"])
    [('family 1x1', 'width 1 mod 2')]
    """
    names = list(classes)
    family = next((name for name in names if name.startswith("family ")), None)
    return [] if family is None else [(family, name) for name in names if " mod " in name]


def _outcomes(judged: Judged) -> dict[str, Together]:
    """The results that were spoken of, by how they came out: ``right``, ``wrong``, ``raises``."""
    spoken = {
        outcome.result: "right"
        for outcome in judged.outcomes
        if outcome.status is not Status.NOT_APPLICABLE
    }
    for ruling in judged.rulings:
        if ruling.verdict.is_defect:
            spoken[ruling.result] = "raises" if ruling.verdict is Verdict.RAISES else "wrong"
    return {
        way: frozenset(result for result, its in spoken.items() if its == way)
        for way in dict.fromkeys(spoken.values())
    }
