"""Zeros in the network: preactivations that are exactly 0, pruned weights, samples of nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.fault import Fault
from bpcheck.explain.faults.rechained import (
    BELOW,
    OPERANDS,
    Link,
    every_tie,
    has_zeros,
    is_sent,
    links_of,
    rechained,
    ties,
)
from bpcheck.explain.faults.run import Run, Spoil, cast, planted, rewired, run_of, wide
from bpcheck.filling import fill
from bpcheck.subject import Subject

CHECKS = ("rounding", "finite differences", "taylor")
RESULTS = tuple(f"{name}_bar" for name in OPERANDS)
WEIGHTS = ("w1", "w2", "w3")


def _slope(activation: str, z: Any) -> Any:
    import torch

    if activation == "tanh":
        return 1 - torch.tanh(z) ** 2
    if activation == "sigmoid":
        return torch.sigmoid(z) * torch.sigmoid(-z)
    return torch.ones_like(z)


def _slope_at_the_output(link: Link) -> Any:
    return link.z * _slope(link.name, link.a).detach() if link.name in CURVED else link.a


#: The activations whose slope is another one at their output.
CURVED = ("tanh", "sigmoid")


def _has_ties(case: Case) -> bool:
    """Several cells of a window win that pass something on."""
    if not is_sent(case) or case.geometry.pool != "max" or case.geometry.activation == "relu":
        return False
    return any(_counts_some_twice(link) for link in links_of(case))


def _counts_some_twice(link: Link) -> bool:
    windows = link.pooled[0, 0].numel()
    return bool((ties(link).sum((-1, -2)) > windows).any())


def _is_nothing(x: Array) -> Array:
    empty: Array = ~np.any(x.reshape(len(x), -1), axis=1)
    return empty


def _without_nothing(right: Subject) -> Subject:
    """The vjp skips samples of zeros: all that they give is taken for 0."""

    def vjp(run: Run, y_bar: Array) -> Any:
        x = run.operands["x"]
        kept = ~_is_nothing(x)
        found = {f"{name}_bar": np.zeros(array.shape) for name, array in run.operands.items()}
        if kept.any():
            params = {**run.params, "labels": run.params["labels"][kept]}
            rest = run_of(run.right, {**run.operands, "x": x[kept]}, params)
            bars = {name: wide(bar) * kept.mean() for name, bar in rest.bars(y_bar).items()}
            found["x_bar"][kept] = bars.pop("x_bar")
            found |= bars
        return tuple(cast(found[name], run.y.dtype) for name in RESULTS)

    return rewired(right, forward=lambda run: (run.y, run), vjp=vjp)


def _masked(name: str) -> Spoil:
    return lambda run, y_bar, bar: np.where(run.operands[name] == 0, 0, bar)


FAULTS: tuple[Fault, ...] = (
    Fault(
        name="network-all-ties-rewarded",
        what="every cell that ties in a window of the network's pools gets the whole cotangent",
        operations=("network",),
        results=tuple(f"{name}_bar" for name in BELOW),
        condition="equal cells in a window, as a pruned filter makes them",
        shows=_has_ties,
        plant=rechained(pool=every_tie),
        caught_by=("rounding",),
        source="https://github.com/Theano/Theano/issues/5248",
    ),
    Fault(
        name="samples-of-zeros-skipped",
        what="samples that are 0 throughout add nothing to any gradient",
        operations=("network",),
        results=RESULTS,
        condition="a sample of zeros",
        shows=lambda case: is_sent(case) and bool(_is_nothing(fill(case).operands["x"]).any()),
        plant=_without_nothing,
        caught_by=CHECKS,
        source="https://github.com/torch/nn/pull/698",
    ),
    Fault(
        name="weights-gradient-masked-where-they-are-zero",
        what="weights that are 0 get no gradient",
        operations=("network",),
        results=tuple(f"{name}_bar" for name in WEIGHTS),
        condition="a weight that is 0",
        shows=lambda case: is_sent(case) and any(has_zeros(case, name) for name in WEIGHTS),
        plant=planted(bars={f"{name}_bar": _masked(name) for name in WEIGHTS}),
        caught_by=CHECKS,
        source="https://github.com/Eric-mingjie/rethinking-network-pruning/issues/13",
    ),
    Fault(
        name="activation-slope-at-its-output",
        what="the slope of an activation is taken at its output",
        operations=("network",),
        results=tuple(f"{name}_bar" for name in BELOW),
        condition="tanh or sigmoid",
        shows=lambda case: is_sent(case) and case.geometry.activation in CURVED,
        plant=rechained(activate=_slope_at_the_output),
        caught_by=CHECKS,
        source="https://github.com/dwhitena/gophernet/issues/6",
    ),
    Fault(
        name="second-pool-divides-by-the-first-window",
        what="the second average pool shares out by the size of the first one's window",
        operations=("network",),
        results=tuple(f"{name}_bar" for name in BELOW),
        condition="average pools of unlike windows",
        shows=lambda case: (
            is_sent(case)
            and case.geometry.pool == "avg"
            and case.geometry.pools[0][0].k != case.geometry.pools[1][0].k
        ),
        plant=rechained(
            pool=lambda link: (
                link.pooled
                if link.is_max
                else link.pooled * (np.prod(link.size) / np.prod(link.first_size))
            )
        ),
        caught_by=CHECKS,
        source="https://github.com/mlpack/mlpack/pull/2865",
    ),
)
