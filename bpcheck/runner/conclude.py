"""Concluding a run: each defect with its smallest case, and all of it as a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

from bpcheck.checks import CHECK_NAMES, batch, batches, contract
from bpcheck.claims.told import claimed
from bpcheck.planning.classes import every_class
from bpcheck.planning.limits import Limits
from bpcheck.report.wording import plural
from bpcheck.runner.at_length import COMES_AND_GOES, Fresh, Shapes, judgement_of
from bpcheck.runner.claimed import left_out
from bpcheck.runner.naming import Told, told_once
from bpcheck.runner.repairing import Patience
from bpcheck.runner.site import Site
from bpcheck.runner.undeclared import with_transforms
from bpcheck.runner.unneeded import unneeded
from bpcheck.subject import Subject
from bpcheck.verdict import Exhausted, Judgement, Report, Verdict
from bpcheck.verdict.conditions import CONDITIONS
from bpcheck.verdict.judgement import ON_VALUES, is_malformed
from bpcheck.verdict.tally import Defect, Tally

_ORDER = list(Verdict)

#: A note where every case raised.
NEVER_TAKEN = (
    "the code raised in every case: it may take its arguments in another way, such as one number "
    "for both strides; bpcheck adapt looks for a declaration that fits"
)

#: A note where it raised in empty batches alone.
NEVER_EMPTY = (
    "it raises in batches without a sample alone; if it is not meant to take them, claim so: "
    "--claim empty=no"
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
        judgement_of(
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
    judgements = _with_remedy_once(judgements)
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
        structure=subject.operation.structure,
        style=subject.style,
        profile=profile,
        seed=seed,
        dtypes=tuple(name for name in dtypes if tally.dtypes[name]),
        verdict=_verdict(
            judgements,
            tally,
            is_covered=not (covers and is_complete and missing)
            and (exhausted is None or exhausted.proved > 0),
        ),
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
        notes=(*site.notes, *_ways_of_calling(judgements, tally, subject)),
        rounded=tally.rounded,
        exhausted=exhausted,
    )


def _with_remedy_once(judgements: Sequence[Judgement]) -> list[Judgement]:
    """Where several defects come and go, what to look for is said of the first."""
    found: list[Judgement] = []
    for each in judgements:
        kept = each
        if each.because.endswith(COMES_AND_GOES) and any(
            COMES_AND_GOES in f.because for f in found
        ):
            because = each.because.removesuffix(COMES_AND_GOES)
            kept = replace(each, because=f"{because}; it comes and goes as well")
        found.append(kept)
    return found


def _ways_of_calling(
    judgements: Sequence[Judgement], tally: Tally, subject: Subject
) -> tuple[str, ...]:
    """What to do where the code may take its arguments in another way, or fewer batches."""
    raises = Verdict.RAISES
    # A case has one such finding at most: where its forward raises, no vjp is called.
    always = sum(
        each.failing
        for each in judgements
        if each.verdict is raises and each.findings and each.findings[0].check == contract.NAME
    )
    if tally.cases > 1 and always == tally.cases:
        return (NEVER_TAKEN,)
    raised = [each for each in tally.defects.values() if each.verdict is raises]
    empty = subject.operation.empty_class
    if raised and all(each.classes[empty] == each.failing > 0 for each in raised):
        return (NEVER_EMPTY,)
    return ()


def _remarks(tally: Tally, results: Sequence[str]) -> tuple[str, ...]:
    """What is worth a line below the table."""
    remarks = [
        f"{check}: {tally.remarks[check]} ({plural(tally.remarked[check], 'case')})"
        for check in CHECK_NAMES
        if check in tally.remarks
    ]
    of_batches = (batch.NAME, batches.NAME)
    found = sum((tally.noted.get(row, Counter()) for row in of_batches), Counter[str]())
    noted = {result: found[result] for result in results if result in found}
    if not noted:
        return tuple(remarks)
    judged = max(sum(tally.cell(row, each).passed for row in of_batches) for each in noted)
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


def _named(subject: Subject, tally: Tally, limits: Limits) -> list[tuple[Told, str]]:
    """The defects of a run, each mistake once, and what each looks like."""
    told = told_once(subject, tally, may_vary=limits.geometries is None)
    # A fault of the catalogue is code, and stays where it was run. Where geometries are limited,
    # each is compiled.
    return [(replace(each, diagnosis=None), name) for each, name in with_transforms(subject, told)]
