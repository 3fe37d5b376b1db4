"""Passing operands and params to a torch callable, whatever its signature calls them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bpcheck.errors import Unsupported

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_NAMED = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True, slots=True)
class Slots:
    """The parameters of a signature: names by position, names by keyword, and ``*`` and ``**``."""

    positional: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    any_positional: bool = True
    any_named: bool = True

    @classmethod
    def of(cls, signature: inspect.Signature | None) -> Slots:
        """The slots of a signature; without one, anything is taken."""
        if signature is None:
            return cls()
        parameters = signature.parameters.values()
        kinds = {parameter.kind for parameter in parameters}
        return cls(
            positional=tuple(each.name for each in parameters if each.kind in _POSITIONAL),
            named=tuple(each.name for each in parameters if each.kind in _NAMED),
            any_positional=inspect.Parameter.VAR_POSITIONAL in kinds,
            any_named=inspect.Parameter.VAR_KEYWORD in kinds,
        )

    def lacking(self, operands: Sequence[str], params: Sequence[str]) -> tuple[str, ...]:
        """Those of these operands and params that have no slot."""
        room = self._room(len(operands), params)
        return (
            *operands[room:],
            *(name for name in params if name not in self._taken(room, params)),
        )

    def bind(
        self,
        operands: Sequence[Any],
        params: Mapping[str, Any],
        *,
        neutral: Mapping[str, Callable[[dict[str, Any]], bool]],
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Positional and keyword arguments that pass `operands` and `params`.

        Params go by name where the signature has any of their names, else by position in the order
        of `torch.nn.functional`. One that has no slot is left out if that changes nothing, as
        `neutral` tells of some params.

        Raises
        ------
        Unsupported
            If an operand or a param that matters has no slot.
        """
        room = self._room(len(operands), list(params))
        if any(operand is not None for operand in operands[room:]):
            raise Unsupported(f"the function takes {room} operands of {len(operands)}")
        arguments = tuple(operands[:room])
        taken = {name: params[name] for name in self._taken(room, list(params))}
        for name in params:
            is_neutral = neutral.get(name)
            if name not in taken and not (is_neutral and is_neutral(dict(params))):
                raise Unsupported(f"the function takes no {name}")
        return (arguments, taken) if self._by_name(params) else ((*arguments, *taken.values()), {})

    def _by_name(self, params: Collection[str]) -> bool:
        return self.any_named or any(name in params for name in self.named)

    def _room(self, operands: int, params: Sequence[str]) -> int:
        """How many of so many operands have a slot: those before the first param."""
        known = [name in params for name in self.positional]
        before = known.index(True) if True in known else len(self.positional)
        return operands if self.any_positional else min(before, operands)

    def _taken(self, room: int, params: Sequence[str]) -> tuple[str, ...]:
        """The params that have a slot, where `room` operands have one."""
        if self._by_name(params):
            return tuple(name for name in params if self.any_named or name in self.named)
        free = len(params) if self.any_positional else len(self.positional) - room
        return tuple(params[:free])
