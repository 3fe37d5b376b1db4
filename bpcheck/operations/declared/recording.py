"""Recording what torch computes: each simple operation, fused ones taken apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch._decomp import decomposition_table
from torch.utils._python_dispatch import TorchDispatchMode

from bpcheck.operations.declared.rounds import is_known
from bpcheck.operations.declared.tape import Slot, Step, Tape, flat


class Recorder(TorchDispatchMode):
    """Within it, every operation on tensors is written down.

    Parameters
    ----------
    given
        Tensors that have a slot from the start, whether an operation needs them or not.
    """

    def __init__(self, given: Mapping[str, Any]):
        super().__init__()  # type: ignore[no-untyped-call] # torch's own has no types
        self._steps: list[Step] = []
        self._places: dict[int, int] = {}
        # Whoever is known by its address must stay.
        self._kept: list[Any] = []
        self._given = {name: self._slot(each) for name, each in given.items()}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if not is_known(func) and func in decomposition_table:
            with self:
                made = decomposition_table[func](*args, **kwargs)
            if made is not NotImplemented:
                return made
        arguments = tuple(map(self.argument, args))
        named = {name: self.argument(each) for name, each in kwargs.items()}
        made = func(*args, **kwargs)
        self._steps.append(Step(func, arguments, named, self._slots(flat(made))))
        return made

    def argument(self, value: Any) -> Any:
        """The slot of a tensor that has one; anything else, lists of tensors apart, as it is."""
        if isinstance(value, torch.Tensor):
            place = self._places.get(id(value))
            return value if place is None else Slot(place)
        if isinstance(value, list | tuple):
            return type(value)(map(self.argument, value))
        return value

    def tape(self, found: Mapping[str, Any]) -> Tape:
        """What was written down, with the slots of what is `found` in the end."""
        return Tape(tuple(self._steps), self._given, found, len(self._places))

    def _slots(self, made: Sequence[Any]) -> tuple[Slot | None, ...]:
        return tuple(self._slot(each) if isinstance(each, torch.Tensor) else None for each in made)

    def _slot(self, tensor: Any) -> Slot:
        self._kept.append(tensor)
        return Slot(self._places.setdefault(id(tensor), len(self._places)))
