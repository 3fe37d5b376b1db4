"""Functions of JAX under its transformations: the numbers are those of the plain function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.checks.allowed import is_right
from bpcheck.checks.compare import difference
from bpcheck.checks.jax_rows.asked import Asked, asked_of, numbers, tried, why_not
from bpcheck.checks.outcomes import element, failed, first_of_each, number, unjudged
from bpcheck.checks.tensors.asked import missing, told
from bpcheck.checks.tensors.double_backward import is_nearer
from bpcheck.checks.tensors.seconds import directions, seconds_of, why_no_seconds
from bpcheck.checks.trial import Trial
from bpcheck.finding import Kind, Outcome

#: By result: what a transformation gives, what is right, and what it may be off by, where that is
#: not what may lie between two right functions.
Both = dict[str, tuple[Array, ...]]


class CutError(Exception):
    """A gradient silently lacks its derivative, by `stop_gradient` or by numbers of NumPy."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One row: what it computes, what differs where it fails, and the claim that it is about.

    Parameters
    ----------
    both
        What the transformation gives, and what is right.
    kind
        What it is called that differs.
    when
        How messages call the transformation.
    claim
        The claim that demands it by ``True``, and turns it off by ``False``; ``""`` for none.
    steps
        Whether it takes differences, for which operands must be away from a kink.
    remedy
        What to do where there is none.
    """

    both: Callable[[Asked], Both]
    kind: Kind
    when: str
    claim: str = ""
    steps: bool = False
    remedy: str = ""


def check_jax(trial: Trial, *, name: str) -> tuple[Outcome, ...]:
    """Every result of a function of JAX under one of its transformations, bit for bit."""
    row = ROWS[name]
    claimed = getattr(trial.subject.claims, row.claim) if row.claim else None
    why = "not claimed" if claimed is False else why_not(trial)
    if not why and not all(is_right(trial, result) for result in trial.got):
        why = "the results are wrong anyway"
    if not why and row.steps:
        why = why_no_seconds(trial)
    if why:
        return unjudged(trial, name, why)
    asked = trial.once(asked_of)
    assert asked is not None  # noqa: S101 - why_not has looked
    ended = tried(row.both, asked)
    if not ended.returned:
        text = f"it fails: {told(ended)}" + (f"; {row.remedy}" if row.remedy else "")
        return missing(trial, name, text, is_claimed=claimed, results=["y"])
    return first_of_each(trial, name, _violations(asked, name, row, ended.value))


def _violations(asked: Asked, name: str, row: _Row, both: Both) -> Iterator[Outcome]:
    trial = asked.trial
    for key, (got, right, *bound) in both.items():
        # Several comparisons of one result are told apart behind a sign.
        result, _, what = key.partition("|")
        said = what or result
        if got.shape != right.shape:
            message = f"{said} has the shape {got.shape} under {row.when}, and {right.shape} else"
            yield failed(trial, name, result, row.kind, message)
            continue
        where = difference(got, right, bound[0] if bound else asked.slack(result, right))
        if where is not None:
            by_whom = "in torch's own operation" if bound else "by the function itself"
            message = (
                f"{element(said, where)} is {number(where.got)} under {row.when}, and "
                f"{number(where.expected)} {by_whom}"
            )
            yield failed(trial, name, result, row.kind, message, where)


def _plain(asked: Asked) -> dict[str, Array]:
    own = asked.own
    return asked.named(own.function(*own.operands), asked.bars(own.function, own))


def _jit(asked: Asked) -> Both:
    import jax

    compiled = jax.jit(asked.own.function)
    y = compiled(*asked.own.operands)
    inner = asked.bars(compiled, asked.own)
    whole = jax.jit(lambda *given: asked.bars(asked.own.function, _given(asked, given)))
    plain, outer = _plain(asked), asked.named(y, whole(*asked.own.operands))
    found: Both = {name: (got, plain[name]) for name, got in asked.named(y, inner).items()}
    return found | {
        f"{name}|{name} of a jit over the vjp": (got, plain[name]) for name, got in outer.items()
    }


def _given(asked: Asked, operands: tuple[Any, ...]) -> Any:
    return type(asked.own)(asked.own.function, operands, asked.own.y_bar)


def _checkpoint(asked: Asked) -> Both:
    import jax

    remade = jax.checkpoint(asked.own.function)
    plain = _plain(asked)
    got = asked.named(remade(*asked.own.operands), asked.bars(remade, asked.own))
    return {name: (each, plain[name]) for name, each in got.items()}


def _vmap(asked: Asked) -> Both:
    """Over two samples of the first operand, with the others shared, and over their vjps."""
    import jax
    import jax.numpy as jnp

    own, other = asked.own, asked.other
    first, *rest = own.operands
    stacked = jnp.stack([first, other.operands[0]])
    bars = jnp.stack([own.y_bar, other.y_bar])

    def y_of(x: Any) -> Any:
        return own.function(x, *rest)

    def bars_of(x: Any, y_bar: Any) -> Any:
        _, pullback = jax.vjp(own.function, x, *rest)
        return tuple(pullback(y_bar))

    ways = [(x, y_bar) for x, y_bar in zip(stacked, bars, strict=True)]
    loop = [asked.named(y_of(x), bars_of(x, y_bar)) for x, y_bar in ways]
    got = asked.named(jax.vmap(y_of)(stacked), jax.vmap(bars_of)(stacked, bars))
    return {name: (each, np.stack([one[name] for one in loop])) for name, each in got.items()}


def _jvp(asked: Asked) -> Both:
    """The tangent of ``y`` along each operand, and what the function changes by."""
    import jax

    own, found = asked.own, Both()
    if asked.trial.case.lattice is None:
        return _jvp_of_smooth(asked)
    before = numbers(own.function(*own.operands))
    for place, name in enumerate(asked.names):
        moved = list(own.operands)
        moved[place] = asked.moved.operands[place]
        tangents = [jax.numpy.zeros_like(each) for each in own.operands]
        tangents[place] = moved[place] - own.operands[place]
        _, y_dot = jax.jvp(own.function, own.operands, tuple(tangents))
        changed = numbers(own.function(*moved)) - before
        found[f"y|the tangent of y along {name}"] = numbers(y_dot), changed
    return found


def _jvp_of_smooth(asked: Asked) -> Both:
    """The same where it is no sum of products: its tangents are those of torch's own operation."""
    import jax

    own, found, along = asked.own, Both(), directions(asked.trial)
    for place, name in enumerate(asked.names):
        tangents = [jax.numpy.zeros_like(each) for each in own.operands]
        tangents[place] = jax.numpy.asarray(along[name], own.operands[place].dtype)
        _, y_dot = jax.jvp(own.function, own.operands, tuple(tangents))
        found[f"y|the tangent of y along {name}"] = _beside_torch(asked, (name, "y_bar"), y_dot)
    return found


def _beside_torch(asked: Asked, pair: tuple[str, str], value: Any) -> tuple[Array, Array, Array]:
    """A second derivative, that of torch's own operation, and what it may be off by."""
    got, torchs = numbers(value), seconds_of(asked.trial)
    assert torchs is not None  # noqa: S101 - why_no_seconds has looked
    right, bound = torchs.value(pair, got), torchs.bound(pair, got)
    where = difference(got, right, bound)
    if where is not None and is_nearer(asked.trial, directions(asked.trial), pair, where):
        # Torch's own double backward has gaps: docs/found-in-torch.md.
        return got, got, bound
    return got, right, bound


def _grad_of_grad_of_smooth(asked: Asked) -> Both:
    """Each gradient along signs, differentiated by each operand: as torch's own operation is."""
    import jax

    own, found, along = asked.own, Both(), directions(asked.trial)
    for place, name in enumerate(asked.names):
        signs = jax.numpy.asarray(along[name], own.operands[place].dtype)

        def paired(*operands: Any, place: int = place, signs: Any = signs) -> Any:
            return (asked.bars(own.function, _given(asked, operands))[place] * signs).sum()

        slopes = jax.grad(paired, argnums=tuple(range(len(own.operands))))(*own.operands)
        for other, slope in zip(asked.names, slopes, strict=True):
            got, right, bound = _beside_torch(asked, (name, other), slope)
            if not got.any() and np.any(np.abs(right) > bound):
                raise CutError(f"{name}_bar does not lead back to {other}")
            found[f"{name}_bar|the derivative of <{name}_bar, v> by {other}"] = got, right, bound
    return found


def _grad_of_grad(asked: Asked) -> Both:
    """Each gradient along signs, differentiated by each operand, and what it changes by."""
    import jax

    if asked.trial.case.lattice is None:
        return _grad_of_grad_of_smooth(asked)
    own, found = asked.own, Both()
    along = [a - b for a, b in zip(asked.moved.operands, own.operands, strict=True)]
    for place, name in enumerate(asked.names):

        def paired(*operands: Any, place: int = place) -> Any:
            bars = asked.bars(own.function, _given(asked, operands))
            return (bars[place] * along[place]).sum()

        def value(operands: Any, place: int = place) -> float:
            # A sum of all numbers of a gradient may be none of the dtype, though each of them is.
            bars = asked.bars(own.function, _given(asked, tuple(operands)))
            return float((numbers(bars[place]) * numbers(along[place])).sum())

        slopes = jax.grad(paired, argnums=tuple(range(len(own.operands))))(*own.operands)
        before = value(own.operands)
        for other, slope in enumerate(slopes):
            moved = list(own.operands)
            moved[other] = asked.moved.operands[other]
            predicted = float((numbers(slope) * numbers(along[other])).sum())
            changed = value(moved) - before
            if changed and not numbers(slope).any():
                raise CutError(f"{name}_bar does not lead back to {asked.names[other]}")
            what = f"the derivative of <{name}_bar, v> along {asked.names[other]}"
            found[f"{name}_bar|{what}"] = np.array(predicted), np.array(changed)
    return found


def _some(asked: Asked) -> Both:
    """Gradients of some operands, the others being constants, and of a ``y`` that is unused."""
    import jax

    own, plain = asked.own, _plain(asked)
    found = Both()
    places = range(len(own.operands))
    for many in range(1, len(own.operands)):
        for chosen in combinations(places, many):

            def function(*given: Any, chosen: tuple[int, ...] = chosen) -> Any:
                operands = list(own.operands)
                for place, each in zip(chosen, given, strict=True):
                    operands[place] = each
                return own.function(*operands)

            _, pullback = jax.vjp(function, *(own.operands[place] for place in chosen))
            for place, bar in zip(chosen, pullback(own.y_bar), strict=True):
                name = f"{asked.names[place]}_bar"
                alone = ", ".join(asked.names[each] for each in chosen)
                found[f"{name}|{name} where {alone} alone"] = numbers(bar), plain[name]
    # A cotangent of zeros that JAX knows to be zeros.
    _, pullback = jax.vjp(lambda *given: (own.function(*given), given[0]), *own.operands)
    zeros = (jax.numpy.zeros_like(own.y_bar), jax.numpy.zeros_like(own.operands[0]))
    for name, bar in zip(asked.names, pullback(zeros), strict=True):
        right = np.zeros(numbers(bar).shape)
        found[f"{name}_bar|{name}_bar of a cotangent of zeros"] = numbers(bar), right
    return found


#: The rows by name.
ROWS: Mapping[str, _Row] = {
    "jit": _Row(_jit, Kind.COMPILED, "jit"),
    "jax.checkpoint": _Row(_checkpoint, Kind.STATE, "jax.checkpoint"),
    "argnums": _Row(_some, Kind.SUBSET, "some argnums", "needs_grad"),
    "jax.vmap": _Row(_vmap, Kind.VMAP, "vmap", "vmap"),
    "jvp": _Row(
        _jvp,
        Kind.FORWARD_MODE,
        "jvp",
        "forward_mode",
        steps=True,
        remedy="a custom_jvp gives both modes, a custom_vjp the backward alone",
    ),
    "grad of grad": _Row(_grad_of_grad, Kind.DOUBLE, "grad of grad", "double_backward", steps=True),
}
