"""More failing cases of a defect that few have shown: neighbours of these, and other seeds.

Three cases must be explained before a mistake is named. What shows in one layer of hundreds, or in
one kind of values, would never have a name otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from bpcheck.cases import Case
from bpcheck.errors import CaseError
from bpcheck.runner.one import judge
from bpcheck.subject import Subject
from bpcheck.verdict.tally import Defect, work

#: Fewer failing cases are too few to tell mistakes apart.
FEW = 6

#: Neighbours that are judged at most, and cases that are looked for in either way of coming out.
TRIED, WANTED = 64, 8

#: Failing cases whose neighbours are tried.
STARTS = 3

#: Multiplications of a neighbour: one case of a defect may be the only one, and large.
LARGEST = 200_000


@dataclass(slots=True)
class Neighbours:
    """Cases like the failing ones: those that fail so too, and those that do not."""

    failing: list[Case] = field(default_factory=list)
    passing: list[Case] = field(default_factory=list)


def neighbours(subject: Subject, defect: Defect, *, may_vary: bool = True) -> Neighbours:
    """Cases like those of a defect that few cases show; none where enough do.

    Parameters
    ----------
    subject
        The subject that fails.
    defect
        What fails.
    may_vary
        Whether they may have other geometries; where each is compiled, values alone differ.
    """
    found = Neighbours()
    starts = [case for case in defect.sample.cases[:STARTS] if work(case) <= LARGEST]
    if not starts or len(defect.sample.cases) >= FEW:
        return found
    known = {*defect.sample.cases}
    turns = _by_turns([list(_like(case, may_vary=may_vary)) for case in starts])
    fresh = (case for case in dict.fromkeys(turns) if case not in known)
    for case in islice((each for each in fresh if work(each) <= LARGEST), TRIED):
        rulings = judge(subject, case).rulings
        if any(defect.shows(ruling) for ruling in rulings):
            found.failing.append(case)
        elif not any(ruling.result == defect.result for ruling in rulings):
            found.passing.append(case)
        if len(found.failing) >= WANTED:
            break
    return replace(found, passing=found.passing[:WANTED])


def _like(case: Case, *, may_vary: bool) -> Iterator[Case]:
    """The case on other seeds, and with one number of its geometry more or less."""
    # Operands and kinds of rows take turns by the seed. With 60, which has every small divisor, the
    # turn stays; the next few seeds have the others.
    yield from (replace(case, seed=case.seed + i, one_hot=None) for i in (1, 60, 2, 120, 3))
    varied = list(_varied(case)) if may_vary else []
    yield from varied
    yield from (replace(each, seed=each.seed + 60) for each in varied)


def _varied(case: Case) -> Iterator[Case]:
    numbers = case.geometry.numbers()
    sizes = [key for key, default in case.operation.keys.items() if default is None]
    for step in (1, 2, -1):
        for key in sizes:
            changed = {**numbers, key: numbers[key] + step}
            if changed[key] < 1:
                continue
            known = {name: changed[name] for name in case.operation.keys}
            try:
                yield replace(case, geometry=case.operation.geometry(known), one_hot=None)
            except CaseError:
                continue


def _by_turns(lists: Sequence[Sequence[Case]]) -> Iterator[Case]:
    """The first of each list, then the second of each, and so on."""
    for number in range(max(map(len, lists), default=0)):
        yield from (each[number] for each in lists if number < len(each))
