"""Exact finite differences with integer steps of the subject's own forward.

On the lattice ``f(x + u) - f(x) = J u`` holds without truncation (f is linear in each operand, or
piecewise linear and the step crosses no kink) and without rounding (every value is an integer that
the dtype represents). There is no step size to tune.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from bpcheck.arithmetic import Array, exact_dot
from bpcheck.cases import Arrays, Case
from bpcheck.cases.lattice import nonzero_integers

#: ``y`` in float64 for these operands, or ``None`` if the subject gave none of the right shape.
Evaluate = Callable[[Mapping[str, Array]], Array | None]


@dataclass(frozen=True, slots=True)
class Projection:
    """Both sides of the adjoint identity ``<y_bar, J u> == <x_bar, u>`` along one direction `u`."""

    from_forward: int | float
    from_vjp: int | float
    direction: Array
    moved_y: Array


def project(
    case: Case,
    arrays: Arrays,
    operand: str,
    *,
    evaluate: Evaluate,
    y: Array,
    gradient: Array,
    probe: int = 0,
) -> Projection | None:
    """The adjoint identity along one random direction without zeros; ``None`` without a forward.

    Another `probe` is another direction.
    """
    rng = np.random.default_rng((case.seed, probe, *operand.encode()))
    primal = arrays.operands[operand]
    step = arrays.steps[operand]
    direction = nonzero_integers(primal.shape, step, rng).astype(np.float64)
    # Where thinning left a zero, a step would make the sums longer than they may be.
    direction[primal == 0] = 0
    unit = arrays.units.get(operand, 1)
    if unit != 1:
        direction *= unit
    moved = evaluate({**arrays.operands, operand: _add(primal, direction)})
    if moved is None:
        return None
    return Projection(
        from_forward=exact_dot(arrays.y_bar, moved - y),
        from_vjp=exact_dot(gradient, direction),
        direction=direction,
        moved_y=moved,
    )


def gradient_by_differences(
    case: Case,
    arrays: Arrays,
    operand: str,
    *,
    evaluate: Evaluate,
    y: Array,
    stack: bool = True,
) -> Array | None:
    """``J^T y_bar``, every element, from one forward for each probe of the operation's colouring.

    Elements of one colour are stepped at once, and every output is credited to the only one of them
    that it depends on, so the number of forwards does not grow with the image. Where samples are
    independent, all probes travel as one large batch, unless the subject takes none of that size
    or `stack` forbids it.
    """
    operation = case.promise
    primal = arrays.operands[operand]
    owners = operation.owners(case.geometry, operand)
    if primal.size == 0 or owners.size == 0:
        return np.zeros(primal.shape)
    step = arrays.units.get(operand, 1)
    moved = np.repeat(primal.reshape(1, -1), len(owners), axis=0)
    for probe, owner in zip(moved, owners, strict=True):
        cells = np.unique(owner[owner >= 0])
        probe[cells] = _add(probe[cells], np.full(cells.size, step))
    moved = moved.reshape(len(owners), *primal.shape)
    stack &= case.promise.has_stackable_batch(operand)
    outputs = _evaluate_stacked(arrays, operand, moved, evaluate) if stack else None
    if outputs is None:
        outputs = _evaluate_each(arrays, operand, moved, evaluate)
    if outputs is None:
        return None
    with np.errstate(invalid="ignore"):
        # A wrong forward may be infinite; the difference is then not a number, and disagrees.
        changes = (outputs - y) * np.asarray(arrays.y_bar, np.float64)
    return credit(owners, changes, primal.shape) / step


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
