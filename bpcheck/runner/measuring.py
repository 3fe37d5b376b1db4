"""Measuring rounding errors where a subject runs: whatever it does to a worker is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from bpcheck.errors import BpcheckError
from bpcheck.imports import explain
from bpcheck.precision.measure import Measurement, OnProgress, measure
from bpcheck.precision.observe import MeasureError, unmeasured
from bpcheck.runner.own import is_by_subject
from bpcheck.runner.process.death import LostError
from bpcheck.runner.site import Site
from bpcheck.subject import Subject


class Measuring(Protocol):
    """Measures a subject, as `bpcheck.precision.measure` does."""

    def __call__(
        self, subject: Subject, *, on_progress: OnProgress | None = None, **settings: Any
    ) -> Measurement: ...


def measuring_in(site: Site) -> Measuring:
    """What measures the subject of a place there."""

    def measured(
        subject: Subject, *, on_progress: OnProgress | None = None, **settings: Any
    ) -> Measurement:
        def step(news: tuple[int, int, str]) -> None:
            if on_progress is not None:
                on_progress(*news)

        try:
            return site.do(_measured, settings, on_news=step)
        except LostError as lost:
            raise MeasureError(unmeasured(subject, str(lost))) from None

    return measured


def _measured(
    subject: Subject, tell: Callable[[Any], None], settings: Mapping[str, Any]
) -> Measurement:
    try:
        return measure(subject, on_progress=lambda *step: tell(step), **settings)
    except BpcheckError:
        raise
    except BaseException as error:
        if not is_by_subject(error, subject.operation, is_alone=False):
            raise
        what = f"a result that is looked at raises {explain(error).strip()}"
        raise MeasureError(unmeasured(subject, what)) from None
