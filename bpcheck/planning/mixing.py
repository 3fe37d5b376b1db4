"""Mixing: which traits of a family's layers have come together, two at a time, in which dtype."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from bpcheck.arithmetic import Array
from bpcheck.operations.residues import modulus_of
from bpcheck.planning.tables import WEIGHTS, Table

#: What a trait of those that count most adds that no layer has had at all: more than all pairs that
#: a size has in itself.
_NEW = 256.0


class Mix:
    """Which pairs of traits the layers of one family have had so far.

    A path of a kernel is often taken for two reasons at once: channels in fours, and float32.

    Examples
    --------
    >>> from bpcheck.operations.families import Size
    >>> from bpcheck.planning.tables import Tables
    >>> width = (Size({"iw": 2}, 2, frozenset({"width 0 mod 2"})), Size({"iw": 3}, 3, frozenset()))
    >>> mix = Mix((Tables(()).of(width),), ("float64", "float32"))
    >>> mix.gains(0, mix.of_dtype("float32")).tolist()
    [320.0, 0.0]
    >>> mix.add(mix.of_dtype("float32") | mix.of_size(0, 0))
    >>> mix.gains(0, mix.of_dtype("float32")).tolist()
    [0.0, 0.0]

    Parameters
    ----------
    tables
        Those of the choices that make a layer.
    dtypes
        NumPy names.
    """

    def __init__(self, tables: Sequence[Table], dtypes: Sequence[str]):
        told = dict.fromkeys(name for table in tables for name in table.told)
        self._number = {name: number for number, name in enumerate((*told, *dtypes))}
        self._meets = [self._widened(table) for table in tables]
        self._dtypes = {name: self._where((name,)) for name in dtypes}
        self._weighed = [meets.astype(float) for meets in self._meets]
        weights = np.array([WEIGHTS[modulus_of(name)] for name in self._number])
        self._unmet = np.outer(weights, weights)
        # A trait is no pair with itself.
        np.fill_diagonal(self._unmet, 0)
        #: By choice: what each size adds with each trait.
        self._pairs = [_pairs(sizes, weights) for sizes in self._weighed]
        #: And what it adds by itself. It holds until `add`.
        self._alone: dict[int, Array] = {}
        #: Traits that count most, parities above all, and that no layer has had.
        self._missing = weights == weights.max()

    def gains(self, choice: int, traits: NDArray[np.bool_]) -> Array:
        """What each size of a choice would add to a layer that has these traits."""
        sizes, pairs = self._weighed[choice], self._pairs[choice]
        if choice not in self._alone:
            new = sizes[:, self._missing].sum(axis=1) * _NEW
            self._alone[choice] = np.einsum("ij,ij->i", pairs, sizes) / 2 + new
        # Of few traits: a product of matrices would wake threads for each.
        gains: Array = pairs[:, np.flatnonzero(traits)].sum(axis=1) + self._alone[choice]
        return gains

    def news(self, choice: int) -> NDArray[np.bool_]:
        """Which sizes of a choice have a trait of those that count most, and that none has had."""
        found: NDArray[np.bool_] = (self._meets[choice] & self._missing).any(axis=1)
        return found

    def of_size(self, choice: int, place: int) -> NDArray[np.bool_]:
        """The traits of a size."""
        found: NDArray[np.bool_] = self._meets[choice][place]
        return found

    def of_dtype(self, dtype: str) -> NDArray[np.bool_]:
        """The trait of being judged in a dtype."""
        return self._dtypes[dtype]

    def total(self, traits: NDArray[np.bool_]) -> float:
        """What a layer of these traits would add."""
        new = np.count_nonzero(traits & self._missing) * _NEW
        return float(self._unmet[np.ix_(traits, traits)].sum() / 2 + new)

    def add(self, traits: NDArray[np.bool_]) -> None:
        """Count a layer of these traits."""
        where = np.ix_(traits, traits)
        for sizes, pairs in zip(self._weighed, self._pairs, strict=True):
            pairs[:, traits] -= sizes[:, traits] @ self._unmet[where]
        self._unmet[where] = 0
        self._missing &= ~traits
        self._alone.clear()

    def _widened(self, table: Table) -> NDArray[np.bool_]:
        """The traits of its sizes among all traits."""
        found = np.zeros((len(table.sizes), len(self._number)), dtype=bool)
        found[:, [self._number[name] for name in table.told]] = table.traits
        return found

    def _where(self, names: Iterable[str]) -> NDArray[np.bool_]:
        found = np.zeros(len(self._number), dtype=bool)
        for name in names:
            if name in self._number:
                found[self._number[name]] = True
        return found


def _pairs(sizes: Array, weights: Array) -> Array:
    """What each size adds with each trait, as long as nothing is met."""
    own = sizes * weights
    # Threads would wake for a product of matrices, families of them one after the other.
    pairs: Array = own.sum(axis=1)[:, np.newaxis] * weights - own * weights
    return pairs
