"""Families of convolutions and pools: named, recognised, and with the sizes that they come in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from math import prod
from typing import Any

from bpcheck.operations.families import Family, Size
from bpcheck.operations.promises import Shape
from bpcheck.operations.residues import residue_names, residues_of
from bpcheck.operations.shipped import Row, shipped_rows
from bpcheck.operations.windowed import sizes
from bpcheck.operations.windowed.dimensions import LETTERS, spell
from bpcheck.operations.windowed.relatives import Kin

_GROUPS = {"1": "", "dw": "depthwise ", "grouped": "grouped "}

#: Both parities, by the last digit of a size in base 2.
_PARITIES = (1, 0)


@dataclass(frozen=True)
class Shelf:
    """The families of one operation.

    Parameters
    ----------
    kind, rank
        ``"conv"``, ``"max_pool"`` or ``"avg_pool"``, and its number of axes.
    covers_kernel
        Whether the operation takes no kernel that is larger than the input.
    """

    kind: str
    rank: int
    covers_kernel: bool = False
    _rows: tuple[Row, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rows", shipped_rows(self.kind, self.rank))

    @property
    def _is_conv(self) -> bool:
        return self.kind == "conv"

    @cached_property
    def families(self) -> tuple[Family, ...]:
        """Most models first."""
        return tuple(self._family(row) for row in self._rows)

    @cached_property
    def residues(self) -> tuple[str, ...]:
        """Names of all residue classes."""
        return tuple(name for factor in self._factors for name in residue_names(factor))

    @property
    def _factors(self) -> tuple[str, ...]:
        channels = ("input channels", "output channels") if self._is_conv else ("channels",)
        height = ("height",) if self.rank > 1 else ()
        return ("width", "output width", *height, *channels, "samples")

    def classes_of(self, geometry: Any) -> frozenset[str]:
        """The family and the residues of a geometry; an empty batch shows nothing of a layer."""
        if geometry.n == 0:
            return frozenset()
        key = self._key(geometry)
        family = None if key is None else self._by_key.get(key)
        found = frozenset() if family is None else frozenset((family,))
        return found.union(
            *(residues_of(factor, number) for factor, number in self._numbers(geometry))
        )

    def _numbers(self, geometry: Any) -> Iterable[tuple[str, int]]:
        yield "width", geometry.windows[-1].i
        yield "output width", geometry.out[-1]
        if self.rank > 1:
            yield "height", geometry.windows[-2].i
        if self._is_conv:
            yield "input channels", geometry.ic
            yield "output channels", geometry.oc
        else:
            yield "channels", geometry.ic
        yield "samples", geometry.n

    def sizes(self, family: Family) -> tuple[tuple[Size, ...], ...]:
        """Independent choices that together give the sizes of a layer of the family."""
        row = self._rows[self.families.index(family)]
        axes = []
        for axis, letter in enumerate(LETTERS[self.rank]):
            window = sizes.window_of(
                family.numbers, letter, same=row.padding is None, ceil="ceil" in row.flags
            )
            least = row.kernel[axis] if self.covers_kernel else 1
            axes.append(sizes.axis_sizes(window, letter, least=least))
        channels = (
            sizes.conv_channel_sizes(_groups(row)) if self._is_conv else sizes.channel_sizes()
        )
        bias = (sizes.bias_sizes(),) if self._is_conv else ()
        return (*axes, channels, sizes.sample_sizes(), *bias)

    @cached_property
    def kin(self) -> Kin:
        """What layers near the families can be made of."""
        return Kin(
            self.families,
            LETTERS[self.rank],
            is_conv=self._is_conv,
            dilates=self.kind != "avg_pool",
            covers_kernel=self.covers_kernel,
        )

    def variants(self, family: Family) -> tuple[frozenset[str], ...]:
        """Sets of classes in which a path of the family's own may differ from its others.

        Every pair of a parity of the width, a parity of the channels and a relation of the
        channels is in one of them.
        """
        channels = "input channels" if self._is_conv else "channels"
        if not self._is_conv:
            return tuple(
                frozenset((f"width {width} mod 2", f"{channels} {own} mod 2"))
                for width, own in product(_PARITIES, _PARITIES)
            )
        row = self._rows[self.families.index(family)]
        if _groups(row) == "dw":
            relations = tuple(f"{each} outputs a channel" for each in sizes.MULTIPLIERS)
        else:
            relations = ("channels equal", "channels unequal", "channels doubled")
        found = [
            frozenset(
                (
                    f"width {width} mod 2",
                    f"{channels} {(width + turn) % 2} mod 2",
                    relation,
                )
            )
            for width in _PARITIES
            for turn, relation in enumerate(relations)
        ]
        if _groups(row) == "1":
            # Of the odd numbers of channels that become others.
            found = [
                each | {sizes.OF_IMAGES}
                if {"channels unequal", f"{channels} 1 mod 2"} <= each
                else each
                for each in found
            ]
        return tuple(found)

    @cached_property
    def _by_key(self) -> Mapping[tuple[object, ...], str]:
        return {
            _row_key(row): str(family)
            for row, family in zip(self._rows, self.families, strict=True)
        }

    def _key(self, geometry: Any) -> tuple[object, ...] | None:
        windows = geometry.windows
        if self._is_conv:
            flags = {_groups_of(geometry)}
        elif geometry.divisor:
            return None
        else:
            ceil = {"ceil"} if geometry.ceil else set()
            flags = ceil | (set() if geometry.pad_counts else {"exclude_pad"})
        return (
            tuple(window.k for window in windows),
            tuple(window.s for window in windows),
            None if windows[0].same else tuple(window.p for window in windows),
            tuple(window.d for window in windows),
            frozenset(flags),
        )

    def _family(self, row: Row) -> Family:
        key = _row_key(row)
        numbers = {
            **spell("k", row.kernel),
            **spell("s", row.stride),
            **spell("p", row.padding or (0,) * self.rank),
        }
        if self._is_conv:
            numbers |= {**spell("d", row.dilation), "same": int(row.padding is None)}
        else:
            numbers |= {"ceil": int("ceil" in row.flags)}
        if self.kind == "avg_pool":
            numbers |= {"cip": int("exclude_pad" not in row.flags)}
        return Family(
            name=_named(row),
            models=row.models,
            numbers=numbers,
            taps=prod(row.kernel),
            holds=lambda geometry: geometry.n > 0 and self._key(geometry) == key,
        )


def _row_key(row: Row) -> tuple[object, ...]:
    return (row.kernel, row.stride, row.padding, row.dilation, row.flags)


def _groups(row: Row) -> str:
    return next(iter(row.flags))


def _groups_of(geometry: Any) -> str:
    if geometry.g == 1:
        return "1"
    return "dw" if geometry.g == geometry.ic else "grouped"


def _named(row: Row) -> str:
    """Such as ``depthwise 3x3, stride 2, padding 1``; what is usual is left out."""
    parts = [f"{_GROUPS.get(min(row.flags, default='1'), '')}{_spelled(row.kernel)}"]
    if set(row.stride) != {1} or row.padding is None or any(row.padding):
        parts.append(f"stride {_alike(row.stride)}")
    if row.padding is None:
        parts.append("padding 'same'")
    elif any(row.padding):
        parts.append(f"padding {_alike(row.padding)}")
    if set(row.dilation) != {1}:
        parts.append(f"dilation {_alike(row.dilation)}")
    if "ceil" in row.flags:
        parts.append("ceil_mode")
    if "exclude_pad" in row.flags:
        parts.append("padding not counted")
    return ", ".join(parts)


def _spelled(numbers: Shape) -> str:
    return "x".join(map(str, numbers))


def _alike(numbers: Shape) -> str:
    """One number where all axes have the same."""
    return str(numbers[0]) if len(set(numbers)) == 1 else _spelled(numbers)
