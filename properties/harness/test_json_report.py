"""The JSON report: strict, versioned, as its schema says, and the same for the same run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from bpcheck.finding import Finding, Kind
from bpcheck.report import to_json
from bpcheck.runner import check_subject
from bpcheck.subject import Subject
from bpcheck.verdict import Cell, Judgement, Report, Verdict

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = json.loads((DOCS / "report.schema.json").read_text(encoding="utf-8"))
CASE = "max_pool1d n1ic1iw4kw2 f32 exact c-order seed=11"

FINDING = Finding(
    kind=Kind.VALUE,
    check="autograd",
    result="x_bar",
    case=CASE,
    message="x_bar[0,0,3] is nan, autograd has 5",
    index=(0, 0, 3),
    got=float("nan"),
    expected=5.0,
    error=float("inf"),
    bound=0.0,
    wrong=1,
    total=4,
)

REPORT = Report(
    subject="réseau",
    operation="max_pool1d",
    style="NumPy",
    profile="quick",
    seed=3,
    dtypes=("float32",),
    verdict=Verdict.BACKWARD_WRONG,
    judgements=(
        Judgement(
            verdict=Verdict.BACKWARD_WRONG,
            result="x_bar",
            because="autograd is against it",
            where="stride > 1",
            failing=2,
            judged=9,
            smallest=CASE,
            findings=(FINDING, replace(FINDING, result="y", index=None, got=None, error=None)),
            answers=(("got", float("-inf")), ("autograd", 5.0)),
        ),
    ),
    table={"contract": {"y": Cell(9), "x_bar": Cell(7, 2, 0)}},
    cases=9,
    unsupported=4,
    coverage={"batch 0": 0, "batch 1": 9},
    reasons={"forward takes no padding": 4},
)


def strict(text: str) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    return json.loads(text, parse_constant=refuse)


def closed(schema: Any) -> Any:
    """The schema without room for what it does not describe, which readers need and we must not."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {key: closed(value) for key, value in schema.items()}
    return {"additionalProperties": False, **parts} if "required" in parts else parts


def assert_fits_the_schema(text: str) -> None:
    Draft202012Validator(closed(SCHEMA)).validate(strict(text))


def test_the_schema_is_a_schema_and_knows_every_verdict() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator.check_schema(closed(SCHEMA))
    assert SCHEMA["$defs"]["verdict"]["examples"] == [str(verdict) for verdict in Verdict]


@pytest.mark.parametrize("reports", [(), (REPORT,), (REPORT, REPORT)])
def test_every_document_fits_the_schema(reports: tuple[Report, ...]) -> None:
    text = to_json(*reports)
    assert_fits_the_schema(text)
    document = strict(text)
    assert (document["format"], document["version"]) == ("bpcheck-report", 2)
    assert len(document["reports"]) == len(reports)


def test_the_schema_refuses_what_it_does_not_describe() -> None:
    for field, value in {"verdict": 3, "seed": "3", "counts": {}, "findings": [{}]}.items():
        document = strict(to_json(REPORT))
        document["reports"][0][field] = value
        assert list(Draft202012Validator(SCHEMA).iter_errors(document)), field


def test_the_schema_lets_later_releases_say_more() -> None:
    document = strict(to_json(REPORT))
    document["reports"][0] |= {"verdict": "bored", "mood": "good"}
    Draft202012Validator(SCHEMA).validate(document)


def test_a_finding_holds_all_that_is_promised() -> None:
    first, second = strict(to_json(REPORT))["reports"][0]["findings"]
    assert first == {
        "judgement": "backward wrong",
        "kind": "wrong value",
        "check": "autograd",
        "result": "x_bar",
        "operand": "x",
        "message": "x_bar[0,0,3] is nan, autograd has 5",
        "index": [0, 0, 3],
        "got": "nan",
        "expected": 5.0,
        "error": "inf",
        "bound": 0.0,
        "wrong": 1,
        "total": 4,
        "case": CASE,
        "seed": 11,
    }
    assert (second["operand"], second["index"], second["got"]) == (None, None, None)


def test_numbers_that_are_not_finite_are_texts() -> None:
    (judgement,) = strict(to_json(REPORT))["reports"][0]["judgements"]
    assert judgement["answers"][0] == {"juror": "got", "value": "-inf"}


def test_numbers_of_numpy_are_written_as_numbers() -> None:
    numbers: dict[str, Any] = {
        "index": (np.int64(0), np.int64(3)),
        "got": np.float32(0.5),
        "wrong": np.int64(1),
    }
    finding = replace(FINDING, **numbers)
    judgement = replace(REPORT.judgements[0], findings=(finding,))
    text = to_json(replace(REPORT, judgements=(judgement,)))
    assert_fits_the_schema(text)
    assert strict(text)["reports"][0]["findings"][0]["got"] == 0.5


def test_a_real_run_fits_the_schema_and_gives_the_same_text_twice() -> None:
    def forward(x: Any, **_: Any) -> Any:
        return x, x

    def vjp(x: Any, y_bar: Any) -> Any:
        return (np.full_like(y_bar, np.nan),)

    subject = Subject(forward=forward, vjp=vjp, operation="max_pool1d", dtypes=("float32",))
    first, second = (to_json(check_subject(subject, count=4)) for _ in range(2))
    assert first == second
    assert_fits_the_schema(first)
    assert strict(first)["reports"][0]["findings"]


def test_every_field_of_the_schema_is_documented() -> None:
    text = (DOCS / "json-report.md").read_text(encoding="utf-8")
    fields = {
        name
        for part in ("report", "judgement", "finding", "cell")
        for name in SCHEMA["$defs"][part]["properties"]
    }
    assert [name for name in sorted(fields) if f"`{name}`" not in text] == []
