"""The condition of a defect, found among the cases of a run and tested on fresh ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import islice

from bpcheck.cases import Case
from bpcheck.cases.layouts import C_ORDER, OUTPUT
from bpcheck.explain.atoms import NOT, atoms_of, dress_atoms
from bpcheck.explain.condition import Condition, said
from bpcheck.explain.part import Part
from bpcheck.planning.limits import Limits
from bpcheck.runner.condition_search import ROUNDS, Search
from bpcheck.runner.fresh import Dressing, fresh_cases
from bpcheck.runner.showing import Asked, is_by_turns, shows_in
from bpcheck.runner.worn import worn_by_chance
from bpcheck.subject import Subject
from bpcheck.verdict.conditions import PLAIN, condition_of, may_show, plain_kind
from bpcheck.verdict.judgement import ON_VALUES, Verdict
from bpcheck.verdict.tally import Defect, Tally
from bpcheck.verdict.tried import Tried

#: Cases of a run that are compared, of each kind.
COMPARED = 400

#: Fresh cases among which the search may choose; all that are drawn after them are for the test.
SEARCHED = 280

#: Final tests, each on other cases, until one does not contradict the condition.
ATTEMPTS = 2

#: Fresh cases of the final test on either side, which has no part in finding the condition.
FINAL = 100

#: And where each costs a whole set of checks.
FINAL_OF_CHECKS = 24

#: Rounds of the search where each case is run many times.
FEW_ROUNDS = 4

#: Fewer cases on a side, or a smaller share that is wrong, are no condition.
_FEW, _SHARE = 8, 0.25

#: Of the fresh cases that are right, so many must be so for the condition that they lack.
_TELLING = 0.25

#: The chance with which no failing case may have a dtype by accident.
_CHANCE = 0.01

#: Cases whose values are those of the condition, where others are left out.
_ALIKE = 8

#: Where one result has such a defect, what else is wrong with it depends on what ran before.
UNSTEADY = (Verdict.KEEPS_STATE, Verdict.NOT_DETERMINISTIC)


def asked_of(
    defect: Defect,
    tally: Tally,
    part: Part | None,
    *,
    checks: Collection[str],
    seed: int,
    limits: Limits,
    dtypes: Sequence[str],
) -> Asked:
    """The question after the condition of a defect."""
    shown = may_show(defect.condition)
    passing = [
        case
        for case in tally.passing.get(defect.result, ())
        if condition_of(case) in shown and not _tells_nothing(case)
    ]
    passing = _alike(passing, defect.condition)
    dtype = "float64" if "float64" in dtypes or not dtypes else dtypes[0]
    others = [
        each
        for each in tally.defects.values()
        if each.result == defect.result and each is not defect
    ]
    return Asked(
        defect,
        tuple(passing[:COMPARED]),
        part,
        frozenset(checks),
        seed,
        limits,
        dtype,
        is_plain_too=defect.condition != PLAIN and any(map(_is_plain, others)),
        is_unsteady=defect.verdict not in UNSTEADY
        and any(each.verdict in UNSTEADY for each in others),
    )


def _is_plain(defect: Defect) -> bool:
    return defect.verdict in ON_VALUES and defect.condition == PLAIN


def _alike(cases: Sequence[Case], condition: str) -> list[Case]:
    """Those whose values are what the condition says, and for plain ones the plainest; or all.

    Other values may hide a defect, as zeros do, and are asked other questions, in which it may
    show where the case itself would be right.
    """
    alike = [
        case
        for case in cases
        if condition_of(case) == condition
        and (condition != PLAIN or case.values == plain_kind(case))
    ]
    return alike if len(alike) >= _ALIKE else list(cases)


def condition_of_defect(subject: Subject, asked: Asked) -> Tried | None:
    """The condition with its evidence; ``None`` if nothing can be said.

    What fails and what passes is compared, the shortest conditions that tell them apart are told
    apart in turn by fresh cases, and the one that is left is looked at on either side, and mended
    where an exception is found. The counts are of other fresh cases, drawn in advance.
    """
    defect = asked.defect
    failing = _failing(defect)
    if not failing:
        return None
    of_empty = all(map(_is_empty, failing))
    is_dressed = defect.condition != PLAIN or _shares_dress(failing, asked.passing)
    shows = shows_in(subject, asked)
    worn = worn_by_chance(failing, shows) if is_dressed else frozenset()

    def atoms(case: Case) -> frozenset[str]:
        return atoms_of(case, dresses=is_dressed) - worn

    # Of those that further runs are left to by turns, nobody knows which of a run were asked; and
    # each fresh case costs many times another.
    by_turns = is_by_turns(defect)
    passing = () if by_turns else asked.passing
    rounds, attempts = (FEW_ROUNDS, 1) if by_turns else (ROUNDS, ATTEMPTS)
    search = Search(shows, list(map(atoms, failing)), list(map(atoms, passing)), rounds)
    known = tuple(failing + (list(asked.passing) if defect.condition == PLAIN else []))
    dressing = Dressing(defect.condition, known if is_dressed else (), asked.dtype)
    every = [*failing, *asked.passing]
    for attempt in range(attempts):
        drawn = fresh_cases(
            subject,
            every,
            dressing,
            seed=(asked.seed, attempt),
            limits=asked.limits,
            failing=failing,
        )
        telling = (case for case in drawn if not _tells_nothing(case, of_empty=of_empty))
        fresh = ((case, atoms(case)) for case in telling)
        search.take(list(islice(fresh, SEARCHED)))
        condition = search.found()
        if condition is None:
            continue
        most = FINAL if defect.verdict in ON_VALUES else FINAL_OF_CHECKS
        tested = _final(search, condition, asked, most, fresh)
        if tested is not None:
            return tested
    return None


def _failing(defect: Defect) -> list[Case]:
    """The failing cases that tell something; empty batches where it shows in nothing else."""
    of_empty = all(map(_is_empty, defect.cases))
    failing = [case for case in defect.cases if not _tells_nothing(case, of_empty=of_empty)]
    failing = _alike(failing, defect.condition)[:COMPARED]
    if failing and len(failing) < _FEW and defect.smallest is not None:
        # Large ones have no neighbours that are small.
        small = [defect.smallest]
        failing += [case for case in small if not _tells_nothing(case, of_empty=of_empty)]
    return failing


def _tells_nothing(case: Case, *, of_empty: bool = False) -> bool:
    """Whether it is evidence for no class: without samples, or in an order that nobody knows.

    A cotangent that is the subject's own output lies as the subject made it. What shows without
    samples alone is a question `of_empty` batches.
    """
    return OUTPUT in case.layouts.values() or (not of_empty and _is_empty(case))


def _is_empty(case: Case) -> bool:
    return 0 in case.shapes["y"]


def _shares_dress(failing: Sequence[Case], passing: Sequence[Case]) -> bool:
    """Whether all failing cases wear something that others do not."""
    shared = frozenset.intersection(*map(dress_atoms, failing))
    shared = frozenset(name for name in shared if not name.startswith("values "))
    others = list(map(dress_atoms, passing))
    return any(_lack(name, others, len(failing)) for name in shared)


def _lack(name: str, others: Sequence[frozenset[str]], failing: int) -> bool:
    """Whether passing cases lack it, and those that fail do not have it by chance.

    Most cases are not of one dtype, and have arrays that can be written; few have any one layout.
    """
    lacking = sum(name not in dress for dress in others)
    if not name.startswith(NOT) or name.endswith(C_ORDER):
        return lacking > 0
    share = lacking / (len(others) + failing)
    return bool((1 - share) ** failing <= _CHANCE)


def _final(
    search: Search,
    condition: Condition,
    asked: Asked,
    most: int,
    fresh: Iterator[tuple[Case, frozenset[str]]],
) -> Tried | None:
    """The counts of fresh cases that had no part in finding the condition.

    What contradicts it is learned, for another attempt.
    """
    counts = {True: [0, 0], False: [0, 0]}
    drawn = Counter[bool]()
    for case, atoms in fresh:
        holds = condition.holds(atoms)
        drawn[holds] += 1
        count = counts[holds]
        if count[1] < most and (answer := search.learn(case, atoms)) is not None:
            count[0] += answer
            count[1] += 1
        if all(done >= most for _, done in counts.values()) or counts[False][0]:
            # Enough, or it is contradicted.
            break
    (wrong, met), (others, unmet) = counts[True], counts[False]
    if met < _FEW or wrong < _SHARE * met or (condition.names and (others or unmet < _FEW)):
        return None
    right_all_the_same = drawn[True] * (1 - wrong / met)
    if condition.names and drawn[False] < _TELLING * (drawn[False] + right_all_the_same):
        # What hardly any case lacks is no condition of what half of the others do not show.
        return None
    where = said(condition, asked.defect.smallest.operation) if asked.defect.smallest else ""
    tried = Tried(where, wrong, met, others, unmet, asked.defect.condition, condition.names)
    return tried if tried.is_exact or not asked.is_unsteady else None
