"""The paired rank test that decides whether a metric has grown, and how often it may err.

Each group of cells (one result, dtype, data kind and metric, and neighbouring lengths) gives one
pair a case: the metric in the baseline and now, for the same values. If nothing has changed but the
order of summation or the seed, each log ratio is as likely above 0 as below it by as much, and the
one-sided signed-rank test errs with the probability that it states. Holm's correction holds the
probability that any of the groups of a run alarms falsely to `FALSE_ALARM`.

Sources: F. Wilcoxon, Individual comparisons by ranking methods, Biometrics Bulletin 1 (1945); S.
Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6 (1979).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

#: The chance that a run in which nothing got worse reports a loss anywhere: half of the 1e-4 that
#: is promised, so that a simulation of 100,000 runs can show it.
FALSE_ALARM = 5e-5

#: Smallest ratio of medians that is a loss, in the environment of the baseline and in another one.
EFFECT, OTHER_EFFECT = 1.1, 4.0

#: Differences of a logarithm below this are rounding of the stored metrics, not changes.
_SAME = 1e-3


def worsened(before: NDArray[np.float64], now: NDArray[np.float64]) -> float:
    """Probability of ranks as high as these if `now` were as likely below `before` as above it.

    Parameters
    ----------
    before, now
        A positive metric of the same cases.

    Notes
    -----
    Ties in the size of a change are broken by position, which depends on no sign, so that the
    exact distribution holds with them too.

    Examples
    --------
    >>> worsened(np.ones(20), np.full(20, 1.2)) == 2.0**-20
    True
    >>> worsened(np.ones(20), np.ones(20))
    1.0
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.log(now) - np.log(before)
    # Infinitely wrong before and now is no change.
    change = np.nan_to_num(change, nan=0.0, posinf=1e300, neginf=-1e300)
    change = change[np.abs(change) > _SAME]
    if not change.size:
        return 1.0
    ranks = np.argsort(np.argsort(np.abs(change), kind="stable")) + 1
    return _chance(change.size, int(ranks[change > 0].sum()))


@cache
def _chance(pairs: int, total: int) -> float:
    """Probability that the positive ones of the ranks ``1..pairs`` sum to `total` or more."""
    from scipy.stats import wilcoxon

    signed = -np.arange(1.0, pairs + 1)
    for place in range(pairs - 1, -1, -1):
        # The largest ranks that fit: some choice of signs with this sum, and any is as good.
        if place < total:
            signed[place] = place + 1
            total -= place + 1
    return float(wilcoxon(signed, alternative="greater", method="exact").pvalue)


def holm(chances: Sequence[float]) -> tuple[float, ...]:
    """The probabilities corrected for their number, in their order.

    Examples
    --------
    >>> holm([0.5, 0.01, 0.2])
    (0.5, 0.03, 0.4)
    """
    corrected = [1.0] * len(chances)
    floor = 0.0
    for place, index in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        floor = max(floor, min(1.0, chances[index] * (len(chances) - place)))
        corrected[index] = floor
    return tuple(corrected)


def pairs_needed(groups: int, chance: float = FALSE_ALARM) -> int:
    """Pairs without which no change, however large, could be shown among that many groups.

    Examples
    --------
    >>> pairs_needed(288)
    23
    """
    return int(np.ceil(np.log2(max(1, groups) / chance)))
