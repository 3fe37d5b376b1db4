"""Concluding a run: each defect with its smallest case, and all of it as a report."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bpcheck.cases import Case
from bpcheck.checks import CHECK_NAMES, CHECKS, Juror, Trial, batch, contract, layouts, oracle
from bpcheck.checks.gradients import gradients_by_differences
from bpcheck.claims.told import claimed
from bpcheck.explain import smallest
from bpcheck.explain.part import shows_alone
from bpcheck.explain.pattern import pattern_of
from bpcheck.explain.reproduction import torch_reproduction
from bpcheck.explain.told_apart import lookalikes, told_apart
from bpcheck.explain.transforms import rounding_of_a_transform
from bpcheck.explain.where import Place
from bpcheck.explain.worked import worked
from bpcheck.operations import Operation
from bpcheck.planning.classes import every_class
from bpcheck.planning.limits import Limits
from bpcheck.report.wording import plural
from bpcheck.runner.claimed import left_out
from bpcheck.runner.condition import Asked, asked_of, condition_of_defect
from bpcheck.runner.drawing import drawn
from bpcheck.runner.naming import NAMED, Told, told_once
from bpcheck.runner.one import judge_trial
from bpcheck.runner.place import judged_for, place_of
from bpcheck.runner.repairing import Patience, line_at_fault
from bpcheck.runner.site import Site
from bpcheck.runner.unneeded import unneeded
from bpcheck.subject import Subject
from bpcheck.verdict import Exhausted, Judgement, Report, Verdict
from bpcheck.verdict.conditions import CONDITIONS, PLAIN
from bpcheck.verdict.judgement import ON_TENSORS, ON_VALUES, is_malformed
from bpcheck.verdict.jury import Ruling
from bpcheck.verdict.repaired import Repaired
from bpcheck.verdict.tally import Defect, Tally
from bpcheck.verdict.tried import Tried

_ORDER = list(Verdict)

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

#: Verdicts of which a case tells whether a change of the code mends it.
NAMED_AND_RAISED = (*NAMED, Verdict.RAISES)

#: Said of a case that failed, and does not any more.
COMES_AND_GOES = (
    "; the same case did not fail when it was run once more, as a replay may not: look for state "
    "that is kept from one case to the next, or for chance"
)


def conclude(
    site: Site,
    tally: Tally,
    *,
    profile: str,
    seed: int,
    dtypes: Sequence[str],
    asked: Sequence[str] | None,
    is_complete: bool,
    covers: bool,
    repairs: bool,
    limits: Limits,
    beside: Callable[[Any], Collection[Any] | None],
    notify: Callable[[str], None],
    exhausted: Exhausted | None = None,
) -> Report:
    """The report of everything that `tally` holds.

    With `covers`, the run was to meet every edge class in these `dtypes`: one that had no case, and
    that the subject did not refuse either, leaves the run inconclusive. `asked` are the dtypes that
    somebody asked for: no other one is shown. With `repairs`, the line at fault is looked for.
    `beside` gives the geometries that further runs
    beside one may have.
    """
    subject = site.subject
    told = [(Told(each), "") for each in tally.decided()]
    if is_complete:
        told = site.ask(_named, tally, limits, otherwise=told)
    told.sort(key=lambda each: _rank(each[0].defect))
    shapes = Shapes(limits.geometries, beside)
    fresh = Fresh(seed, limits, asked or dtypes, Patience() if repairs else None)
    judgements = [
        _judgement(
            site,
            each,
            name,
            tally,
            asked=asked,
            shrink=is_complete,
            shapes=shapes,
            fresh=fresh,
            notify=notify,
        )
        for each, name in told
    ]
    operation = subject.operation
    results = ("y", *(f"{name}_bar" for name in operation.operands))
    evidence = tally.evidence
    coverage = {name: evidence.cases[name] for name in every_class(operation, dtypes)}
    unmet = [name for name, cases in coverage.items() if not cases]
    refused = tuple(name for name in unmet if evidence.not_claimed[name])
    missing = tuple(name for name in unmet if not evidence.not_claimed[name])
    # What a limit leaves no case of was left out, not missed.
    too_many = missing if limits.geometries is not None else ()
    too_large = missing if limits.largest is not None and not too_many else ()
    if too_large or too_many:
        missing = ()
    return Report(
        subject=subject.name,
        operation=str(subject.operation),
        style=subject.style,
        profile=profile,
        seed=seed,
        dtypes=tuple(name for name in dtypes if tally.dtypes[name]),
        verdict=_verdict(judgements, tally, is_covered=not (covers and is_complete and missing)),
        judgements=tuple(judgements),
        table={
            check: {result: tally.cell(check, result) for result in results}
            for check in CHECK_NAMES
        },
        cases=tally.cases,
        unsupported=sum(tally.reasons.values()),
        coverage=coverage,
        missing=missing if covers else (),
        not_claimed=refused,
        too_large=too_large if covers else (),
        largest=limits.largest,
        too_many=too_many if covers else (),
        geometries=limits.geometries,
        records=evidence.records,
        survival_one=tally.median_survival,
        reasons=dict(sorted(tally.reasons.items())),
        is_complete=is_complete,
        claimed=claimed(subject.claims),
        left_out=left_out(subject, tally.reasons),
        remarks=_remarks(tally, results),
        not_needed=site.ask(unneeded, tuple(tally.reasons), otherwise=())
        # That takes cases of other shapes, in processes of their own.
        if covers and is_complete and limits.geometries is None
        else (),
        notes=site.notes,
        rounded=tally.rounded,
        exhausted=exhausted,
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


def _remarks(tally: Tally, results: Sequence[str]) -> tuple[str, ...]:
    """What is worth a line below the table."""
    remarks = [
        f"{check}: {tally.remarks[check]} ({plural(tally.remarked[check], 'case')})"
        for check in CHECK_NAMES
        if check in tally.remarks
    ]
    found: Mapping[str, int] = tally.noted.get(batch.NAME, {})
    if not found:
        return tuple(remarks)
    noted = {result: found[result] for result in results if result in found}
    judged = max(tally.cell(batch.NAME, result).passed for result in noted)
    return (batch.said_of_batches(noted, judged), *remarks)


def _rank(defect: Defect) -> tuple[int, int, int]:
    """What comes first: causes; of wrong values the plainest, and what most cases show; by harm."""
    if defect.ruling is not None and is_malformed(defect.result, defect.ruling.findings):
        # Where sizes happen to coincide, the same mistake gives wrong values.
        return -2, 0, -defect.failing
    if defect.verdict in ON_VALUES:
        return -1, CONDITIONS.index(defect.condition), -defect.failing
    # Of exceptions what most cases meet; else results keep their order, y before its gradients.
    by_failing = -defect.failing if defect.cause else 0
    return _ORDER.index(defect.verdict), by_failing, _place(defect)


def _place(defect: Defect) -> int:
    """The place of a defect's result among those of its operation."""
    assert defect.smallest is not None  # noqa: S101 - add() ran
    operands = defect.smallest.operation.operands
    return ("y", *(f"{name}_bar" for name in operands)).index(defect.result)


def _verdict(judgements: Sequence[Judgement], tally: Tally, *, is_covered: bool) -> Verdict:
    if judgements and judgements[0].verdict.is_defect:
        return judgements[0].verdict
    judged = tally.has_passed
    if not (judged and is_covered):
        return Verdict.INCONCLUSIVE
    return judgements[0].verdict if judgements else Verdict.AGREES


def _judgement(
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
    # takes a second for each candidate, and is wrong in all of them.
    shrink = shrink and defect.verdict not in (*ENDS, Verdict.OPERATOR)

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
    if verdict in (*ENDS, *SHOWN_BY_FURTHER_RUNS) or verdict.is_convention:
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


def _named(subject: Subject, tally: Tally, limits: Limits) -> list[tuple[Told, str]]:
    """The defects of a run, each mistake once, and what each looks like."""
    # A fault of the catalogue is code, and stays where it was run. Where geometries are limited,
    # each is compiled.
    return [
        (replace(each, diagnosis=None), _looks_like(subject, each))
        for each in told_once(subject, tally, may_vary=limits.geometries is None)
    ]


def _looks_like(subject: Subject, told: Told) -> str:
    """The known mistake that gives the same wrong numbers, or a transform that is not declared."""
    if told.diagnosis is not None:
        return str(told.diagnosis)
    if told.hint:
        return told.hint
    if told.defect.verdict not in (*ON_VALUES, Verdict.LOST_PRECISION):
        return ""
    return rounding_of_a_transform(subject, told.defect.sample.cases)


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
        differences = gradients_by_differences(trial).get(ruling.result)
        said |= {} if differences is None else {"finite differences": differences}
    jurors = tuple((juror, float(values[index])) for juror, values in said.items())
    # As it was found: what is read beside an array is another number in this run.
    return jurors if furthest.got is None else (("got", furthest.got), *jurors)
