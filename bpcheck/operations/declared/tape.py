"""What torch computes for a function and its vjp, as a list of simple operations to run again.

A fused operation (a layer norm, a softmax, an activation) is taken apart by torch's own
decompositions until only operations are left whose rounding is known: elementwise ones, sums, and
those that move numbers.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bpcheck.operations.declared.rounds import FACTORS, adds_up, name_of, only_moves


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of a tensor among those that a tape makes."""

    place: int


@dataclass(frozen=True, slots=True)
class Step:
    """One call: the operation, its arguments with slots for tensors, and where its results go."""

    operation: Any
    arguments: tuple[Any, ...]
    named: Mapping[str, Any]
    results: tuple[Slot | None, ...]

    @property
    def is_in_place(self) -> bool:
        """Whether it writes into an argument."""
        return name_of(self.operation).endswith("_")

    @property
    def factors(self) -> Sequence[Any]:
        """The arguments of which any multiple gives that multiple of the result."""
        count = FACTORS.get(name_of(self.operation), 0)
        return self.arguments if only_moves(self.operation) else self.arguments[:count]


#: An operation, its arguments, and its named arguments: what it gives.
Call = Callable[[Any, Sequence[Any], Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Tape:
    """The calls in their order.

    Parameters
    ----------
    steps
        What is called.
    given
        The slots of the operands and of the cotangent, by name.
    found
        The slots, or values that nothing changes, of ``y`` and of each gradient, by result name.
    count
        How many slots there are.
    """

    steps: tuple[Step, ...]
    given: Mapping[str, Slot]
    found: Mapping[str, Any]
    count: int

    @cached_property
    def copies(self) -> frozenset[int]:
        """The places of what is given, and of what was only moved from there."""
        found = {slot.place for slot in self.given.values()}
        for step in self.steps:
            places = [each.place for each in step.arguments if isinstance(each, Slot)]
            if only_moves(step.operation) and places and found.issuperset(places):
                found.update(each.place for each in step.results if each is not None)
        return frozenset(found)

    @cached_property
    def sums(self) -> frozenset[int]:
        """The places of sums, and of their multiples.

        By the distributive law a multiple of a sum is a sum of multiples: who adds up those, in
        one of several uses, has another rounding there.
        """
        found: set[int] = set()
        for step in self.steps:
            if adds_up(step.operation) or any(
                isinstance(each, Slot) and each.place in found for each in step.factors
            ):
                found.update(each.place for each in step.results if each is not None)
        return frozenset(found)

    @cached_property
    def done(self) -> tuple[tuple[int, ...], ...]:
        """For each step the places that nothing needs after it."""
        needed = {each.place for each in _slots_in(self.found)}
        found: list[tuple[int, ...]] = []
        for step in reversed(self.steps):
            here = {each.place for each in _slots_in((step.arguments, step.named, step.results))}
            found.append(tuple(here - needed))
            needed |= here
        return tuple(reversed(found))

    def run(
        self,
        runs: Sequence[Mapping[str, Any]],
        call: Call,
        used: Callable[[Any], Any] = lambda value: value,
        mixed: Callable[[int], Sequence[int]] = range,
    ) -> list[dict[str, Any]]:
        """The results of each of some runs for other numbers, each call made by `call`.

        What is given goes through `used` wherever something is computed with it. Of so many runs,
        `mixed` says from which one each takes a sum that something is computed with.
        """
        import torch

        numbers = _Numbers(self, runs)

        def in_use(argument: Any, run: int) -> Any:
            value = numbers.of(argument, run)
            is_copy = isinstance(argument, Slot) and argument.place in self.copies
            return used(value) if is_copy else value

        with torch.no_grad():
            for step, done in zip(self.steps, self.done, strict=True):
                orders = self._orders(step, len(runs), mixed)
                take = numbers.of if only_moves(step.operation) else in_use
                for run in range(len(runs)):
                    from_runs = zip(step.arguments, orders, strict=True)
                    arguments = [take(each, order[run]) for each, order in from_runs]
                    named = {name: numbers.of(each, run) for name, each in step.named.items()}
                    numbers.keep(step, flat(call(step.operation, arguments, named)), run)
                numbers.drop(done)
        return [
            {name: numbers.of(each, run) for name, each in self.found.items()}
            for run in range(len(runs))
        ]

    def _orders(self, step: Step, runs: int, mixed: Callable[[int], Sequence[int]]) -> list[Any]:
        """For each argument of a step, from which run each run takes it."""
        # What is written in place may be seen elsewhere: it is memory of one run.
        if step.is_in_place or only_moves(step.operation):
            return [range(runs)] * len(step.arguments)
        are_sums = (isinstance(each, Slot) and each.place in self.sums for each in step.arguments)
        return [mixed(runs) if is_sum else range(runs) for is_sum in are_sums]


class _Numbers:
    """What is in each slot of a tape, in each of some runs."""

    def __init__(self, tape: Tape, runs: Sequence[Mapping[str, Any]]):
        self._slots: list[list[Any]] = [[None] * len(runs) for _ in range(tape.count)]
        for name, slot in tape.given.items():
            self._slots[slot.place] = [given[name] for given in runs]

    def of(self, argument: Any, run: int) -> Any:
        """An argument with numbers for its slots."""
        if isinstance(argument, Slot):
            return self._slots[argument.place][run]
        if isinstance(argument, list | tuple):
            return type(argument)(self.of(each, run) for each in argument)
        return argument

    def keep(self, step: Step, made: Sequence[Any], run: int) -> None:
        """Put what a step made where it belongs."""
        for slot, each in zip(step.results, made, strict=True):
            if slot is not None:
                self._slots[slot.place][run] = each

    def drop(self, places: Sequence[int]) -> None:
        """Forget what nothing needs any more."""
        for place in places:
            self._slots[place] = []


def _slots_in(value: Any) -> Iterator[Slot]:
    """All slots in a structure of tuples, lists and mappings."""
    if isinstance(value, Slot):
        yield value
    elif isinstance(value, Mapping):
        yield from _slots_in(tuple(value.values()))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _slots_in(each)


def record(
    forward: Callable[[Mapping[str, Any]], Any],
    operands: Mapping[str, Any],
    y_bar: Any,
) -> Tape:
    """The tape of ``y`` and of the gradient of each operand, made by running them once.

    Parameters
    ----------
    forward
        From tensors by name to ``y``.
    operands, y_bar
        Tensors of float64.
    """
    import torch

    from bpcheck.operations.declared.recording import Recorder

    leaves = {name: each.detach().clone().requires_grad_() for name, each in operands.items()}
    recorder = Recorder({**leaves, "y_bar": y_bar})
    with unfused(), torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with recorder:
            y = forward(leaves)
            found: Any = torch.autograd.grad(
                (y * y_bar).sum(), list(leaves.values()), allow_unused=True
            )
    bars = {
        f"{name}_bar": torch.zeros_like(leaf) if bar is None else recorder.argument(bar)
        for (name, leaf), bar in zip(leaves.items(), found, strict=True)
    }
    return recorder.tape({"y": recorder.argument(y), **bars})


@contextlib.contextmanager
def unfused() -> Iterator[None]:
    """Attention by its formula: of the fused kernel's backward there is no decomposition."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    with sdpa_kernel(SDPBackend.MATH):
        yield


def flat(made: Any) -> Sequence[Any]:
    """What a call gave, as a sequence."""
    return made if isinstance(made, list | tuple) else (made,)
