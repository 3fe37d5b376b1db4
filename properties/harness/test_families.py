"""What people ship is what a plan begins with: families of layers, and residues of their sizes."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from itertools import islice

import numpy as np
import pytest

from bpcheck.cases import Case
from bpcheck.operations import Operation, operation_named, operation_names
from bpcheck.operations.residues import residue_names, residues_of
from bpcheck.operations.windowed.dimensions import LETTERS
from bpcheck.operations.windowed.relatives import MOST_OF_TILES as RELATED
from bpcheck.operations.windowed.sizes import short_sides
from bpcheck.operations.windowed.window import Window
from bpcheck.planning.choices import MOST, USUAL, Choices
from bpcheck.planning.classes import beside, classes_of
from bpcheck.planning.limits import Limits
from bpcheck.planning.plan import Plan
from bpcheck.planning.profiles import PROFILES
from bpcheck.planning.shipped import COMMON, Shipped
from bpcheck.planning.tables import Tables

DTYPES = ("float64", "float32")
WINDOWED = tuple(name for name in operation_names() if name != "network")

#: Families whose layers may take more than the usual number of multiplications.
COSTLY = {
    "conv1d": {"grouped 128, stride 1, padding 64", "grouped 128, stride 2, padding 64"},
    "conv2d": {
        "3x3, stride 1, padding 36, dilation 36",
        "depthwise 3x3, stride 1, padding 24, dilation 24",
        "depthwise 3x3, stride 1, padding 36, dilation 36",
    },
    "conv3d": {
        "13x13x1, stride 1, padding 6x6x0",
        "7x7x7, stride 1, padding 3",
        "7x7x7, stride 2, padding 3",
    },
    "max_pool2d": {"13x13, stride 1, padding 6"},
}


@cache
def quick(operation: str) -> tuple[Case, ...]:
    profile = PROFILES["quick"]
    plan = Plan(operation_named(operation), profile=profile, dtypes=DTYPES, seed=3)
    return tuple(islice(plan, profile.cases))


def of_family(cases: tuple[Case, ...], name: str) -> list[Case]:
    return [case for case in cases if name in classes_of(case)]


def is_shortest(window: Window) -> bool:
    """Whether the window with its padding would not fit around fewer cells."""
    return window.i == max(1, window.span - window.low - window.high)


@pytest.mark.parametrize("operation", WINDOWED)
def test_every_tap_of_a_familys_layers_reads_a_cell_and_few_cost_much(operation: str) -> None:
    promise = operation_named(operation)
    shipped = Shipped(promise, DTYPES, rng=np.random.default_rng(0), limits=Limits())
    costly = set()
    for layer in islice(shipped, 400):
        if layer.family:
            assert layer.family in classes_of(Case(promise, layer.geometry))
        for window in layer.geometry.windows:
            # Or the side is the shortest that there is.
            assert (window.positions >= 0).any(axis=0).all() or is_shortest(window), layer
        cost = promise.multiplications(layer.geometry)
        # Relatives may have whole blocks of channels.
        assert cost <= (MOST if layer.family else RELATED), layer
        if cost > USUAL and layer.family:
            costly.add(layer.family.removeprefix("family "))
    assert costly <= COSTLY.get(operation, set())


@pytest.mark.parametrize("operation", WINDOWED)
def test_the_quick_plan_meets_every_family_residue_and_extreme(operation: str) -> None:
    met = {name for case in quick(operation) for name in classes_of(case)}
    assert set(beside(operation_named(operation))) <= met


def test_a_small_copy_of_each_layer_of_the_named_sets_is_in_the_plan() -> None:
    conv2d = operation_named("conv2d")
    copies = {copy for copy in conv2d.shrunken_layers if copy.n}
    # As in MobileNet: 32 to 16 channels; 7x7; depthwise; with the windows and relations kept.
    assert any(c.ic == 2 * c.oc and c.kernel == (1, 1) for c in copies)
    assert any(c.g == c.ic == c.oc and c.windows[0].s == 2 for c in copies)
    assert any(c.windows[0].i == 7 and c.windows[0].k == 3 for c in copies)
    assert all(conv2d.multiplications(copy) <= USUAL for copy in copies)
    plan = Plan(conv2d, profile=PROFILES["default"], dtypes=DTYPES, seed=3)
    assert copies <= {case.geometry for case in islice(plan, PROFILES["default"].cases)}


@pytest.mark.parametrize("operation", WINDOWED)
def test_a_familys_first_case_in_a_dtype_is_exact_and_in_c_order(operation: str) -> None:
    first: dict[tuple[str, str], Case] = {}
    for place, case in enumerate(quick(operation)):
        # Every third case is a rare or a random one.
        if place % PROFILES["quick"].shipped:
            for name in classes_of(case):
                if name.startswith("family "):
                    first.setdefault((name, case.dtype), case)
    assert {(case.values, case.layout) for case in first.values()} == {("exact", "c-order")}


@pytest.mark.parametrize("operation", WINDOWED)
def test_common_families_come_in_every_dtype_parity_and_relation(operation: str) -> None:
    promise = operation_named(operation)
    for family in promise.families[: len(COMMON)]:
        cases = of_family(quick(operation), str(family))
        assert {case.dtype for case in cases} == set(DTYPES), family
        # A kernel of 128 in groups of odd size has no layer that is small enough.
        choices = Choices(promise, family, Tables(promise.residues), None)
        none = np.zeros(len(promise.residues))
        rng = np.random.default_rng(0)
        can_be = [v for v in promise.variants(family) if choices.layer(v, none, rng) is not None]
        wanted = {frozenset(pair) for each in can_be for pair in pairs(each)}
        assert wanted <= {
            frozenset(pair) for case in cases for pair in pairs(sizes_of(operation, case))
        }, family


def pairs(names: frozenset[str]) -> list[tuple[str, str]]:
    return [(one, other) for one in names for other in names if one < other]


def sizes_of(operation: str, case: Case) -> frozenset[str]:
    """Its residues, and how its output channels relate to its input channels."""
    from bpcheck.operations.windowed.sizes import OF_IMAGES, relation

    if not operation.startswith("conv"):
        return classes_of(case)
    g = case.geometry
    groups = "1" if g.g == 1 else "dw" if g.g == g.ic else "grouped"
    of_images = {OF_IMAGES} if (groups, g.ic) == ("1", 3) and g.oc >= 8 else set()
    return classes_of(case) | {relation(g.ic, g.oc, groups)} | of_images


@pytest.mark.parametrize("operation", ["conv1d", "max_pool2d", "avg_pool2d"])
def test_the_default_plan_meets_every_family_in_every_residue_that_it_can_be_in(
    operation: str,
) -> None:
    promise, profile = operation_named(operation), PROFILES["default"]
    met: dict[str, set[str]] = defaultdict(set)
    plan = Plan(promise, profile=profile, dtypes=DTYPES)
    for case in islice(plan, profile.cases):
        classes = classes_of(case)
        for name in classes:
            if name.startswith("family "):
                met[name] |= classes
    columns = promise.residues
    for family in promise.families:
        reachable = Choices(promise, family, Tables(columns), None).unmet
        wanted = {name for name, can_be in zip(columns, reachable, strict=True) if can_be}
        assert wanted <= met[str(family)], family
        kinds = {f"values {kind}" for kind in ("exact", "real", "wide", "special", "tiny", "huge")}
        assert kinds <= met[str(family)], family


@pytest.mark.parametrize("operation", WINDOWED)
def test_a_quick_run_has_many_rests_of_the_sizes_of_each_family(operation: str) -> None:
    """Of three, and of eight: paths are taken for rests that no class has a name for."""
    plan = Plan(operation_named(operation), profile=PROFILES["quick"], dtypes=DTYPES, seed=3)
    names = set(map(str, plan.operation.families))
    rests: dict[str, set[tuple[str, int, int]]] = defaultdict(set)
    for case in islice(plan, plan.total):
        (samples, channels, *_, width), by_case = case.operand_shapes["x"], classes_of(case)
        sizes = {"samples": samples, "channels": channels, "width": width}
        for name in names & by_case:
            rests[name] |= {(key, by, size % by) for key, size in sizes.items() for by in (3, 8)}
    shares = [len(rests[name]) / (3 * (3 + 8)) for name in names]
    assert np.mean(shares) > 0.75
    assert min(shares) >= 0.4


@pytest.mark.parametrize("operation", WINDOWED)
def test_each_padded_family_comes_on_sides_of_which_a_tap_reads_padding_alone(
    operation: str,
) -> None:
    """A plane of one cell, a clip of one frame: a path of its own may take another tap."""
    promise = operation_named(operation)
    plan = Plan(promise, profile=PROFILES["quick"], dtypes=DTYPES, seed=3)
    short = {
        name
        for case in islice(plan, plan.total)
        if any(map(is_short, case.geometry.windows))
        for name in classes_of(case)
    }
    for family in promise.families:
        if short_sides(LETTERS[promise.rank], family.numbers, 0) and not is_covering(promise):
            assert str(family) in short


def is_short(window: Window) -> bool:
    """Whether some tap reads padding alone, and the side is the shortest that there is."""
    return is_shortest(window) and not (window.positions >= 0).any(axis=0).all()


def is_covering(operation: Operation) -> bool:
    """Whether torch takes no kernel that is larger than the input, padded or not."""
    return operation.name == "avg_pool3d"


@pytest.mark.parametrize("operation", ["max_pool1d", "max_pool2d", "max_pool3d", "avg_pool2d"])
def test_pools_of_a_whole_plane_come_with_full_blocks_of_channels_and_others(
    operation: str,
) -> None:
    found = {
        geometry.ic % 16
        for geometry in operation_named(operation).blocked_layers()
        if geometry.kernel == tuple(window.i for window in geometry.windows)
    }
    assert {0, 1} < found


@pytest.mark.parametrize("operation", ["conv1d", "conv2d", "conv3d"])
def test_a_dilated_row_past_two_blocks_is_among_the_layers(operation: str) -> None:
    rows = [geometry.windows[-1] for geometry in operation_named(operation).blocked_layers()]
    assert any(row.d > 1 and row.out > 2 * 128 for row in rows)


@pytest.mark.parametrize("operation", WINDOWED)
def test_common_families_come_channels_last_on_exact_values(operation: str) -> None:
    """As frameworks keep them: a path of its own may be for that alone, and end at odd sizes."""
    plan = Plan(operation_named(operation), profile=PROFILES["quick"], dtypes=DTYPES, seed=3)
    common = set(map(str, plan.operation.families[:5]))
    found: dict[str, list[Case]] = defaultdict(list)
    for case in islice(plan, plan.total):
        if case.values == "exact" and case.layouts.get("x") == "channels-last":
            for name in common & classes_of(case):
                found[name].append(case)
    for name in common:
        assert len(found[name]) >= 3, name
        assert {case.dtype for case in found[name]} == set(DTYPES), name
        assert {case.operand_shapes["x"][-1] % 2 for case in found[name]} == {0, 1}, name


@pytest.mark.parametrize("factor", ["width", "samples"])
def test_eight_sizes_have_all_the_residues(factor: str) -> None:
    met = {name for size in (1, 2, 4, 8, 16, 32, 63, 64) for name in residues_of(factor, size)}
    assert met == set(residue_names(factor))


def test_an_empty_batch_is_of_no_family_and_has_no_residue() -> None:
    promise = operation_named("conv2d")
    numbers = {"n": 0, "ic": 2, "ih": 3, "iw": 3, "oc": 2, "kh": 1, "kw": 1}
    assert promise.shipped_classes(promise.geometry(numbers)) == frozenset()
    assert "family 1x1" in promise.shipped_classes(promise.geometry({**numbers, "n": 1}))


@pytest.mark.parametrize("operation", WINDOWED)
def test_a_colouring_has_no_more_probes_than_the_operand_has_cells(operation: str) -> None:
    promise = operation_named(operation)
    rng = np.random.default_rng(1)
    for _ in range(200):
        geometry = promise.draw(lambda low, high: int(rng.integers(low, high + 1)))
        if geometry.n == 0:
            continue
        for name, shape in promise.operand_shapes(geometry).items():
            assert promise.probe_count(geometry, name) <= int(np.prod(shape))


def test_a_limit_leaves_out_what_is_larger() -> None:
    promise = operation_named("conv2d")
    limited = Plan(promise, profile=PROFILES["quick"], dtypes=DTYPES, limits=Limits(256))
    sizes = [promise.multiplications(case.geometry) for case in islice(limited, 300)]
    assert max(sizes) <= 256
    assert "family 32x32, stride 32" in limited.shipped.too_large
