"""Exact finite differences with integer steps of the subject's own forward.

On the lattice ``f(x + u) - f(x) = J u`` holds without truncation (f is linear in each operand, or
piecewise linear and the step crosses no kink) and without rounding (every value is an integer that
the dtype represents). There is no step size to tune.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np

from bpcheck.arithmetic import Array, exact_dot
from bpcheck.cases import Case
from bpcheck.filling import Arrays
from bpcheck.filling.lattice import nonzero_bits

#: ``y`` in float64 for these operands, or ``None`` if the subject gave none of the right shape.
Evaluate = Callable[[Mapping[str, Array]], Array | None]


@dataclass(frozen=True, slots=True)
class Projection:
    """Both sides of ``<y_bar, J u> == <x_bar, u>``, for a direction `u` of one or more operands.

    `steps` are the entries of the direction, by operand, in units of the lattice.
    """

    from_forward: int | float
    from_vjp: int | float
    steps: Mapping[str, Array]
    moved_y: Array


def project(
    case: Case,
    arrays: Arrays,
    operands: Collection[str],
    *,
    evaluate: Evaluate,
    y: Array,
    gradients: Mapping[str, Array],
    probe: int = 0,
) -> Projection | None:
    """The adjoint identity along one random direction without zeros; ``None`` without a forward.

    Several `operands` are moved at once; the forward must be linear in them taken together. Another
    `probe` is another direction. `gradients` are those of the operands, by result name.
    """
    steps = {name: _steps(case, arrays, name, probe) for name in operands}
    moved = dict(arrays.operands)
    from_vjp: int | float = 0
    for name in operands:
        primal = arrays.operands[name]
        direction = np.multiply(steps[name], arrays.units.get(name, 1), dtype=np.float64)
        from_vjp += exact_dot(gradients[f"{name}_bar"], direction)
        # The operands may be large: the direction's own memory becomes the moved one.
        direction += primal
        moved[name] = direction.astype(primal.dtype, copy=False)
    moved_y = evaluate(moved)
    if moved_y is None:
        return None
    return Projection(exact_dot(arrays.y_bar, moved_y - y), from_vjp, steps, moved_y)


def step_values(step: int) -> int:
    """Of how many values each entry of a direction is one, when steps up to `step` are exact."""
    return 2 ** (_bits(step) + 1)


def _steps(case: Case, arrays: Arrays, operand: str, probe: int) -> Array:
    """Random integers for one operand, none of them zero."""
    rng = np.random.default_rng((case.seed, probe, *operand.encode()))
    primal = arrays.operands[operand]
    steps = nonzero_bits(primal.shape, _bits(arrays.steps[operand]), rng)
    if operand in arrays.fixed:
        # Where thinning left a zero, a step would make the sums longer than they may be.
        steps *= ~arrays.fixed[operand]
    return steps


def _bits(step: int) -> int:
    """The largest power of two that is not above `step`, as its exponent; 14 at most."""
    # With 15 bits, leaving out the zero would step over the largest int16.
    return min(14, step.bit_length() - 1)


@dataclass(frozen=True, slots=True)
class Slopes:
    """The Jacobian of the forward in one operand, as the operation's colouring reads it.

    Parameters
    ----------
    owners
        Flat index of the element that each output depends on in each probe, -1 for none:
        ``(probes, *y)``.
    changes
        By how much each output changes where the element is stepped: as `owners`.
    step
        By how much that is.
    shape
        Of the operand.
    """

    owners: Array
    changes: Array
    step: int
    shape: tuple[int, ...]

    def pulled(self, y_bar: Array) -> Array:
        """``J^T y_bar``, in the shape of the operand."""
        with np.errstate(invalid="ignore"):
            # A wrong forward may be infinite; the difference is then not a number, and disagrees.
            weighed = self.changes * np.asarray(y_bar, np.float64)
        return credit(self.owners, weighed, self.shape) / self.step


def gradient_by_differences(
    case: Case,
    arrays: Arrays,
    operand: str,
    *,
    evaluate: Evaluate,
    y: Array,
    stack: bool = True,
) -> Array | None:
    """``J^T y_bar``, every element, from the forwards of `slopes`."""
    found = slopes(case, arrays, operand, evaluate=evaluate, y=y, stack=stack)
    return None if found is None else found.pulled(arrays.y_bar)


def slopes(
    case: Case,
    arrays: Arrays,
    operand: str,
    *,
    evaluate: Evaluate,
    y: Array,
    stack: bool = True,
) -> Slopes | None:
    """Every entry of the Jacobian, from one forward for each probe of the operation's colouring.

    Elements of one colour are stepped at once, and every output is credited to the only one of them
    that it depends on, so the number of forwards does not grow with the image. Where samples are
    independent, all probes travel as one large batch, unless the subject takes none of that size
    or `stack` forbids it.
    """
    operation = case.operation
    primal = arrays.operands[operand]
    owners = operation.owners(case.geometry, operand)
    step = arrays.units.get(operand, 1)
    if primal.size == 0 or owners.size == 0:
        return Slopes(owners, np.zeros(owners.shape), step, primal.shape)
    moved = np.repeat(primal.reshape(1, -1), len(owners), axis=0)
    for probe, owner in zip(moved, owners, strict=True):
        cells = np.unique(owner[owner >= 0])
        probe[cells] = _add(probe[cells], np.full(cells.size, step))
    moved = moved.reshape(len(owners), *primal.shape)
    stack &= case.operation.has_stackable_batch(operand)
    outputs = _evaluate_stacked(arrays, operand, moved, evaluate) if stack else None
    if outputs is None:
        outputs = _evaluate_each(arrays, operand, moved, evaluate)
    if outputs is None:
        return None
    with np.errstate(invalid="ignore"):
        return Slopes(owners, outputs - y, step, primal.shape)


def credit(owners: Array, outputs: Array, shape: tuple[int, ...]) -> Array:
    """Sum of what `outputs` ``(probes or 1, *y)`` hold, each credited to its owner: `shape`."""
    read = owners >= 0
    weights = np.broadcast_to(outputs, owners.shape)[read]
    total = np.bincount(owners[read], weights=weights, minlength=int(np.prod(shape)))
    return total.reshape(shape)


def _evaluate_stacked(
    arrays: Arrays, operand: str, moved: Array, evaluate: Evaluate
) -> Array | None:
    """``y`` for each array in `moved`, as further samples of one forward."""
    probes, samples = moved.shape[:2]
    stacked = moved.reshape(probes * samples, *moved.shape[2:])
    outputs = evaluate({**arrays.operands, operand: stacked})
    return None if outputs is None else outputs.reshape(probes, samples, *outputs.shape[1:])


def _evaluate_each(arrays: Arrays, operand: str, moved: Array, evaluate: Evaluate) -> Array | None:
    """``y`` for each array in `moved`, in one forward each."""
    each = [evaluate({**arrays.operands, operand: one}) for one in moved]
    if any(output is None for output in each):
        return None
    return np.stack([output for output in each if output is not None])


def _add(primal: Array, direction: Array) -> Array:
    """The sum in the primal's dtype; on the lattice it is exact."""
    return (primal.astype(np.float64, copy=False) + direction).astype(primal.dtype, copy=False)
