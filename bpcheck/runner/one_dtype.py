"""A wrong dtype of several results is one mistake: the arrays that they are made in."""

from __future__ import annotations

from collections.abc import Sequence

from bpcheck.cases import Case
from bpcheck.finding import Kind
from bpcheck.runner.one import judge
from bpcheck.subject import Subject
from bpcheck.verdict.judgement import Verdict
from bpcheck.verdict.tally import Defect

#: Failing cases of either result that are run once more.
TRIED = 4


def is_of_dtype(defect: Defect) -> bool:
    """Whether the dtype of a result is what is wrong."""
    return defect.verdict is Verdict.CONTRACT_BROKEN and defect.cause == Kind.DTYPE


def have_one_dtype(subject: Subject, one: Defect, other: Defect) -> bool:
    """Whether two results have a wrong dtype in the same cases, and the same one."""
    if not (is_of_dtype(one) and is_of_dtype(other)) or one.result == other.result:
        return False
    results = (one.result, other.result)
    cases = dict.fromkeys([*one.sample.cases[:TRIED], *other.sample.cases[:TRIED]])
    # A bias that is absent has no gradient.
    both = [each for each in cases if set(results) <= set(each.operation.results(each.geometry))]
    return bool(both) and all(_are_wrong_alike(subject, case, results) for case in both)


def _are_wrong_alike(subject: Subject, case: Case, results: Sequence[str]) -> bool:
    found = {
        ruling.result: ruling.findings[0].message.partition(";")[0].removeprefix(ruling.result)
        for ruling in judge(subject, case).rulings
        if ruling.cause == Kind.DTYPE
    }
    given = [found.get(result) for result in results]
    return None not in given and len(set(given)) == 1
