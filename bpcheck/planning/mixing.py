"""Mixing: which traits of a family's layers have come together, two at a time, in which dtype."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from bpcheck.arithmetic import Array
from bpcheck.operations.families import Size
from bpcheck.operations.residues import modulus_of

#: What a trait counts by its modulus: vectors of few lanes are more common than wide tiles. What
#: is no residue, such as a bias or doubled channels, counts as a parity does.
_WEIGHTS = {None: 8.0, 2: 8.0, 4: 4.0, 8: 2.0, 16: 1.0}


class Mix:
    """Which pairs of traits the layers of one family have had so far.

    A path of a kernel is often taken for two reasons at once: channels in fours, and float32.

    Examples
    --------
    >>> width = (Size({"iw": 2}, 2, frozenset({"width 0 mod 2"})), Size({"iw": 3}, 3, frozenset()))
    >>> mix = Mix((width,), ("float64", "float32"))
    >>> mix.gains(0, mix.of_dtype("float32")).tolist()
    [64.0, 0.0]
    >>> mix.add(mix.of_dtype("float32") | mix.of_size(0, 0))
    >>> mix.gains(0, mix.of_dtype("float32")).tolist()
    [0.0, 0.0]

    Parameters
    ----------
    sizes
        The choices that make a layer, each as a sequence of sizes.
    dtypes
        NumPy names.
    """

    def __init__(self, sizes: Sequence[Sequence[Size]], dtypes: Sequence[str]):
        every = [name for choice in sizes for size in choice for name in sorted(size.classes)]
        told = [name for name in dict.fromkeys(every) if modulus_of(name) in _WEIGHTS]
        self._number = {name: number for number, name in enumerate((*told, *dtypes))}
        self._meets = [np.array([self._where(size.classes) for size in choice]) for choice in sizes]
        self._dtypes = {name: self._where((name,)) for name in dtypes}
        self._weighed = [meets.astype(float) for meets in self._meets]
        #: By choice: what each size adds with each trait, and by itself. It holds until `add`.
        self._pairs: dict[int, tuple[Array, Array]] = {}
        weights = np.array([_WEIGHTS[modulus_of(name)] for name in self._number])
        self._unmet = np.outer(weights, weights)
        # A trait is no pair with itself.
        np.fill_diagonal(self._unmet, 0)

    def gains(self, choice: int, traits: NDArray[np.bool_]) -> Array:
        """What each size of a choice would add to a layer that has these traits."""
        if choice not in self._pairs:
            sizes = self._weighed[choice]
            pairs = sizes @ self._unmet
            self._pairs[choice] = pairs, (pairs * sizes).sum(axis=1) / 2
        pairs, alone = self._pairs[choice]
        gains: Array = pairs @ traits.astype(float) + alone
        return gains

    def of_size(self, choice: int, place: int) -> NDArray[np.bool_]:
        """The traits of a size."""
        found: NDArray[np.bool_] = self._meets[choice][place]
        return found

    def of_dtype(self, dtype: str) -> NDArray[np.bool_]:
        """The trait of being judged in a dtype."""
        return self._dtypes[dtype]

    @property
    def none(self) -> NDArray[np.bool_]:
        """No trait."""
        return self._where(())

    def total(self, traits: NDArray[np.bool_]) -> float:
        """What a layer of these traits would add."""
        counts = traits.astype(float)
        return float(counts @ self._unmet @ counts) / 2

    def add(self, traits: NDArray[np.bool_]) -> None:
        """Count a layer of these traits."""
        self._unmet[np.ix_(traits, traits)] = 0
        self._pairs.clear()

    def _where(self, names: Iterable[str]) -> NDArray[np.bool_]:
        found = np.zeros(len(self._number), dtype=bool)
        for name in names:
            if name in self._number:
                found[self._number[name]] = True
        return found
