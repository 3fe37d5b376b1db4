"""The second set of violations: what bpcheck first said of each, and what it says now.

A part of `python -m benchmarks.contract`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache

from benchmarks.contract_strangers import STRANGERS, Stranger
from benchmarks.material import planned
from bpcheck.finding import Outcome, Status
from bpcheck.runner.one import judge
from bpcheck.subject import Subject
from bpcheck.verdict.judged import Judged

#: Cases that a quick run judges; each is judged in them until one shows a defect.
JUDGED = 450

#: Cases of what compiles each shape.
COMPILED = 24


def _verdicts(subject: Subject, style: str) -> Iterator[Judged]:
    count = COMPILED if style == "jax" else JUDGED
    for case in planned(subject, count=count, profile="quick"):
        yield judge(subject, case)


def _beginning(outcome: Outcome) -> str:
    """The row of a remark and its first words: further on it names lines of the code."""
    return f"{outcome.check}: {outcome.remark[:24]}"


@cache
def _of_twin(module: str, twin: str, operation: str) -> tuple[str, frozenset[str]]:
    """The row that fails of right code, if one does, and how the remarks on it begin."""
    stranger = Stranger("", "", operation, module, twin, "")
    remarks = set[str]()
    for verdict in _verdicts(stranger.kept(), stranger.style):
        for each in verdict.outcomes:
            if each.status is Status.FAILED:
                return each.check, frozenset()
            if each.remark:
                remarks.add(_beginning(each))
    return "", frozenset(remarks)


def now(stranger: Stranger) -> str:
    """``defect`` or ``told``, with the row that says so first, or ``missed``."""
    _, usual = _of_twin(stranger.module, stranger.twin or stranger.name, stranger.operation)
    told = ""
    for verdict in _verdicts(stranger.broken(), stranger.style):
        for each in verdict.outcomes:
            if each.status is Status.FAILED:
                return f"defect ({each.check})"
            if each.remark and _beginning(each) not in usual:
                told = told or f"told ({each.check})"
    return told or "missed"


def strangers() -> None:
    """Print what was said of each violation of the second set, and what is said now."""
    print("\n| violation | operation | first sight | now | right twin |")
    print("| --- | --- | --- | --- | --- |")
    first: Counter[str] = Counter()
    later: Counter[str] = Counter()
    for each in STRANGERS:
        result = now(each)
        alarm, _ = _of_twin(each.module, each.twin or each.name, each.operation)
        first[each.first.split()[0]] += 1
        later[result.split()[0]] += 1
        name = f"[{each.sentence}]({each.report})" if each.report else f"{each.sentence} (practice)"
        twin = f"fails ({alarm})" if alarm else "agrees"
        print(f"| {name} | {each.operation} | {each.first} | {result} | {twin} |", flush=True)
    for when, counts in (("first sight", first), ("now", later)):
        said = ", ".join(f"{each} {counts[each]}" for each in ("defect", "told", "missed"))
        print(f"\n{when}, of {len(STRANGERS)}: {said}")
