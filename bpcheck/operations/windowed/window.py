"""One spatial dimension of a sliding window: sizes, padding, and which input a window reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bpcheck.errors import CaseError

#: The longest line that a case may have, in cells.
MOST_CELLS = 1_000_000


@dataclass(frozen=True)
class Window:
    """A window of `k` cells, `d` apart, that moves by `s` over `i` cells, `p` padded at each end.

    Parameters
    ----------
    i, k, s, p, d
        Input size, kernel size, stride, padding and dilation, in cells.
    same
        Padding is what keeps the size, ``d * (k - 1)`` in all, the odd cell on the right; `p` is 0.
    ceil
        A last window that overhangs the right end is kept, unless it would start in the padding.

    Attributes
    ----------
    span
        Cells from the first to the last that one window reads, both counted.
    low, high
        Padding before the first cell and after the last one.

    Raises
    ------
    CaseError
        If a number is out of range, or the window reads no input cell at some position.

    Examples
    --------
    >>> window = Window(i=13, k=2, s=2)
    >>> window.out, window.remainder
    (6, 1)
    """

    i: int
    k: int
    s: int = 1
    p: int = 0
    d: int = 1
    same: bool = False
    ceil: bool = False

    span: int = field(init=False, repr=False, compare=False)
    low: int = field(init=False, repr=False, compare=False)
    high: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if min(self.i, self.k, self.s, self.d) < 1 or self.p < 0:
            self._require_positive()
        if max(self.i, self.k, self.p) > MOST_CELLS:
            self._require_few()
        if self.same and (self.p or self.s > 1):
            raise CaseError(
                f"same with p={self.p}, s={self.s}: 'same' needs padding 0 and stride 1"
            )
        span = self.d * (self.k - 1) + 1
        low = (span - 1) // 2 if self.same else self.p
        high = span - 1 - low if self.same else self.p
        if span > self.i + low + high:
            raise CaseError(
                f"i={self.i}, p={self.p}: the padded input has {self.i + low + high} "
                f"cells and the window spans {span}; make the window smaller"
            )
        # They are asked for several times of every window that a plan looks at.
        vars(self).update(span=span, low=low, high=high)

    def _require_positive(self) -> None:
        for name, least in (("i", 1), ("k", 1), ("s", 1), ("d", 1), ("p", 0)):
            if getattr(self, name) < least:
                raise CaseError(f"{name}={getattr(self, name)}: must be at least {least}")

    def _require_few(self) -> None:
        for name in ("i", "k", "p"):
            if getattr(self, name) > MOST_CELLS:
                raise CaseError(f"{name}={getattr(self, name)}: must be at most {MOST_CELLS}")

    @cached_property
    def out(self) -> int:
        """Number of window positions."""
        room = self.i + self.low + self.high - self.span
        count = -(-room // self.s) + 1 if self.ceil else room // self.s + 1
        if self.ceil and (count - 1) * self.s >= self.i + self.low:
            count -= 1
        return count

    @property
    def remainder(self) -> int:
        """Padded cells after the end of the last window; negative when that window overhangs."""
        return self.i + self.low + self.high - self.span - (self.out - 1) * self.s

    @cached_property
    def positions(self) -> NDArray[np.int64]:
        """Input cell read by window `o` at offset `j`, or -1 for padding: ``(out, k)``."""
        start = np.arange(self.out)[:, None] * self.s - self.low
        cell = start + np.arange(self.k) * self.d
        return np.where((cell >= 0) & (cell < self.i), cell, -1)

    @cached_property
    def overlap(self) -> int:
        """Largest number of windows that read one input cell (at least 1)."""
        read = self.positions[self.positions >= 0]
        return int(np.bincount(read).max()) if read.size else 1

    @cached_property
    def is_gapped(self) -> bool:
        """Whether some input cell is read by no window."""
        return np.unique(self.positions[self.positions >= 0]).size < self.i

    @property
    def colours(self) -> int:
        """How many colours tell the cells apart that one window reads: never more than cells."""
        return min(self.span, self.i)

    def owners(self) -> NDArray[np.int64]:
        """Input cell that window `o` reads among those of colour `c`, or -1: ``(colours, out)``.

        Cells whose indices are equal modulo `span` are never read by one window, so all of one
        colour can be perturbed at once and every output still has one owner at most.
        """
        owners = np.full((self.colours, self.out), -1, dtype=np.int64)
        for column in self.positions.T:
            o = np.nonzero(column >= 0)[0]
            owners[column[o] % self.colours, o] = column[o]
        return owners


def spatial_owners(planes: NDArray[np.int64], windows: Sequence[Window]) -> NDArray[np.int64]:
    """Owners of every output, from the plane that it reads: ``(probes * colours, ..., *out)``.

    `planes` ``(probes, ...)`` holds the index of the input plane that each output plane reads, -1
    for none; the result holds flat indices into the planes' cells (see `Window.owners`).
    """
    owners = planes
    for window in windows:
        probes, outputs = owners.shape[0], owners.shape[1:]
        owners = owners.reshape(probes, 1, *outputs, 1)
        cell = window.owners().reshape(1, window.colours, *(1,) * len(outputs), window.out)
        joined = np.where((owners < 0) | (cell < 0), -1, owners * window.i + cell)
        owners = joined.reshape(probes * window.colours, *outputs, window.out)
    return owners
