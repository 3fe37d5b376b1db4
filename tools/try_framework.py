"""A right and a wrong average pool of a framework, checked by its preset; see tools/framework."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import bpcheck

CASES = [
    bpcheck.parse_case(f"avg_pool1d n2ic3iw7kw2sw2 {dtype} {values} seed={seed}")
    for seed, (dtype, values) in enumerate(
        [("f64", "exact"), ("f32", "exact"), ("f32", "real"), ("f64", "sparse")]
    )
]


def windows(x: Any, kernel_size: Any, reshape: Callable[..., Any]) -> Any:
    (k,), (n, c, width) = kernel_size, tuple(x.shape)
    out = width // k
    return reshape(x[:, :, : out * k], (n, c, out, k))


def mean(framework: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The average pool, and one whose gradient is that of the maximum besides."""
    reshape: Any
    total: Any
    top: Any
    stop: Any
    names = {"autograd": "autograd.numpy", "mlx": "mlx.core", "tinygrad": "tinygrad"}
    module = import_module(names.get(framework, framework))
    if framework == "tensorflow":
        reshape, total, stop = (
            module.reshape,
            lambda a: module.reduce_mean(a, -1),
            module.stop_gradient,
        )
        top = lambda a: module.reduce_max(a, -1)  # noqa: E731
    elif framework in {"autograd", "mlx"}:
        reshape, total, top = (
            module.reshape,
            lambda a: module.mean(a, -1),
            lambda a: module.max(a, -1),
        )
        stop = getattr(
            module, "stop_gradient", lambda a: import_module("autograd.tracer").getval(a)
        )
    elif framework == "mindspore":
        reshape, total = module.ops.reshape, lambda a: module.ops.mean(a, -1)
        top, stop = lambda a: module.ops.amax(a, -1), module.ops.stop_gradient
    elif framework == "chainer":
        functions = import_module("chainer.functions")
        reshape, total = functions.reshape, lambda a: functions.mean(a, -1)
        top, stop = lambda a: functions.max(a, -1), lambda a: a.array
    else:
        reshape, total = lambda a, shape: a.reshape(shape), lambda a: a.mean(-1)
        top, stop = lambda a: a.max(-1), lambda a: a.detach()

    def right(x: Any, kernel_size: Any) -> Any:
        return total(windows(x, kernel_size, reshape))

    def wrong(x: Any, kernel_size: Any) -> Any:
        most = top(windows(x, kernel_size, reshape))
        return right(x, kernel_size) + (most - stop(most))

    return right, wrong


def main(framework: str) -> int:
    found = []
    for function in mean(framework):
        subject = bpcheck.adapters.functional(function, operation="avg_pool1d", preset=framework)
        report = bpcheck.check(subject, cases=CASES)
        defects = [each.headline for each in report.judgements if each.verdict.is_defect]
        print(f"{framework}, {function.__name__}: {report.cases} cases; {defects or 'agrees'}")
        found.append(bool(defects))
    return int(found != [False, True])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
