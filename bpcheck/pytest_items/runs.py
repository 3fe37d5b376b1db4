"""The run of a subject, which its first item brings about."""

from __future__ import annotations

import pytest

from bpcheck import runner
from bpcheck.errors import BpcheckError
from bpcheck.pytest_items.asked import allowed, engine_of, limit, option, why_in_process_of
from bpcheck.pytest_items.keys import PROCESS, REPORTS
from bpcheck.pytest_items.told import keep, target_of
from bpcheck.runner.placed import why_not_in_workers
from bpcheck.subject import Subject
from bpcheck.verdict import Report


def run(request: pytest.FixtureRequest, subject: Subject) -> Report | str:
    """The report of `subject`, or why there is none."""
    config = request.config
    is_asked, why = why_in_process_of(config)
    engine = None if why else engine_of(config)
    if isinstance(engine, str):
        return engine
    if engine:
        engine.say = lambda text: keep(request.node, PROCESS, text)
    why = why or ("" if engine else why_not_in_workers(subject))
    if why and not is_asked:
        said = f"{subject.name}, {subject.operation}: run in the process of pytest, as {why}"
        keep(request.node, PROCESS, said)
    seed = option(config, "seed")
    # More digits than Python reads are no seed that a run takes.
    if not seed.isdecimal() or len(seed) > 40:
        return f"bpcheck_seed={seed:.60}: must be an integer of at least 0, and at most 2**64"
    try:
        report = runner.check_subject(
            subject,
            profile=option(config, "profile"),
            seed=int(seed),
            largest=limit(config, "largest"),
            geometries=limit(config, "geometries"),
            repairs=not config.getoption("bpcheck_no_repair"),
            in_process=bool(why),
            executor=engine,
            allowed=allowed(config),
        )
    except BpcheckError as error:
        return str(error)
    config.stash.setdefault(REPORTS, []).append((report, target_of(request, subject)))
    if not report.is_complete:
        raise KeyboardInterrupt
    return report
