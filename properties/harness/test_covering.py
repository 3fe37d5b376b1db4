"""Edge classes: every pair of them that can occur is met on purpose, before random search."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cache
from itertools import combinations, islice
from typing import Any

import numpy as np
import pytest

from bpcheck import Subject, check
from bpcheck.arithmetic import Array
from bpcheck.cases import Case, parse_case
from bpcheck.cases.layouts import join_layouts
from bpcheck.cases.repeats import REPEATING
from bpcheck.operations import Operation, operation_named, operation_names
from bpcheck.planning.classes import (
    WEIGHTS,
    array_layouts,
    beside_classes,
    classes_of,
    edge_class,
    edge_classes,
    geometry_classes,
)
from bpcheck.planning.covering import PATIENCE, covering
from bpcheck.planning.draws import integers_from
from bpcheck.planning.plan import plan
from bpcheck.planning.profiles import PROFILES
from bpcheck.runner.one import judge
from bpcheck.verdict import Verdict
from properties.harness.depth import deep, in_thorough_runs
from reference import conv

# A plan is made once for all that look at it.
pytestmark = pytest.mark.xdist_group("covering")

DTYPES = ("float64", "float32")

#: One of each kind; the others are planned by the same code.
PLANNED = deep(("conv2d", "max_pool1d", "network"), operation_names())


@cache
def default_plan(operation: str) -> tuple[Case, ...]:
    """The cases of a run in the default profile."""
    profile = PROFILES["default"]
    drawn = plan(operation_named(operation), profile=profile, dtypes=DTYPES)
    return tuple(islice(drawn, profile.cases))


def met(cases: Iterable[Case], *, strength: int) -> set[tuple[str, ...]]:
    """Sets of edge classes: extremes, families and residues are paired with dresses alone."""
    return {each for case in cases for each in combinations(sorted(edges_of(case)), strength)}


def edges_of(case: Case) -> frozenset[str]:
    return classes_of(case) - beside_classes(case.operation, case.geometry)


def dressed_at_random(operation: str, number: int) -> Iterable[Case]:
    """Cases that no plan has chosen: geometry, dtype, values and layouts each drawn alone."""
    promise, rng = operation_named(operation), np.random.default_rng(1)
    kinds = [kind for kind in promise.value_kinds if kind in WEIGHTS]
    for seed in range(number):
        geometry = promise.draw(integers_from(rng))
        arrays = (*promise.operand_shapes(geometry), "y_bar")
        drawn = {name: str(rng.choice(array_layouts(promise)[name])) for name in arrays}
        yield Case(
            promise,
            geometry,
            str(rng.choice(DTYPES)),
            str(rng.choice(kinds)),
            join_layouts(drawn),
            seed,
        )


@pytest.mark.parametrize("operation", [each for each in PLANNED if each != "network"])
def test_the_default_plan_covers_every_pair_that_any_other_draw_meets(operation: str) -> None:
    drawn = dressed_at_random(operation, 4_000)
    assert met(drawn, strength=2) <= met(default_plan(operation), strength=2)


def test_the_thorough_plan_is_soon_close_to_every_triple() -> None:
    # A plan of pairs misses a tenth of them at this length.
    chosen = islice(
        plan(operation_named("avg_pool1d"), profile=PROFILES["thorough"], dtypes=DTYPES), 1_000
    )
    triples = met(dressed_at_random("avg_pool1d", 400), strength=3)
    assert len(triples - met(chosen, strength=3)) < 0.05 * len(triples)


@in_thorough_runs
def test_the_thorough_plan_covers_every_triple_that_any_other_draw_meets() -> None:
    # Two thirds of it do so for an operation this small.
    chosen = islice(
        plan(operation_named("avg_pool1d"), profile=PROFILES["thorough"], dtypes=DTYPES), 20_000
    )
    drawn = dressed_at_random("avg_pool1d", 2_000)
    assert met(drawn, strength=3) <= met(chosen, strength=3)


@pytest.mark.parametrize("operation", PLANNED)
def test_every_class_meets_every_dtype_value_kind_and_layout(operation: str) -> None:
    promise = operation_named(operation)
    chosen = met(default_plan(operation), strength=2)
    names = edge_classes(promise, DTYPES)
    own = {str(each) for each in promise.edge_classes}
    layouts_of_a_bias = {name for name in names if name.startswith("b ")}
    possible = {
        tuple(sorted((one, other)))
        for one in own
        for other in set(names) - own
        if not (one == "bias none" and other in layouts_of_a_bias)
    }
    missing = {pair for pair in possible - chosen if not set(pair) & repeating(promise)}
    assert missing == set()


def repeating(operation: Operation) -> set[str]:
    """Classes of layouts that some shapes cannot have: one sample does not repeat."""
    arrays = array_layouts(operation)
    return {edge_class(array, layout) for array in arrays for layout in REPEATING}


def test_a_layout_in_which_nothing_repeats_is_no_class_of_its_own() -> None:
    one, two = (
        f"conv2d n{n}ic1ih3iw3oc1kh2kw2 f64 exact x:broadcast-batch,w:fortran" for n in (1, 2)
    )
    assert "x broadcast-batch" not in classes_of(parse_case(one))
    assert {"x broadcast-batch", "w fortran"} <= classes_of(parse_case(two))


@pytest.mark.parametrize(("operation", "seed"), [("conv2d", 0), ("max_pool1d", 1)])
def test_the_quick_plan_has_a_case_in_which_each_layout_repeats(operation: str, seed: int) -> None:
    promise, profile = operation_named(operation), PROFILES["quick"]
    cases = islice(plan(promise, profile=profile, dtypes=DTYPES, seed=seed), profile.cases)
    covered = frozenset[str]().union(*map(classes_of, cases))
    assert repeating(promise) & set(edge_classes(promise, DTYPES)) <= covered


@pytest.mark.parametrize("dtypes", [DTYPES, (*DTYPES, "float16")])
def test_every_value_kind_comes_in_every_dtype_alike(dtypes: tuple[str, ...]) -> None:
    cases = islice(plan(operation_named("conv1d"), profile=PROFILES["quick"], dtypes=dtypes), 3_000)
    seen = Counter((case.values, case.dtype) for case in cases)
    for kind in {kind for kind, _ in seen}:
        numbers = [seen[kind, dtype] for dtype in dtypes]
        assert max(numbers) < 1.5 * min(numbers)


@pytest.mark.parametrize("operation", operation_names())
def test_the_quick_plan_has_a_case_of_every_edge_class(operation: str) -> None:
    profile = PROFILES["quick"]
    cases = islice(plan(operation_named(operation), profile=profile, dtypes=DTYPES), profile.cases)
    covered = frozenset[str]().union(*map(classes_of, cases))
    assert covered >= set(edge_classes(operation_named(operation), DTYPES))


def test_a_class_is_a_kind_of_geometry_dtype_values_or_layout() -> None:
    text = "max_pool2d n2ic1ih5iw4kh3kw2sh2sw2 f32 negative x:fortran,y_bar:broadcast"
    found = classes_of(parse_case(text))
    assert {
        "batch many",
        "image H > W",
        "windows overlap",
        "dtype float32",
        "values negative",
        "x fortran",
        "y_bar broadcast",
    } <= found
    assert "y_bar c-order" not in found


def test_a_covering_is_a_small_part_of_the_draws() -> None:
    promise, draws = operation_named("conv2d"), 6_000
    chosen = list(covering(promise, strength=2, rng=np.random.default_rng(0), draws=draws))
    # A twin follows most draws; of those that add nothing, one in `PATIENCE` is taken.
    assert len(chosen) < 200 + 2 * draws / PATIENCE


def test_the_plan_begins_with_the_layer_of_64_and_96_channels() -> None:
    first = next(plan(operation_named("conv2d"), profile=PROFILES["quick"], dtypes=["float64"]))
    assert first.shapes == {
        "y": (1, 96, 6, 6),
        "x_bar": (1, 64, 13, 13),
        "w_bar": (96, 64, 2, 2),
        "b_bar": (96,),
    }


def test_a_class_that_the_subject_refuses_throughout_is_not_missing() -> None:
    ungrouped = Subject(
        conv.forward,
        conv.vjp,
        operation="conv1d",
        supports=lambda params, shapes: bool(params["groups"] == 1),
    )
    report = check(ungrouped, profile="quick", count=300)
    assert report.verdict is Verdict.AGREES
    assert report.coverage["groups depthwise"] == 0
    assert report.missing == ()


def test_a_class_that_is_refused_for_something_else_is_looked_for() -> None:
    # Most geometries of three dimensions have a side above 3: what is left of many classes is rare.
    small = Subject(
        conv.forward,
        conv.vjp,
        operation="conv3d",
        supports=lambda params, shapes: bool(max(shapes["x"][2:]) < 4),
    )
    promise = operation_named("conv3d")
    reachable: set[str] = set()
    integers = integers_from(np.random.default_rng(5))
    for _ in range(3_000):
        geometry = promise.draw(integers)
        if max(promise.operand_shapes(geometry)["x"][2:]) < 4:
            reachable |= geometry_classes(promise, geometry)
    report = check(small, profile="quick")
    assert report.verdict is Verdict.AGREES
    assert {name for name in reachable if not report.coverage[name]} == set()


@pytest.mark.parametrize("operation", ["conv2d", "max_pool2d", "avg_pool1d"])
def test_some_cases_follow_one_of_the_same_shapes_and_other_params(operation: str) -> None:
    cases = list(
        islice(plan(operation_named(operation), profile=PROFILES["quick"], dtypes=DTYPES), 300)
    )
    promise = operation_named(operation)
    twins = [
        (one, other)
        for place, one in enumerate(cases)
        # Layers that people ship come in between.
        for other in cases[place + 1 : place + 5]
        if promise.operand_shapes(one.geometry) == promise.operand_shapes(other.geometry)
        and one.params != other.params
    ]
    assert len(twins) >= 5


def test_params_that_are_cached_by_shape_are_found() -> None:
    dilations: dict[tuple[tuple[int, ...], ...], tuple[int, ...]] = {}

    def forward(x: Array, w: Array, b: Array | None, **params: Any) -> Any:
        y, residuals = conv.forward(x, w, b, **params)
        kept = dilations.setdefault((x.shape, w.shape, y.shape), params["dilation"])
        if kept != params["dilation"] and params["padding"] != "same":
            y, residuals = conv.forward(x, w, b, **{**params, "dilation": kept})
        return y, residuals

    cached = Subject(forward, conv.vjp, operation="conv2d", name="cached")
    rulings = (
        each
        for case in default_plan("conv2d")
        for each in judge(cached, case, checks=["autograd"]).rulings
    )
    assert any(each.verdict.is_defect for each in rulings)
