"""Hypothesis strategies: geometries and cases of an operation that shrink to small shapes.

Hypothesis is imported when a strategy is made, so that a run without it costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from bpcheck.cases.case import Case
from bpcheck.operations import Operation, as_operation

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

#: Largest seed drawn: many enough for every value, few enough to read in a log.
MAX_SEED = 2**32 - 1

#: Draws that a geometry is filled up to: more than any of today's operations needs.
DRAWS = 32


def geometries(operation: Operation | str) -> SearchStrategy[Any]:
    """Geometries that an operation allows, the simplest being one small window.

    Every integer that `Operation.draw` asks for is drawn by Hypothesis, so a failing example
    shrinks to small shapes and plain params. The channels of a convolution differ more often than
    not, and are 1 -> 2 in the simplest geometry: code that mixes them up fails there too.

    Parameters
    ----------
    operation
        It, or its name, such as ``"conv2d"``.

    Raises
    ------
    CaseError
        If there is no such operation.

    Examples
    --------
    >>> from hypothesis import find
    >>> geometry = find(geometries("conv2d"), lambda geometry: geometry.windows[0].s > 1)
    >>> geometry.windows[0].s, geometry.ic, geometry.oc
    (2, 1, 2)
    """
    return as_operation(operation).once(_geometries)


def _geometries(operation: Operation) -> SearchStrategy[Any]:
    from hypothesis import strategies

    @strategies.composite
    def drawn(draw: Any) -> Any:
        count = 0

        def integers(low: int, high: int) -> int:
            nonlocal count
            count += 1
            return int(draw(_between(low, high)))

        geometry = operation.draw(integers)
        # Hypothesis takes fewer draws for simpler, and would prefer 64 -> 96 channels, which take
        # one draw, to 1 -> 2, which take three. With as many draws for all, only values count.
        while count % DRAWS:
            integers(0, 0)
        return geometry

    return drawn()


def cases(
    operation: Operation | str,
    *,
    dtypes: Sequence[str] | None = None,
    values: Sequence[str] | None = None,
    among: SearchStrategy[Any] | None = None,
) -> SearchStrategy[Case]:
    """Cases of an operation: geometry, dtype, value kind and seed.

    The arrays follow from the case: ``bpcheck.filling.fill(case)`` draws them from its seed. So an
    example stays small to print and to shrink, however large its arrays are.

    Parameters
    ----------
    operation
        It, or its name, such as ``"conv2d"``.
    dtypes
        NumPy names of the dtypes to draw from; by default all that the operation can be judged in.
    values
        Value kinds to draw from; by default all of the operation's.
    among
        Geometries to draw from; by default all that the operation allows.

    Raises
    ------
    CaseError
        If there is no such operation.
    ValueError
        For a dtype or a value kind that the operation does not have.

    Examples
    --------
    >>> from hypothesis import given
    >>> from bpcheck.filling import fill
    >>> @given(case=cases("max_pool1d", dtypes=["float32"], values=["exact"]))
    ... def test_the_operands_are_integers(case):
    ...     x = fill(case).operands["x"]
    ...     assert (x % 1 == 0).all()
    >>> test_the_operands_are_integers()
    """
    from hypothesis import strategies

    promise = as_operation(operation)
    return strategies.builds(
        Case,
        strategies.just(promise),
        geometries(promise) if among is None else among,
        dtype=strategies.sampled_from(_chosen(promise, "dtype", dtypes, promise.dtypes)),
        values=strategies.sampled_from(_chosen(promise, "value kind", values, promise.value_kinds)),
        seed=strategies.integers(0, MAX_SEED),
    )


@cache
def _between(low: int, high: int) -> SearchStrategy[int]:
    from hypothesis import strategies

    return strategies.integers(low, high)


def _chosen(
    operation: Operation, what: str, asked: Sequence[str] | None, known: tuple[str, ...]
) -> tuple[str, ...]:
    """`asked`, or all there are; `ValueError` if there is one that the operation does not have."""
    if asked is None:
        return known
    if not asked or set(asked) - set(known):
        raise ValueError(
            f"{what}s={list(asked)!r}: {operation.name} has {', '.join(known)}; give some of them"
        )
    return tuple(asked)
