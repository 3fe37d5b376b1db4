"""What is kept for the backward: what was changed in place since must raise, or not matter."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.checks.allowed import slack_between_runs
from bpcheck.checks.compare import difference
from bpcheck.checks.outcomes import element, failed, first_of_each, number, unjudged
from bpcheck.checks.split import of_gradients
from bpcheck.checks.tensors.asked import Asked, engine, numbers, tried, why_not
from bpcheck.checks.trial import Trial
from bpcheck.finding import Kind, Outcome, Status

NAME = "saved tensors"

#: The result, which is changed in place as operands are.
OUTPUT = "y"

#: From so many times torch's memory on it is told: twice is a padded copy beside the operand.
MUCH = 2.5


def check_saved(trial: Trial) -> tuple[Outcome, ...]:
    """Operands and ``y``, each changed in place before the backward: an error, or the same bits.

    `save_for_backward` counts the versions of what it is given; attributes of the context do not.
    """
    why = "" if trial.subject.claims.in_place else "not claimed"
    why = why or why_not(trial, NAME)
    if why:
        return unjudged(trial, NAME, why)
    asked = Asked.of(trial)
    before = tried(_bars, asked, None)
    if not before.returned:
        return unjudged(trial, NAME, "the backward fails anyway")
    outcomes = of_gradients(first_of_each(trial, NAME, _violations(asked, before.value)))
    return _with_memory(asked, outcomes)


def _with_memory(asked: Asked, outcomes: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
    """The outcomes, with a remark where ``y`` stays in memory, or more is kept than by torch."""
    last = outcomes[-1]
    if last.status is not Status.PASSED:
        return outcomes
    freed, ended = tried(_is_freed, asked), tried(_times_as_much, asked)
    if freed.returned and not freed.value:
        remark = (
            "y is not freed with its last name, but whenever Python's collector of circles runs: "
            "it hangs on the context that it leads back to; keep it by ctx.save_for_backward"
        )
    elif ended.returned and ended.value >= MUCH:
        remark = (
            f"{ended.value:.1f} times the memory that torch's own operation keeps is kept between "
            f"forward and backward, such as in {asked.trial.case}"
        )
    else:
        return outcomes
    return (*outcomes[:-1], replace(last, remark=remark))


def _is_freed(asked: Asked) -> bool:
    """Whether ``y`` is gone as soon as nobody has it any more, or is kept by somebody's name.

    An instance of a module may keep its last one, and is itself kept for the next call.
    """
    if asked.code.evaluating() is not None:
        return True
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        there = weakref.ref(asked.apply(asked.leaves()))
    finally:
        if was_enabled:
            gc.enable()
    if there() is None:
        return True
    # What a circle alone has kept is found by the collector.
    gc.collect()
    return there() is not None


def _times_as_much(asked: Asked) -> float:
    import torch

    operation, case = asked.trial.case.operation, asked.trial.case
    with torch.no_grad():
        # Numbers of the operation alone, which some functions keep with their first call.
        asked.apply(asked.leaves(()))
    own = _kept(asked.apply, asked.leaves())
    torchs = _kept(lambda x: operation.torch_forward(x, case.params), asked.leaves())
    return own / max(torchs, 1)


def _kept(apply: Callable[[dict[str, Any]], Any], leaves: dict[str, Any]) -> int:
    """Bytes that the graph of ``y`` keeps: what was saved, and what hangs on a Function's context.

    Each block of memory once; that of operands too, which are kept alive.
    """
    import torch

    blocks: dict[int, int] = {}

    def count(each: Any) -> Any:
        storage = each.untyped_storage()
        blocks[storage.data_ptr()] = storage.nbytes()
        return each

    with torch.autograd.graph.saved_tensors_hooks(count, lambda each: each):
        y = apply(leaves)
    hanging = list(vars(y.grad_fn).values()) if hasattr(y.grad_fn, "__dict__") else []
    while hanging:
        each = hanging.pop()
        if isinstance(each, torch.Tensor):
            count(each)
        elif isinstance(each, tuple | list):
            hanging += each
        elif isinstance(each, np.ndarray):
            count(torch.from_numpy(np.ascontiguousarray(each)))
    return sum(blocks.values())


def _bars(asked: Asked, changed: str | None) -> dict[str, Array | None]:
    import torch

    leaves = asked.leaves()
    y = asked.apply(leaves)
    if changed is not None:
        with torch.no_grad():
            # An optimizer's step, between a forward and a backward that came too late;
            # or an activation that works in place on what the layer returned.
            (y if changed == OUTPUT else leaves[changed]).mul_(-2).add_(1)
    found = engine(y, leaves, asked.cotangent)
    return {name: None if bar is None else numbers(bar) for name, bar in found.items()}


def _violations(asked: Asked, expected: dict[str, Array | None]) -> Iterator[Outcome]:
    trial = asked.trial
    for changed in (*asked.names, OUTPUT):
        ended = tried(_bars, asked, changed)
        if not ended.returned:
            continue
        for name, right in expected.items():
            got: Any = ended.value[name]
            if right is None or got is None or got.shape != right.shape:
                continue
            result = f"{name}_bar"
            where = difference(got, right, slack_between_runs(trial, result))
            if where is not None:
                message = (
                    f"{element(result, where)} is {number(where.got)} where {changed} was changed "
                    f"in place before the backward, and {number(where.expected)} where it was "
                    f"not: keep {changed} by ctx.save_for_backward, which raises then"
                )
                yield failed(trial, NAME, result, Kind.IN_PLACE, message, where)
