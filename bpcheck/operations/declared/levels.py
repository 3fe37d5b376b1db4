"""The params of a declared operation: which values each may have, as whole numbers and as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import Any

from bpcheck.errors import CaseError, OperationError
from bpcheck.operations.declared.expressions import Expression
from bpcheck.operations.declared.named import call_by_name
from bpcheck.operations.promises import Integers


@dataclass(frozen=True, slots=True)
class Between:
    """Real numbers from `low` to `high`: see `between`."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Each:
    """One such value for each of `count` dimensions: see `each`."""

    values: Any
    count: int


def between(low: float, high: float) -> Between:
    """Real values of a param, from `low` to `high`: 1, 2 and 5 times each power of ten, and both.

    Examples
    --------
    >>> levels_of(between(1e-3, 1e-1)).values
    (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
    """
    if not low < high:
        raise OperationError(f"between({low}, {high}): the first number must be below the second")
    return Between(float(low), float(high))


def each(values: Any, count: int) -> Each:
    """A tuple with one value for each of `count` dimensions.

    Examples
    --------
    >>> each(range(1, 4), 2).count
    2
    """
    return Each(values, count)


@dataclass(frozen=True, slots=True)
class Whole:
    """Whole numbers from `start` on in steps; `stop` bounds what is drawn, and not what is given.

    Where `only` some are meant, it has them all.
    """

    start: int
    stop: int
    step: int = 1
    only: tuple[int, ...] = ()

    @property
    def drawn(self) -> Sequence[int]:
        """Those that are drawn from, the plainest first."""
        return self.only or range(self.start, self.stop, self.step)

    @property
    def default(self) -> int:
        """The plainest of them, as a number."""
        return self.start

    def value(self, number: int) -> int:
        """What a number stands for; `CaseError` if for nothing."""
        if self.only and number not in self.only:
            raise CaseError(f"{number}: must be one of {', '.join(map(str, self.only))}")
        if not self.only and (number < self.start or (number - self.start) % self.step):
            every = "" if self.step == 1 else f" in steps of {self.step}"
            raise CaseError(f"{number}: must be at least {self.start}{every}")
        return number

    def draw(self, integers: Integers) -> int:
        """A number of one of them."""
        return self.drawn[integers(0, self.count - 1)]

    @property
    def count(self) -> int:
        """How many are drawn from."""
        return len(self.drawn)

    def written(self, number: int) -> str:
        """As it stands in a case text."""
        return str(number)

    def read(self, text: str) -> int:
        """The number that a text stands for."""
        if not text.removeprefix("-").isdecimal() or len(text) > 12:
            raise CaseError(f"{text}: a whole number was expected")
        self.value(int(text))
        return int(text)


@dataclass(frozen=True, slots=True)
class Alternatives:
    """Some values, each known by its place; the first is the plainest."""

    values: tuple[Any, ...]

    @property
    def default(self) -> int:
        """The plainest of them, as a number."""
        return 0

    def value(self, number: int) -> Any:
        """What a number stands for; `CaseError` if for nothing."""
        if not 0 <= number < len(self.values):
            raise CaseError(f"{number}: there are {len(self.values)} values")
        return self.values[number]

    def draw(self, integers: Integers) -> int:
        """A number of one of them."""
        return integers(0, len(self.values) - 1)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.values)

    def written(self, number: int) -> str:
        """As it stands in a case text, which has no blanks in it."""
        return str(self.values[number]).replace(" ", "")

    def read(self, text: str) -> int:
        """The number that a text stands for."""
        known = [self.written(number) for number in range(len(self.values))]
        if text in known:
            return known.index(text)
        for number, value in enumerate(self.values):
            if isinstance(value, float) and _as_float(text) == value:
                return number
        raise CaseError(f"{text}: must be one of {', '.join(known)}")


Levels = Whole | Alternatives


@dataclass(frozen=True, slots=True)
class Param:
    """One keyword of the reference: what it may be, or how it follows from sizes.

    `levels` has one member for each number that says it; `follows`, if given, computes the value
    from sizes and other params, and nothing is drawn.
    """

    name: str
    levels: tuple[Levels, ...]
    is_tuple: bool = False
    follows: Callable[..., Any] | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of its numbers."""
        if not self.is_tuple:
            return (self.name,) if self.levels else ()
        return tuple(f"{self.name}_{place}" for place in range(len(self.levels)))

    def value(self, numbers: Mapping[str, int], known: Mapping[str, Any]) -> Any:
        """Its value; `known` are sizes and the params before it."""
        if self.follows is not None:
            return call_by_name(self.follows, known, what=f"param {self.name}")
        found = []
        for key, level in zip(self.keys, self.levels, strict=True):
            try:
                found.append(level.value(numbers[key]))
            except CaseError as error:
                raise CaseError(f"{key}={error}") from None
        return tuple(found) if self.is_tuple else found[0]

    def written(self, numbers: Mapping[str, int]) -> str:
        """Its part of a case text, without the name."""
        pairs = zip(self.keys, self.levels, strict=True)
        return ",".join(level.written(numbers[key]) for key, level in pairs)

    def read(self, text: str) -> dict[str, int]:
        """The numbers that a text stands for."""
        parts = text.split(",") if self.is_tuple else [text]
        if len(parts) != len(self.levels):
            raise CaseError(f"{self.name}={text}: {len(self.levels)} values were expected")
        try:
            return {
                key: level.read(part)
                for key, level, part in zip(self.keys, self.levels, parts, strict=True)
            }
        except CaseError as error:
            raise CaseError(f"{self.name}={error}") from None


def param_from(name: str, given: Any, axes: Sequence[str]) -> Param:
    """The param that a declaration gives as a list, range, `between`, `each`, or expression."""
    if isinstance(given, str):
        expression = Expression(given)
        unknown = [each for each in expression.names if each not in axes]
        if unknown:
            raise OperationError(
                f"params: {name}={given!r} names {unknown[0]}, which is no axis of an operand; "
                f"write [{given!r}] for a word"
            )
        return Param(name, (), follows=_of_axes(expression))
    if callable(given):
        return Param(name, (), follows=given)
    if isinstance(given, Each):
        return Param(name, (levels_of(given.values),) * given.count, is_tuple=True)
    return Param(name, (levels_of(given),))


def levels_of(given: Any) -> Levels:
    """The values that a list, a range, `between` or a single value means."""
    if isinstance(given, range):
        if not given or given.step < 1:
            raise OperationError(f"{given}: a range that rises and is not empty was expected")
        return Whole(given.start, given.stop, given.step)
    if isinstance(given, Between):
        return Alternatives(_round_numbers(given.low, given.high))
    if isinstance(given, list | tuple):
        if not given:
            raise OperationError("[]: a param needs one value at least")
        return Alternatives(tuple(given))
    return Alternatives((given,))


def _round_numbers(low: float, high: float) -> tuple[float, ...]:
    if low <= 0:
        # Of both signs or from 0 on: some places between the ends.
        return tuple(low + (high - low) * part / 8 for part in range(9))
    exponents = range(floor(log10(low)), floor(log10(high)) + 1)
    between = (float(f"{digit}e{power}") for power in exponents for digit in (1, 2, 5))
    return tuple(sorted({low, *(each for each in between if low < each < high), high}))


def _of_axes(expression: Expression) -> Callable[..., Any]:
    def follows(**known: Any) -> int:
        return expression.of(known)

    return follows


def _as_float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
