"""A module, object or class that has `forward` and `vjp` on NumPy arrays, as a subject."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from typing import Any

from bpcheck.adapters.claims import claims_of
from bpcheck.adapters.found import functions_of, looked_up, module_of, pairs, partner
from bpcheck.adapters.target import NOTHING
from bpcheck.claims import DEFAULT_DTYPES
from bpcheck.errors import TargetError, UsageError
from bpcheck.imports.errors import explain
from bpcheck.operations import Operation
from bpcheck.subject import Subject

_NEEDED = ("forward", "vjp")
_OTHER_NAMES = ("backward", "bwd", "grad", "gradient", "fwd", "apply")


def protocol_subject(
    target: Any, *, operation: Operation, name: str, dtypes: tuple[str, ...] = DEFAULT_DTYPES
) -> Subject:
    """The subject that `target` gives with its ``forward`` and ``vjp``.

    A class is instantiated without arguments. Claims are taken from the attributes of `target`.

    Raises
    ------
    TargetError
        If a function is missing or is not callable, or the class cannot be instantiated.
    """
    _refuse_torch(target, name)
    is_layer = isinstance(target, type) and other_style(target, operation) == "layer"
    if is_layer and not hasattr(target, "vjp"):
        # Its constructor takes what no instance can be made without here.
        raise TargetError(_missing(target, name, ["vjp"], operation))
    holder = _instance(target, name) if isinstance(target, type) else target
    found = {each: _attribute(holder, each, name) for each in _NEEDED}
    missing = [each for each, value in found.items() if value is None]
    if missing:
        raise TargetError(_missing(holder, name, missing, operation))
    for each, value in found.items():
        if not callable(value):
            raise TargetError(
                f"{name}: {each} is of type {type(value).__name__}; it must be a function"
            )
    claims = claims_of(holder, origin=name, dtypes=dtypes)
    return Subject(
        forward=found["forward"],
        vjp=found["vjp"],
        operation=operation,
        name=name,
        claims=claims,
    )


def protocol_target(
    target: Any,
    *,
    operation: Operation,
    name: str,
    dtypes: tuple[str, ...],
    words: Mapping[str, Any] = NOTHING,
) -> Subject:
    """See `protocol_subject`; nothing can be declared of what has bpcheck's own signature."""
    refuse_words(words, style="numpy")
    return protocol_subject(target, operation=operation, name=name, dtypes=dtypes)


def refuse_words(words: Mapping[str, Any], *, style: str) -> None:
    """Raise `UsageError` if something is declared of a style that takes no declaration."""
    if words:
        raise UsageError(
            f"style {style} takes no options, and {', '.join(words)} was given; the styles for "
            "code of another shape do, such as --style pair"
        )


def _attribute(holder: Any, attribute: str, name: str) -> Any:
    try:
        return getattr(holder, attribute, None)
    except Exception as error:  # noqa: BLE001 - user code
        raise TargetError(
            f"{name}: its {attribute} cannot be looked up\n{explain(error)}\nMend that first."
        ) from None


def _instance(target: type, name: str) -> Any:
    static = (inspect.getattr_static(target, each, None) for each in _NEEDED)
    if all(isinstance(each, staticmethod | classmethod) for each in static):
        return target
    try:
        return target()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - user code
        raise TargetError(
            f"{name}: the class cannot be made without arguments\n"
            f"{explain(error)}\n"
            f"Give its arguments defaults, or make an instance in its module and name that."
        ) from None


def _refuse_torch(target: Any, name: str) -> None:
    # Without torch imported, nothing can be an instance of its classes.
    torch = sys.modules.get("torch")
    if torch is None:
        return
    kinds = (torch.autograd.Function, torch.nn.Module)
    if isinstance(target, kinds) or (isinstance(target, type) and issubclass(target, kinds)):
        raise TargetError(f"{name} works on torch tensors, not NumPy arrays: add --style torch")


def _missing(holder: Any, name: str, missing: list[str], operation: Operation) -> str:
    kind = type(holder).__name__
    if callable(holder) and len(missing) == len(_NEEDED):
        other = other_style(holder, operation)
        hint = (
            f"add --style {other}" if other else "a function on torch tensors needs --style torch"
        )
        return (
            f"{name} is one function: a target gives two, forward and vjp; name the module or "
            f"class that has both ({hint}; other styles take other code:  bpcheck adapt {name} "
            f"{operation}  finds which)"
        )
    public = {each: looked_up(holder, each) for each in dir(holder) if not each.startswith("_")}
    message = [f"{name} has no {' and no '.join(missing)}: a target gives forward and vjp"]
    functions = [each for each, value in public.items() if callable(value)]
    message.append(
        f"What it has: {', '.join(functions[:12])}{', ...' if len(functions) > 12 else ''}"
        if functions
        else f"It has no functions at all (it is of type {kind})."
    )
    holders = [
        each
        for each, value in public.items()
        if all(callable(looked_up(value, needed)) for needed in _NEEDED)
    ]
    style = other_style(holder, operation)
    if holders:
        separator = "." if ":" in name else ":"
        message.append(f"Did you mean {name}{separator}{holders[0]}?")
    elif style:
        message.append(
            f"That looks like what --style {style} takes;  bpcheck adapt {name} {operation}  finds "
            "the declaration that fits."
        )
    elif any(each in _OTHER_NAMES for each in functions):
        message.append(
            "Call them forward(*operands, **params) -> (y, residuals) "
            "and vjp(residuals, y_bar) -> (x_bar, ...)."
        )
    return "\n".join(message)


def other_style(holder: Any, operation: Operation) -> str:
    """The style that takes such code, as far as names tell; ``""`` where they do not."""
    if inspect.ismodule(holder):
        if pairs(holder, operation):
            return "pair"
        classes = (each for each in vars(holder).values() if inspect.isclass(each))
        return next((style for each in classes if (style := other_style(each, operation))), "")
    if inspect.isfunction(holder):
        module = module_of(holder)
        back = partner(holder.__name__, functions_of(module)) if module else None
        return "pair" if back else ""
    is_class = inspect.isclass(holder) or not callable(holder)
    has_backward = any(callable(getattr(holder, each, None)) for each in ("backward", "backprop"))
    return "layer" if is_class and has_backward and hasattr(holder, "forward") else ""
