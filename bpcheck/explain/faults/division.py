"""What average pooling divides by, the right way and by rules of one's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.kernels import columns, flat, outer, scatter
from bpcheck.explain.faults.placing import right
from bpcheck.explain.faults.run import Plant, Run, planted
from bpcheck.operations.windowed.average_pooling import window_sizes
from bpcheck.operations.windowed.window import Window


@dataclass(frozen=True, slots=True)
class Division:
    """What a case or a run divides by.

    Parameters
    ----------
    windows
        The window of each spatial dimension.
    pad_counts, override
        As ``count_include_pad`` and ``divisor_override`` (0: none).
    """

    windows: tuple[Window, ...]
    pad_counts: bool
    override: int

    @property
    def out(self) -> tuple[int, ...]:
        """Positions of the windows."""
        return tuple(window.out for window in self.windows)

    def sizes(self, *, pad_counts: bool) -> Array:
        """Cells of each window, padding counted or not, overhang never."""
        return outer([window_sizes(window, pad_counts=pad_counts) for window in self.windows])

    @property
    def kernel(self) -> Array:
        """All cells of the kernel, for every window."""
        return np.full(self.out, float(prod(window.k for window in self.windows)))

    @property
    def right(self) -> Array:
        """What it should divide each window by: ``(*out)``."""
        if self.override:
            return np.full(self.out, float(self.override))
        return self.sizes(pad_counts=self.pad_counts)

    def unless_overridden(self, divisor: Array) -> Array:
        """`divisor`, or what overrides every one."""
        return self.right if self.override else divisor


#: The divisor of every window: ``(*out)``.
Rule = Callable[[Division], Array]


def division_of(run: Run) -> Division:
    """What a run divides by."""
    return Division(
        run.windows,
        pad_counts=bool(run.params.get("count_include_pad", True)),
        override=run.params.get("divisor_override") or 0,
    )


def divides_otherwise(rule: Rule) -> Callable[[Case], bool]:
    """Whether `rule` gives another divisor for some window of a case."""

    def shows(case: Case) -> bool:
        g = case.geometry
        division = Division(g.windows, pad_counts=g.pad_counts, override=g.divisor)
        return g.n > 0 and not np.array_equal(rule(division), division.right)

    return shows


def _x_bar(rule: Rule) -> Callable[[Run, Array, Any], Array]:
    def x_bar(run: Run, y_bar: Array, bar: Any) -> Array:
        share = flat(y_bar) / rule(division_of(run)).reshape(-1)
        kernel = prod(window.k for window in run.windows)
        sent = np.repeat(share[..., None], kernel, axis=-1)
        return scatter(sent, right(run.windows), run.operands["x"].shape[2:])

    return x_bar


def _y(rule: Rule) -> Callable[[Run], Array]:
    def y(run: Run) -> Array:
        sums = columns(run.operands["x"], right(run.windows)).sum(axis=-1)
        quotient = sums / rule(division_of(run)).reshape(-1)
        return quotient.reshape(run.y.shape).astype(run.y.dtype)

    return y


def in_x_bar(rule: Rule) -> Plant:
    """The backward pass divides by `rule`."""
    return planted(x_bar=_x_bar(rule))


def in_y(rule: Rule) -> Plant:
    """The forward divides by `rule`."""
    return planted(y=_y(rule))


def throughout(rule: Rule) -> Plant:
    """Forward and backward divide by `rule`."""
    return planted(y=_y(rule), x_bar=_x_bar(rule))


def overhang_counts(division: Division) -> Array:
    """A window that overhangs is divided by the whole kernel."""
    sizes = [
        np.full(window.out, window.k)
        if window.remainder < 0
        else window_sizes(window, pad_counts=division.pad_counts)
        for window in division.windows
    ]
    return division.unless_overridden(outer(sizes))


def padding_counts(division: Division) -> Array:
    """Padding counts, whatever the case says."""
    return division.unless_overridden(division.sizes(pad_counts=True))


def padding_does_not_count(division: Division) -> Array:
    """Padding is left out, whatever the case says."""
    return division.unless_overridden(division.sizes(pad_counts=False))
