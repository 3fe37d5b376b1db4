"""A subject that hangs costs minutes at most: what is known by then is not waited for again."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bpcheck import Subject, parse_case
from bpcheck.finding import Kind
from bpcheck.report import to_json
from bpcheck.runner import check_subject
from bpcheck.runner.given_up import GivenUp
from bpcheck.runner.process import handle, place
from bpcheck.runner.process.death import Death
from bpcheck.runner.process.handle import Allowed
from bpcheck.runner.process.patience import Patience
from bpcheck.runner.process.place import Workers
from bpcheck.verdict import Verdict
from reference import avg_pool

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="what is watched is Linux's"
)

#: Seconds that a call may take here; the first of a shape ten times that.
LIMIT = 0.1


def checked(forward: Any, *, jobs: int = 1, count: int | None = None) -> Any:
    subject = Subject(forward, avg_pool.vjp, operation="avg_pool1d", name="hangs")
    return check_subject(
        subject,
        profile="quick",
        count=count,
        largest=10**6,
        jobs=jobs,
        in_process=False,
        allowed=Allowed(LIMIT),
    )


def always(x: Any, **params: Any) -> Any:
    time.sleep(1000)


def in_float32(x: Any, **params: Any) -> Any:
    if x.dtype == "float32":
        time.sleep(1000)
    return avg_pool.forward(x, **params)


def test_a_subject_that_always_hangs_ends_after_one_hang_and_three_that_are_asked_once() -> None:
    report = checked(always)
    assert report.verdict is Verdict.TIMED_OUT
    assert report.is_complete
    assert report.judgements[0].failing == 1
    assert "no case came back: no more were tried" in report.notes
    assert "not tried a second time, as no case had come back yet: 3 cases" in report.notes
    assert to_json(checked(always, jobs=2)) == to_json(report)


def test_what_is_slow_after_a_hang_is_no_hang_and_the_run_goes_on(tmp_path: Path) -> None:
    def second_is_slow(x: Any, **params: Any) -> Any:
        calls = len(list(tmp_path.iterdir()))
        (tmp_path / str(calls)).touch()
        # The question of its pace, the first case and its confirmation, then one that compiles for
        # longer than the usual.
        if calls < 4:
            time.sleep(1000 if calls < 3 else 5 * LIMIT)
        return avg_pool.forward(x, **params)

    report = checked(second_is_slow, count=8)
    assert {each.verdict for each in report.judgements} == {Verdict.TIMED_OUT}
    assert report.judgements[0].failing == 1
    assert report.is_complete
    assert report.cases == 8


def test_only_what_those_that_hang_share_is_given_up() -> None:
    report = checked(in_float32, count=40)
    assert report.verdict is Verdict.TIMED_OUT
    # Three for each set of classes that is told from the rest, and what none of those is in.
    assert 3 <= report.judgements[0].failing <= 9
    for said in report.notes:
        assert said.startswith("not tried after 3 cases in which forward did not come back within")
        assert "dtype float32" in said
    assert report.cases == 40


def test_a_first_call_that_is_slow_is_no_hang_even_where_another_case_hangs() -> None:
    seen: set[Any] = set()

    def compiles(x: Any, **params: Any) -> Any:
        if x.shape not in seen:
            seen.add(x.shape)
            time.sleep(1.5 * LIMIT)
        if x.dtype == "float32" and len(x) > 1:
            time.sleep(1000)
        return avg_pool.forward(x, **params)

    report = checked(compiles, count=8)
    assert {each.verdict for each in report.judgements} == {Verdict.TIMED_OUT}
    # Those in float64 came back, though they took longer than the usual.
    assert all(" f32 " in each.smallest for each in report.judgements)
    assert report.judgements[0].failing <= 4
    assert report.cases == 8


@pytest.mark.parametrize(("count", "expected"), [(2, 10.0), (30, 1.0)])
def test_who_is_quick_on_many_shapes_is_waited_for_no_longer_on_the_next(
    monkeypatch: pytest.MonkeyPatch, count: int, expected: float
) -> None:
    known: list[Patience] = []

    def patience() -> Patience:
        known.append(Patience())
        return known[-1]

    monkeypatch.setattr(place, "Patience", patience)
    right = Subject(avg_pool.forward, avg_pool.vjp, operation="avg_pool1d", name="quick")
    # What is quick is so by the limit: on any machine these calls take less than 30 s.
    check_subject(right, count=count, largest=300, in_process=False, allowed=Allowed(1000.0))
    assert known[0].first == expected, vars(known[0])
    # And it is tried once more alone, longer than that.
    assert known[0].again == 3.0


def test_hangs_that_go_on_are_given_up_by_what_all_of_them_have() -> None:
    given_up = GivenUp()
    death = Death(Kind.TIMED_OUT, "did not come back", "forward")
    given_up.survived(frozenset(("float32", "odd")))
    for width in ("odd", "odd", "odd", "even", "even"):
        given_up.learn(death, frozenset(("float32", "long", width)))
    # What all had that came out well elsewhere is not to blame at first.
    assert given_up.why(frozenset(("long",)))
    given_up = GivenUp()
    given_up.survived(frozenset(("float32", "odd", "even")))
    for width in ("odd", "odd", "odd", "even", "even", "even"):
        given_up.learn(death, frozenset(("float32", width)))
    assert given_up.why(frozenset(("float32",)))
    assert not given_up.why(frozenset(("odd",)))


def test_what_waits_for_a_processor_all_the_time_is_no_hang(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def slow(x: Any, **params: Any) -> Any:
        # More than ten times the limit, which the first call of a shape may take.
        time.sleep(15 * LIMIT)
        return avg_pool.forward(x, **params)

    subject = Subject(slow, avg_pool.vjp, operation="avg_pool1d", name="slow")
    case = parse_case("avg_pool1d n1ic1iw3kw2 f64 exact")

    def kinds() -> set[Any]:
        with Workers(lambda: subject, lambda _: subject.operation, allowed=Allowed(LIMIT)) as place:
            outcomes = place.judge(case, checks=("contract",)).outcomes
        return {each.finding.kind for each in outcomes if each.finding is not None}

    assert kinds() == {Kind.TIMED_OUT}
    monkeypatch.setattr(handle, "waited_for_processor", lambda pid: 0.95 * time.monotonic())
    assert kinds() == set()
