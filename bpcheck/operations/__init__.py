"""The operations that bpcheck knows: one file each, and the only place that names them."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from types import MappingProxyType

from bpcheck.errors import CaseError
from bpcheck.operations.average_pooling import AveragePooling
from bpcheck.operations.base import Operation
from bpcheck.operations.convolution import Convolution
from bpcheck.operations.max_pooling import MaxPooling
from bpcheck.operations.network import Network
from bpcheck.operations.promises import EdgeClass, Geometry, Lattice, Product

__all__ = [
    "EdgeClass",
    "Geometry",
    "Lattice",
    "Operation",
    "Product",
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
    return MappingProxyType({operation.name: operation for operation in every})


def operation_names() -> tuple[str, ...]:
    """Names of all operations.

    >>> operation_names()[:3]
    ('conv1d', 'conv2d', 'conv3d')
    """
    return tuple(_operations())


def operation_named(name: str) -> Operation:
    """The operation of that name.

    Raises
    ------
    CaseError
        If there is none; the message lists those there are.
    """
    try:
        return _operations()[name]
    except KeyError:
        known = ", ".join(operation_names())
        close = get_close_matches(name, operation_names(), n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise CaseError(f"{name!r}: no such operation; {hint}there are {known}") from None
