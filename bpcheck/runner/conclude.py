"""Concluding a run: each defect with its smallest case, and all of it as a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bpcheck.cases import Case
from bpcheck.checks import CHECK_NAMES, CHECKS, Juror, Trial, oracle
from bpcheck.checks.gradients import gradients_by_differences
from bpcheck.claims.told import claimed
from bpcheck.explain import smallest, where_it_fails
from bpcheck.explain.diagnosis import diagnose
from bpcheck.explain.reproduction import torch_reproduction
from bpcheck.operations import Operation
from bpcheck.planning.classes import every_class
from bpcheck.planning.limits import Limits
from bpcheck.runner.claimed import left_out
from bpcheck.runner.one import judge_trial
from bpcheck.runner.place import Place
from bpcheck.runner.unneeded import unneeded
from bpcheck.subject import Subject
from bpcheck.verdict import Judgement, Report, Verdict
from bpcheck.verdict.jury import Ruling
from bpcheck.verdict.tally import Defect, Tally

_ORDER = list(Verdict)

#: Verdicts for which a known mistake is looked for: the wrong numbers tell which it is.
NAMED = (Verdict.BACKWARD_WRONG, Verdict.FORWARD_DIFFERS, Verdict.FORWARD_WRONG, Verdict.BOTH_WRONG)

#: Verdicts whose numbers come from further runs, so that the first one may well be right.
SHOWN_BY_FURTHER_RUNS = (Verdict.KEEPS_STATE, Verdict.NOT_LINEAR, Verdict.BREAKS_SYMMETRY)


#: Verdicts on subjects that ended their process, or had to be ended with it.
ENDS = (Verdict.CRASHED, Verdict.EXITS, Verdict.TIMED_OUT, Verdict.MEMORY)

#: Said of a case that failed, and does not any more.
COMES_AND_GOES = (
    "; the same case did not fail when it was run once more, as a replay may not: look for state "
    "that is kept from one case to the next, or for chance"
)


def conclude(
    place: Place,
    tally: Tally,
    *,
    profile: str,
    seed: int,
    dtypes: Sequence[str],
    is_complete: bool,
    covers: bool,
    limits: Limits,
    notify: Callable[[str], None],
) -> Report:
    """The report of everything that `tally` holds.

    With `covers`, the run was to meet every edge class in these `dtypes`: one that had no case, and
    that the subject did not refuse either, leaves the run inconclusive.
    """
    subject = place.subject
    judgements = [
        _judgement(place, defect, tally, shrink=is_complete, notify=notify)
        for defect in tally.decided()
    ]
    judgements.sort(key=_rank)
    operation = subject.operation
    results = ("y", *(f"{name}_bar" for name in operation.operands))
    evidence = tally.evidence
    coverage = {name: evidence.cases[name] for name in every_class(operation, dtypes)}
    unmet = [name for name, cases in coverage.items() if not cases]
    refused = tuple(name for name in unmet if evidence.not_claimed[name])
    missing = tuple(name for name in unmet if not evidence.not_claimed[name])
    # What a limit leaves no case of was left out, not missed.
    too_large = missing if limits.largest is not None else ()
    if too_large:
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
        records=evidence.records,
        survival_one=tally.median_survival,
        reasons=dict(sorted(tally.reasons.items())),
        is_complete=is_complete,
        claimed=claimed(subject.claims),
        left_out=left_out(subject, tally.reasons),
        not_needed=place.ask(unneeded, tuple(tally.reasons), otherwise=())
        if covers and is_complete
        else (),
        notes=place.notes,
    )


def _rank(judgement: Judgement) -> tuple[int, int]:
    """What comes first: of wrong values what most cases show, else what does most harm."""
    if judgement.verdict in NAMED:
        return -1, -judgement.failing
    return _ORDER.index(judgement.verdict), 0


def _verdict(judgements: list[Judgement], tally: Tally, *, is_covered: bool) -> Verdict:
    if judgements and judgements[0].verdict.is_defect:
        return judgements[0].verdict
    judged = tally.has_passed
    if not (judged and is_covered):
        return Verdict.INCONCLUSIVE
    return judgements[0].verdict if judgements else Verdict.AGREES


def _judgement(
    place: Place,
    defect: Defect,
    tally: Tally,
    *,
    shrink: bool,
    notify: Callable[[str], None],
) -> Judgement:
    """The defect on the smallest case that shows it; whoever interrupts does not wait for that."""
    assert defect.smallest is not None and defect.ruling is not None  # noqa: S101,PT018 - add() ran
    found: dict[Case, Ruling] = {}
    checks = _checks_behind(defect.ruling)

    def still_fails(candidate: Case) -> bool:
        notify(str(candidate))
        for ruling in place.judge(candidate, checks=checks).rulings:
            if (ruling.verdict, ruling.result) == (defect.verdict, defect.result):
                found[candidate] = ruling
                return True
        return False

    # What ends its process costs a worker each time, and minutes where it hangs.
    shrink = shrink and defect.verdict not in ENDS
    case = smallest(defect.smallest, still_fails) if shrink else defect.smallest
    ruling = found.get(case, defect.ruling)
    evidence = tally.evidence
    where = where_it_fails(
        defect.failing,
        defect.classes,
        tally.cases,
        evidence.judged,
        defect.layers,
        evidence.layers,
    )
    return Judgement(
        verdict=defect.verdict,
        result=defect.result,
        because=ruling.because + ("" if not shrink or still_fails(case) else COMES_AND_GOES),
        where=where,
        failing=defect.failing,
        judged=tally.cases,
        smallest=str(case),
        findings=ruling.findings,
        answers=place.ask(_answers, case, ruling, otherwise=()) if shrink else (),
        looks_like=_known_mistake(place, defect, case, tally.passing) if shrink else "",
        reproduction=_reproduction(place, case, ruling) if shrink else "",
        why_no_replay=_why_no_replay(place.subject.operation),
    )


def _why_no_replay(operation: Operation) -> str:
    why = operation.why_unaddressed
    return f"{operation.name} {why}" if why else ""


def _known_mistake(place: Place, defect: Defect, smallest_case: Case, passing: list[Case]) -> str:
    """The mistake of the catalogue that gives the same wrong numbers, and how many it explains."""
    if defect.verdict not in NAMED:
        return ""
    failing = [smallest_case, *(case for _, _, case in defect.examples)]
    sound = _sound(place.subject, defect)
    return place.ask(_diagnosed, failing, passing, defect.result, sound, otherwise="")


def _diagnosed(
    subject: Subject,
    failing: list[Case],
    passing: list[Case],
    result: str,
    sound: tuple[str, ...],
) -> str:
    found = diagnose(subject, failing, passing, result=result, sound=sound)
    return "" if found is None else str(found)


def _sound(subject: Subject, defect: Defect) -> tuple[str, ...]:
    """The results that the verdict itself says are right."""
    if defect.verdict is Verdict.BACKWARD_WRONG:
        return ("y",)
    if defect.verdict is Verdict.FORWARD_WRONG:
        return tuple(f"{name}_bar" for name in subject.operation.operands)
    return ()


def _reproduction(place: Place, case: Case, ruling: Ruling) -> str:
    """A program for torch's maintainers, where torch is what is wrong."""
    if ruling.verdict is not Verdict.ORACLE_WRONG:
        return ""
    return place.ask(_reproduced, case, ruling, otherwise="")


def _reproduced(subject: Subject, case: Case, ruling: Ruling) -> str:
    trial = Trial(subject, case)
    path = oracle.differing_path(trial, ruling.result)
    # Where one path of torch differs from its float64, that is right; else the subject is.
    right = trial.autograd if path else trial.got
    expected = right[ruling.result].tolist() if ruling.result in right else ""
    dtype, onednn = path or ("float64", True)
    return torch_reproduction(case, ruling.result, str(expected), dtype=dtype, onednn=onednn)


def _checks_behind(ruling: Ruling) -> frozenset[str]:
    """The checks that a ruling rests on: all jurors for a wrong value, else its own."""
    own = {finding.check for finding in ruling.findings}
    jurors = {name for name, check in CHECKS.items() if check.juror is not Juror.NOBODY}
    return frozenset(own | jurors if own & jurors else own)


def _answers(subject: Subject, case: Case, ruling: Ruling) -> tuple[tuple[str, float], ...]:
    """What each juror says of the element that is furthest off, if the first run shows it."""
    index = next((f.index for f in ruling.findings if f.index is not None), None)
    # An empty line of answers is better than one in which everybody agrees.
    if index is None or ruling.verdict in SHOWN_BY_FURTHER_RUNS:
        return ()
    trial = Trial(subject, case)
    judge_trial(trial)
    said = {"got": trial.got.get(ruling.result), "autograd": trial.autograd[ruling.result]}
    if ruling.result != "y" and case.is_exact:
        said["finite differences"] = gradients_by_differences(trial).get(ruling.result)
    return tuple(
        (juror, float(values[index])) for juror, values in said.items() if values is not None
    )
