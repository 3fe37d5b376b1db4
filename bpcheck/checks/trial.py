"""A trial: one subject run on one case, with everything that the checks look at, each made once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from bpcheck.arithmetic import FORMATS, Array, Format, gamma
from bpcheck.cases import Case
from bpcheck.checks import bounds
from bpcheck.checks.compare import same_bits
from bpcheck.checks.run import (
    Interleaved,
    Run,
    call_forward,
    hand,
    interleave,
    is_pair,
    is_real_array,
    renew,
    run,
)
from bpcheck.filling import Arrays, fill
from bpcheck.oracles.autograd import autograd
from bpcheck.oracles.differences import gradient_by_differences
from bpcheck.subject import Subject

#: Multiplications of the forward up to which every case is run more than once.
SMALL = 100_000

#: One in so many larger cases is run more than once too.
EVERY_LARGE = 8


class Trial:
    """What a subject does with one case.

    The subject is called in the order that a user would call it: forward, then vjp. Everything else
    (further forwards for finite differences, a second run) comes after that.
    """

    def __init__(self, subject: Subject, case: Case):
        self.subject = subject
        self.case = case
        self._agreement: dict[str, bool] = {}

    @cached_property
    def arrays(self) -> Arrays:
        """The arrays of the case, never handed out: the subject gets copies."""
        return fill(self.case)

    @cached_property
    def others(self) -> Arrays:
        """The arrays of another case that has the same shapes and params."""
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
        return self.again(self.arrays, layouts=self.case.layouts)

    def again(self, arrays: Arrays, *, layouts: Mapping[str, str] | None = None) -> Run:
        """A further run on these arrays, in C order unless told."""
        handed = hand(self.case, arrays, layouts=layouts or {})
        return run(self.subject, self.case, handed, params=self.params)

    def once_more(self) -> Run:
        """A further run: on the very arrays of the first one, if it has left them as they were."""
        handed = self.first.handed
        spared = len(self.spared) == len(self.arrays.operands)
        if not (spared and same_bits(handed.y_bar, self.arrays.y_bar)):
            return self.again(self.arrays, layouts=self.case.layouts)
        return run(self.subject, self.case, handed, params=self.params)

    @cached_property
    def interleaved(self) -> Interleaved:
        """A further run, with another case between its forward and its vjp."""
        return interleave(self.subject, self.case, self.arrays, self.others, params=self.params)

    @cached_property
    def renewed(self) -> Run:
        """A run of that other case on the very arrays that held this one before."""
        return renew(self.subject, self.case, self.arrays, self.others, params=self.params)

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
        if not outcome.returned or not is_pair(outcome.value):
            return None
        y = outcome.value[0]
        if not is_real_array(y) or y.shape != self._output_shape(operands):
            return None
        with np.errstate(invalid="ignore"):
            # A copy: the next forward may return the same memory.
            return np.array(y, np.float64, order="C")

    def _output_shape(self, operands: Mapping[str, Array]) -> tuple[int, ...]:
        """Shape of ``y`` for these operands, of which some may hold more samples than the case."""
        shape = self.case.shapes["y"]
        if not self.case.operation.has_stackable_batch("x"):
            return shape
        return (len(operands["x"]), *shape[1:])

    def _to_hand_out(self, name: str) -> Array:
        """A copy of the operand; a large one of the first run that was spared goes out again."""
        if not self.is_small and name in self.spared:
            return self.first.handed.operands[name]
        return self.arrays.operands[name].copy()

    @cached_property
    def spared(self) -> frozenset[str]:
        """The operands that the first run left as they were."""
        handed = self.first.handed.operands
        operands = self.arrays.operands
        return frozenset(name for name in operands if same_bits(handed[name], operands[name]))

    def agrees_with_autograd(self, result: str) -> bool:
        """Whether the first run has torch's numbers, all of them."""
        if result not in self._agreement:
            self._agreement[result] = np.array_equal(self.got[result], self.autograd[result])
        return self._agreement[result]

    def slack_of_wrong(self, result: str, got: Array | None = None) -> Array | None:
        """What rounding may do to a sum of products that is wrong; ``None`` for one that is right.

        A wrong sum may be longer, or of larger products, than the lattice keeps exact. By default
        it is that of the first run.
        """
        right = (
            self.agrees_with_autograd(result)
            if got is None
            else np.array_equal(got, self.autograd[result])
        )
        if right or self.case.operation.orders_special:
            return None
        arrays = [*self.arrays.operands.values(), self.arrays.y_bar]
        terms = sum(array.size for array in arrays)
        largest = prod(float(np.abs(array.astype(np.float64)).max(initial=1)) for array in arrays)
        bound = gamma(terms, self.format.unit_roundoff) * terms * largest
        return np.full(self.case.shapes[result], bound)

    @cached_property
    def is_small(self) -> bool:
        """Whether further runs cost next to nothing."""
        terms = self.case.operation.terms(self.case.geometry)["y"]
        return terms * int(np.prod(self.case.shapes["y"])) <= SMALL

    @property
    def affords_more(self) -> bool:
        """Whether the case is run more often than once: all small ones, and some large ones."""
        return self.is_small or self.case.seed % EVERY_LARGE == 0

    def takes_turn(self, turn: int) -> bool:
        """Whether the costlier checks of this turn fall to the case."""
        return self.affords_more and self.turn == turn

    @property
    def is_defined_throughout(self) -> bool:
        """Whether every number of every result is defined, by the operation or by IEEE sums."""
        if self.case.values != "special":
            return True
        finite = bool(np.isfinite(self.arrays.y_bar.astype(np.float64)).all())
        return finite and self.case.operation.orders_special

    @property
    def turn(self) -> int:
        """0, 1 or 2: which one of the costlier checks falls to this case.

        It follows from the seed by a multiplicative hash: plans count seeds up, and give each next
        case another dtype and value kind by the remainder of that number.
        """
        return (self.case.seed * 2_654_435_761 % 2**32 >> 16) % 3

    @cached_property
    def autograd(self) -> dict[str, Array]:
        """Every result as torch autograd computes it in float64."""
        return autograd(self.case, self.arrays)

    @cached_property
    def absolute_sums(self) -> dict[str, Array]:
        """``sum |a_i b_i|`` of every element of every result, in float64."""
        return bounds.absolute_sums(self.case, self.arrays)

    def quotient_bound(self, result: str) -> Array:
        """What rounding explains where every term was divided."""
        return bounds.quotient_bound(self.case, result, self.absolute_sums[result])

    @cached_property
    def error_bounds(self) -> tuple[dict[str, Array], dict[str, Array]] | None:
        """What rounding explains of every result: surely (``gamma_n``), and almost surely.

        ``None`` where a kink lies within rounding error.
        """
        return bounds.error_bounds(self.subject, self.case, self.arrays, self.autograd)

    @cached_property
    def bounds_without_claim(self) -> tuple[dict[str, Array], dict[str, Array]] | None:
        """The error bounds if the subject claimed no wider accumulator; ``None`` if it does not."""
        if self.subject.claims.accumulates is None:
            return None
        subject = self.subject.claiming(accumulates=None)
        return bounds.error_bounds(subject, self.case, self.arrays, self.autograd)

    def is_other_convention(self) -> bool:
        """Whether the forward is torch's and the gradients are another valid subgradient."""
        y = self.got.get("y")
        if self.subject.claims.torch_ties or y is None:
            return False
        if not np.array_equal(y, self.autograd["y"], equal_nan=True):
            return False
        return self.case.operation.is_valid_subgradient(
            self.case.geometry,
            {name: np.asarray(array, np.float64) for name, array in self.arrays.operands.items()},
            np.asarray(self.arrays.y_bar, np.float64),
            self.got,
            self.format,
        )

    @cached_property
    def differences(self) -> dict[str, Array | None]:
        """Every gradient by exact finite differences, element by element (for small cases)."""
        y = self.got.get("y")
        found: dict[str, Array | None] = {}
        for operand, step in self.arrays.steps.items():
            found[f"{operand}_bar"] = (
                gradient_by_differences(
                    self.case,
                    self.arrays,
                    operand,
                    evaluate=self.evaluate,
                    y=y,
                    # Who says which cases it supports is not asked for larger batches.
                    stack=self.subject.claims.supports is None,
                )
                if step and y is not None
                else None
            )
        return found
