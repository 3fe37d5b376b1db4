"""A trial: one subject run on one case, each run made once. What follows from it is derived."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from bpcheck.arithmetic import FORMATS, Array, Format
from bpcheck.cases import Case
from bpcheck.checks import turns
from bpcheck.checks.compare import same_bits
from bpcheck.checks.run import (
    Handed,
    Run,
    call_forward,
    hand,
    is_pair,
    is_real_array,
    numbers_of,
    run,
)
from bpcheck.filling import Arrays, fill
from bpcheck.filling.tied import has_output_for_cotangent
from bpcheck.oracles.autograd import autograd
from bpcheck.subject import Subject

T = TypeVar("T")


class Trial:
    """What a subject does with one case.

    The subject is called in the order that a user would call it: forward, then vjp. Everything else
    (further forwards for finite differences, a second run) comes after that.

    Parameters
    ----------
    subject
        What is run.
    case
        What it is run on.
    beside
        The geometries that further runs may have beside the case's own, where each is compiled;
        ``None`` for any.
    filled
        The arrays of the case, where another trial of it has drawn them already.
    """

    def __init__(
        self,
        subject: Subject,
        case: Case,
        *,
        beside: Collection[Any] | None = None,
        filled: Arrays | None = None,
    ):
        self.beside = beside
        self.subject = subject
        self.case = case
        #: The last run that was made for `evaluate` and gave no ``y``.
        self.fallen: Run | None = None
        self._derived: dict[Callable[[Trial], Any], Any] = {}
        self._filled = filled

    def may_have(self, geometry: Any) -> bool:
        """Whether a further run may have this geometry."""
        return self.beside is None or geometry in self.beside or geometry == self.case.geometry

    def once(self, derive: Callable[[Trial], T]) -> T:
        """What `derive` makes of this trial, made when it is first asked for."""
        if derive not in self._derived:
            self._derived[derive] = derive(self)
        return self._derived[derive]

    @cached_property
    def filled(self) -> Arrays:
        """The arrays of the case as they are drawn."""
        return fill(self.case) if self._filled is None else self._filled

    @cached_property
    def arrays(self) -> Arrays:
        """The arrays of the case, never handed out: the subject gets copies.

        Where the cotangent is the output, it holds the subject's own numbers: on real values those
        differ from the drawn ones by rounding.
        """
        if not has_output_for_cotangent(self.case) or self.first.cotangent is None:
            return self.filled
        return replace(self.filled, y_bar=self.first.cotangent)

    @cached_property
    def others(self) -> Arrays:
        """The arrays of another case that has the same shapes and params."""
        # Full: of a one-hot cotangent most results would be 0, and a mix-up not be seen.
        return fill(replace(self.case, seed=self.case.seed + 1, one_hot=None))

    @property
    def format(self) -> Format:
        """The floating-point format of the case."""
        return FORMATS[self.case.dtype]

    @cached_property
    def params(self) -> dict[str, Any]:
        """The params that the subject's forward takes."""
        return self.subject.accepted(self.case.params)

    @cached_property
    def first(self) -> Run:
        """The first run: what all checks judge."""
        return self.again(self.filled, layouts=self.case.layouts)

    @property
    def why_stopped(self) -> str:
        """Why no further question is asked of the case: there is no ``y`` to ask it of."""
        if self.first.is_malformed:
            return "y is malformed"
        return "" if self.first.forward.returned else "forward raised"

    def again(
        self,
        arrays: Arrays,
        *,
        layouts: Mapping[str, str] | None = None,
        left: float = np.nan,
    ) -> Run:
        """A further run on these arrays, in C order unless told; `left` is what memory held."""
        handed = hand(self.case, arrays, layouts=layouts or {})
        return run(self.subject, self.case, handed, params=self.params, left=left)

    def once_more(self) -> Run:
        """A further run: on the very arrays of the first one, if it has left them as they were."""
        handed = self.first.handed
        spared = len(self.spared) == len(self.arrays.operands)
        if not (spared and same_bits(handed.y_bar, self.arrays.y_bar)):
            return self.again(self.arrays, layouts=self.case.layouts)
        if handed.is_output:
            # That of this run is its own.
            handed = replace(handed, y_bar=self.arrays.y_bar.copy())
        return run(self.subject, self.case, handed, params=self.params)

    @cached_property
    def plain(self) -> Run:
        """The run in which all arrays are in C order: the first one, if they are so anyway."""
        return self.again(self.arrays) if self.case.layouts else self.first

    @property
    def got(self) -> dict[str, Array]:
        """The results of the first run that can be compared, in float64."""
        return self.first.got

    def evaluate(self, operands: Mapping[str, Array]) -> Array | None:
        """``y`` of a further forward, in float64; ``None`` where it has not the right shape."""
        given = {
            name: self._to_hand_out(name) if array is self.arrays.operands.get(name) else array
            for name, array in operands.items()
        }
        outcome = call_forward(self.subject, self.case, given, params=self.params)
        raw: dict[str, Any] = {}
        if outcome.returned and is_pair(outcome.value):
            raw["y"] = outcome.value[0]
        y = raw.get("y")
        if self.case.outputs:
            y = numbers_of(self.case, "y", y)
        if y is None or not is_real_array(y) or y.shape != self._output_shape(operands):
            self.fallen = Run(Handed(given, self.arrays.y_bar), outcome, None, raw, {})
            return None
        with np.errstate(invalid="ignore"):
            # A copy: the next forward may return the same memory.
            return np.array(y, np.float64, order="C")

    def _output_shape(self, operands: Mapping[str, Array]) -> tuple[int, ...]:
        """Shape of ``y`` for these operands, of which some may hold more samples than the case."""
        shape = self.case.shapes["y"]
        first = self.case.operation.operands[0]
        if not self.case.operation.has_stackable_batch(first):
            return shape
        return (len(operands[first]), *shape[1:])

    def _to_hand_out(self, name: str) -> Array:
        """A copy of the operand; a large one of the first run that was spared goes out again."""
        if not turns.is_small(self.case) and name in self.spared:
            return self.first.handed.operands[name]
        return self.arrays.operands[name].copy()

    @cached_property
    def spared(self) -> frozenset[str]:
        """The operands that the first run left as they were."""
        handed = self.first.handed.operands
        operands = self.arrays.operands
        return frozenset(name for name in operands if same_bits(handed[name], operands[name]))

    @cached_property
    def autograd(self) -> dict[str, Array]:
        """Every result as torch autograd computes it in float64."""
        return autograd(self.case, self.arrays)
