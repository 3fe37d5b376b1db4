"""Finding an operation's functions in a module by their names."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import Any

from bpcheck.adapters.names import gradient_of
from bpcheck.adapters.signatures import OR_ADAPT
from bpcheck.errors import TargetError
from bpcheck.operations import Operation

_FORWARDS = ("forward", "fwd", "fw")
_BACKWARDS = ("backward", "bwd", "bw", "backprop", "grad", "gradient", "vjp")

#: Words that say how something is computed, or for what, and not what it is.
_FILLING = {
    *(
        "naive",
        "fast",
        "slow",
        "numpy",
        "np",
        "loop",
        "loops",
        "vectorized",
        "simple",
        "my",
        "layer",
    ),
    *("im2col", "strides", "reshape", "batch", "py", "python", "pass", "step"),
    *("function", "func", "fn", "op", "custom", "own", "module"),
}


def words_of(name: str) -> list[str]:
    """The words of a name, in small letters.

    >>> words_of("ConvForward_naive"), words_of("maxPool2DLayer")
    (['conv', 'forward', 'naive'], ['max', 'pool2d', 'layer'])
    """
    flat = re.sub(r"(\d)D(?![a-z])", r"\1d", name)
    split = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", flat)
    return [each.lower() for each in split.split("_") if each]


def closeness(name: str, operation: Operation) -> int:
    """How well a name says that it is of this operation: 0 not at all, 3 to the letter.

    >>> from bpcheck.operations import operation_named
    >>> pool = operation_named("max_pool2d")
    >>> closeness("max_pool_forward_naive", pool), closeness("pool_forward", pool)
    (3, 2)
    >>> closeness("MaxPool2x2", pool)
    1
    >>> closeness("avg_pool_forward", pool), closeness("conv_relu_forward", pool)
    (0, 0)
    """
    kept = [each for each in words_of(name) if each not in {*_FORWARDS, *_BACKWARDS, *_FILLING}]
    said = "".join(kept)
    usual = [operation.name.replace("_", ""), *operation.nicknames]
    if said not in usual:
        # A size, or which of several it is, follows: Conv3x3, conv1.
        return 1 if re.sub(r"\d+(x\d+)*$", "", said) in usual else 0
    # All names but those of just any pool hold one of these.
    is_exact = not operation.mode or any(each in said for each in (operation.mode, "avg", "mean"))
    return 3 if is_exact else 2


def pairs(holder: Any, operation: Operation) -> dict[str, tuple[Callable[..., Any], ...]]:
    """For each forward of the operation that `holder` has: itself, and its backwards.

    >>> from types import SimpleNamespace
    >>> from bpcheck.operations import operation_named
    >>> layers = SimpleNamespace(conv_forward=min, conv_backward=max, relu_forward=abs)
    >>> pairs(layers, operation_named("conv2d"))
    {'conv_forward': (<built-in function min>, <built-in function max>)}
    """
    functions = functions_of(holder)
    found: dict[str, tuple[Callable[..., Any], ...]] = {}
    for name, function in functions.items():
        if closeness(name, operation) and not _is(name, _BACKWARDS):
            back = partner(name, functions)
            if back is not None:
                found[name] = (function, back)
    return found


def is_forward(name: str) -> bool:
    """Whether a name says that it is a forward.

    >>> is_forward("conv_forward"), is_forward("gradx")
    (True, False)
    """
    return any(each in _FORWARDS for each in words_of(name))


def looked_up(holder: Any, attribute: str) -> Any:
    """An attribute that a message may name; ``None`` where looking it up raises."""
    try:
        return getattr(holder, attribute, None)
    except Exception:  # noqa: BLE001 - user code, which is asked for something else
        return None


def functions_of(holder: Any) -> dict[str, Callable[..., Any]]:
    """The public functions of a module or namespace, by name."""
    names = [each for each in dir(holder) if not each.startswith("_")]
    every = {name: looked_up(holder, name) for name in names}
    return {
        name: value
        for name, value in every.items()
        if callable(value) and not inspect.isclass(value)
    }


def partner(name: str, functions: dict[str, Callable[..., Any]]) -> Callable[..., Any] | None:
    """The backward of the forward of that name."""
    for ahead in _FORWARDS:
        for back in _BACKWARDS:
            other = re.sub(ahead, back, name, flags=re.IGNORECASE)
            for each in (other, name.lower().replace(ahead, back)):
                if each != name and each in functions:
                    return functions[each]
    if not any(each in name.lower() for each in _FORWARDS):
        for back in _BACKWARDS:
            for each in (f"{name}_{back}", f"{back}_{name}"):
                if each in functions:
                    return functions[each]
    return None


def gradient_told_by(name: str, operation: Operation) -> str | None:
    """The operand whose gradient alone a function gives, by its name.

    >>> from bpcheck.operations import operation_named
    >>> conv = operation_named("conv2d")
    >>> [gradient_told_by(each, conv) for each in ("gradx", "conv2d_grad_weight", "conv_backward")]
    ['x', 'w', None]
    """
    kept = [
        each
        for each in words_of(name)
        if each not in _FILLING and each not in {operation.name, *operation.nicknames}
    ]
    said = "_".join(kept)
    for back in sorted((*_BACKWARDS, "d"), key=len, reverse=True):
        for of in (said.removeprefix(back), said.removesuffix(back)):
            operand = gradient_of(of.strip("_"), operation)
            if of != said and operand is not None:
                return operand
    return None


def one_pair(
    target: Any, operation: Operation, *, name: str, style: str
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The forward and the backward that a target names or holds.

    Raises
    ------
    TargetError
        If there is none, or more than one.
    """
    if not isinstance(target, ModuleType | type) and callable(target):
        return target, _partner_of(target, name=name)
    found = pairs(target, operation)
    close = closest(found, operation)
    if len(close) == 1:
        first, second = found[close[0]]
        return first, second
    raise TargetError(_not_one(target, close, operation, name=name, style=style))


def one_forward(holder: Any, operation: Operation, *, name: str, style: str) -> Callable[..., Any]:
    """The forward that a module holds, whose backward is declared.

    Raises
    ------
    TargetError
        If there is none, or more than one.
    """
    functions = functions_of(holder)
    close = closest([each for each in functions if not _is(each, _BACKWARDS)], operation)
    if len(close) == 1:
        return functions[close[0]]
    raise TargetError(_not_one(holder, close, operation, name=name, style=style))


def closest(names: Iterable[str], operation: Operation) -> list[str]:
    """Those of some names that say best that they are of the operation; none if none does."""
    how = {each: closeness(each, operation) for each in names}
    best = max(how.values(), default=0)
    return [each for each, close in how.items() if best and close == best]


def _not_one(
    target: Any, close: Sequence[str], operation: Operation, *, name: str, style: str
) -> str:
    separator = "." if ":" in name else ":"
    if close:
        listed = ", ".join(f"{name}{separator}{each}" for each in close)
        return f"{name} has {len(close)} functions for {operation}: name one of {listed}"
    usual = f"{(*operation.nicknames, operation.name)[0]}_forward"
    return (
        f"{name} has no functions for {operation} by names such as {usual}"
        f"{there_are(target)}; name the forward, as in {name}{separator}NAME, and its backward by "
        f"--with backward='NAME(...)' (style {style})"
    )


def one_class(module: ModuleType, operation: Operation, *, name: str) -> tuple[str, type]:
    """The class of layers of the operation that a module holds, and its name.

    Raises
    ------
    TargetError
        If there is none, or more than one.
    """
    own = {
        each: value
        for each, value in vars(module).items()
        if inspect.isclass(value) and not each.startswith("_")
    }
    close = closest(own, operation)
    if len(close) == 1:
        return f"{name}:{close[0]}", own[close[0]]
    listed = ", ".join(f"{name}:{each}" for each in close or own)
    raise TargetError(
        f"{name} has {len(close) or 'no'} classes for {operation} by their names: name one"
        + (f" of {listed}" if listed else "")
    )


def named_in(holder: Any, name: str, *, target: str) -> Callable[..., Any]:
    """The function of that dotted name in a module, or beside a function.

    Raises
    ------
    TargetError
        If there is none.
    """
    module = holder if isinstance(holder, ModuleType | type) else module_of(holder)
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise TargetError(f"{target}: there is no function {name}{there_are(module)}")
    return found


def module_of(function: Any) -> ModuleType | None:
    """The module that a function was defined in."""
    return sys.modules.get(getattr(function, "__module__", "") or "")


def _partner_of(function: Any, *, name: str) -> Callable[..., Any]:
    own = getattr(function, "__name__", "")
    holder = module_of(function)
    back = partner(own, functions_of(holder)) if holder else None
    if back is None:
        raise TargetError(
            f"{name}: no backward is called after {own}{there_are(holder)}; name it by --with "
            f"backward='NAME(dout, cache)'{OR_ADAPT}"
        )
    return back


def there_are(holder: Any) -> str:
    """What functions are there, in brackets; empty for none."""
    names = list(functions_of(holder)) if holder is not None else []
    return (
        f" (there are {', '.join(names[:12])}{', ...' if len(names) > 12 else ''})" if names else ""
    )


def _is(name: str, words: Iterable[str] | Sequence[str]) -> bool:
    return any(each in name.lower() for each in words)
