"""How a case is asked whether a defect shows in it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bpcheck.cases import Case
from bpcheck.cases.numbers import SEEDS_APART
from bpcheck.checks import CHECKS, OF_FIRST_RUN, Juror, Trial
from bpcheck.checks.claims import refused
from bpcheck.explain.part import Part
from bpcheck.finding import Status
from bpcheck.planning.limits import Limits
from bpcheck.runner.one import judge
from bpcheck.runner.worn import Shows
from bpcheck.subject import Subject
from bpcheck.verdict.conditions import plainer
from bpcheck.verdict.judgement import ON_VALUES
from bpcheck.verdict.tally import Defect

#: Seeds of plain values on which a result is tried that other values show to be wrong.
_PLAIN_SEEDS = range(2)

#: Seeds on which a case is tried until a check that goes by turns falls to it.
_TURNS_TRIED = 4

#: The checks that hold values to autograd.
_AUTOGRAD = tuple(name for name, check in CHECKS.items() if check.juror is Juror.AUTOGRAD)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known of a defect, as a value that travels to where the subject runs.

    `passing` are cases of the run, `checks` those that the defect rests on. The result may be
    wrong for plain values as well (`is_plain_too`), or by chance and by history (`is_unsteady`).
    """

    defect: Defect
    passing: tuple[Case, ...]
    part: Part | None
    checks: frozenset[str]
    seed: int
    limits: Limits
    dtype: str
    is_plain_too: bool = False
    is_unsteady: bool = False


def shows_in(subject: Subject, asked: Asked) -> Shows:
    """How a fresh case is asked: against autograd alone, where values are what is wrong."""
    if asked.defect.verdict in ON_VALUES:
        return lambda case: _by_values(subject, asked, case)
    if is_by_turns(asked.defect):
        return lambda case: _by_further_runs(subject, asked, case)
    return lambda case: _by_checks(subject, asked, case)


def is_by_turns(defect: Defect) -> bool:
    """Whether it rests on further runs alone, which not every case is given."""
    return defect.verdict not in ON_VALUES and _checks_of(defect).isdisjoint(OF_FIRST_RUN)


def _checks_of(defect: Defect) -> frozenset[str]:
    findings = () if defect.ruling is None else defect.ruling.findings
    return frozenset(each.check for each in findings)


def _by_values(subject: Subject, asked: Asked, case: Case) -> bool | None:
    found = _is_wrong(subject, case, asked.defect.result)
    if not found:
        return found
    if asked.is_plain_too and _is_wrong_plainly(subject, case, asked.defect.result):
        # That is another defect of the result, and may hide whether this one shows.
        return None
    return _is_of_part(subject, asked, case)


def _is_wrong(subject: Subject, case: Case, result: str) -> bool | None:
    """Whether the values of a result are not those of autograd; ``None`` if none were compared."""
    trial = Trial(subject, case)
    if refused(trial):
        return None
    outcomes = [each for name in _AUTOGRAD for each in CHECKS[name].run(trial)]
    said = {each.status for each in outcomes if each.result == result}
    if Status.FAILED in said:
        return True
    return False if Status.PASSED in said else None


def _is_wrong_plainly(subject: Subject, case: Case, result: str) -> bool:
    return any(
        _is_wrong(subject, replace(plain, seed=plain.seed + more), result)
        for plain in plainer(case)[:1]
        for more in _PLAIN_SEEDS
    )


def _is_of_part(subject: Subject, asked: Asked, case: Case) -> bool | None:
    """Whether what is wrong is of this mistake; ``None`` where the other one may hide it."""
    if asked.part is None:
        return True
    shown = asked.part.shows(subject, case, result=asked.defect.result)
    if shown.one_alone:
        return True
    return False if shown.other_alone else None


def _by_checks(subject: Subject, asked: Asked, case: Case) -> bool | None:
    judged = judge(subject, case, checks=asked.checks)
    if judged.unsupported:
        return None
    return any(asked.defect.shows(ruling) for ruling in judged.rulings)


def _by_further_runs(subject: Subject, asked: Asked, case: Case) -> bool | None:
    """What the checks say to whose turn it comes; ``None`` where it is the turn of others."""
    defect, own = asked.defect, _checks_of(asked.defect)
    for seed in _with_a_turn(case.seed):
        judged = judge(subject, replace(case, seed=seed), checks=asked.checks)
        if judged.unsupported:
            return None
        if any(defect.shows(ruling) for ruling in judged.rulings):
            return True
        said = (each for each in judged.outcomes if each.result == defect.result)
        if any(each.check in own and each.status is Status.PASSED for each in said):
            return False
    return None


def _with_a_turn(seed: int) -> range:
    """Seeds like those of the first cases of a plan, which all have a turn."""
    first = seed // SEEDS_APART * SEEDS_APART
    return range(first, first + _TURNS_TRIED)
