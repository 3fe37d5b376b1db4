"""Arrays that alias and lie as callers' arrays do, through every door: shell, pytest and Python."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from itertools import product
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner

import bpcheck
from bpcheck.cli import main

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
    # Of one sample and one channel it is the same as that of a mean over the plane.
    "Sum": "y_bar:broadcast",
}


def shell(name: str, pytester: pytest.Pytester) -> tuple[bool, str]:
    command = ["check", "max_pool1d", f"aliases:{name}", "--profile", "quick"]
    result = CliRunner(env={"COLUMNS": "200"}).invoke(main, command, catch_exceptions=False)
    return result.exit_code == 0, result.output


def items(name: str, pytester: pytest.Pytester) -> tuple[bool, str]:
    Path("test_aliased.py").write_text(
        f"import aliases, bpcheck\n"
        f"k = aliases.{name}()\n"
        f"s = bpcheck.Subject(k.forward, k.vjp, operation='max_pool1d', name='{name}')\n"
        "test_kernel = bpcheck.conformance(s)\n",
        encoding="utf-8",
    )
    arguments = ("-p", "no:cacheprovider", "--bpcheck-profile=quick", "test_aliased.py")
    done = pytester.runpytest_inprocess(*arguments)
    return done.ret == 0, done.stdout.str()


def python(name: str, pytester: pytest.Pytester) -> tuple[bool, str]:
    kernel = getattr(import_module("aliases"), name)()
    subject = bpcheck.Subject(kernel.forward, kernel.vjp, operation="max_pool1d", name=name)
    try:
        bpcheck.assert_agrees(subject, profile="quick")
    except AssertionError as error:
        return False, str(error)
    return True, ""


#: Python sees all of them; the other doors a right kernel and a wrong one.
ELSEWHERE = ("Right", "Output")


@pytest.mark.parametrize(
    ("door", "name"),
    [*((python, name) for name in LAYOUTS), *product((shell, items), ELSEWHERE)],
)
def test_an_alias_that_a_kernel_takes_wrongly_is_found_and_a_right_kernel_passes(
    name: str,
    door: Callable[[str, pytest.Pytester], tuple[bool, str]],
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("aliases.py").write_text(dedent(KERNELS), encoding="utf-8")
    monkeypatch.syspath_prepend(str(pytester.path))
    monkeypatch.delitem(sys.modules, "aliases", raising=False)
    agrees, said = door(name, pytester)
    monkeypatch.delitem(sys.modules, "aliases", raising=False)
    assert agrees == (name == "Right"), said
    # The layout is what the smallest case cannot do without.
    assert LAYOUTS[name] in said
