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

from bpcheck.operations.declared.rounds import only_moves


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

    def run(
        self,
        given: Mapping[str, Any],
        call: Callable[[Any, Sequence[Any], Mapping[str, Any]], Any],
        used: Callable[[Any], Any] = lambda value: value,
    ) -> dict[str, Any]:
        """The results for other numbers, each call made by `call`.

        What is given goes through `used` wherever something is computed with it.
        """
        import torch

        slots: list[Any] = [None] * self.count
        for name, place in self.given.items():
            slots[place.place] = given[name]

        def value_of(argument: Any) -> Any:
            if isinstance(argument, Slot):
                return slots[argument.place]
            if isinstance(argument, list | tuple):
                return type(argument)(map(value_of, argument))
            return argument

        def value_in_use(argument: Any) -> Any:
            value = value_of(argument)
            is_copy = isinstance(argument, Slot) and argument.place in self.copies
            return used(value) if is_copy else value

        with torch.no_grad():
            for step in self.steps:
                take = value_of if only_moves(step.operation) else value_in_use
                named = {name: value_of(each) for name, each in step.named.items()}
                made = call(step.operation, [take(each) for each in step.arguments], named)
                for slot, each in zip(step.results, flat(made), strict=True):
                    if slot is not None:
                        slots[slot.place] = each
        return {name: value_of(each) for name, each in self.found.items()}


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
