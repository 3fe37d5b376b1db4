"""Where a layer keeps its weights and gradients: reading, putting and clearing them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bpcheck.adapters.expressions import Place, place
from bpcheck.errors import Unsupported, UsageError
from bpcheck.operations import Operation

#: Where layers keep weights and their gradients, the usual first, by operand.
USUAL_WEIGHTS = {
    "w": ("W", "w", "weight", "weights", "filters", "kernel", "kernels", "K"),
    "b": ("b", "bias", "biases", "B"),
}
USUAL_GRADS = {
    "w": (
        *("dW", "dw", "grad_w", "grad_W", "grad_weight", "weight_grad", "dweight", "dweights"),
        *("grad_weights", "weights_grad", "d_weights", "dfilters"),
    ),
    "b": ("db", "dB", "grad_b", "grad_bias", "bias_grad", "dbias", "dbiases"),
}


def has_key(layer: Any, places: Sequence[Place]) -> bool:
    """Whether no place asks a dictionary for what it does not hold."""
    for each in places:
        try:
            each.read(layer)
        except KeyError:
            return False
        except (AttributeError, TypeError):
            continue
    return True


def require_as_made(layer: Any, places: Sequence[Place], *, is_handed: bool) -> None:
    """Raise `Unsupported` unless the layer was made with a bias where the case has one."""
    try:
        place_in(layer, places)
    except AttributeError:
        if is_handed:
            raise Unsupported("a bias") from None
    else:
        if not is_handed:
            raise Unsupported("no bias")


def place_in(layer: Any, places: Sequence[Place]) -> Place:
    """The first place that the layer has."""
    for each in places:
        with contextlib.suppress(AttributeError, KeyError, TypeError):
            if each.read(layer) is not None:
                return each
    listed = " nor ".join(each.text for each in places)
    raise AttributeError(
        f"the layer has no {listed}: declare weights= or grads= with the names of its attributes"
    )


def read_from(layer: Any, places: Sequence[Place]) -> Any:
    """What lies in the first place that the layer has."""
    return place_in(layer, places).read(layer)


def put(layer: Any, places: Sequence[Place], value: Any) -> None:
    """Put a copy of a value in its place; `Unsupported` where that holds another shape."""
    where = places[0] if len(places) == 1 else place_in(layer, places)
    held = None
    with contextlib.suppress(AttributeError, KeyError, TypeError):
        held = where.read(layer)
    if isinstance(held, np.ndarray) and held.shape != value.shape:
        # Some layers know one size; where none fits, that is all that the report has to say.
        raise Unsupported(
            f"{where.text} of another shape than the layer makes (declare make=, weight_layout= or "
            "bias_shape= if no shape fits)"
        )
    where.write(layer, value.copy())


def renew(layer: Any, places: Sequence[Place], value: Any, *, is_again: bool) -> None:
    """Write numbers over those that a layer was made with, in place, as an optimizer does.

    `Unsupported` where the layer does not hold what it was made with, as it was handed.
    """
    try:
        held = read_from(layer, places)
    except AttributeError:
        held = None
    is_held = isinstance(held, np.ndarray) and held.shape == value.shape
    if not is_held or not (is_again or np.array_equal(held, value, equal_nan=True)):
        raise Unsupported("weights that are changed in place")
    if is_again:
        held[...] = value
        # A property may give a copy.
        if not np.array_equal(read_from(layer, places), value, equal_nan=True):
            raise Unsupported("weights that are changed in place")


def clear(layer: Any, places: Sequence[Place]) -> None:
    """Set an array of the layer to zeros."""
    # Before the first backward there may be nothing.
    with contextlib.suppress(AttributeError):
        held = read_from(layer, places)
        if isinstance(held, np.ndarray):
            held[...] = 0


def places_of(
    given: Any, usual: Mapping[str, tuple[str, ...]], operation: Operation, *, word: str
) -> dict[str, tuple[Place, ...]]:
    """The places of each weight."""
    names = operation.operands[1:]
    texts = [each.strip() for each in given.split(",")] if isinstance(given, str) else list(given)
    if not texts:
        return {
            name: tuple(place(each, word=word) for each in usual.get(name, (name,)))
            for name in names
        }
    if len(texts) > len(names):
        raise UsageError(f"{word}={given!r}: {operation} has {', '.join(names) or 'no weights'}")
    pairs = zip(names, texts, strict=False)
    found: dict[str, tuple[Place, ...]] = {}
    found |= {name: (place(text, word=word),) for name, text in pairs}
    return found
