"""The network with another backward of one of its layers: its forward, link by link, in torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.run import Plant, Run, cast, rewired, wide
from bpcheck.filling import fill
from bpcheck.operations.torch_vjp import few_threads
from bpcheck.subject import Subject

OPERANDS = ("x", "w1", "b1", "w2", "b2", "w3", "b3")

#: Those below the last pool: what goes wrong in a block spoils them.
BELOW = ("x", "w1", "b1", "w2", "b2")


@dataclass(frozen=True, slots=True)
class Link:
    """One activation and the pool after it: (n, c, h, w) each, on tensors of float64."""

    name: str
    z: Any
    a: Any
    pooled: Any
    #: The window of this pool, and of the first one.
    size: tuple[int, int]
    first_size: tuple[int, int]
    is_max: bool


#: A tensor that has the gradient which an activation, or a pool, is to have instead.
Instead = Callable[[Link], Any]


def rechained(activate: Instead | None = None, pool: Instead | None = None) -> Plant:
    """The network whose activations or pools go backward as something else does."""

    def plant(right: Subject) -> Subject:
        def vjp(run: Run, y_bar: Array) -> Any:
            import torch

            tensors = {
                name: torch.from_numpy(wide(array)).requires_grad_()
                for name, array in run.operands.items()
            }
            with few_threads(run.operands), torch.enable_grad():
                features = tensors["x"]
                for link in _links(tensors, run.params, activate, pool):
                    features = link.pooled
                logits = features.flatten(1) @ tensors["w3"].T + tensors["b3"]
                labels = torch.from_numpy(run.params["labels"])
                loss = torch.nn.functional.cross_entropy(logits, labels) * float(y_bar)
                bars = torch.autograd.grad(loss, [tensors[name] for name in OPERANDS])
            return tuple(cast(bar.numpy(), run.y.dtype) for bar in bars)

        return rewired(right, forward=lambda run: (run.y, run), vjp=vjp)

    return plant


def links_of(case: Case) -> list[Link]:
    """The links of a case."""
    import torch

    with few_threads(fill(case).operands), torch.no_grad():
        operands = {
            name: torch.from_numpy(wide(array)) for name, array in fill(case).operands.items()
        }
        return list(_links(operands, case.params, None, None))


def _links(
    operands: Mapping[str, Any],
    params: Mapping[str, Any],
    activate: Instead | None,
    pool: Instead | None,
) -> Iterator[Link]:
    import torch
    from torch.nn import functional

    name, is_max = params["activation"], params["pool"] == "max"
    sizes = params["pool_size"]
    pooled = operands["x"]
    for block in range(2):
        z = functional.conv2d(
            pooled,
            operands[f"w{block + 1}"],
            operands[f"b{block + 1}"],
            stride=params["stride"][block],
            padding=params["padding"][block],
        )
        a = z if name == "identity" else getattr(torch, name)(z)
        link = Link(name, z, a, a, sizes[block], sizes[0], is_max)
        a = a if activate is None else _with_gradient(a, activate(link))
        best = (functional.max_pool2d if is_max else functional.avg_pool2d)(a, sizes[block])
        link = Link(name, z, a, best, sizes[block], sizes[0], is_max)
        pooled = best if pool is None else _with_gradient(best, pool(link))
        yield Link(name, z, a, pooled, sizes[block], sizes[0], is_max)


def _with_gradient(value: Any, other: Any) -> Any:
    """The numbers of one tensor with the gradient of another."""
    return value.detach() + (other - other.detach())


def ties(link: Link) -> Any:
    """Which cells hold the maximum of their window."""
    height, width = link.size
    best = link.pooled.detach().repeat_interleave(height, -2).repeat_interleave(width, -1)
    mask = link.a.new_zeros(link.a.shape)
    mask[..., : best.shape[-2], : best.shape[-1]] = (
        link.a.detach()[..., : best.shape[-2], : best.shape[-1]] == best
    )
    return mask


def every_tie(link: Link) -> Any:
    """The sum of all winners of each window; without a maximum, the pool itself."""
    from torch.nn.functional import avg_pool2d

    if not link.is_max:
        return link.pooled
    return avg_pool2d(link.a * ties(link), link.size, divisor_override=1)


def is_sent(case: Case) -> bool:
    """The cotangent is not 0."""
    return bool(fill(case).y_bar != 0)


def has_zeros(case: Case, name: str) -> bool:
    """Some number of an operand is 0."""
    return bool(np.any(fill(case).operands[name] == 0))
