"""Registered operators of torch: what somebody's own are, and which of them code calls."""

from __future__ import annotations

import dis
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

#: Namespaces of torch itself, whose operators are not asked.
_TORCHS = ("aten", "prims", "prim")

#: How many functions deep an operator is looked for.
_DEPTH = 3

#: Instructions that begin a chain of names, and that go on with one.
_BEGINS, _GOES_ON = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF"), ("LOAD_ATTR", "LOAD_METHOD")


def schema_of(op: Any) -> Any:
    """The schema of a registered operator; ``None`` if it is none."""
    return getattr(overload_of(op), "_schema", None)


def overload_of(op: Any) -> Any:
    """The overload that is called where none is named; what is no operator as it is."""
    return getattr(op, "_opoverload", None) or getattr(op, "default", op)


def is_registered(op: Any) -> bool:
    """Whether it is a registered operator of somebody's own: torch's are not asked."""
    schema = schema_of(op)
    own = schema is None or schema.name.partition("::")[0] in _TORCHS
    return not own


def operator_in(code: Any) -> Any:
    """The operator that a function, or the forward of a class, is or calls by its name; or none.

    It is looked for in the code of the function and of those that it calls: a module of wrappers
    around ``torch.ops.mine`` is the usual way to hand an operator over.
    """
    if is_registered(code):
        return code
    function = getattr(code, "forward", code) if isinstance(code, type) else code
    return next(_called(function, _DEPTH), None)


def _called(function: Any, depth: int) -> Iterator[Any]:
    if not isinstance(function, FunctionType) or not depth:
        return
    for named in _named(function):
        # Anything else may answer to any name.
        if type(named).__module__.startswith("torch.") and is_registered(named):
            yield named
        else:
            yield from _called(named, depth - 1)


def _named(function: FunctionType) -> Iterator[Any]:
    """What its names stand for, each chain of attributes of modules followed to its end."""
    outer = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    at: Any = None
    for step in dis.get_instructions(function):
        if step.opname.startswith(_BEGINS):
            at = _value(function, outer, step.argval)
            yield at
        elif step.opname.startswith(_GOES_ON) and isinstance(at, ModuleType):
            # Attributes of anything else may be properties, which run code.
            at = getattr(at, step.argval, None)
            yield at
        else:
            at = None


def _value(function: FunctionType, outer: dict[str, Any], name: str) -> Any:
    if name in outer:
        try:
            return outer[name].cell_contents
        except ValueError:
            # It is not filled yet.
            return None
    return function.__globals__.get(name)
