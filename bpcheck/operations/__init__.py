"""The operations that bpcheck knows: one file each, and the only place that names them."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import MappingProxyType

from bpcheck.errors import CaseError, UsageError
from bpcheck.imports import find, split
from bpcheck.operations.address import loaded_at
from bpcheck.operations.base import Operation
from bpcheck.operations.library import from_library, library_names
from bpcheck.operations.network.network import Network
from bpcheck.operations.promises import EdgeClass, Geometry, HasReductions, Lattice, Product
from bpcheck.operations.windowed.average_pooling import AveragePooling
from bpcheck.operations.windowed.convolution import Convolution
from bpcheck.operations.windowed.max_pooling import MaxPooling

__all__ = [
    "EdgeClass",
    "Geometry",
    "HasReductions",
    "Lattice",
    "Operation",
    "Product",
    "as_operation",
    "library_names",
    "operation_at",
    "operation_named",
    "operation_names",
]


@cache
def _operations() -> MappingProxyType[str, Operation]:
    ranks = (1, 2, 3)
    every: list[Operation] = [
        *(Convolution(rank) for rank in ranks),
        *(MaxPooling(rank) for rank in ranks),
        *(AveragePooling(rank) for rank in ranks),
        Network(),
    ]
    for operation in every:
        operation.address = operation.name
    return MappingProxyType({operation.name: operation for operation in every})


def operation_names() -> tuple[str, ...]:
    """Names of the operations that have a class of their own; see `library_names`.

    >>> operation_names()[:3]
    ('conv1d', 'conv2d', 'conv3d')
    """
    return tuple(_operations())


def operation_named(name: str, *, directory: Path | None = None) -> Operation:
    """The operation that a text names: a built-in one, or a user's own as ``module:attribute``.

    Parameters
    ----------
    name
        ``"conv2d"``, ``"mymodule:my_op"`` or ``"path/file.py:my_op"``.
    directory
        Where modules and files are looked for first; by default the current directory.

    Raises
    ------
    CaseError
        If there is no such built-in one (the message lists those there are), or `name` names
        something else than an operation.
    TargetError
        If the module cannot be imported, or has no such attribute.

    Examples
    --------
    >>> operation_named("conv2d").operands
    ('x', 'w', 'b')
    """
    if ":" in name:
        return _own(name, directory or Path.cwd())
    found = _operations().get(name) or from_library(name)
    if found is not None:
        return found
    known = ", ".join((*operation_names(), *library_names()))
    close = _meant(name)
    hint = f"did you mean {close}? " if close else ""
    raise CaseError(
        f"{name!r}: no such operation; {hint}there are {known}, and module:attribute names "
        "one of your own"
    )


def _meant(name: str) -> str:
    """The operation that a name is likely to mean: of several dimensions, two."""
    plain = name.lower().replace("_", "").replace("-", "")
    known = [each for each, operation in _operations().items() if plain in operation.nicknames]
    two = [each for each in known if each.endswith("2d")]
    every = (*operation_names(), *library_names())
    return next(iter(two or known or get_close_matches(name, every, n=1)), "")


def _own(address: str, directory: Path) -> Operation:
    found = loaded_at(address)
    if not isinstance(found, Operation):
        found = find(address, directory=directory)
    if callable(found) and not isinstance(found, Operation | type):
        from bpcheck.operations.declared.guessed import operation_of

        return operation_of(found, address)
    if not isinstance(found, Operation):
        raise CaseError(
            f"{address}: no such operation; it is of type {type(found).__name__}: name an instance "
            "of a class that derives from bpcheck.operations.Operation, or a function on tensors"
        )
    is_file = split(address)[0].endswith(".py")
    # A file may lie where its module's name alone does not lead to; case texts end at blanks.
    if found.place is None or (is_file and " " not in address):
        found.address = address
    return _usable(found)


def operation_at(place: str, address: str) -> Operation:
    """The operation that another process pickled: where it was found there, and its address.

    Examples
    --------
    >>> operation_at("conv2d", "conv2d")
    <operation conv2d>
    """
    operation = operation_named(place)
    # Where they differ, texts must be the same in every process.
    if place != address:
        operation.address = address
    return operation


def _usable(operation: Operation) -> Operation:
    if type(operation).__hash__ is None:
        kind = type(operation).__name__
        raise UsageError(
            f"{operation}: {kind} has no hash, since it compares by its fields; write "
            f"@dataclass(frozen=True) or @dataclass(eq=False) above class {kind}"
        )
    return operation


def as_operation(operation: Operation | str) -> Operation:
    """`operation` itself, or the one of that name; see `operation_named`.

    Raises
    ------
    TypeError
        If it is neither.
    UsageError
        If it has no hash.
    """
    if isinstance(operation, Operation):
        return _usable(operation)
    if isinstance(operation, str):
        return operation_named(operation)
    raise TypeError(
        f"operation={operation!r}: the name of an operation was expected, such as 'conv2d', or an "
        "instance of bpcheck.operations.Operation"
    )
