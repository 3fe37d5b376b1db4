"""Comparing: what got worse against a baseline, what got better, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum

from bpcheck.errors import BpcheckError, UsageError
from bpcheck.precision.elsewhere import is_explained
from bpcheck.precision.environment import differences
from bpcheck.precision.groups import groups_of, ratio_of_medians, values_of
from bpcheck.precision.ladder import Cell, Settings
from bpcheck.precision.measure import Measurement
from bpcheck.precision.metrics import TESTED
from bpcheck.precision.orders import changed
from bpcheck.precision.ranks import (
    EFFECT,
    FALSE_ALARM,
    OTHER_EFFECT,
    holm,
    pairs_needed,
    worsened,
)


class Outcome(StrEnum):
    """What became of a metric."""

    SAME = "same"
    LOSS = "loss"
    GAIN = "gain"


@dataclass(frozen=True, slots=True)
class Change:
    """One metric of one group of cells, before and now.

    Parameters
    ----------
    result, dtype, kind
        The result, dtype and data kind.
    shortest, longest
        Number of terms of the shortest and the longest sums of the group.
    metric
        One of `bpcheck.precision.metrics.TESTED`.
    ratio
        Ratio of the medians, now to before, each case relative to its cell's median before.
    chance
        Probability of such ranks without any change, corrected for the number of groups.
    outcome
        What follows.
    """

    result: str
    dtype: str
    kind: str
    shortest: int
    longest: int
    metric: str
    ratio: float
    chance: float
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Comparison:
    """A measurement judged against a baseline.

    Parameters
    ----------
    baseline, current
        The two measurements.
    effect
        Smallest ratio of medians that counts.
    environment
        What differs of the environments, in words; empty where nothing does.
    changes
        Every metric of every group.
    """

    baseline: Measurement
    current: Measurement
    effect: float
    environment: tuple[str, ...]
    changes: tuple[Change, ...]

    @property
    def losses(self) -> tuple[Change, ...]:
        """What got worse, worst first."""
        return _sorted(self.changes, Outcome.LOSS)

    @property
    def gains(self) -> tuple[Change, ...]:
        """What got better, best first."""
        return _sorted(self.changes, Outcome.GAIN)[::-1]

    @property
    def undetermined(self) -> tuple[Cell, ...]:
        """Cells that gave the same bits twice in the baseline, and do not now."""
        was = {cell for cell, metrics in self.baseline.cells.items() if metrics.deterministic}
        now = self.current.cells.items()
        return tuple(cell for cell, metrics in now if not metrics.deterministic and cell in was)

    @property
    def reordered(self) -> tuple[str, ...]:
        """What is added up in another order than in the baseline, in words."""
        return changed(self.baseline.orders, self.current.orders)

    @property
    def is_identical(self) -> bool:
        """Whether every stored number is the same."""
        return dict(self.baseline.cells) == dict(self.current.cells)


def compare(
    baseline: Measurement,
    current: Measurement,
    *,
    effect: float | None = None,
    false_alarm: float = FALSE_ALARM,
) -> Comparison:
    """Judge `current` by `baseline`; both must have been measured with the same settings.

    Parameters
    ----------
    baseline, current
        Two measurements of one subject.
    effect
        Smallest ratio of medians that is a loss (default: 1.1, or 4 where the environments differ).
        In another environment the order of summation differs legitimately, and what the worst order
        explains is no loss (see `bpcheck.precision.elsewhere`).
    false_alarm
        Probability that any loss is reported where nothing has changed but rounding.

    Raises
    ------
    BpcheckError
        If the settings or the cells differ, or there are too few cases to show anything.
    """
    if baseline.settings != current.settings:
        raise BpcheckError(
            f"the settings differ: {settings_differ(baseline.settings, current.settings)}; measure "
            "with those of the baseline"
        )
    missing = [cell.text for cell in baseline.cells if cell not in current.cells]
    if missing:
        raise BpcheckError(
            f"{baseline.title}: {len(missing)} cells of the baseline are not claimed any more, "
            f"such as {missing[0]}; if that is meant, record the baseline again"
        )
    if effect is not None and not effect > 1:
        raise UsageError(
            f"effect={effect:g}: a ratio of medians above 1 is a loss; give more than 1"
        )
    where = differences(baseline.environment, current.environment)
    least = effect if effect is not None else OTHER_EFFECT if where else EFFECT
    require_power(baseline, false_alarm=false_alarm)
    groups = tuple(groups_of(tuple(baseline.cells)))
    found = [(group, metric) for group in groups for metric in TESTED]
    grown, shrunk = [], []
    for group, metric in found:
        before, now = (values_of(each, group, metric) for each in (baseline, current))
        grown.append(worsened(before, now))
        shrunk.append(worsened(now, before))
    changes = tuple(
        _change(
            baseline,
            current,
            group,
            metric,
            least,
            [
                # What another order of summation explains is no change where the order may differ.
                1.0 if where and is_explained(before, after, group, metric) else chance
                for (before, after), chance in zip(
                    ((baseline, current), (current, baseline)), chances, strict=True
                )
            ],
            false_alarm,
        )
        for (group, metric), *chances in zip(found, holm(grown), holm(shrunk), strict=True)
    )
    return Comparison(baseline, current, least, where, changes)


def settings_differ(recorded: Settings, current: Settings) -> str:
    """What is not the same, such as ``"longest 65536, now 4096"``."""
    return "; ".join(
        f"{each.name} {_plain(getattr(recorded, each.name))}, "
        f"now {_plain(getattr(current, each.name))}"
        for each in fields(Settings)
        if getattr(recorded, each.name) != getattr(current, each.name)
    )


def _plain(value: object) -> str:
    return (" ".join(value) or "all") if isinstance(value, tuple) else str(value)


def _change(
    baseline: Measurement,
    current: Measurement,
    group: Sequence[Cell],
    metric: str,
    effect: float,
    chances: Sequence[float],
    false_alarm: float,
) -> Change:
    ratio = ratio_of_medians(baseline, current, group, metric)
    outcome, chance = Outcome.SAME, min(chances)
    if chances[0] <= false_alarm and ratio > effect:
        outcome, chance = Outcome.LOSS, chances[0]
    elif chances[1] <= false_alarm and ratio < 1 / effect:
        outcome, chance = Outcome.GAIN, chances[1]
    cell = group[0]
    return Change(
        cell.result,
        cell.dtype,
        cell.kind,
        cell.terms,
        group[-1].terms,
        metric,
        ratio,
        chance,
        outcome,
    )


def require_power(measurement: Measurement, *, false_alarm: float = FALSE_ALARM) -> None:
    """Raise `UsageError` if there are too few cases for a comparison to show any loss at all."""
    groups = tuple(groups_of(tuple(measurement.cells)))
    count = len(groups) * len(TESTED)
    needed = pairs_needed(count, false_alarm)
    fewest = min((len(group) for group in groups), default=0) * measurement.settings.cases
    if fewest < needed:
        raise UsageError(
            f"{measurement.title}: cases={measurement.settings.cases} gives {fewest} pairs to a "
            f"comparison, and {count} comparisons need {needed} pairs each to show any loss; take "
            "more cases, or a longer ladder"
        )


def _sorted(changes: Sequence[Change], outcome: Outcome) -> tuple[Change, ...]:
    chosen = (change for change in changes if change.outcome is outcome)
    return tuple(sorted(chosen, key=lambda change: change.ratio, reverse=True))
