"""Arrays that alias and lie as callers' arrays do, through every door: shell, pytest and Python."""

from __future__ import annotations

from itertools import islice
from textwrap import dedent

import pytest

from bpcheck.adapters import load
from bpcheck.planning.plan import Plan
from bpcheck.planning.profiles import PROFILES
from bpcheck.runner.one import judge
from properties.harness.doors import DOORS, Given
from properties.harness.targets import folder, write

__all__ = ["folder"]

KERNELS = """
    import numpy as np
    import torch
    import bpcheck
    from reference import max_pool

    class Right:
        '''Torch takes no negative strides; ascontiguousarray leaves those of one element.'''

        DTYPES = ("float64", "float32")

        def forward(self, x, **params):
            torch.from_numpy(np.ascontiguousarray(x) if x.flags.writeable else x.copy())
            y, residuals = max_pool.forward(x, **params)
            return y, (x, y, params, residuals)

        def vjp(self, residuals, y_bar):
            return max_pool.vjp(residuals[-1], self.seen(residuals, y_bar))

        def seen(self, residuals, y_bar):
            torch.from_numpy(np.ascontiguousarray(y_bar) if y_bar.flags.writeable else y_bar.copy())
            return y_bar

    def strides(array):
        return [s for s, n in zip(array.strides, array.shape) if n > 1]

    class Output(Right):
        '''Takes the memory of y for scratch, and puts y back.'''

        def vjp(self, residuals, y_bar):
            y = residuals[1]
            kept = y.copy()
            y[...] = 0
            bars = max_pool.vjp(residuals[-1], y_bar)
            y[...] = kept
            return bars

    class SamplesOfOneX(Right):
        '''Where all samples are one in memory, that one gets the gradients of all.'''

        def vjp(self, residuals, y_bar):
            x = residuals[0]
            bar, = max_pool.vjp(residuals[-1], y_bar)
            if len(x) > 1 and x.strides[0] == 0 and any(strides(x)):
                bar[0] = bar.sum(axis=0)
                bar[1:] = 0
            return bar,

    class Frames(Right):
        '''Writes x_bar into memory with the strides of x.'''

        def vjp(self, residuals, y_bar):
            x = residuals[0]
            bar, = max_pool.vjp(residuals[-1], y_bar)
            if x.size == 0 or min(strides(x), default=1) <= 0:
                return bar,
            size = sum((n - 1) * s for n, s in zip(x.shape, x.strides)) + x.itemsize
            written = np.ndarray(x.shape, x.dtype, np.zeros(size, np.uint8), strides=x.strides)
            written[...] = bar
            return written.copy(),

    class Mean(Right):
        '''Where the cotangent repeats along the batch, takes it for that of a sum: ones.'''

        def seen(self, residuals, y_bar):
            if len(y_bar) > 1 and y_bar.strides[0] == 0 and any(strides(y_bar)):
                return np.ones(y_bar.shape, y_bar.dtype)
            return y_bar

    class Sum(Right):
        '''Takes a cotangent of stride 0 in all axes for ones.'''

        def seen(self, residuals, y_bar):
            if y_bar.size > 1 and not any(strides(y_bar)):
                return np.ones(y_bar.shape, y_bar.dtype)
            return y_bar
"""

#: The layout that each kernel is wrong in; the first one is right.
LAYOUTS = {
    "Right": "",
    "Output": "y_bar:output",
    "SamplesOfOneX": "x:broadcast-batch",
    "Frames": "x:overlapping",
    "Mean": "y_bar:broadcast-batch",
    "Sum": "y_bar:broadcast-all",
}

#: Layouts that no kernel above is wrong in, beside one that it is.
PLAIN = ("c-order", "x:negative,y_bar:negative", "x:channels-last,y_bar:fortran")


def kernel(name: str) -> str:
    return dedent(KERNELS) + f"\nforward, vjp = {name}().forward, {name}().vjp\n"


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_quick_run_has_the_arrays_that_show_it(name: str) -> None:
    write("mine.py", kernel(name))
    subject = load("mine.py", operation="max_pool1d")
    # One check of those that see it: what a plan has to do is to make such arrays.
    plan = Plan(subject.operation, profile=PROFILES["quick"], dtypes=subject.claims.dtypes, seed=0)
    checks = ("layouts", "autograd")
    rulings = [r for case in islice(plan, 100) for r in judge(subject, case, checks=checks).rulings]
    assert (name != "Right") == any(each.verdict.is_defect for each in rulings)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", LAYOUTS)
def test_an_alias_that_a_kernel_takes_wrongly_is_found_and_a_right_kernel_passes(
    name: str, door: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The right one is handed all of them, and axes of one element.
    texts = [f"max_pool1d n3ic2iw5kw2 f64 exact {layout}" for layout in PLAIN]
    layouts = [LAYOUTS[name]] if LAYOUTS[name] else [*LAYOUTS.values()][1:]
    texts += [f"max_pool1d n3ic2iw{w}kw2 f64 exact {layout}" for layout in layouts for w in (4, 5)]
    texts += [f"max_pool1d n1ic1iw2kw2 f64 exact {layout}" for layout in PLAIN]
    given = Given(kernel(name), "max_pool1d", tuple(texts), seeds=3)
    exit_code, said = DOORS[door](given, {}, pytester, monkeypatch)
    assert (exit_code == 0) == (name == "Right"), said
    # The layout is what the smallest case cannot do without. Of one sample and channel that of a
    # mean over the plane is the same as that of a sum.
    assert LAYOUTS[name].removesuffix("-all") in said
