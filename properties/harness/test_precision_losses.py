"""The tester tested: planted losses are seen, and a kernel against itself raises no alarm."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from bpcheck.errors import UsageError
from bpcheck.precision import Measurement, compare, measure
from bpcheck.precision.behaviour import behaviours
from bpcheck.precision.ranks import FALSE_ALARM, holm, pairs_needed, worsened
from bpcheck.subject import Subject
from properties.harness.precision_losses import LOSSES, Loss, permuted
from reference import conv

CONV = Subject(
    conv.forward, conv.vjp, operation="conv1d", name="conv", dtypes=("float32", "float16")
)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_a_planted_loss_is_seen_and_its_undoing_is_a_gain(loss: Loss) -> None:
    # Short sums show all of them but the order of summation.
    longest = 4_096 if loss.results == ("b_bar",) else 256
    before, after = (
        measure(
            each,
            dtypes=[loss.dtype],
            results=loss.results,
            kinds=["zero-mean", "wide"],
            longest=longest,
        )
        for each in (loss.before, loss.after)
    )
    assert compare(before, after).losses
    assert compare(after, before).gains
    assert not compare(after, before).losses


@pytest.fixture(scope="module")
def runs() -> list[Measurement]:
    """The same kernel with other seeds and other orders of the terms."""
    found = []
    for index in range(6):
        subject = permuted(CONV, index) if index % 2 else CONV
        run = measure(
            subject,
            dtypes=["float32"],
            results=["y", "w_bar"],
            kinds=["zero-mean", "positive"],
            longest=256,
            seed=index // 2,
        )
        found.append(replace(run, settings=replace(run.settings, seed=0)))
    return found


def test_a_kernel_against_itself_raises_no_alarm(runs: list[Measurement]) -> None:
    for before, after in combinations(runs, 2):
        assert not compare(before, after, effect=1.1).losses


def test_the_same_kernel_and_seed_give_the_same_numbers() -> None:
    first, second = (measure(CONV, longest=16, cases=2) for _ in range(2))
    assert dict(first.cells) == dict(second.cells)


def test_another_environment_is_said_and_judged_by_the_wider_rule(
    runs: list[Measurement],
) -> None:
    elsewhere = replace(runs[1], environment={**runs[1].environment, "blas": "another"})
    comparison = compare(runs[0], elsewhere)
    assert comparison.environment == (f"blas: {runs[0].environment['blas']}, now another",)
    assert comparison.effect == 4


def test_in_another_environment_another_order_is_no_loss_and_coarser_inputs_are() -> None:
    for name, expected, longest in (
        ("naive for pairwise summation", False, 4096),
        ("TF32 inputs", True, 256),
        ("float32 inside a float64 kernel", True, 256),
    ):
        loss = next(each for each in LOSSES if each.name == name)
        before, after = (
            measure(
                each,
                dtypes=[loss.dtype],
                results=loss.results,
                kinds=["positive"],
                longest=longest,
            )
            for each in (loss.before, loss.after)
        )
        elsewhere = {**before.environment, "threads": 2}
        comparison = compare(before, replace(after, environment=elsewhere))
        assert comparison.environment == ("threads: 1, now 2",)
        assert bool(comparison.losses) == expected
        assert compare(before, after).losses


def test_not_a_number_is_a_loss() -> None:
    def broken(*operands: np.ndarray, **params: object) -> object:
        y, residuals = conv.forward(*operands, **params)  # type: ignore[arg-type]
        return np.where(np.arange(y.size).reshape(y.shape) % 7, y, np.float32(np.nan)), residuals

    how = {"dtypes": ["float32"], "results": ["y"], "longest": 256}
    right = measure(CONV, **how)  # type: ignore[arg-type]
    wrong = measure(replace(CONV, forward=broken), **how)  # type: ignore[arg-type]
    assert compare(right, wrong).losses


def test_too_few_cases_to_show_any_loss_are_refused() -> None:
    few = measure(CONV, dtypes=["float32"], results=["y"], longest=16, cases=2)
    with pytest.raises(UsageError, match="cases=2 gives 2 pairs"):
        compare(few, few)


def test_no_run_of_chance_alone_fails_more_often_than_it_may() -> None:
    # The probability of the least likely ranks is what a comparison may not fall below.
    comparisons, pairs = 288, pairs_needed(288)
    least = worsened(np.ones(pairs), np.full(pairs, 2.0))
    assert least == 2.0**-pairs
    assert holm([least] + [1.0] * (comparisons - 1))[0] <= FALSE_ALARM
    assert holm([2 * least] + [1.0] * (comparisons - 1))[0] > FALSE_ALARM


@pytest.mark.parametrize("seed", range(3))
def test_the_rank_test_errs_as_often_as_it_says_on_values_with_ties(seed: int) -> None:
    rng = np.random.default_rng(seed)
    chances = [worsened(*(1.0 + rng.integers(0, 4, (2, 12)))) for _ in range(400)]
    for level in (0.5, 0.2, 0.05):
        # Four standard deviations of the number of errors.
        most = level * 400 + 4 * (level * (1 - level) * 400) ** 0.5
        assert sum(chance <= level for chance in chances) <= most


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        ("float16 accumulation for float32", "float16"),
        ("float32 inside a float64 kernel", "float32"),
        ("TF32 inputs", "TF32 inputs"),
    ],
)
def test_what_an_accumulator_behaves_like_is_told_from_its_errors(
    name: str, precision: str
) -> None:
    loss = next(each for each in LOSSES if each.name == name)
    found = measure(
        loss.after,
        dtypes=[loss.dtype],
        results=loss.results,
        kinds=["zero-mean", "positive"],
        longest=1024,
        cases=3,
    )
    (seen,) = behaviours(found).values()
    assert seen.precision == precision


@pytest.mark.parametrize(("place", "order"), [(0, "pairwise"), (1, "naive")])
def test_the_order_of_summation_is_told_from_the_growth_of_the_error(
    place: int, order: str
) -> None:
    loss = next(each for each in LOSSES if each.results == ("b_bar",))
    found = measure(
        (loss.before, loss.after)[place],
        dtypes=["float32"],
        results=["b_bar"],
        kinds=["zero-mean", "positive"],
        longest=16_384,
        cases=3,
    )
    (seen,) = behaviours(found).values()
    assert seen.precision == "float32"
    assert order in seen.order
    assert ("naive" in seen.order) == (order == "naive")
