"""Calls of functions whose parameters mean nothing by their names, for trial on small cases.

A pair ``conv(inp, filt, offs, opts)`` and ``conv_bwd(up, mem)`` says little by names; but arrays
come in some order, a dictionary shows its keys in the source, and which number is the stride, and
which the padding, is told by the shape of ``y`` in cases in which no two lengths are alike.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, permutations, product
from typing import Any

from bpcheck.adapters.names import meaning
from bpcheck.adapters.signatures import held_keys
from bpcheck.operations import Operation

#: Params that the shape of ``y`` tells apart.
_TOLD_BY_SHAPE = ("kernel_size", "stride", "padding", "dilation")

#: More calls than these are not tried: what needs them is to be shown by its author.
_MOST = 400

#: A place of a call that is to be filled: a parameter, or a key of a parameter that holds several.
Slot = tuple[str, str]


def calls_of_forward(function: Callable[..., Any], operation: Operation) -> Iterator[str]:
    """Calls of a forward some of whose parameters mean nothing, the likely ones first.

    Examples
    --------
    >>> from bpcheck.operations import operation_named
    >>> def conv(arr, filt, offs, hop): ...
    >>> found = list(calls_of_forward(conv, operation_named("conv2d")))
    >>> found[0], found[1]
    ('conv(x, w, b, stride)', 'conv(x, w, b, padding)')
    """
    names = _taken(function)
    keys = held_keys(function)
    known = {each: meaning(each, operation) for each in names if each not in keys}
    held = {(name, key): meaning(key, operation) for name in keys for key in keys[name]}
    passed = {*known.values(), *held.values()}
    arrays = [each for each in operation.operands if each not in passed]
    unknown = [each for each in names if known.get(each, "") is None]
    slots: list[Slot] = [(each, "") for each in unknown[len(arrays) :]]
    slots += [slot for slot, found in held.items() if slot[0] in names and found is None]
    params = [each for each in _TOLD_BY_SHAPE if _is_param(each, operation) and each not in passed]
    if len(unknown) < len(arrays) or len(slots) > len(params):
        return
    orders, choices = permutations(arrays), permutations(params, len(slots))
    for order, chosen in islice(product(orders, choices), _MOST):
        filled = dict(zip(unknown, order, strict=False))
        filled |= {name: each or "" for name, each in known.items() if each is not None}
        every = {**held, **dict(zip(slots, chosen, strict=True))}
        filled |= {name: param for (name, key), param in every.items() if not key and param}
        yield f"{function.__name__}({_arguments(names, filled, every)})"


def _is_param(name: str, operation: Operation) -> bool:
    # The kernel's size is that of the weights, where there are any.
    return not (name == "kernel_size" and "w" in operation.operands)


def _arguments(names: Sequence[str], filled: dict[str, str], held: dict[Slot, str | None]) -> str:
    parts = []
    for name in names:
        if name in filled:
            parts.append(filled[name])
        else:
            inside = [(key, each) for (holder, key), each in held.items() if holder == name]
            parts.append(f"{{{', '.join(f'{key!r}: {each}' for key, each in inside)}}}")
    return ", ".join(parts)


def calls_of_backward(
    function: Callable[..., Any], forward: Callable[..., Any], ahead: str, operation: Operation
) -> Iterator[tuple[str, bool]]:
    """Calls of the backward of a forward that is called so, and whether they pass its cache.

    Examples
    --------
    >>> from bpcheck.operations import operation_named
    >>> def conv(arr, filt, offs, hop): ...
    >>> def conv_bwd(up, mem): ...
    >>> conv2d = operation_named("conv2d")
    >>> next(calls_of_backward(conv_bwd, conv, "conv(x, w, b, stride)", conv2d))
    ('conv_bwd(dout, cache)', True)
    """
    names = _taken(function)
    shown = inspect.cleandoc(ahead).partition("(")[2].removesuffix(")")
    same = dict(zip(_taken(forward), _split(shown), strict=False))
    found = {each: same.get(each) or _usual(each, operation) for each in names}
    unknown = [each for each in names if found[each] is None]
    lacking = [each for each in ("dout", "cache") if each not in found.values()]
    if len(unknown) > len(lacking):
        return
    for order in permutations(lacking, len(unknown)):
        filled = {**found, **dict(zip(unknown, order, strict=True))}
        values = [str(filled[each]) for each in names]
        if "dout" in values:
            yield f"{function.__name__}({', '.join(values)})", "cache" in values


def _usual(name: str, operation: Operation) -> str | None:
    found = meaning(name, operation, of_backward=True)
    return {"dy": "dout"}.get(found or "", found)


def _split(arguments: str) -> list[str]:
    """The arguments of a call, parted where no bracket is open."""
    parts, depth = [""], 0
    for letter in arguments:
        depth += (letter in "({[") - (letter in ")}]")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [each.strip() for each in parts]


def _taken(function: Callable[..., Any]) -> list[str]:
    """The parameters that must be passed, and those whose default is a number."""
    try:
        every = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [
        each.name
        for each in every
        if each.kind in kinds
        and (each.default is inspect.Parameter.empty or type(each.default) in {int, tuple})
    ]
