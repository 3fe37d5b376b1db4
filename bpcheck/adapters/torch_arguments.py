"""Passing operands and params to a torch callable, whatever its signature calls them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bpcheck.errors import Unsupported

#: For params of `torch.nn.functional`: whether a value is what leaving the param out means.
_IS_DEFAULT: Mapping[str, Callable[[Any], bool]] = {
    "padding": lambda value: value != "same" and set(value) == {0},
    "dilation": lambda value: set(value) == {1},
    "groups": lambda value: value == 1,
    "ceil_mode": lambda value: not value,
    "count_include_pad": bool,
    "divisor_override": lambda value: value is None,
}

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

    def bind(
        self, operands: Sequence[Any], params: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Positional and keyword arguments that pass `operands` and `params`.

        Params go by name where the signature has any of their names, else by position in the order
        of `torch.nn.functional`. One that has no slot is left out if that changes nothing.

        Raises
        ------
        Unsupported
            If an operand or a param that matters has no slot.
        """
        known = [name in params for name in self.positional]
        by_name = self.any_named or any(name in params for name in self.named)
        before = known.index(True) if True in known else len(self.positional)
        room = len(operands) if self.any_positional else min(before, len(operands))
        if any(operand is not None for operand in operands[room:]):
            raise Unsupported(f"the function takes {room} operands of {len(operands)}")
        arguments = tuple(operands[:room])
        if by_name:
            taken = {k: v for k, v in params.items() if self.any_named or k in self.named}
            _require_defaults(params, left_out=[name for name in params if name not in taken])
            return arguments, taken
        free = len(params) if self.any_positional else len(self.positional) - room
        _require_defaults(params, left_out=list(params)[free:])
        return (*arguments, *list(params.values())[:free]), {}


def _require_defaults(params: Mapping[str, Any], *, left_out: list[str]) -> None:
    for name in left_out:
        if not _is_default(name, params):
            raise Unsupported(f"the function takes no {name}")


def _is_default(name: str, params: Mapping[str, Any]) -> bool:
    if name == "stride":
        # A window moves by its own size where a call names that size, else by one.
        size = params.get("kernel_size", (1,) * len(params["stride"]))
        return tuple(params["stride"]) == tuple(size)
    return name in _IS_DEFAULT and _IS_DEFAULT[name](params[name])
