"""A trial: one subject run on one case, with everything that the checks look at, each made once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from bpcheck.arithmetic import FORMATS, Array, Format, gamma, probable_growth
from bpcheck.cases import Arrays, Case, fill
from bpcheck.checks.compare import same_bits
from bpcheck.checks.run import Run, call_forward, hand, is_pair, is_real_array, run
from bpcheck.oracles.autograd import autograd
from bpcheck.oracles.differences import gradient_by_differences
from bpcheck.subject import Subject

#: Multiplications of the forward up to which every case is run more than once.
SMALL = 100_000


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
            return np.ascontiguousarray(y, np.float64).reshape(y.shape)

    def _output_shape(self, operands: Mapping[str, Array]) -> tuple[int, ...]:
        """Shape of ``y`` for these operands, of which some may hold more samples than the case."""
        shape = self.case.shapes["y"]
        if not self.case.promise.has_stackable_batch("x"):
            return shape
        return (len(operands["x"]), *shape[1:])

    def _to_hand_out(self, name: str) -> Array:
        """The operand of the first run if it was spared, else a copy."""
        if name in self.spared:
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

    @cached_property
    def is_small(self) -> bool:
        """Whether further runs cost next to nothing."""
        terms = self.case.promise.terms(self.case.geometry)["y"]
        return terms * int(np.prod(self.case.shapes["y"])) <= SMALL

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
        arrays = {**self.arrays.operands, "y_bar": self.arrays.y_bar}
        return self.case.promise.absolute_sums(
            {name: np.asarray(array, np.float64) for name, array in arrays.items()},
            self.case.params,
        )

    @cached_property
    def error_bounds(self) -> tuple[dict[str, Array], dict[str, Array]] | None:
        """What rounding explains of every result: surely (``gamma_n``), and almost surely.

        Both hold the float64 oracle's own error, and one smallest number for each term that may
        have underflowed; ``None`` where a kink lies within rounding error.
        """
        case = self.case
        arrays = {**self.arrays.operands, "y_bar": self.arrays.y_bar}
        found = case.promise.error_bounds(
            case.geometry,
            {name: np.asarray(array, np.float64) for name, array in arrays.items()},
            case.params,
            (
                lambda terms: gamma(terms, self._accumulator),
                lambda terms: probable_growth(terms, self._accumulator),
                lambda terms: gamma(terms, 2.0**-53),
            ),
        )
        if found is None:
            return None
        terms = case.promise.terms(case.geometry)
        surely, almost, oracle = found
        rounded = case.promise.rounded_magnitudes(self.autograd, arrays)
        floor = {
            name: oracle[name]
            + terms[name] * self.format.tiniest
            + self._own_rounding * rounded[name]
            for name in oracle
        }
        if not self.subject.exact:
            surely, almost = (self._transform_bounds(each) for each in (surely, almost))
        return (
            {name: surely[name] + floor[name] for name in surely},
            {name: almost[name] + floor[name] for name in almost},
        )

    def _transform_bounds(self, bounds: Mapping[str, Array]) -> dict[str, Array]:
        """Bounds of a fast transform: its rounding spreads over the array, times its constant."""
        constant = self.subject.constant
        return {
            name: np.full_like(values, constant * values.max(initial=0))
            for name, values in bounds.items()
        }

    @property
    def _accumulator(self) -> float:
        """Unit roundoff of the sums: that of the dtype, or of a wider one that is claimed."""
        claimed, own = self.subject.accumulates, self.format.unit_roundoff
        if claimed is None or self.case.promise.lattice(self.case.geometry) is None:
            # Where layers are chained, what lies between them is rounded to the dtype.
            return own
        return min(own, FORMATS[claimed].unit_roundoff)

    @property
    def _own_rounding(self) -> float:
        """What rounding a wider sum to the dtype of the result may add, relative to the result.

        Two roundings: a quotient may be taken afterwards.
        """
        unit = self.format.unit_roundoff
        return 2 * unit if self._accumulator < unit else 0.0

    def is_other_convention(self) -> bool:
        """Whether the forward is torch's and the gradients are another valid subgradient."""
        y = self.got.get("y")
        if self.subject.torch_ties or y is None:
            return False
        if not np.array_equal(y, self.autograd["y"], equal_nan=True):
            return False
        return self.case.promise.is_valid_subgradient(
            self.case.geometry,
            {name: np.asarray(array, np.float64) for name, array in self.arrays.operands.items()},
            np.asarray(self.arrays.y_bar, np.float64),
            self.got,
            self.format.unit_roundoff,
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
                    stack=self.subject.supports is None,
                )
                if step and y is not None
                else None
            )
        return found
