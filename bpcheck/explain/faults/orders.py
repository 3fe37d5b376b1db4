"""Residuals kept elsewhere than in what the forward returns: right in one order of calls only."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from bpcheck.arithmetic import Array
from bpcheck.explain.faults.conditions import is_read
from bpcheck.explain.faults.fault import EVERY, Fault
from bpcheck.explain.faults.run import Run
from bpcheck.explain.faults.stateful import Bars, Pair, right_vjp, stateful

GRADIENTS = ("x_bar", "w_bar", "b_bar")


def _on_a_stack() -> Pair:
    stack: list[Run] = []

    def forward(run: Run) -> Any:
        stack.append(run)
        return run.y, None

    def vjp(_: Any, y_bar: Array) -> Bars:
        return right_vjp(stack.pop(), y_bar)

    return forward, vjp


def _in_a_queue() -> Pair:
    queue: deque[Run] = deque()

    def forward(run: Run) -> Any:
        queue.append(run)
        return run.y, None

    def vjp(_: Any, y_bar: Array) -> Bars:
        return right_vjp(queue.popleft(), y_bar)

    return forward, vjp


def _in_a_ring() -> Pair:
    """Two buffers by turns: enough as long as each vjp comes before the forward after the next."""
    ring: dict[int, Run] = {}
    count = 0

    def forward(run: Run) -> Any:
        nonlocal count
        count = 1 - count
        ring[count] = run
        return run.y, count

    def vjp(place: int, y_bar: Array) -> Bars:
        return right_vjp(ring[place], y_bar)

    return forward, vjp


def _on_a_tape() -> Pair:
    """The vjp winds the tape back to where its forward began."""
    tape: list[Run] = []

    def forward(run: Run) -> Any:
        tape.append(run)
        return run.y, len(tape) - 1

    def vjp(place: int, y_bar: Array) -> Bars:
        bars = right_vjp(tape[place], y_bar)
        del tape[place:]
        return bars

    return forward, vjp


def _by_step() -> Pair:
    """The vjp of a step takes all earlier ones for done."""
    kept: dict[int, Run] = {}
    steps = 0

    def forward(run: Run) -> Any:
        nonlocal steps
        steps += 1
        kept[steps] = run
        return run.y, steps

    def vjp(step: int, y_bar: Array) -> Bars:
        for done in [each for each in kept if each < step]:
            del kept[done]
        return right_vjp(kept[step], y_bar)

    return forward, vjp


def _for_the_array_of_w() -> Pair:
    """What the forward makes of its weights is kept for the array that held them."""
    kept: dict[int, tuple[Array, Array]] = {}

    def prepared(run: Run) -> Run:
        w = run.operands["w"]
        # The array is kept beside its copy, so that no other one gets its id.
        array, copy = kept.get(id(w), (w, w))
        if array is not w or id(w) not in kept:
            copy = w.copy()
            kept[id(w)] = w, copy
        return run.once_more(w=copy)

    def forward(run: Run) -> Any:
        right = prepared(run)
        return right.y, right

    return forward, right_vjp


def _fault(
    name: str,
    what: str,
    make: Callable[[], Pair],
    condition: str,
    *caught_by: str,
    source: str,
    operations: tuple[str, ...] = EVERY,
    results: tuple[str, ...] = GRADIENTS,
) -> Fault:
    return Fault(
        name, what, operations, results, condition, is_read, stateful(make), source, caught_by
    )


FAULTS: tuple[Fault, ...] = (
    _fault(
        "residuals-on-a-stack",
        "residuals lie on a stack: each backward pass takes the last forward's that is left",
        _on_a_stack,
        "another forward whose backward pass does not come first",
        "vjps in order",
        "three forwards",
        source="https://github.com/jmschrei/tangermeme/pull/54",
    ),
    _fault(
        "residuals-in-a-queue",
        "residuals wait in a queue: each backward pass takes the first forward's that is left",
        _in_a_queue,
        "an earlier forward whose backward pass does not come first",
        "vjps in reverse",
        source="https://github.com/msr-fiddle/pipedream/issues/22",
    ),
    _fault(
        "residuals-in-a-ring-of-two",
        "residuals lie in two buffers that forwards use by turns",
        _in_a_ring,
        "two more forwards before the backward pass",
        "three forwards",
        source="https://github.com/deepspeedai/DeepSpeed/issues/2800",
    ),
    _fault(
        "newer-residuals-freed",
        "the backward pass frees the residuals of all later forwards",
        _on_a_tape,
        "a later forward whose backward pass is yet to come",
        "vjps in order",
        source="https://github.com/pystiche/pystiche/pull/471",
    ),
    _fault(
        "older-residuals-freed",
        "the backward pass frees the residuals of all earlier forwards",
        _by_step,
        "an earlier forward whose backward pass is yet to come",
        "vjps in reverse",
        source="https://github.com/meta-pytorch/torchtune/issues/1867",
    ),
    _fault(
        "weights-cached-for-their-array",
        "what is made of w is kept for the array of w, and not made anew of other numbers in it",
        _for_the_array_of_w,
        "other numbers written into the same array",
        "reused arrays",
        operations=("conv1d", "conv2d", "conv3d"),
        results=("y", "x_bar"),
        source="https://github.com/ooples/AiDotNet.Tensors/pull/583",
    ),
)
