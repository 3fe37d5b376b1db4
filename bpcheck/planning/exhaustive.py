"""Every geometry of a small scope, each once: what a run judges that leaves nothing to chance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from bpcheck.arithmetic import FORMATS
from bpcheck.cases.case import JACOBIAN, Case
from bpcheck.cases.numbers import SEEDS_APART
from bpcheck.errors import UsageError
from bpcheck.operations import Operation
from bpcheck.operations.scopes import Scope

#: The scope that is meant where none is named.
USUAL = "small"


def scope_named(operation: Operation, name: str) -> Scope:
    """The scope of that name.

    Raises
    ------
    UsageError
        If the operation has none of that name; it lists those there are.

    Examples
    --------
    >>> from bpcheck.operations import operation_named
    >>> scope_named(operation_named("conv2d"), "small").count
    67280
    """
    scopes = {each.name: each for each in operation.scopes}
    if not scopes:
        raise UsageError(
            f"--scope {name}: {operation.name} has no scope; use the profile thorough instead"
        )
    if name not in scopes:
        raise UsageError(f"--scope {name}: {operation.name} has the scopes {', '.join(scopes)}")
    return scopes[name]


def cases_of(
    operation: Operation, scope: Scope, *, dtype: str, seed: int = 0, start: int = 0
) -> Iterator[Case]:
    """The case of each geometry of a scope, from the one of number `start` on."""
    for number, geometry in enumerate(islice(scope.geometries(), start, None), start):
        yield Case(
            operation, geometry, dtype=dtype, values=JACOBIAN, seed=seed * SEEDS_APART + number
        )


def dtype_of(dtypes: Sequence[str]) -> str:
    """The dtype in which a scope is judged: the widest of those that are claimed or asked for."""
    return max(dtypes, key=lambda name: FORMATS[name].bits)
