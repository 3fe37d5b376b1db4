"""Cases of the network: labels, batches, classes, channels that are drawn, and their values."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from bpcheck.cases import Case, parse_case
from bpcheck.explain.faults import fault_named
from bpcheck.filling import fill
from bpcheck.operations import operation_named
from bpcheck.planning.classes import geometry_classes
from bpcheck.planning.plan import plan
from bpcheck.planning.profiles import PROFILES
from properties.harness.planting import findings, reference

NETWORK = operation_named("network")
TEXT = "network n{n}ic2ih6iw6oca3ka3ocb2kb2classes{classes}labels{labels}"

#: One kind of mistake each, all of them in what only some cases have.
RARE = (
    "labels-taken-in-turn",
    "loss-gradient-divided-by-the-classes",
    "absent-classes-bias-missing",
    "repeated-labels-counted-once",
    "last-weights-gradient-of-32-classes",
    "loss-gradient-of-eight-samples",
    "loss-cotangent-taken-for-one",
    "loss-cotangent-counted-twice",
    "loss-cotangent-clipped",
    "loss-cotangent-of-zero-taken-for-one",
    "network-all-ties-rewarded",
    "samples-of-zeros-skipped",
    "weights-gradient-masked-where-they-are-zero",
    "activation-slope-at-its-output",
    "second-pool-divides-by-the-first-window",
)

#: What shows in one value kind alone, and so must not be left out of a plan.
ALONE = {
    "loss-cotangent-clipped": "scaled",
    "loss-cotangent-of-zero-taken-for-one": "scaled",
    "weights-gradient-masked-where-they-are-zero": "pruned",
}


def quick(seed: int) -> list[Case]:
    stream = plan(NETWORK, profile=PROFILES["quick"], dtypes=["float32", "float64"], seed=seed)
    return list(islice(stream, PROFILES["quick"].cases))


def labels(n: int, classes: int, seed: int) -> list[int]:
    case = parse_case(TEXT.format(n=n, classes=classes, labels=seed))
    return list(case.params["labels"])


def test_without_a_seed_labels_come_in_turn_as_in_texts_that_name_none() -> None:
    assert labels(5, 3, 0) == [0, 1, 2, 0, 1]
    text = "network n5ic2ih6iw6oca3ka3ocb2kb2classes3 f64 real c-order seed=1"
    assert str(parse_case(text)) == text
    assert list(parse_case(text).params["labels"]) == [0, 1, 2, 0, 1]


def test_drawn_labels_follow_from_the_text_and_are_classes() -> None:
    text = f"{TEXT.format(n=16, classes=40, labels=7)} f64 real c-order seed=1"
    case = parse_case(text)
    assert str(case) == text
    assert list(case.params["labels"]) == list(parse_case(str(case)).params["labels"])
    assert set(case.params["labels"]) <= set(range(40))
    assert labels(16, 40, 7) != labels(16, 40, 8)


def test_a_forward_that_writes_into_its_labels_changes_no_other_call() -> None:
    case = parse_case(TEXT.format(n=4, classes=3, labels=5))
    before = list(case.params["labels"])
    case.params["labels"][:] = 0
    assert list(case.params["labels"]) == before


def test_a_plan_has_large_batches_many_classes_and_wide_layers_of_every_build() -> None:
    cases = [case for seed in range(3) for case in quick(seed)]
    geometries = [case.geometry for case in cases]
    assert {geometry.n for geometry in geometries} >= {1, 2, 3, 16}
    assert {geometry.classes for geometry in geometries} >= {2, 3, 4, 5}
    assert max(geometry.classes for geometry in geometries) == 40
    wide = {
        (case.geometry.convs[1][0].s, case.geometry.convs[0][0].p > 0, case.dtype)
        for case in cases
        if case.geometry.channels[1:] == (64, 96)
    }
    assert len(wide) == 8


@pytest.mark.parametrize("seed", range(3))
def test_a_quick_plan_has_every_class_of_labels_samples_and_classes(seed: int) -> None:
    met = {name for case in quick(seed) for name in geometry_classes(NETWORK, case.geometry)}
    assert met == {str(each) for each in NETWORK.edge_classes}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", RARE)
def test_a_quick_plan_shows_a_planted_fault_on_every_seed(name: str, seed: int) -> None:
    fault = fault_named(name)
    wrong = fault.plant(reference("network"))
    shown = (case for case in quick(seed) if fault.shows(case))
    assert any(findings(wrong, case) for case in shown)


@pytest.mark.parametrize("name", ALONE)
def test_a_value_kind_shows_what_no_other_one_does(name: str) -> None:
    kinds = {case.values for case in quick(0) if fault_named(name).shows(case)}
    # Repeating a number that happens to be 0 makes an array of zeros of any kind.
    assert kinds == {ALONE[name]}


def test_pruned_filters_lose_their_bias_too_and_never_all_of_them() -> None:
    for seed in range(20):
        arrays = fill(parse_case(f"{TEXT.format(n=4, classes=3, labels=0)} pruned seed={seed}"))
        for layer in "123":
            w, b = arrays.operands[f"w{layer}"], arrays.operands[f"b{layer}"]
            gone = ~w.reshape(len(w), -1).any(axis=1)
            assert (b[gone] == 0).all()
            assert 0 < (b == 0).sum() < len(b)


def test_samples_of_zeros_occur_beside_others() -> None:
    gone = [
        int((~fill(case).operands["x"].reshape(4, -1).any(axis=1)).sum())
        for seed in range(20)
        for case in [parse_case(f"{TEXT.format(n=4, classes=3, labels=0)} pruned seed={seed}")]
    ]
    assert 0 in gone
    assert max(gone) in (1, 2, 3)


@pytest.mark.parametrize(("dtype", "highest"), [("f32", 2.0**67), ("f64", 2.0**515)])
def test_scaled_cotangents_reach_far_and_leave_as_much_room_above(
    dtype: str, highest: float
) -> None:
    sizes = [
        abs(float(fill(parse_case(f"{TEXT.format(n=2, classes=3, labels=0)} {text}")).y_bar))
        for seed in range(60)
        for text in [f"{dtype} scaled c-order seed={seed}"]
    ]
    assert 0 in sizes
    assert np.sqrt(highest) < max(sizes) < highest
    assert min(size for size in sizes if size) < 1e5


def test_what_underflows_under_a_large_cotangent_is_no_defect() -> None:
    # Logits of one class 100 below the other's, whose probability float32 cannot hold.
    text = "network n1ic1ih4iw4oca3ka1ocb2kb1classes8act2 f32 scaled c-order seed=11000438"
    assert findings(reference("network"), parse_case(text)) == ()
