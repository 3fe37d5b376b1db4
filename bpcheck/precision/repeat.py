"""Measuring a subject again as a baseline says, and judging it."""

from __future__ import annotations

from collections.abc import Callable

from bpcheck.precision.compare import Comparison, compare
from bpcheck.precision.measure import Measurement, OnProgress, measure
from bpcheck.precision.ranks import FALSE_ALARM
from bpcheck.subject import Subject


def compare_with(
    baseline: Measurement,
    subject: Subject,
    *,
    effect: float | None = None,
    threads: int | None = None,
    among: int = 1,
    on_progress: OnProgress | None = None,
    measuring: Callable[..., Measurement] = measure,
) -> Comparison:
    """Measure `subject` with the settings and seeds of `baseline`, and compare.

    Parameters
    ----------
    baseline
        What was recorded of the subject.
    subject
        The subject as it is now.
    effect
        Smallest ratio of medians that is a loss (see `bpcheck.precision.compare`).
    threads
        Threads of BLAS and torch; by default as many as recorded.
    among
        Number of subjects that one run compares: the chance of a false failure is the run's.
    on_progress
        Called before every cell.
    measuring
        What measures it: `measure`, or the same somewhere else.
    """
    settings = baseline.settings
    recorded = baseline.environment.get("threads")
    current = measuring(
        subject,
        dtypes=settings.dtypes,
        results=settings.results,
        kinds=settings.kinds,
        longest=settings.longest,
        cases=settings.cases,
        seed=settings.seed,
        threads=threads or (recorded if isinstance(recorded, int) else 1),
        target=baseline.target,
        style=baseline.style,
        on_progress=on_progress,
    )
    return compare(baseline, current, effect=effect, false_alarm=FALSE_ALARM / among)


def uncovered(baseline: Measurement, subject: Subject) -> tuple[str, ...]:
    """Dtypes and results that the subject has and the baseline has not."""
    operation = subject.operation
    settings = baseline.settings
    dtypes = (name for name in subject.claims.dtypes if name in operation.dtypes)
    results = ("y", *(f"{name}_bar" for name in operation.operands)) if settings.results else ()
    return (
        *(name for name in dtypes if name not in settings.dtypes),
        *(name for name in results if name not in settings.results),
    )
