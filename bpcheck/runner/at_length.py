"""One defect on the smallest case that shows it, with all that is told of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from bpcheck.cases import Case
from bpcheck.checks import CHECKS, Juror, Trial, contract, layouts, oracle
from bpcheck.checks.gradients import gradient_by_differences
from bpcheck.explain import smallest
from bpcheck.explain.part import shows_alone
from bpcheck.explain.pattern import pattern_of
from bpcheck.explain.reproduction import torch_reproduction
from bpcheck.explain.told_apart import lookalikes, told_apart
from bpcheck.explain.where import Place
from bpcheck.explain.worked import worked
from bpcheck.operations import Operation
from bpcheck.planning.limits import Limits
from bpcheck.runner.condition import asked_of, condition_of_defect
from bpcheck.runner.drawing import drawn
from bpcheck.runner.naming import NAMED, Told
from bpcheck.runner.one import judge_trial
from bpcheck.runner.place import judged_for, place_of
from bpcheck.runner.repairing import Patience, line_at_fault
from bpcheck.runner.showing import Asked
from bpcheck.runner.site import Site
from bpcheck.subject import Subject
from bpcheck.verdict import Judgement, Verdict
from bpcheck.verdict.conditions import PLAIN
from bpcheck.verdict.judgement import ON_TENSORS, ON_VALUES
from bpcheck.verdict.jury import Ruling
from bpcheck.verdict.repaired import Repaired
from bpcheck.verdict.tally import Defect, Tally
from bpcheck.verdict.tried import Tried

#: Verdicts whose numbers come from further runs, so that the first one may well be right.
SHOWN_BY_FURTHER_RUNS = (
    Verdict.KEEPS_STATE,
    Verdict.NOT_LINEAR,
    Verdict.BREAKS_SYMMETRY,
    Verdict.NOT_DETERMINISTIC,
    Verdict.BATCH_DEPENDENT,
    Verdict.UNORDERED,
    *ON_TENSORS,
)


#: Verdicts on subjects that ended their process, or had to be ended with it.
ENDS = (Verdict.CRASHED, Verdict.EXITS, Verdict.TIMED_OUT, Verdict.MEMORY)

#: Verdicts of which one case takes seconds, or that say nothing of cases.
SLOW = (Verdict.COMPILED, Verdict.OPERATOR, Verdict.LACKS)

#: Verdicts of which a case tells whether a change of the code mends it.
NAMED_AND_RAISED = (*NAMED, Verdict.RAISES)

#: Said of a case that failed, and does not any more.
COMES_AND_GOES = (
    "; the same case did not fail when it was run once more, as a replay may not: look for state "
    "that is kept from one case to the next, or for chance"
)


@dataclass(frozen=True, slots=True)
class Fresh:
    """How a defect is looked into: the seed, limits and dtypes of fresh cases, and if repaired."""

    seed: int
    limits: Limits
    dtypes: Sequence[str]
    repairs: Patience | None


class Shapes:
    """What the search for smallest cases may compile: as many geometries again as the run.

    Parameters
    ----------
    most
        How many that is; ``None`` for any number.
    beside
        The geometries that further runs beside one may have; ``None`` for any.
    """

    def __init__(self, most: int | None, beside: Callable[[Any], Collection[Any] | None]):
        self._most, self._compiled, self.beside = most, set[tuple[Any, str]](), beside

    def affords(self, case: Case) -> bool:
        """Whether a case may be run; it is counted if so."""
        if self._most is None:
            return True
        key = case.geometry, case.dtype
        if key not in self._compiled and len(self._compiled) >= self._most:
            return False
        self._compiled.add(key)
        return True


def judgement_of(
    site: Site,
    told: Told,
    looks_like: str,
    tally: Tally,
    *,
    asked: Sequence[str] | None,
    shrink: bool,
    shapes: Shapes,
    fresh: Fresh,
    notify: Callable[[str], None],
) -> Judgement:
    """The defect on the smallest case that shows it; whoever interrupts does not wait for that."""
    defect = told.defect
    assert defect.smallest is not None and defect.ruling is not None  # noqa: S101,PT018 - add() ran
    found: dict[Case, Ruling] = {}
    checks = _checks_behind(defect.ruling)

    def still_fails(candidate: Case) -> bool:
        if asked is not None and candidate.dtype not in asked:
            return False
        if not shapes.affords(candidate):
            return False
        notify(str(candidate))
        beside = shapes.beside(candidate.geometry)
        for ruling in site.judge(candidate, checks=checks, beside=beside).rulings:
            if defect.shows(ruling) and _is_of_part(site, told, candidate):
                found[candidate] = ruling
                return True
        return False

    # What ends its process costs a worker each time, and minutes where it hangs; what is traced
    # or compiled takes seconds for each candidate, and is wrong in all of them.
    shrink = shrink and defect.verdict not in (*ENDS, Verdict.OPERATOR, Verdict.COMPILED)

    def is_steady(case: Case) -> bool:
        # Sums in any order come and go by their nature.
        return defect.verdict is Verdict.UNORDERED or still_fails(case)

    case = _shown(site, defect, still_fails) if shrink else defect.smallest
    ruling = found.get(case, defect.ruling)
    place = Place("", judged_for(defect, tally).total)
    tested: Tried | None = None
    repaired: Repaired | None = None
    if shrink:
        place = site.ask(place_of, defect, tally, otherwise=place)
        question = _asked(told, tally, checks, fresh)
        tested = _tested(site, question)
        repaired = _repaired(site, question, fresh)
    where = _where(place, defect, tested)
    answers: tuple[tuple[str, float], ...] = ()
    if shrink:
        answers = site.ask(_answers, case, ruling, otherwise=answers)
    return Judgement(
        verdict=defect.verdict,
        result=defect.result,
        because=ruling.because + ("" if not shrink or is_steady(case) else COMES_AND_GOES),
        where=where,
        failing=defect.failing,
        judged=judged_for(defect, tally).total,
        smallest=str(case),
        findings=ruling.findings,
        answers=answers,
        looks_like=looks_like,
        reproduction=_reproduction(site, case, ruling) if shrink else "",
        why_no_replay=_why_no_replay(site.subject.operation),
        where_judged=place.judged if where == place.name else 0,
        tested=tested,
        repaired=repaired,
        wrong_cells=""
        if looks_like or not shrink
        else site.ask(_wrong_cells, defect, otherwise=""),
        also=tuple({**defect.also, **told.also}),
        drawn=site.ask(drawn, case, defect.result, otherwise=None) if answers else None,
        worked=site.ask(_worked, case, ruling, otherwise=()) if shrink else (),
    )


def _asked(told: Told, tally: Tally, checks: Collection[str], fresh: Fresh) -> Asked:
    """The question under which condition a defect shows, and in which line it is."""
    return asked_of(
        told.defect,
        tally,
        told.part,
        checks=checks,
        seed=fresh.seed,
        limits=fresh.limits,
        dtypes=fresh.dtypes,
    )


def _tested(site: Site, asked: Asked) -> Tried | None:
    """The condition, and what fresh cases say of it; of what ends its process none are tried."""
    verdict = asked.defect.verdict
    if verdict in (*ENDS, *SLOW) or verdict.is_convention:
        return None
    if verdict in SHOWN_BY_FURTHER_RUNS and asked.limits.geometries is not None:
        # Each run beside a fresh case may be of another shape, which is compiled then.
        return None
    return site.ask(condition_of_defect, asked, otherwise=None)


def _repaired(site: Site, asked: Asked, fresh: Fresh) -> Repaired | None:
    """The line at fault, where its results tell whether a change mends it."""
    if fresh.repairs is None or asked.defect.verdict not in NAMED_AND_RAISED:
        return None
    if asked.part is not None:
        # With another mistake in the same result nothing tells whether a change mends all of one.
        return None
    with fresh.repairs.spending():
        return site.ask(line_at_fault, asked, fresh.repairs.left, otherwise=None)


def _where(place: Place, defect: Defect, tested: Tried | None) -> str:
    """What its values must be, and the condition that was tested, or the place where it was met."""
    if tested is None:
        return place.name
    return " and ".join(part for part in (defect.condition, tested.where) if part)


def _shown(site: Site, defect: Defect, still_fails: Callable[[Case], bool]) -> Case:
    """The smallest case, or one a cell larger that tells the mistake from others."""
    assert defect.smallest is not None  # noqa: S101 - add() ran
    case = smallest(defect.smallest, still_fails)
    if defect.verdict not in ON_VALUES or defect.condition != PLAIN:
        return case

    def alike(candidate: Case, among: tuple[str, ...] | None) -> tuple[str, ...]:
        return site.ask(lookalikes, candidate, defect.result, among, otherwise=())

    return told_apart(case, still_fails, alike)


def _worked(subject: Subject, case: Case, ruling: Ruling) -> tuple[str, ...]:
    return worked(Trial(subject, case), ruling)


def _is_of_part(site: Site, told: Told, case: Case) -> bool:
    """Whether a case shows this mistake alone, where another one spoils the same result."""
    return told.part is None or site.ask(
        shows_alone, case, told.part, told.defect.result, otherwise=False
    )


def _why_no_replay(operation: Operation) -> str:
    why = operation.why_unaddressed
    return f"{operation.name} {why}" if why else ""


def _wrong_cells(subject: Subject, defect: Defect) -> str:
    """What the wrong cells have in common, where no known mistake makes them."""
    if defect.verdict not in NAMED:
        return ""
    return pattern_of(subject, defect.sample.cases, result=defect.result)


def _reproduction(site: Site, case: Case, ruling: Ruling) -> str:
    """A program for torch's maintainers, where torch is what is wrong."""
    if ruling.verdict is not Verdict.ORACLE_WRONG:
        return ""
    return site.ask(_reproduced, case, ruling, otherwise="")


def _reproduced(subject: Subject, case: Case, ruling: Ruling) -> str:
    trial = Trial(subject, case)
    path = oracle.differing_path(trial, ruling.result)
    # Where one path of torch differs from its float64, that is right; else the subject is.
    right = trial.autograd if path else trial.got
    expected = right[ruling.result].tolist() if ruling.result in right else ""
    dtype, onednn = path or ("float64", True)
    return torch_reproduction(case, ruling.result, str(expected), dtype=dtype, onednn=onednn)


def _checks_behind(ruling: Ruling) -> frozenset[str]:
    """The checks that a ruling rests on: all jurors for a wrong value, else its own.

    What silences a juror belongs to them: a broken contract, and another layout.
    """
    own = {finding.check for finding in ruling.findings}
    jurors = {name for name, check in CHECKS.items() if check.juror is not Juror.NOBODY}
    return frozenset(own | jurors | {contract.NAME, layouts.NAME} if own & jurors else own)


def _answers(subject: Subject, case: Case, ruling: Ruling) -> tuple[tuple[str, float], ...]:
    """What each juror says of the element that is furthest off, if the first run shows it."""
    furthest = next((each for each in ruling.findings if each.index is not None), None)
    index = furthest.index if furthest else None
    # An empty line of answers is better than one in which everybody agrees.
    if furthest is None or index is None or ruling.verdict in SHOWN_BY_FURTHER_RUNS:
        return ()
    trial = Trial(subject, case)
    judge_trial(trial)
    said = {"autograd": trial.autograd[ruling.result]}
    if ruling.result != "y" and case.is_exact:
        differences = gradient_by_differences(trial, ruling.result.removesuffix("_bar"))
        said |= {} if differences is None else {"finite differences": differences}
    jurors = tuple((juror, float(values[index])) for juror, values in said.items())
    # As it was found: what is read beside an array is another number in this run.
    return jurors if furthest.got is None else (("got", furthest.got), *jurors)
