"""`bpcheck replay --as-test`: the test that is printed fails as the case does, and else passes."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import pytest

from bpcheck.adapters import load
from bpcheck.arithmetic import FORMATS
from bpcheck.cases import parse_case
from bpcheck.cli.as_test import _called
from bpcheck.errors import UsageError
from bpcheck.report.as_test import as_test
from bpcheck.runner.one import replay
from properties.harness.own import ROOT, command
from properties.harness.targets import folder, write

__all__ = ["folder"]

KERNELS = """
    import numpy as np
    import torch
    from reference import avg_pool, conv, max_pool

    def changed(kernel, change):
        class Changed:
            forward = staticmethod(kernel.forward)
            @staticmethod
            def vjp(residuals, y_bar):
                return change(*kernel.vjp(residuals, y_bar))
        return Changed

    conv_right, pool_right, mean_right = conv, max_pool, avg_pool
    twice = changed(conv, lambda x, w, b: (2 * x, w, b))
    flat = changed(conv, lambda x, w, b: (x.ravel(), w, b))
    narrow = changed(conv, lambda x, w, b: (x.astype("f2"), w, b))
    two = changed(max_pool, lambda x: (2 * x,))
    off = changed(avg_pool, lambda x: (x + 1,))

    class Raises:
        forward = staticmethod(conv.forward)
        def vjp(self, residuals, y_bar):
            raise ValueError("no")

    class Writes:
        def forward(self, x, w, b=None, **params):
            y, residuals = conv.forward(x.copy(), w, b, **params)
            x += 1
            return y, residuals
        vjp = staticmethod(conv.vjp)

    class Memory:
        # Takes the operand for contiguous.
        def forward(self, x, w, b=None, **params):
            whole = x.base if x.base is not None and x.base.size > x.size else x
            return conv.forward(whole.ravel()[: x.size].reshape(x.shape), w, b, **params)
        vjp = staticmethod(conv.vjp)

    class Doubled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
            ctx.save_for_backward(x, w)
            ctx.params = stride, padding, dilation, groups
            return torch.nn.functional.conv1d(x, w, b, *ctx.params)
        @staticmethod
        def backward(ctx, y_bar):
            x, w = ctx.saved_tensors
            of = torch.nn.grad
            x_bar = 2 * of.conv1d_input(x.shape, w, y_bar, *ctx.params)
            w_bar = of.conv1d_weight(x, w.shape, y_bar, *ctx.params)
            b_bar = y_bar.sum((0, 2)) if ctx.needs_input_grad[2] else None
            return x_bar, w_bar, b_bar, None, None, None, None
"""

CONV = "conv1d n1ic1iw4oc1kw2"

#: Each wrong kernel, the right one beside it, and a case.
FAILING = [
    ("twice", "conv_right", f"{CONV} f64 small"),
    ("twice", "conv_right", f"{CONV} f16 wide"),
    ("twice", "conv_right", f"{CONV}sw2pw1bias0 f32 real"),
    ("twice", "conv_right", f"{CONV} f64 small x:negative,w:fortran,y_bar:sliced"),
    ("twice", "conv_right", f"{CONV} f64 small x:read-only,y_bar:broadcast-all"),
    ("twice", "conv_right", f"{CONV} f64 small x:overlapping,y_bar:channels-last"),
    ("twice", "conv_right", f"{CONV} f32 special"),
    ("flat", "conv_right", f"{CONV} f64 small"),
    ("narrow", "conv_right", f"{CONV} f32 small"),
    ("Raises", "conv_right", f"{CONV} f32 small"),
    ("Writes", "conv_right", f"{CONV} f32 small"),
    ("Memory", "conv_right", f"{CONV} f32 small x:sliced"),
    ("two", "pool_right", "max_pool2d n1ic1ih3iw3kh2kw2 f64 small"),
    ("off", "mean_right", "avg_pool2d n1ic1ih3iw3kh2kw2 f32 small"),
]


def written(case: str, target: str, operation: str, style: str = "numpy") -> str:
    subject = load(target, operation=operation, style=style, dtypes=tuple(FORMATS))
    parsed = parse_case(case)
    called = _called(subject, case=parsed)
    assert called is not None
    return as_test(replay(subject, parsed), target, called)


def run(source: str) -> None:
    """The test, as pytest runs it; it may know NumPy, torch and the kernels."""
    imported = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(source))
        for name in (
            [each.name for each in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= {"numpy", "torch", "ml_dtypes", "kernels", "sys"}
    known: dict[str, Any] = {}
    exec(source, known)  # noqa: S102 - it was written here
    (test,) = [each for name, each in known.items() if name.startswith("test_")]
    test()


@pytest.mark.parametrize(("wrong", "right", "case"), FAILING)
def test_the_test_fails_for_the_wrong_kernel_and_passes_for_the_right_one(
    wrong: str, right: str, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    write("kernels.py", KERNELS)
    source = written(case, f"kernels:{wrong}", case.split(maxsplit=1)[0])
    assert max(map(len, source.splitlines())) < 5_000
    with pytest.raises(ValueError if wrong == "Raises" else AssertionError):
        run(source)
    run(source.replace(f"import {wrong} as", f"import {right} as"))


def test_an_autograd_function_is_applied_as_it_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    write("kernels.py", KERNELS)
    for case in (f"{CONV} f64 small", f"{CONV}bias0 bf16 small"):
        source = written(case, "kernels:Doubled", "conv1d", style="torch")
        assert "code.apply(t_x, t_w, " in source
        with pytest.raises(AssertionError):
            run(source)
        run(source.replace("x_bar = t_x.grad", "x_bar = 0.5 * t_x.grad"))


def test_what_needs_further_runs_or_does_not_fail_is_refused_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    write("kernels.py", KERNELS)
    with pytest.raises(UsageError, match="does not fail on kernels:conv_right"):
        written(f"{CONV} f64 small", "kernels:conv_right", "conv1d")
    with pytest.raises(UsageError, match="up to 4,096 are written out"):
        written("conv1d n1ic9iw999oc1kw2 f64 small", "kernels:twice", "conv1d")


def test_the_command_prints_a_test_that_runs_where_it_is_pasted(folder: Path) -> None:
    write("code/pool.py", KERNELS)
    printed = command(
        "replay", "--as-test", f"{CONV} f64 small", "code/pool.py:twice", "--in-process"
    )
    assert printed.exit_code == 0, printed.output
    sys.modules.pop("pool", None)
    assert "sys.path.insert(0, 'code')" in printed.output
    with pytest.raises(AssertionError):
        exec(printed.output + "\n\ntest_x_bar_of_conv1d()\n", {})  # noqa: S102 - as above
    declared = command("replay", "--as-test", f"{CONV} f64", "code/pool.py:twice", "--style=pair")
    assert declared.exit_code == 2
