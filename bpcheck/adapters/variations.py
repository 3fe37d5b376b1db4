"""Declarations that are tried of code, those that differ least from torch's way first."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from itertools import product
from typing import Any

from bpcheck.adapters.axes import axes_of
from bpcheck.adapters.names import meaning
from bpcheck.operations import Operation


def variations(operation: Operation, function: Any) -> Iterator[dict[str, Any]]:
    """Declarations, those that differ least from torch's way first."""
    axes = axes_of(operation)
    last = {name: each[2:] + "".join(reversed(each[:2])) for name, each in axes.items()}
    images: list[dict[str, Any]] = [{}]
    weights: list[dict[str, Any]] = [{}]
    biases: list[dict[str, Any]] = [{}]
    if axes:
        images.append({"layout": f"N{axes['x'][2:]}C"})
    if "w" in axes:
        weights += [{"weight_layout": last["w"]}, {"weight_layout": f"{axes['w'][2:]}OI"}]
        weights.append({"weight_layout": f"O{axes['w'][2:]}I"})
        ones = "1 " * (len(axes["y"]) - 1)
        biases += [{"bias_shape": f"{ones}O"}, {"bias_shape": "O 1"}, {"bias_shape": "1 O"}]
    ints: list[dict[str, Any]] = [{}, {"ints": True}]
    counts: list[dict[str, Any]] = [{}]
    passed = {meaning(each, operation) for each in parameters(function)}
    if passed & {"padding", "p"} or not passed & {"x"}:
        counts.append({"padding": "total"})
    if passed & {"dilation", "dil"}:
        counts.append({"dilation_from": 0})
    # What comes last is tried first: one number for all is more usual than another count.
    choices = (images, weights, biases, counts, ints)
    ranked = sorted(
        product(*(range(len(each)) for each in choices)), key=lambda places: (sum(places), places)
    )
    for places in ranked:
        parts = [choice[place] for choice, place in zip(choices, places, strict=True)]
        yield {word: value for part in parts for word, value in part.items()}


def parameters(function: Any) -> list[str]:
    """The names of what a function takes; none where its signature does not tell."""
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return []


def plain_variations(operation: Operation) -> list[dict[str, Any]]:
    """The few that are tried of calls which are themselves guessed."""
    axes = axes_of(operation)
    found: list[dict[str, Any]] = [{}, {"ints": True}]
    if axes:
        last: dict[str, Any] = {"layout": f"N{axes['x'][2:]}C"}
        if "w" in axes:
            last["weight_layout"] = axes["w"][2:] + "".join(reversed(axes["w"][:2]))
        found += [last, {**last, "ints": True}]
    return found


def single_images(operation: Operation) -> Iterator[dict[str, Any]]:
    """Declarations of code that takes no batch: one image, with channels or one plane of it."""
    axes = axes_of(operation)
    if not axes:
        return
    spatial = axes["x"][2:]
    for layout in (f"C{spatial}", f"{spatial}C", spatial):
        of_weights: dict[str, Any] = {}
        if "w" in axes and layout == spatial:
            of_weights = {"weight_layout": spatial}
        elif "w" in axes and layout.endswith("C"):
            of_weights = {"weight_layout": spatial + "".join(reversed(axes["w"][:2]))}
        for ints in ({}, {"ints": True}):
            yield {"layout": layout, **of_weights, **ints}


def last_resorts(operation: Operation, function: Any) -> Iterator[dict[str, Any]]:
    """Rarer ways, for code that takes no plain case otherwise: no batch, padding said otherwise."""
    yield from single_images(operation)
    if not {meaning(each, operation) for each in parameters(function)} & {"padding"}:
        return
    ways: list[dict[str, Any]] = [{"padding": "four"}, {"padding": "pairs"}]
    ways += [
        {"padding": "word", "same": "same"},
        {"padding": "word", "same": "SAME", "valid": "VALID"},
    ]
    for way in ways:
        for words in plain_variations(operation):
            yield {**words, **way}
