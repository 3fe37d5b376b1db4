"""A report as JSON: versioned, described in docs/json-report.md, the same for the same run."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from bpcheck.finding import Finding
from bpcheck.report.matrix import matrix_of
from bpcheck.verdict import Judgement, Report
from bpcheck.verdict.repaired import Repaired
from bpcheck.verdict.timed import Step, Timing
from bpcheck.verdict.tried import Tried

FORMAT = "bpcheck-report"

#: Rises when a field changes its meaning or goes; new fields leave it alone.
VERSION = 2


def to_json(*reports: Report, targets: Sequence[str | None] = ()) -> str:
    r"""The reports of one run as a JSON document.

    It is strict JSON (what is not a finite number is a string: ``"nan"``, ``"inf"``, ``"-inf"``),
    and holds no times unless they were asked for, so that two runs can be compared as text.
    `targets` are what a shell needs to name each subject again.

    Examples
    --------
    >>> to_json()
    '{\n  "format": "bpcheck-report",\n  "version": 2,\n  "reports": []\n}\n'
    """
    document = {
        "format": FORMAT,
        "version": VERSION,
        "reports": [
            _report(report, target)
            for report, target in zip_longest(reports, targets[: len(reports)])
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _report(report: Report, target: str | None) -> dict[str, Any]:
    return {
        "subject": report.subject,
        "target": target,
        "operation": report.operation,
        "structure": report.structure,
        "style": report.style,
        "profile": report.profile,
        "seed": int(report.seed),
        "dtypes": list(report.dtypes),
        "verdict": str(report.verdict),
        "agrees": report.agrees,
        "is_complete": report.is_complete,
        "remarks": list(report.remarks),
        "counts": {
            "cases": int(report.cases),
            "unsupported": int(report.unsupported),
            "unsupported_reasons": {why: int(n) for why, n in sorted(report.reasons.items())},
        },
        "claims": {
            "claimed": list(report.claimed),
            "left_out": {what: int(cases) for what, cases in report.left_out.items()},
            "not_needed": list(report.not_needed),
        },
        "notes": list(report.notes),
        "coverage": {name: int(count) for name, count in report.coverage.items()},
        "matrix": _matrix(report),
        "missing": list(report.missing),
        "not_claimed": list(report.not_claimed),
        "too_large": list(report.too_large),
        "largest": report.largest,
        "too_many": list(report.too_many),
        "geometries": report.geometries,
        "scope": None
        if report.exhausted is None
        else {
            "name": report.exhausted.name,
            "says": report.exhausted.says,
            "geometries": int(report.exhausted.count),
            "reached": int(report.exhausted.done),
            "proved": int(report.exhausted.proved),
        },
        "survival": {
            "one_probe": _number(report.survival_one),
        },
        "rounding": [
            {
                "dtype": each.dtype,
                "result": each.result,
                "terms": int(each.terms),
                "largest": _number(each.ratio),
                "cases": int(each.cases),
            }
            for each in report.rounded
        ],
        "timing": None if report.timing is None else _timing(report.timing),
        "table": {
            check: {
                result: {
                    "passed": int(cell.passed),
                    "failed": int(cell.failed),
                    "not_applicable": int(cell.not_applicable),
                }
                for result, cell in row.items()
            }
            for check, row in report.table.items()
        },
        "judgements": [_judgement(each) for each in report.judgements],
        "findings": [
            _finding(finding, judgement)
            for judgement in report.judgements
            for finding in judgement.findings
        ],
    }


def _timing(timing: Timing) -> dict[str, Any]:
    return {
        "families": [
            {
                "family": each.family,
                "case": each.case,
                "forward": _step(each.forward),
                "vjp": _step(each.vjp),
            }
            for each in timing.rows
        ],
        "left": int(timing.left),
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "times": _number(step.times),
        "low": _number(step.low),
        "high": _number(step.high),
        "seconds": _number(step.seconds),
        "memory": _number(step.memory),
        "peak": int(step.peak),
    }


def _matrix(report: Report) -> dict[str, Any]:
    return {
        row.name: {
            result: {
                "standing": str(square.standing),
                "right": int(square.record.right),
                "wrong": int(square.record.wrong),
                "raises": int(square.record.raises),
            }
            for result, square in row.squares.items()
        }
        for row in matrix_of(report).rows
    }


def _judgement(judgement: Judgement) -> dict[str, Any]:
    return {
        "judgement": str(judgement.verdict),
        "is_defect": judgement.verdict.is_defect,
        "result": judgement.result,
        "also": list(judgement.also),
        "because": judgement.because,
        "where": judgement.where,
        "where_judged": int(judgement.where_judged),
        "tested": None if judgement.tested is None else _tested(judgement.tested),
        "line": None if judgement.repaired is None else _repaired(judgement.repaired),
        "failing": int(judgement.failing),
        "judged": int(judgement.judged),
        "smallest_case": judgement.smallest,
        "looks_like": judgement.looks_like,
        "wrong_cells": judgement.wrong_cells,
        "worked": list(judgement.worked),
        "reproduction": judgement.reproduction,
        "why_no_replay": judgement.why_no_replay,
        "answers": [
            {"juror": juror, "value": _number(value)} for juror, value in judgement.answers
        ],
    }


def _tested(tested: Tried) -> dict[str, Any]:
    return {
        "where": tested.where,
        "among": tested.among,
        "is_exact": tested.is_exact,
        "wrong_with": int(tested.wrong_with),
        "cases_with": int(tested.cases_with),
        "wrong_without": int(tested.wrong_without),
        "cases_without": int(tested.cases_without),
    }


def _repaired(repaired: Repaired) -> dict[str, Any]:
    return {
        "file": repaired.file,
        "line": int(repaired.line),
        "source": repaired.source,
        "repair": repaired.repair,
        "failing": int(repaired.failing),
        "passing": int(repaired.passing),
    }


def _finding(finding: Finding, judgement: Judgement) -> dict[str, Any]:
    operand = finding.result.removesuffix("_bar") if finding.result.endswith("_bar") else None
    return {
        "judgement": str(judgement.verdict),
        "kind": str(finding.kind),
        "check": finding.check,
        "result": finding.result,
        "operand": operand,
        "message": finding.message,
        "index": None if finding.index is None else [int(i) for i in finding.index],
        "got": _number(finding.got),
        "expected": _number(finding.expected),
        "error": _number(finding.error),
        "bound": _number(finding.bound),
        "wrong": int(finding.wrong),
        "total": int(finding.total),
        "case": finding.case,
        "seed": _seed(finding.case),
    }


def _seed(case: str) -> int:
    """The seed of a case text; its operation may be one that no text leads to.

    >>> _seed("avg_pool1d n1ic1iw2kw2 f64 exact c-order seed=7"), _seed("avg_pool1d n1ic1iw2kw2")
    (7, 0)
    """
    match = re.search(r" seed=([0-9]+)\b", case)
    return int(match.group(1)) if match else 0


def _number(value: float | None) -> float | str | None:
    """A finite number as it is, any other by name."""
    if value is None:
        return None
    value = float(value)
    return value if math.isfinite(value) else str(value)
