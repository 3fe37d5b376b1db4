"""Average pooling's divisor: of padding, of overhang, overridden, twice, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.fault import AGAINST_TORCH, AVG_POOL, Fault, of_rank_2_up
from bpcheck.explain.faults.kernels import columns, flat, outer, scatter
from bpcheck.explain.faults.placing import right
from bpcheck.explain.faults.run import Plant, Run, planted
from bpcheck.operations.average_pooling import window_sizes
from bpcheck.operations.window import Window


class Division:
    """What a case or a run divides by; a wrong rule gives another array ``(*out)`` from it."""

    def __init__(self, windows: tuple[Window, ...], *, pad_counts: bool, override: int):
        self.windows = windows
        self.pad_counts = pad_counts
        self.override = override

    @property
    def out(self) -> tuple[int, ...]:
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
        if self.override:
            return np.full(self.out, float(self.override))
        return self.sizes(pad_counts=self.pad_counts)

    def unless_overridden(self, divisor: Array) -> Array:
        return self.right if self.override else divisor


Rule = Callable[[Division], Array]


def _division(run: Run) -> Division:
    return Division(
        run.windows,
        pad_counts=bool(run.params.get("count_include_pad", True)),
        override=run.params.get("divisor_override") or 0,
    )


def _shows(rule: Rule) -> Callable[[Case], bool]:
    def shows(case: Case) -> bool:
        g = case.geometry
        division = Division(g.windows, pad_counts=g.pad_counts, override=g.divisor)
        return g.n > 0 and not np.array_equal(rule(division), division.right)

    return shows


def _x_bar(rule: Rule) -> Callable[[Run, Array, Any], Array]:
    def x_bar(run: Run, y_bar: Array, bar: Any) -> Array:
        share = flat(y_bar) / rule(_division(run)).reshape(-1)
        kernel = prod(window.k for window in run.windows)
        sent = np.repeat(share[..., None], kernel, axis=-1)
        return scatter(sent, right(run.windows), run.operands["x"].shape[2:])

    return x_bar


def _y(rule: Rule) -> Callable[[Run], Array]:
    def y(run: Run) -> Array:
        sums = columns(run.operands["x"], right(run.windows)).sum(axis=-1)
        quotient = sums / rule(_division(run)).reshape(-1)
        return quotient.reshape(run.y.shape).astype(run.y.dtype)

    return y


def _in_x_bar(rule: Rule) -> Plant:
    return planted(x_bar=_x_bar(rule))


def _in_y(rule: Rule) -> Plant:
    return planted(y=_y(rule))


def _throughout(rule: Rule) -> Plant:
    return planted(y=_y(rule), x_bar=_x_bar(rule))


def _overhang_counts(division: Division) -> Array:
    sizes = [
        np.full(window.out, window.k)
        if window.remainder < 0
        else window_sizes(window, pad_counts=division.pad_counts)
        for window in division.windows
    ]
    return division.unless_overridden(outer(sizes))


def _padding_counts(division: Division) -> Array:
    return division.unless_overridden(division.sizes(pad_counts=True))


def _padding_does_not_count(division: Division) -> Array:
    return division.unless_overridden(division.sizes(pad_counts=False))


def _fault(
    name: str,
    what: str,
    rule: Rule,
    *,
    condition: str,
    source: str = "",
    operations: tuple[str, ...] = AVG_POOL,
) -> Fault:
    return Fault(
        name=f"x-bar-{name}",
        what=what,
        operations=operations,
        results=("x_bar",),
        condition=condition,
        shows=_shows(rule),
        plant=_in_x_bar(rule),
        source=source,
    )


FAULTS: tuple[Fault, ...] = (
    _fault(
        "divided-by-the-kernel",
        "every window's share is divided by the whole kernel, whatever the window covers",
        lambda division: division.unless_overridden(division.kernel),
        condition="padding that does not count, or overhang",
        source="https://github.com/tracel-ai/burn/issues/5604",
    ),
    _fault(
        "padding-counted",
        "the backward pass counts padding although count_include_pad is False",
        _padding_counts,
        condition="padding that does not count",
        source="https://github.com/kulinseth/pytorch/pull/273",
    ),
    _fault(
        "padding-not-counted",
        "the backward pass leaves padding out although count_include_pad is True",
        _padding_does_not_count,
        condition="padding that counts",
        source="https://github.com/pytorch/pytorch/issues/107201",
    ),
    _fault(
        "overhang-counted",
        "a last window that overhangs is divided by the full kernel",
        _overhang_counts,
        condition="ceil_mode with a window that overhangs",
        source="https://github.com/pytorch/pytorch/issues/198119",
    ),
    _fault(
        "not-divided",
        "the cotangent is sent to every cell of its window undivided",
        lambda division: np.ones(division.out),
        condition="a divisor unlike 1",
    ),
    _fault(
        "divided-twice",
        "the cotangent is divided once before and once after it is sent back",
        lambda division: division.right**2,
        condition="a divisor unlike 1",
    ),
    _fault(
        "divisor-override-ignored",
        "divisor_override is ignored in the backward pass",
        lambda division: division.sizes(pad_counts=division.pad_counts),
        operations=of_rank_2_up(AVG_POOL),
        condition="divisor_override",
        source="https://github.com/apache/mxnet/pull/3035",
    ),
    _fault(
        "divisor-override-times-the-kernel",
        "divisor_override divides on top of the window's size",
        lambda division: (
            division.right * (division.sizes(pad_counts=True) if division.override else 1)
        ),
        operations=of_rank_2_up(AVG_POOL),
        condition="divisor_override and a kernel larger than 1",
    ),
    _fault(
        "divided-by-one-side-of-the-kernel",
        "the share is divided by the kernel's height alone",
        lambda division: division.unless_overridden(
            np.full(division.out, float(division.windows[0].k))
        ),
        operations=of_rank_2_up(AVG_POOL),
        condition="a kernel wider than 1",
    ),
    _fault(
        "divided-by-the-stride",
        "the share is divided by the stride, as if windows tiled",
        lambda division: division.unless_overridden(
            np.full(division.out, float(prod(window.s for window in division.windows)))
        ),
        condition="stride unlike the kernel size",
    ),
    _fault(
        "divisor-of-the-first-window",
        "every window is divided by the first one's divisor",
        lambda division: np.full(division.out, division.right.flat[0]),
        condition="windows of unequal divisors",
        source="https://github.com/PaddlePaddle/Paddle/pull/74077",
    ),
    Fault(
        name="y-divided-by-the-kernel",
        what="the forward divides every window by the whole kernel",
        operations=AVG_POOL,
        results=("y", "x_bar"),
        condition="padding that does not count, or overhang",
        shows=_shows(lambda division: division.unless_overridden(division.kernel)),
        plant=_in_y(lambda division: division.unless_overridden(division.kernel)),
    ),
    Fault(
        name="padding-counted-throughout",
        what="forward and backward count padding although count_include_pad is False",
        operations=AVG_POOL,
        results=("y", "x_bar"),
        condition="padding that does not count",
        shows=_shows(_padding_counts),
        plant=_throughout(_padding_counts),
        caught_by=AGAINST_TORCH,
        source="https://github.com/kulinseth/pytorch/pull/273",
    ),
    Fault(
        name="padding-not-counted-throughout",
        what="forward and backward leave padding out although count_include_pad is True",
        operations=AVG_POOL,
        results=("y", "x_bar"),
        condition="padding that counts",
        shows=_shows(_padding_does_not_count),
        plant=_throughout(_padding_does_not_count),
        caught_by=AGAINST_TORCH,
    ),
)
