"""The catalogue: every fault, family by family."""

from __future__ import annotations

from itertools import chain

from bpcheck.errors import UsageError
from bpcheck.explain.faults import (
    batch,
    bias,
    caches,
    channels,
    contract,
    cotangent,
    crop_and_padding,
    dilation,
    divisors,
    elements,
    groups,
    in_place,
    index_overflow,
    labels,
    layouts,
    memory,
    network,
    nothing,
    one_dimension,
    orders,
    overlap,
    overwritten,
    precision,
    pruning,
    remainder,
    rotation,
    second_vjp,
    shapes,
    shared_memory,
    sizes,
    special_operands,
    special_values,
    square,
    state,
    stride,
    ties,
    times_batch,
    wrong_winners,
    zeros,
)
from bpcheck.explain.faults.fault import Fault
from bpcheck.operations import Operation

#: The faults by family, the likeliest to be met first.
FAMILIES: dict[str, tuple[Fault, ...]] = {
    family.__name__.rpartition(".")[2]: family.FAULTS
    for family in (
        nothing,
        rotation,
        channels,
        stride,
        remainder,
        crop_and_padding,
        dilation,
        one_dimension,
        square,
        groups,
        overlap,
        overwritten,
        ties,
        wrong_winners,
        divisors,
        batch,
        times_batch,
        bias,
        cotangent,
        elements,
        index_overflow,
        sizes,
        special_values,
        special_operands,
        zeros,
        precision,
        shapes,
        contract,
        state,
        caches,
        orders,
        second_vjp,
        in_place,
        layouts,
        shared_memory,
        memory,
        network,
        labels,
        pruning,
    )
}

#: All of them.
FAULTS: tuple[Fault, ...] = tuple(chain.from_iterable(FAMILIES.values()))


def fault_named(name: str) -> Fault:
    """The fault of that name.

    Raises
    ------
    UsageError
        If there is none.

    Examples
    --------
    >>> fault_named("w-bar-rotated").what
    'w_bar is rotated by 180 degrees'
    """
    for fault in FAULTS:
        if fault.name == name:
            return fault
    raise UsageError(f"fault={name!r}: there is no such fault; the catalogue has {len(FAULTS)}")


def faults_of(operation: Operation | str) -> tuple[Fault, ...]:
    """The faults that can be planted in an operation; none, in one of a user's own."""
    # By address: another operation may have the name of a built-in one.
    name = operation if isinstance(operation, str) else operation.address
    return tuple(fault for fault in FAULTS if name in fault.operations)
