"""What a module of a declared operation is made for: sizes that its parameters' shapes tell.

A constructor of such a module takes sizes under names of its own (``normalized_shape``, ``hidden``,
``in_features``). An operation that names no axes cannot say which those are; but the right ones are
those with which the module has parameters of the operands' shapes, whatever the case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from inspect import Parameter
from itertools import islice, product
from typing import Any

import numpy as np

from bpcheck.adapters.declaration import Declaration
from bpcheck.adapters.expressions import Line, line
from bpcheck.adapters.names import meaning
from bpcheck.adapters.scope import Scope, scope_of
from bpcheck.adapters.signatures import parameters_of
from bpcheck.calls import call
from bpcheck.operations import Geometry, Operation

#: Whether a module has made parameters of these shapes is asked of so many geometries.
TRIED, DRAWN = 3, 400

#: Sizes that are tried, as axes of the operand that the module is called with.
_OF_THE_FIRST = (-1, 1)

#: More sizes than these are too many to be told apart by trying.
MOST = 3

#: Flags of a constructor that say whether there are weights, and what is passed.
_FLAGS = {"elementwise_affine": "has_weight", "affine": "has_weight", "bias": "has_bias"}

#: Whether a module made by a call has parameters of the shapes of a scope's operands.
Fits = Callable[[Line, Scope], bool]


def sized_call(
    maker: Callable[..., Any],
    operation: Operation,
    declaration: Declaration,
    fits: Fits,
    *,
    name: str,
) -> str:
    """The call of a constructor, with sizes of the operands for what it must be given.

    It is empty where no sizes fit, or several do: what changes no shape is no size.

    Raises
    ------
    TargetError
        If the signature does not tell what the constructor takes.
    """
    parameters = parameters_of(maker, name=name, word="make")
    sizes = [each for each in parameters if _is_size(each, operation)]
    passed = [f"{each.name}={_passed(each, operation)}" for each in parameters]
    others = [text for text in passed if not text.endswith("=")]
    if not sizes or len(sizes) > MOST:
        return ""
    for is_whole in (True, False):
        telling = islice(_telling(operation, is_whole=is_whole), TRIED)
        scopes = [_hollow(operation, declaration, each) for each in telling]
        if shown := _fitting(operation, sizes, others, scopes, fits):
            return shown
    return ""


def _fitting(
    operation: Operation,
    sizes: Sequence[Parameter],
    others: Sequence[str],
    scopes: Sequence[Scope],
    fits: Fits,
) -> str:
    """The call with which a module fits all the scopes, if there is one."""
    if not scopes:
        return ""
    found = []
    for chosen in product(_candidates(operation, scopes), repeat=len(sizes)):
        given = [f"{each.name}={text}" for each, text in zip(sizes, chosen, strict=True)]
        shown = line(f"_({', '.join([*given, *others])})", word="make")
        # A constructor that is handed a wrong size raises whatever it likes.
        if all(call(fits, shown, scope).value is True for scope in scopes):
            found.append(shown)
    values = {tuple(map(repr, (each.arguments(scope) for scope in scopes))) for each in found}
    return found[0].text if len(values) == 1 else ""


def _is_size(parameter: Parameter, operation: Operation) -> bool:
    """Whether a constructor must be given it, and it is no param of the operation."""
    is_needed = parameter.default is Parameter.empty
    return is_needed and parameter.name not in operation.own_params


def _passed(parameter: Parameter, operation: Operation) -> str:
    """What is passed for a parameter that is no size; nothing where its default stays."""
    if parameter.name in operation.own_params:
        return parameter.name
    if not isinstance(parameter.default, bool):
        return ""
    flag = _FLAGS.get(parameter.name, "")
    is_bias = meaning(parameter.name, operation) == "has_bias"
    return "has_bias" if is_bias else flag


def _candidates(operation: Operation, scopes: Sequence[Scope]) -> list[str]:
    """Expressions for the sizes of the operands that no case is without."""
    first, *others = operation.operands
    texts = [f"{first}.shape[{axis}]" for axis in _OF_THE_FIRST]
    for each in others:
        if each not in operation.optional:
            texts += [f"{each}.shape[{axis}]" for axis in range(scopes[0].handed[each].own.ndim)]
    return texts


def _telling(operation: Operation, *, is_whole: bool) -> Iterator[Geometry]:
    """Geometries in which no two axes of the first operand are of one size.

    They have all operands, or none of those that a case may be without.
    """
    wanted = [each for each in operation.operands if is_whole or each not in operation.optional]
    rng = np.random.default_rng(0)
    for _ in range(DRAWN):
        geometry = operation.draw(lambda low, high: int(rng.integers(low, high + 1)))
        shapes = operation.operand_shapes(geometry)
        sizes = shapes[operation.operands[0]]
        is_telling = len(sizes) > 1 and len(set(sizes)) == len(sizes) and min(sizes) > 1
        if is_telling and list(shapes) == wanted:
            yield geometry


def _hollow(operation: Operation, declaration: Declaration, geometry: Geometry) -> Scope:
    """The scope of a case whose operands hold nothing."""
    shapes = operation.operand_shapes(geometry)
    arrays = tuple(
        np.broadcast_to(0.0, shapes[name]) if name in shapes else None
        for name in operation.operands
    )
    return scope_of(operation, declaration, arrays, operation.params(geometry))
