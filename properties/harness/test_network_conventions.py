"""Kinks of the network: what torch does there, what else is right, and what is right nowhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bpcheck import Subject
from bpcheck.cases import Case, parse_case
from bpcheck.checks import Trial
from bpcheck.checks.allowed import error_bounds
from bpcheck.explain.faults import fault_named
from bpcheck.explain.faults.rechained import Instead, Link, every_tie, rechained, ties
from bpcheck.explain.right import right_kernel
from bpcheck.finding import Kind
from bpcheck.runner.one import judge
from properties.harness.depth import deep
from properties.harness.planting import findings, reference

SEEDS = range(deep(2, 4))

#: Filters of zeros, whose planes tie throughout; and windows of four cells.
PRUNED = "network n3ic2ih12iw12oca4ka3qa2ocb4kb2qb2classes4labels7act{act}max{max} {dtype} pruned"


def pruned(activation: int, pool: int, dtype: str = "f64") -> list[Case]:
    text = PRUNED.format(act=activation, max=pool, dtype=dtype)
    return [parse_case(f"{text} c-order seed={seed}") for seed in SEEDS]


def judged(cases: list[Case]) -> list[Case]:
    right = reference("network")
    return [case for case in cases if error_bounds(Trial(right, case)) is not None]


def sloped(at_zero: float) -> Instead:
    """A ReLU whose slope at 0 is this number."""

    def activate(link: Link) -> Any:
        if link.name != "relu":
            return link.a
        slope = (link.z > 0).double() + at_zero * (link.z == 0).double()
        return link.z * slope.detach()

    return activate


def shared(link: Link) -> Any:
    """A maximum that shares its cotangent out among all that tie."""
    if not link.is_max:
        return link.pooled
    from torch.nn.functional import avg_pool2d

    count = avg_pool2d(ties(link), link.size, divisor_override=1)
    return every_tie(link) / count


def last(link: Link) -> Any:
    """A maximum that sends its cotangent to the last winner."""
    if not link.is_max:
        return link.pooled
    import torch

    order = torch.arange(link.a[0, 0].numel()).view(link.a.shape[2:]).double() + 1
    ranked = ties(link) * order
    latest = torch.nn.functional.max_pool2d(ranked, link.size)
    height, width = link.size
    spread = latest.repeat_interleave(height, -2).repeat_interleave(width, -1)
    chosen = torch.zeros_like(ranked)
    rows, columns = spread.shape[-2:]
    chosen[..., :rows, :columns] = (ranked[..., :rows, :columns] == spread).double()
    return torch.nn.functional.avg_pool2d(link.a * chosen, link.size, divisor_override=1)


def _random(like: Any) -> Any:
    """Random numbers that leave the state of the process alone."""
    import torch

    drawn = np.random.default_rng().random(tuple(like.shape))
    return torch.from_numpy(drawn).to(like.dtype)


def any_slope(link: Link) -> Any:
    """A ReLU with another slope at each 0."""
    if link.name != "relu":
        return link.a
    slope = (link.z > 0).double() + _random(link.z) * (link.z == 0)
    return link.z * slope.detach()


def any_shares(link: Link) -> Any:
    """A maximum that shares out unequally, and otherwise in each window."""
    if not link.is_max:
        return link.pooled
    from torch.nn.functional import avg_pool2d

    weights = (ties(link) * (_random(link.a) + 1e-9)).detach()
    total = avg_pool2d(weights, link.size, divisor_override=1)
    return avg_pool2d(link.a * weights, link.size, divisor_override=1) / total


CONVENTIONS: dict[str, Callable[[Subject], Subject]] = {
    "slope 1 at 0": rechained(activate=sloped(1.0)),
    "slope 1/2 at 0": rechained(activate=sloped(0.5)),
    "shares": rechained(pool=shared),
    "last winner": rechained(pool=last),
    "shares, and slope 1 at 0": rechained(activate=sloped(1.0), pool=shared),
}

#: No choice at a kink gives these.
WRONG: dict[str, Callable[[Subject], Subject]] = {
    "slope 2 at 0": rechained(activate=sloped(2.0)),
    "slope -1 at 0": rechained(activate=sloped(-1.0)),
    "every tie in full": rechained(pool=every_tie),
    "every tie in full, and slope 1 at 0": rechained(activate=sloped(1.0), pool=every_tie),
}


def everywhere(dtype: str = "f64") -> list[Case]:
    return [case for act in range(4) for pool in (0, 1) for case in pruned(act, pool, dtype)]


def kinds(subject: Subject, cases: list[Case]) -> set[Kind]:
    """The kinds of all that is found, notes among them."""
    outcomes = (outcome for case in cases for outcome in judge(subject, case).outcomes)
    return {outcome.finding.kind for outcome in outcomes if outcome.finding is not None}


def not_torchs(plant: Callable[[Subject], Subject]) -> Subject:
    return plant(right_kernel("network")).claiming(torch_ties=False)


@pytest.mark.parametrize("dtype", ["f64", "f32"])
@pytest.mark.parametrize("name", CONVENTIONS)
def test_another_choice_at_a_kink_is_a_note_and_no_defect(name: str, dtype: str) -> None:
    assert kinds(not_torchs(CONVENTIONS[name]), everywhere(dtype)) == {Kind.CONVENTION}


@pytest.mark.parametrize("dtype", ["f64", "f32"])
def test_choices_that_differ_from_place_to_place_are_no_defect(dtype: str) -> None:
    subject = not_torchs(rechained(activate=any_slope, pool=any_shares))
    outcomes = [
        outcome
        for case in everywhere(dtype)
        # Chosen anew at each call: what asks for the same bits twice is not asked here.
        for outcome in judge(subject, case, checks=["rounding"]).outcomes
    ]
    found = {outcome.finding.kind for outcome in outcomes if outcome.finding is not None}
    assert found == {Kind.CONVENTION}


@pytest.mark.parametrize("name", CONVENTIONS)
def test_who_claims_torchs_choice_is_held_to_it(name: str) -> None:
    subject = not_torchs(CONVENTIONS[name]).claiming(torch_ties=True)
    assert kinds(subject, everywhere()) == {Kind.VALUE}


@pytest.mark.parametrize("dtype", ["f64", "f32"])
@pytest.mark.parametrize("name", WRONG)
def test_what_no_choice_at_a_kink_gives_is_a_defect(name: str, dtype: str) -> None:
    assert Kind.VALUE in kinds(not_torchs(WRONG[name]), everywhere(dtype))


@pytest.mark.parametrize("name", ["labels-taken-in-turn", "loss-cotangent-taken-for-one"])
@pytest.mark.parametrize("convention", ["slope 1 at 0", "last winner"])
def test_another_choice_hides_no_mistake_beside_it(name: str, convention: str) -> None:
    wrong = not_torchs(lambda right: fault_named(name).plant(CONVENTIONS[convention](right)))
    for case in judged(pruned(3, 1)):
        assert fault_named(name).shows(case)
        assert findings(wrong, case)


def test_preactivations_of_exactly_zero_are_judged() -> None:
    for activation in range(4):
        for pool in (0, 1):
            assert judged(pruned(activation, pool)), (activation, pool)


def test_a_ulp_beside_the_kink_is_still_too_near() -> None:
    # Without zeros, repeated cells tie only up to rounding: the sums that make them may differ.
    text = "network n1ic2ih6iw6oca2ka3qa2ocb2kb1classes2act2max1 f64 real x:broadcast seed=1"
    assert judged([parse_case(text)]) == []


@pytest.mark.parametrize("activation", range(4))
def test_the_hull_of_choices_holds_the_right_gradients_themselves(activation: int) -> None:
    for case in judged(pruned(activation, 1)):
        trial = Trial(right_kernel("network"), case)
        assert case.operation.is_valid_subgradient(
            case.geometry,
            {name: np.asarray(a, np.float64) for name, a in trial.arrays.operands.items()},
            np.asarray(trial.arrays.y_bar, np.float64),
            trial.got,
            trial.format,
        )
