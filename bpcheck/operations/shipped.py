"""The table of what people ship: convolution and pooling layers of published models, counted."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

#: How the table writes a padding that is a word.
SAME = "same"


@dataclass(frozen=True, slots=True)
class Row:
    """One family of the table: what its layers have in common, and how many models have it.

    `padding` is ``None`` for 'same'; `flags` holds ``1``, ``dw`` or ``grouped`` for a convolution,
    ``ceil`` and ``exclude_pad`` for a pool.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...] | None
    dilation: tuple[int, ...]
    flags: frozenset[str]
    models: int


def shipped_rows(kind: str, rank: int) -> tuple[Row, ...]:
    """The families of an operation such as ``"conv"`` in so many dimensions, most models first.

    An operation without rows takes those of the nearest rank, with one number for each axis.

    Examples
    --------
    >>> shipped_rows("conv", 2)[0].kernel, len(shipped_rows("conv", 2))
    ((1, 1), 83)
    >>> shipped_rows("max_pool", 1)[0].kernel
    (3,)
    """
    table = _table()
    near = min(
        (each for each in (1, 2, 3) if f"{kind}{each}d" in table),
        key=lambda each: (abs(each - rank), each),
    )
    merged: dict[tuple[object, ...], Row] = {}
    for row in table[f"{kind}{near}d"]:
        own = _in_rank(row, rank)
        key = (own.kernel, own.stride, own.padding, own.dilation, own.flags)
        # Rows that differ in their note alone are one family.
        models = own.models + (merged[key].models if key in merged else 0)
        merged[key] = Row(own.kernel, own.stride, own.padding, own.dilation, own.flags, models)
    return tuple(sorted(merged.values(), key=lambda row: -row.models))


@cache
def _table() -> dict[str, tuple[Row, ...]]:
    text = files("bpcheck.operations").joinpath("shipped.tsv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    found: dict[str, tuple[Row, ...]] = {}
    for entry in csv.DictReader(lines, delimiter="\t"):
        given = {key: value.strip() for key, value in entry.items()}
        rank = len(given["kernel"].split("x"))
        row = Row(
            kernel=_numbers(given["kernel"]),
            stride=_numbers(given["stride"]),
            padding=None if given["padding"] == SAME else _numbers(given["padding"]),
            dilation=_numbers(given["dilation"]) if given["dilation"] else (1,) * rank,
            flags=frozenset(given["groups_or_flags"].split()),
            models=int(given["models"]),
        )
        found[given["operation"]] = (*found.get(given["operation"], ()), row)
    return found


def _in_rank(row: Row, rank: int) -> Row:
    """The row with one number for each of `rank` axes: the last ones, or the first repeated."""

    def fitted(numbers: tuple[int, ...]) -> tuple[int, ...]:
        missing = max(0, rank - len(numbers))
        return (*(numbers[:1] * missing), *numbers[-rank:])

    return Row(
        kernel=fitted(row.kernel),
        stride=fitted(row.stride),
        padding=None if row.padding is None else fitted(row.padding),
        dilation=fitted(row.dilation),
        flags=row.flags,
        models=row.models,
    )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split("x"))
