"""What an operation promises: how torch computes it, and what a right result may be."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpcheck.arithmetic import Array, Format
from bpcheck.operations.formed import Formed
from bpcheck.operations.planned import Planned
from bpcheck.operations.promises import SAMPLES, Growth, Lattice, Params, Symmetry
from bpcheck.operations.step import Step
from bpcheck.operations.torch_vjp import torch_vjp


class Operation(Planned):
    """A differentiable operation: a value without state, which subjects and cases hold.

    It compares, pickles and is written in case texts by its `address`. An instance that no module
    has a name for is equal to itself alone, and works in this process only: where it would have to
    be found by another one, `NoAddressError` says so.

    Attributes
    ----------
    divides
        Whether it divides, so that a right kernel may round even on the lattice (once for the
        quotient, or twice when it multiplies by a rounded reciprocal).
    summed_wide
        Results that everybody is to add up in float32 at least where operands are narrower, as
        frameworks do. For the others that is left to a claim.
    summed_narrow
        Results that frameworks add up in the narrower type: who does so too is told it in a note.
    summed_apart
        Whether bounds are found by random rounding, of what is stored and of what is added up.
    linear_together
        Operands in which the forward is linear taken together, so that one step may move them all.
    orders_special
        Whether it only compares, so that NaN and infinities have one right place. A sum of products
        has not: who multiplies padding or skipped cells by 0 turns an infinity there into NaN.
    """

    divides: bool = False
    summed_wide: frozenset[str] = frozenset()
    summed_narrow: frozenset[str] = frozenset()
    summed_apart: bool = False
    linear_together: tuple[str, ...] = ()
    orders_special: bool = False

    def adjusted(
        self, geometry: Any, operand: str, values: Array, rng: np.random.Generator
    ) -> Array:
        """Real numbers drawn for an operand, or others that it can take in their place."""
        return values

    @abstractmethod
    def torch_forward(self, operands: Mapping[str, Any], params: Params) -> Any:
        """``y`` as torch computes it from torch tensors (an operand may be ``None``)."""

    def torch_outputs(self, operands: Mapping[str, Any], params: Params) -> Any:
        """What a forward returns, as torch computes it: ``y``, or a tuple of several outputs."""
        return self.torch_forward(operands, params)

    @abstractmethod
    def terms(self, geometry: Any) -> dict[str, int]:
        """Largest number of terms in one element of ``y`` and of each gradient, by result name."""

    def formed(
        self, geometry: Any, result: str, index: tuple[int, ...], arrays: Mapping[str, Array]
    ) -> Formed | None:
        """How one element of a result is formed, or ``None`` where nobody has said it.

        `arrays` holds the operands and ``y_bar``.
        """
        return None

    def steps(
        self, geometry: Any, result: str, index: tuple[int, ...], arrays: Mapping[str, Array]
    ) -> Iterator[Step]:
        """The steps by which the plane of one element of a result is computed, if they are known.

        `arrays` holds the operands and ``y_bar``, small ones.
        """
        yield from ()

    def multiplications(self, geometry: Any) -> int:
        """Of the forward: what a case costs a kernel that works term by term."""
        return self.terms(geometry)["y"] * prod(self.output_shape(geometry))

    def is_safe_in_torch(self, geometry: Any) -> bool:
        """Whether torch's kernels for narrow dtypes stay within their memory: found-in-torch.md."""
        return True

    def lattice(self, geometry: Any) -> Lattice | None:
        """What makes a case exact, or ``None`` for an operation that has no exact lattice."""
        return None

    def owners(self, geometry: Any, operand: str) -> NDArray[np.int64]:
        """Which element of `operand` each output depends on, for each probe.

        Returns an integer array ``(probes, *output_shape)`` of flat indices into the operand, -1
        for none. All elements that occur in one probe may be perturbed at once: no output depends
        on two of them. This default spends one probe on each element.
        """
        size = int(np.prod(self.operand_shapes(geometry)[operand]))
        ones = np.ones((1,) * (1 + len(self.output_shape(geometry))), dtype=np.int64)
        each = np.arange(size, dtype=np.int64).reshape(-1, *ones.shape[1:])
        return np.broadcast_to(each * ones, (size, *self.output_shape(geometry)))

    def probe_count(self, geometry: Any, operand: str) -> int:
        """Number of probes that `owners` spends on an operand, without making them."""
        return int(np.prod(self.operand_shapes(geometry)[operand]))

    def absolute_sums(self, arrays: Mapping[str, Array], params: Params) -> dict[str, Array]:
        """``sum |a_i b_i|`` of every element of every result, in float64, by result name.

        `arrays` holds the operands and ``y_bar``. The default runs the operation on absolute
        values, which is right where it is linear in each of its arrays.
        """
        absolute = {name: abs(array) for name, array in arrays.items()}
        y_bar = absolute.pop("y_bar")
        return torch_vjp(self.torch_forward, absolute, y_bar, params)

    def error_bounds(
        self,
        geometry: Any,
        arrays: Mapping[str, Array],
        params: Params,
        growths: Sequence[Growth],
    ) -> list[dict[str, Array]] | None:
        """Bounds on the rounding error of every result, one set for each of `growths`.

        Parameters
        ----------
        geometry, arrays, params
            The case; `arrays` holds the operands and ``y_bar`` in float64.
        growths
            Functions from a number of roundings to the relative error that they can do.

        Returns
        -------
        list or None
            ``None`` where a kink lies so near that rounding alone can cross it.

        Notes
        -----
        For a sum of products each result is bounded by ``growth(n) * sum |a_i b_i|``, where `n`
        counts the additions, the products and the final rounding, and one more for a quotient.
        """
        sums = self.absolute_sums(arrays, params)
        extra = 2 if self.divides else 1
        terms = {name: count + extra for name, count in self.terms(geometry).items()}
        return [
            {name: _scaled(values, growth(terms[name])) for name, values in sums.items()}
            for growth in growths
        ]

    def random_bounds(
        self,
        arrays: Mapping[str, Array],
        params: Params,
        *,
        stored: float,
        summed: float,
    ) -> list[dict[str, Array]]:
        """Bounds as `error_bounds` has them: surely, almost surely, and those of the oracle.

        Asked of what is `summed_apart`: `stored` and `summed` are the unit roundoffs of what is
        kept and of what is added up.
        """
        raise NotImplementedError

    def rounded_magnitudes(
        self, results: Mapping[str, Array], arrays: Mapping[str, Array], params: Params
    ) -> dict[str, Array]:
        """Magnitudes of what is rounded to the results' dtype after a wider sum, by result name."""
        return {name: np.abs(values) for name, values in results.items()}

    def symmetries(self, geometry: Any) -> tuple[Symmetry, ...]:
        """The permutations that it commutes with, those of a single thing left out."""
        return ()

    def kept_apart(self, geometry: Any) -> tuple[Symmetry, ...]:
        """The axes along which numbers do not meet: what lies at one place reaches that one alone.

        That is asked of NaN and infinities too. By default it holds for samples, if those may be
        permuted.
        """
        return tuple(each for each in self.symmetries(geometry) if each.name == SAMPLES)

    def is_smooth(self, geometry: Any) -> bool:
        """Whether the forward has derivatives of all orders everywhere."""
        return True

    def is_valid_subgradient(
        self,
        geometry: Any,
        operands: Mapping[str, Array],
        y_bar: Array,
        results: Mapping[str, Array],
        form: Format,
    ) -> bool:
        """Whether gradients that differ from torch's are right by another convention at a kink.

        All arrays are float64; `form` is that of the dtype they were computed in.
        """
        return False

    def is_nan_convention(
        self,
        geometry: Any,
        operands: Mapping[str, Array],
        y_bar: Array,
        results: Mapping[str, Array],
        form: Format,
    ) -> bool:
        """Whether results that are not torch's are right by another convention on NaN.

        As for `is_valid_subgradient`.
        """
        return False

    def has_own_gradient(self, geometry: Any) -> bool:
        """Whether its gradient is by agreement another one than that of its forward."""
        return False

    def has_stackable_batch(self, operand: str) -> bool:
        """Whether probes of `operand` may be stacked along its first axis as further samples."""
        return False


def _scaled(sums: Array, growth: float) -> Array:
    """``growth * sums``, and 0 where the sum is 0 even if the growth is infinite."""
    return np.multiply(sums, growth, out=np.zeros_like(sums), where=sums > 0)
