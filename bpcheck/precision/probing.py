"""One element of a result as a sum: its terms, and where any two of them meet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpcheck.arithmetic import FORMATS, Array
from bpcheck.calls import own_arithmetic
from bpcheck.cases import Case
from bpcheck.errors import UsageError
from bpcheck.filling import Arrays, fill
from bpcheck.precision.environment import limited_to
from bpcheck.precision.tree import UnorderedError, drawn, reveal, word_of
from bpcheck.subject import Subject

#: By dtype: the mass, the unit, and how many units are set at a time. Their sum must be swallowed
#: by the mass, in float32 too where the dtype is narrower, and be a number of the dtype.
_PROBES = {
    "float64": (2.0**900, 1.0, 2**40),
    "float32": (2.0**100, 1.0, 2**22),
    "bfloat16": (2.0**100, 1.0, 128),
    "float16": (2.0**15, 2.0**-14, 16),
}

#: Questions that are asked again, to see whether the answers are the same.
_AGAIN = 12

#: Sums of more terms are not revealed.
MOST = 8_192


@dataclass(frozen=True, slots=True)
class Order:
    """In which order an element is added up.

    Parameters
    ----------
    word
        What it is called.
    terms
        How many there are.
    lines
        The tree, drawn; none where there is none that is always the same.
    whole
        The same without anything left out, by which two trees are compared.
    """

    word: str
    terms: int
    lines: tuple[str, ...] = ()
    whole: str = ""


@dataclass(frozen=True)
class Probe:
    """One element of a result of a case, whose terms are the numbers of one array times ones.

    Parameters
    ----------
    subject, case
        Who adds up, and what.
    result
        The name of the result.
    index
        The element; by default the one in the middle.
    """

    subject: Subject
    case: Case
    result: str
    index: tuple[int, ...] | None = None

    @property
    def varied(self) -> str:
        """The array that the terms are numbers of: the cotangent, where it is a factor."""
        first = self.case.operation.operands[0]
        is_of_x = self.result == "y" or self.result not in (f"{first}_bar", "b_bar")
        return first if is_of_x else "y_bar"

    @cached_property
    def place(self) -> tuple[int, ...]:
        """The element."""
        shape = self.case.shapes[self.result]
        chosen = tuple(length // 2 for length in shape) if self.index is None else self.index
        if len(chosen) != len(shape) or any(
            not 0 <= i < length for i, length in zip(chosen, shape, strict=True)
        ):
            raise UsageError(f"index {chosen}: {self.result} has the shape {shape}")
        return chosen

    @cached_property
    def _ones(self) -> Arrays:
        given = fill(replace(self.case, layout="c-order"))
        operands = {
            name: np.ones_like(each) if name != "b" else np.zeros_like(each)
            for name, each in given.operands.items()
        }
        return replace(given, operands=operands, y_bar=np.ones_like(given.y_bar))

    @cached_property
    def terms(self) -> tuple[tuple[int, ...], ...]:
        """The places of the terms in the array that is varied, in the order of its memory."""
        shape = self._array.shape
        found: list[tuple[int, ...]] = []
        # Halves are asked before their elements: most of a large array is no term.
        stack = [np.arange(int(np.prod(shape)))]
        zero = np.zeros(shape, self._array.dtype)
        if self._value(zero):
            raise UsageError(f"{self.result} is no sum of {self.varied}: it is not 0 where that is")
        while stack:
            part = stack.pop()
            marked = zero.copy()
            marked.reshape(-1)[part] = 1
            if not self._value(marked):
                continue
            if len(part) == 1:
                found.append(tuple(int(i) for i in np.unravel_index(part[0], shape)))
            else:
                half = len(part) // 2
                stack += [part[half:], part[:half]]
        if not 1 <= len(found) <= MOST:
            raise UsageError(
                f"{self.result} has {len(found)} terms: from 1 to {MOST} can be revealed"
            )
        return tuple(found)

    @cached_property
    def _places(self) -> NDArray[np.intp]:
        """The places of the terms, counted along the memory."""
        return np.ravel_multi_index(np.array(self.terms).T, self._array.shape)

    @property
    def _array(self) -> Array:
        is_y_bar = self.varied == "y_bar"
        return self._ones.y_bar if is_y_bar else self._ones.operands[self.varied]

    def _value(self, array: Array) -> float:
        """The element where the varied array is this one."""
        arrays = self._ones
        is_y_bar = self.varied == "y_bar"
        operands = {**arrays.operands} if is_y_bar else {**arrays.operands, self.varied: array}
        every = [
            operands[name].copy() if name in operands else None
            for name in self.case.operation.operands
        ]
        params: dict[str, Any] = self.subject.accepted(self.case.params)
        y, residuals = self.subject.forward(*every, **params)
        if self.result == "y":
            return float(y[self.place])
        bars = self.subject.vjp(residuals, array.copy() if is_y_bar else arrays.y_bar.copy())
        place = self.case.operation.operands.index(self.result.removesuffix("_bar"))
        return float(bars[place][self.place])

    def ask_nothing(self) -> None:
        """Call the subject as often as a question does."""
        self._value(self._array)

    @cached_property
    def _share(self) -> float:
        """What a single term of 1 gives: less than 1 where sums are divided."""
        array = np.zeros_like(self._array)
        array[self.terms[0]] = 1
        return self._value(array)

    def meets(self, one: int, other: int) -> int:
        """How many terms lie below the place where two meet."""
        mass, unit, at_once = _PROBES[self.case.dtype]
        places = self._places
        others = np.delete(places, (one, other))
        after = 0
        for start in range(0, len(others), at_once):
            array = np.zeros_like(self._array)
            flat = array.reshape(-1)
            flat[others[start : start + at_once]] = unit
            flat[places[one]], flat[places[other]] = mass, -mass
            left = self._value(array) / (self._share * unit)
            if not np.isfinite(left):
                raise UnorderedError
            after += round(left)
        return len(self.terms) - after

    def is_compensated(self) -> bool:
        """Whether two units beside a number that swallows each are seen: by a wider sum, too."""
        bits = FORMATS[self.case.dtype].bits
        if len(self.terms) < 3:
            return False
        unit = _PROBES[self.case.dtype][1]
        array = np.zeros_like(self._array)
        first, second, third = self.terms[:3]
        array[first], array[second], array[third] = unit * 2.0**bits, unit, unit
        return bool(self._value(array) > unit * 2.0**bits * self._share)


def order_of(probe: Probe, *, seed: int = 0) -> Order:
    """The tree of an element, and the word for it.

    Raises
    ------
    UsageError
        If it is no sum, or one of too many terms.
    """
    count = len(probe.terms)
    rng = np.random.default_rng(seed)
    known: dict[tuple[int, int], int] = {}

    def meets(one: int, other: int) -> int:
        key = min(one, other), max(one, other)
        if key not in known:
            known[key] = probe.meets(one, other)
        return known[key]

    try:
        tree = reveal(count, meets, seed=seed)
    except UnorderedError:
        is_steady = _is_steady(probe, known, rng)
        return Order("other" if is_steady else "unordered", count)
    if not _is_steady(probe, known, rng):
        return Order("unordered", count)
    word = word_of(tree, count)
    if word == "sequential" and count > 2 and probe.is_compensated():
        word = "sequential or compensated"
    whole = "\n".join(drawn(tree, most=2 * count, longest=count))
    return Order(word, count, tuple(drawn(tree)), whole)


def _is_steady(probe: Probe, known: dict[tuple[int, int], int], rng: np.random.Generator) -> bool:
    """Whether some of the questions have the same answers again."""
    asked = list(known)
    chosen = rng.permutation(len(asked))[:_AGAIN]
    try:
        return all(probe.meets(*asked[i]) == known[asked[i]] for i in chosen)
    except UnorderedError:
        return False


@own_arithmetic()
def revealed(
    subject: Subject,
    tell: Callable[[str], None],
    case: Case,
    result: str,
    index: tuple[int, ...] | None,
    threads: int,
) -> tuple[tuple[int, ...], Order, tuple[str, ...]]:
    """The element, its order of summation, and where another batch or more threads change it."""
    probe = Probe(subject, case, result, index)
    with limited_to(1):
        own = order_of(probe)
        differ: list[str] = []
        for samples, other in _other_batches(case, result):
            tell(str(other))
            there = order_of(Probe(subject, other, result, (0, *probe.place[1:])))
            if there.whole != own.whole:
                differ.append(f"in a batch of {samples}: {there.word}")
    if threads > 1:
        with limited_to(threads):
            there = order_of(probe)
        if there.whole != own.whole:
            differ.append(f"with {threads} threads: {there.word}")
    return probe.place, own, tuple(differ)


def _other_batches(case: Case, result: str) -> Iterator[tuple[int, Case]]:
    """The case with other numbers of samples, where an element belongs to one of them."""
    numbers = case.geometry.numbers()
    first = case.operation.operands[0]
    if "n" not in case.operation.keys or result not in ("y", f"{first}_bar"):
        return
    known = {key: numbers[key] for key in case.operation.keys}
    for samples in (1, 33):
        if samples != numbers["n"]:
            geometry = case.operation.geometry({**known, "n": samples})
            yield samples, replace(case, geometry=geometry)
