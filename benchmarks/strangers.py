"""The second set of violations: what bpcheck first said of each, and what it says now.

A part of `python -m benchmarks.contract`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache

from benchmarks.contract_strangers import STRANGERS, Stranger
from benchmarks.material import planned
from bpcheck.finding import Status
from bpcheck.runner.one import judge
from bpcheck.subject import Subject
from bpcheck.verdict.judged import Judged

#: Cases of a quick plan that each is judged in, until one shows a defect.
JUDGED = 120


def _verdicts(subject: Subject) -> Iterator[Judged]:
    for case in planned(subject, count=JUDGED, profile="quick"):
        yield judge(subject, case)


@cache
def _of_twin(module: str, twin: str, operation: str) -> tuple[str, frozenset[str]]:
    """The row that fails of right code, if one does, and the rows that have a remark on it."""
    stranger = Stranger("", "", operation, module, twin, "")
    remarks = set[str]()
    for verdict in _verdicts(stranger.kept()):
        for each in verdict.outcomes:
            if each.status is Status.FAILED:
                return each.check, frozenset()
            if each.remark:
                remarks.add(each.check)
    return "", frozenset(remarks)


def now(stranger: Stranger) -> str:
    """``defect`` or ``told``, with the row that says so first, or ``missed``."""
    _, usual = _of_twin(stranger.module, stranger.twin or stranger.name, stranger.operation)
    told = ""
    for verdict in _verdicts(stranger.broken()):
        for each in verdict.outcomes:
            if each.status is Status.FAILED:
                return f"defect ({each.check})"
            if each.remark and each.check not in usual:
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
