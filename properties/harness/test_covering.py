"""Edge classes: every pair of them that can occur is met on purpose, before random search."""

from __future__ import annotations

from itertools import combinations, islice

import numpy as np
import pytest

from bpcheck.cases.covering import classes_of, covering, integers_from
from bpcheck.cases.plan import PROFILES, plan
from bpcheck.operations import operation_named, operation_names


def pairs(operation: str, geometries: list[object]) -> set[tuple[str, str]]:
    promise = operation_named(operation)
    return {
        pair
        for geometry in geometries
        for pair in combinations(sorted(classes_of(promise, geometry)), 2)
    }


@pytest.mark.parametrize("operation", ["conv2d", "max_pool2d", "avg_pool1d"])
def test_the_default_plan_covers_every_pair_that_any_other_draw_meets(operation: str) -> None:
    promise, profile = operation_named(operation), PROFILES["default"]
    chosen = covering(promise, strength=2, rng=np.random.default_rng(0), draws=profile.draws)
    other = integers_from(np.random.default_rng(1))
    met = pairs(operation, [promise.draw(other) for _ in range(4_000)])
    assert met <= pairs(operation, list(chosen))


@pytest.mark.parametrize("operation", operation_names())
def test_the_quick_plan_has_a_case_of_every_edge_class(operation: str) -> None:
    promise, profile = operation_named(operation), PROFILES["quick"]
    cases = islice(plan(operation, profile=profile, dtypes=["float64"]), profile.cases)
    covered = frozenset[str]().union(*(classes_of(promise, case.geometry) for case in cases))
    assert covered == {str(each) for each in promise.edge_classes}


def test_a_covering_is_a_small_part_of_the_draws() -> None:
    promise = operation_named("conv2d")
    chosen = list(covering(promise, strength=2, rng=np.random.default_rng(0), draws=6_000))
    assert len(chosen) < 200


def test_the_plan_begins_with_the_layer_of_64_and_96_channels() -> None:
    first = next(plan("conv2d", profile=PROFILES["quick"], dtypes=["float64"]))
    assert first.shapes == {
        "y": (1, 96, 6, 6),
        "x_bar": (1, 64, 13, 13),
        "w_bar": (96, 64, 2, 2),
        "b_bar": (96,),
    }
