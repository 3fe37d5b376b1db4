"""The item that compares rounding errors with a baseline."""

from __future__ import annotations

import pytest

from bpcheck.errors import BpcheckError
from bpcheck.inert import inert
from bpcheck.precision.testing import comparison_of, lost, remarks, why_not_measured
from bpcheck.pytest_items.asked import allowed, why_in_process_of
from bpcheck.pytest_items.keys import COMPARISONS, REMARK
from bpcheck.pytest_items.told import keep
from bpcheck.runner.measuring import measuring_in
from bpcheck.runner.placed import placed
from bpcheck.subject import Subject


def conclude_precision(item: pytest.Item, subject: Subject, result: str) -> None:
    """End the item as the comparison with the baseline says."""
    __tracebackhide__ = True
    config = item.config
    done = config.stash.setdefault(COMPARISONS, {})
    if id(subject) not in done:
        file = config.invocation_params.dir / config.getoption("bpcheck_baseline")
        _, why = why_in_process_of(config)
        try:
            with placed(subject, in_process=bool(why), allowed=allowed(config)) as site:
                found = comparison_of(subject, file, measuring=measuring_in(site))
            done[id(subject)] = subject, found
        except BpcheckError as error:
            done[id(subject)] = subject, str(error)
        else:
            for remark in remarks(found) if found else ():
                # Reports carry it to where the summary is printed, from other processes too.
                keep(item, REMARK, remark)
    comparison = done[id(subject)][1]
    if isinstance(comparison, str):
        pytest.fail(inert(comparison), pytrace=False)
    if comparison is None:
        pytest.skip(f"precision: {subject.operation} has no sums to measure")
    why = why_not_measured(comparison, result)
    if why:
        pytest.skip(inert(f"precision: {why}"))
    message = lost(comparison, result)
    if message:
        pytest.fail(inert(message), pytrace=False)
