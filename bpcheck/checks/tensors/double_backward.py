"""The backward differentiated once more: right where it gives numbers, else it says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.checks import bounds
from bpcheck.checks.allowed import is_right
from bpcheck.checks.compare import Difference, difference
from bpcheck.checks.outcomes import element, failed, first_of_each, number, unjudged
from bpcheck.checks.split import of_gradients
from bpcheck.checks.tensors.asked import Asked, engine, missing, numbers, told, tried, why_not
from bpcheck.checks.tensors.seconds import (
    directions,
    explained,
    is_nearer_to_slope,
    seconds_of,
    why_no_seconds,
)
from bpcheck.checks.trial import Trial
from bpcheck.filling import Arrays
from bpcheck.finding import Kind, Outcome
from bpcheck.operations.torch_vjp import torch_vjp
from bpcheck.oracles.autograd import autograd
from bpcheck.oracles.second_order import Pair, second_order
from bpcheck.oracles.second_rounding import Seconds

NAME = "double backward"

_REFUSED = "the backward cannot be differentiated, and says so: {}"

#: What helps where nobody means a backward to be differentiated.
_REMEDY = "@once_differentiable refuses second derivatives where a backward is not meant for them"


def check_double_backward(trial: Trial) -> tuple[Outcome, ...]:
    """Each gradient's derivative by each operand and by the cotangent, against torch's own.

    On the lattice each is a sum of products of two arrays, as ``y`` and the gradients are, so that
    no sum rounds; what is smooth is held to torch's graph under random rounding. Where torch is the
    one that differs, differences of a vjp say so: exact ones of the subject's, or of torch's own.
    """
    claimed = trial.subject.claims.double_backward
    why = "not claimed" if claimed is False else why_not(trial, NAME)
    if not why and not all(is_right(trial, result) for result in trial.got):
        why = "the first derivative is wrong"
    if why := why or why_no_seconds(trial):
        return unjudged(trial, NAME, why)
    asked = Asked.of(trial)
    if not tried(asked.gradients).returned:
        return unjudged(trial, NAME, "the backward fails anyway")
    along = directions(trial)
    ended = tried(_seconds, asked, along)
    results = [f"{name}_bar" for name in asked.names]
    if not ended.returned:
        text = _REFUSED.format(told(ended))
        return missing(trial, NAME, text, is_claimed=claimed, results=results)
    expected = seconds_of(trial)
    assert expected is not None  # noqa: S101 - why_no_seconds has looked
    wrong = list(_violations(asked, along, ended.value, expected))
    if wrong and _is_wrong_for_another(trial):
        return unjudged(trial, NAME, "the first derivative is wrong for another cotangent")
    cut = [pair for pair in expected.values if _is_cut(ended.value, expected, pair)]
    if wrong or not cut:
        return of_gradients(first_of_each(trial, NAME, wrong))
    raised = tried(_again, asked)
    if not raised.returned:
        text = _REFUSED.format(told(raised))
        return missing(trial, NAME, text, is_claimed=claimed, results=results)
    name, other = cut[0]
    text = (
        f"the backward's graph is cut: {name}_bar does not lead back to {other}, and a second "
        "derivative silently lacks it; decorate backward with @once_differentiable, or compute it "
        "from saved inputs by differentiable functions"
    )
    return missing(trial, NAME, text, is_claimed=claimed, results=[f"{name}_bar"])


def _is_wrong_for_another(trial: Trial) -> bool:
    """Whether a vjp that is right for this cotangent is wrong for another: zeros hide much."""
    arrays = replace(trial.arrays, y_bar=trial.others.y_bar)
    got, right = trial.again(arrays).got, autograd(trial.case, arrays)
    limits = _limits(trial, arrays, right)
    return any(
        difference(values, right[name], limits.get(name)) is not None
        for name, values in got.items()
    )


def _limits(trial: Trial, arrays: Arrays, right: dict[str, Array]) -> dict[str, Array]:
    """What rounding explains of each result; of one that is exact nothing."""
    case = trial.case
    if case.lattice is None:
        found = bounds.error_bounds(trial.subject, case, arrays, right)
        return {} if found is None else found[0]
    if not case.operation.divides:
        return {}
    sums = bounds.absolute_sums(case, arrays)
    return {name: bounds.quotient_bound(case, name, each) for name, each in sums.items()}


def _seconds(asked: Asked, along: dict[str, Array]) -> dict[Pair, Array | None]:
    y_bar = asked.cotangent.requires_grad_()
    leaves = asked.leaves()
    tensors = {name: asked.tensor(each).to(y_bar.dtype) for name, each in along.items()}
    found = second_order(asked.apply, leaves, y_bar, tensors)
    return {pair: None if each is None else numbers(each) for pair, each in found.items()}


def _again(asked: Asked) -> None:
    """A backward through the whole graph of the gradients, which meets whatever raises in it.

    What leads to none of the things that are differentiated by is not run where they are named.
    """
    leaves = asked.leaves()
    y_bar = asked.cotangent.requires_grad_()
    bars = engine(asked.apply(leaves), leaves, y_bar, create_graph=True)
    for bar in bars.values():
        if bar is not None and bar.requires_grad:
            bar.sum().backward(retain_graph=True)


def _is_cut(got: dict[Pair, Array | None], expected: Seconds, pair: Pair) -> bool:
    right = expected.values[pair]
    if right is None or got.get(pair) is not None:
        return False
    # What is 0 but for rounding needs no path.
    return bool(np.any(np.abs(right) > expected.bound(pair, right)))


def _violations(
    asked: Asked,
    along: dict[str, Array],
    got: dict[Pair, Array | None],
    expected: Seconds,
) -> Iterator[Outcome]:
    trial = asked.trial
    for (name, other), found in got.items():
        if found is None:
            continue
        right = expected.value((name, other), found)
        where = difference(found, right, expected.bound((name, other), found))
        if where is None:
            continue
        result = f"{name}_bar"
        what = f"the derivative of <{result}, v> by {element(other, where)}"
        if (
            _is_confirmed(asked, along, (name, other), found, right)
            if trial.case.lattice is not None
            else is_nearer(trial, along, (name, other), where)
        ):
            message = (
                f"{what} is {number(where.got)} by differences of the vjp too, and torch has "
                f"{number(where.expected)}"
            )
            yield failed(trial, NAME, result, Kind.ORACLE, message)
            continue
        message = (
            f"{what} is {number(where.got)}, torch's own double backward has "
            f"{number(where.expected)}{explained(where)} ({where.wrong} of {where.total} elements "
            f"wrong); {_REMEDY}"
        )
        # The element is none of the result's own.
        yield failed(trial, NAME, result, Kind.DOUBLE, message)


def _is_confirmed(
    asked: Asked, along: dict[str, Array], pair: Pair, found: Array, right: Array
) -> bool:
    """Whether exact differences of the subject's own vjp have its number, and not torch's."""
    name, other = pair
    rng = np.random.default_rng((asked.trial.case.seed, 3))
    unit = float(asked.trial.arrays.units.get(other, 1))
    move = (rng.integers(2, size=found.shape) * 2 - 1) * unit

    def value(moved: Array | None) -> float:
        leaves, y_bar = asked.leaves(), asked.cotangent
        if moved is not None and other == "y_bar":
            y_bar = y_bar + asked.tensor(moved).to(y_bar.dtype)
        elif moved is not None:
            leaf = leaves[other].detach() + asked.tensor(moved).to(y_bar.dtype)
            leaves[other] = leaf.requires_grad_()
        bar = engine(asked.apply(leaves), leaves, y_bar)[name]
        return float((numbers(bar) * along[name]).sum())

    ended = tried(lambda: value(move) - value(None))
    if not ended.returned:
        return False
    # Where both have the same sum, nothing is known.
    return float((right * move).sum()) != ended.value == float((found * move).sum())


def is_nearer(trial: Trial, along: dict[str, Array], pair: Pair, where: Difference) -> bool:
    """Whether differences of torch's own vjp in float64 lie nearer to the subject's number.

    Its double backward has gaps: docs/found-in-torch.md.
    """
    case, arrays = trial.case, trial.arrays
    name, other = pair

    def value(step: float) -> Array:
        given = {**arrays.operands, "y_bar": arrays.y_bar}
        moved = {each: np.array(values, np.float64) for each, values in given.items()}
        moved[other][where.index] += step
        y_bar = moved.pop("y_bar")
        bars = torch_vjp(case.operation.torch_forward, moved, y_bar, case.params)
        return bars[f"{name}_bar"] * along[name]

    return is_nearer_to_slope(where, value)
