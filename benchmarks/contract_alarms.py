"""Right code and the contract of a backward: how often each row was asked, and said a word.

A part of `python -m benchmarks.contract --alarms N`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from itertools import islice, product
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from benchmarks.known_of_torch import is_known_of_torch
from benchmarks.material import planned
from bpcheck import adapters
from bpcheck.cases import Case
from bpcheck.checks.jax_rows.asked import EVERY, LIKE
from bpcheck.checks.jax_rows.rows import ROWS as OF_JAX
from bpcheck.checks.tensors.asked import FIRST, KINDS, ROWS
from bpcheck.checks.turns import EARLY, is_like, is_small
from bpcheck.finding import Status
from bpcheck.runner.one import judge
from bpcheck.subject import Subject
from reference import avg_pool, conv, max_pool

WINDOWED = (
    "conv1d", "conv2d", "conv3d", "max_pool1d", "max_pool2d", "max_pool3d",
    "avg_pool1d", "avg_pool2d", "avg_pool3d",
)  # fmt: skip

#: Shapes of all operations of JAX together: each compiles.
SHAPES = 40


class OnTensors(torch.autograd.Function):
    """A kernel of `reference/`, which knows no torch, with its operands kept as torch asks."""

    @staticmethod
    def forward(ctx: Any, kernel: Any, params: Any, *operands: Any) -> Any:
        ctx.kernel, ctx.params = kernel, params
        ctx.save_for_backward(*operands)
        return torch.from_numpy(np.array(OnTensors.run(kernel, params, operands)[0]))

    @staticmethod
    def run(kernel: Any, params: Any, operands: Any) -> Any:
        arrays = [None if each is None else each.detach().numpy() for each in operands]
        return kernel.forward(*arrays, **params)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Any) -> Any:
        _, residuals = OnTensors.run(ctx.kernel, ctx.params, ctx.saved_tensors)
        found = ctx.kernel.vjp(residuals, grads[0].detach().numpy())
        bars = found if isinstance(found, tuple) else (found,)
        needed = ctx.needs_input_grad[2:]
        return (
            None,
            None,
            *(
                torch.from_numpy(np.array(bar)) if need else None
                for bar, need in zip(bars, needed, strict=True)
            ),
        )


def _applied(*given: Any) -> Any:
    function: Any = OnTensors
    return function.apply(*given)


def _conv(x: Any, w: Any, b: Any, stride: Any, padding: Any, dilation: Any, groups: Any) -> Any:
    given = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return _applied(conv, given, x, w, b)


def _max(x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: Any) -> Any:
    given = {"stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}
    return _applied(max_pool, {"kernel_size": kernel_size, **given}, x)


def _average(
    x: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: Any,
    count_include_pad: Any,
    divisor_override: Any = None,
) -> Any:
    given = {
        "kernel_size": kernel_size,
        "stride": stride,
        "padding": padding,
        "ceil_mode": ceil_mode,
        "count_include_pad": count_include_pad,
    }
    # There is none in one dimension.
    given |= {} if divisor_override is None else {"divisor_override": divisor_override}
    return _applied(avg_pool, given, x)


def _of_reference(name: str) -> Subject:
    function = {"conv": _conv, "max_pool": _max, "avg_pool": _average}[name[:-2]]
    return adapters.torch(function, operation=name)


def _of_torch(name: str) -> Subject:
    return adapters.torch(getattr(functional, name), operation=name)


def _led(subject: Subject, count: int) -> Iterator[Case]:
    """Exact cases of a plan, of the first seeds: all rows are asked."""
    stream = planned(subject, count=10 * count, seed=7)
    suited = (
        replace(each, seed=each.seed % FIRST)
        for each in stream
        if each.values in KINDS and not _is_known_of_torch(each)
    )
    return islice(suited, count)


def _is_known_of_torch(case: Case) -> bool:
    """Whether torch is known to err in it, or where one of the modes lays its operands out."""
    laid_out = replace(case, layout="x:channels-last")
    return is_known_of_torch(case) or is_known_of_torch(laid_out)


def alarms(count: int) -> None:
    """Print how often each row was asked of right code, and in how many cases it said a word."""
    for whose, of, told in (("torch", _of_torch, True), ("`reference/`", _of_reference, False)):
        _begin(whose, ROWS)
        for name in WINDOWED:
            subject = of(name)
            # What a kernel without torch lacks is told, rightly.
            _print(name, subject, _led(subject, count), ROWS, told=told)
    _begin("JAX", tuple(OF_JAX))
    for name, function in _functions_of_jax().items():
        subject = adapters.functional(function, operation=name, preset="jax")
        many = SHAPES // len(_functions_of_jax())
        _print(name, subject, _few_shapes(subject, many, count), tuple(OF_JAX), told=False)


def _begin(whose: str, rows: Collection[str]) -> None:
    print(f"\n| operation of {whose} | cases | shapes | " + " | ".join(rows) + " | alarms |")
    print("| --- |" + " --- |" * (len(rows) + 3))


def _print(
    name: str, subject: Subject, cases: Iterable[Case], rows: Collection[str], *, told: bool
) -> None:
    asked: Counter[str] = Counter()
    wrong, judged = 0, 0
    shapes = set[Any]()
    for case in cases:
        outcomes = judge(subject, case, checks=frozenset(rows)).outcomes
        judged += 1
        shapes.add(case.geometry)
        wrong += any(each.finding is not None or (told and bool(each.remark)) for each in outcomes)
        asked.update({o.check for o in outcomes if o.status is not Status.NOT_APPLICABLE})
    counts = " | ".join(str(asked[each]) for each in rows)
    print(f"| {name} | {judged} | {len(shapes)} | {counts} | {wrong} |", flush=True)


def _few_shapes(subject: Subject, shapes: int, count: int) -> Iterator[Case]:
    """Cases of few geometries, each with many numbers, in all of which every row is asked."""
    planned_cases = planned(subject, count=4_000, seed=7)
    small = (
        each.geometry for each in planned_cases if is_small(each) and 0 not in each.shapes["y"]
    )
    geometries = list(islice(dict.fromkeys(small), shapes))
    kinds = [each for each in subject.operation.value_kinds if each in KINDS]
    found = (
        Case(subject.operation, geometry, dtype=dtype, values=values, seed=seed)
        for seed, dtype, values, geometry in product(
            range(EARLY), ("float32", "float64"), kinds, geometries
        )
    )
    return islice((each for each in found if is_like(each, LIKE, EVERY)), count)


def _functions_of_jax() -> dict[str, Callable[..., Any]]:
    """JAX's own convolution and windows, in the words of torch."""
    import jax
    import jax.numpy as jnp

    def convolved(
        x: Any, w: Any, b: Any, stride: Any, padding: Any, dilation: Any, groups: Any
    ) -> Any:
        pads = [(each, each) for each in padding]
        y = jax.lax.conv_general_dilated(
            x, w, stride, pads, rhs_dilation=dilation, feature_group_count=groups
        )
        return y if b is None else y + b.reshape(-1, *(1,) * (y.ndim - 2))

    def windows(x: Any, first: Any, step: Any, kernel_size: Any, stride: Any, padding: Any) -> Any:
        pads = [(0, 0), (0, 0), *((each, each) for each in padding)]
        return jax.lax.reduce_window(x, first, step, (1, 1, *kernel_size), (1, 1, *stride), pads)

    def largest(x: Any, kernel_size: Any, stride: Any, padding: Any) -> Any:
        return windows(x, -jnp.inf, jax.lax.max, kernel_size, stride, padding)

    def mean(x: Any, kernel_size: Any, stride: Any, padding: Any) -> Any:
        cells = float(np.prod(kernel_size))
        return windows(x, 0.0, jax.lax.add, kernel_size, stride, padding) / cells

    by_kind: dict[str, Callable[..., Any]] = {
        "conv": convolved,
        "max_pool": largest,
        "avg_pool": mean,
    }
    return {name: by_kind[name[:-2]] for name in WINDOWED if not name.endswith("3d")}
