"""What conditions are made of, which of them fit, and how they read."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bpcheck.arithmetic import Array
from bpcheck.cases import parse_case
from bpcheck.cases.layouts import C_ORDER, lay_out
from bpcheck.explain.atoms import atoms_of
from bpcheck.explain.condition import Condition, fitting, said
from bpcheck.operations import operation_named
from bpcheck.planning.classes import array_shapes
from bpcheck.runner.condition_search import near_first


def test_a_size_is_no_condition_where_a_class_tells_as_much() -> None:
    failing = [frozenset({"stride > 1", "samples > 4"})] * 8
    passing = [frozenset({"samples > 4", "stride 1"})] * 8 + [frozenset({"stride 1"})]
    assert fitting(failing, passing) == [Condition(("stride > 1",))]
    assert fitting([frozenset({"samples > 4"})] * 8, passing) == [Condition()]


def test_what_rules_out_all_that_is_left_is_told_however_few_cases_that_are() -> None:
    """Kernels of 1 are rare, and alone right; three cases of a hundred may be an accident."""
    failing = [frozenset({"kernel > 1", "bias yes"})] * 200 + [frozenset({"kernel > 1"})] * 200
    passing = [frozenset({"bias yes"})] * 4
    assert fitting(failing, passing) == [Condition(("kernel > 1",))]
    hidden = [frozenset({"kernel > 1"})] * 4
    assert fitting(failing, [*passing[:3], *hidden]) == [Condition()]


@pytest.mark.parametrize(
    ("shows", "atom"),
    [
        (lambda x, y_bar: x.flags.writeable, "not x cannot be written"),
        (lambda x, y_bar: not y_bar.flags.writeable, "y_bar cannot be written"),
        (lambda x, y_bar: not y_bar.flags.c_contiguous, "not y_bar c-order"),
        (lambda x, y_bar: x.dtype != np.float32, "not dtype float32"),
    ],
)
def test_what_an_array_is_like_is_an_atom_of_any_case(
    shows: Callable[[Array, Array], bool], atom: str
) -> None:
    for text in (
        "f32 exact c-order",
        "f64 exact x:read-only,y_bar:unaligned",
        "f16 exact x:fortran,y_bar:read-only",
        "f64 exact x:broadcast,y_bar:sliced",
    ):
        case = parse_case(f"max_pool2d n2ic2ih4iw4kh2kw2 {text} seed=1")
        laid = [
            lay_out(np.zeros(shape, case.dtype), case.layouts.get(name, C_ORDER))
            for name, shape in array_shapes(case.operation, case.geometry).items()
        ]
        assert (atom in atoms_of(case, dresses=True)) == shows(*laid)


def test_a_class_that_a_condition_does_not_need_is_looked_for_first() -> None:
    condition = Condition(("bias yes", "stride > 1"))
    atoms = [{"stride > 1"}, set(), {"bias yes"}, {"stride > 1"}]
    lacking = {place: condition.lacks(each) for place, each in enumerate(atoms)}
    assert near_first(lacking) == [0, 2, 3, 1]


def test_of_two_classes_that_no_case_tells_apart_the_shorter_name_is_the_condition() -> None:
    failing = [frozenset({"padding > 0", "divisor counts padding"})] * 4
    assert fitting(failing, [frozenset({"bias yes"})])[0].names == ("padding > 0",)


def test_candidates_that_fit_alike_are_all_named_the_plainest_first() -> None:
    failing = [frozenset({"stride > 1", "not stride 1", "family 3x3"})] * 4
    passing = [frozenset({"bias yes"})] * 4
    assert [each.names for each in fitting(failing, passing)] == [
        ("stride > 1",),
        ("not stride 1",),
        ("family 3x3",),
    ]


def test_a_condition_reads_as_a_headline_does() -> None:
    conv = operation_named("conv2d")
    assert (
        said(Condition(("not image square", "bias yes")), conv) == "bias yes and image not square"
    )
    assert said(Condition(("not x c-order",)), conv) == "x not in C order"
    assert said(Condition(("not padding unequal",)), conv) == "padding equal"
    sizes = Condition(("not groups > 4", "samples > 2"))
    assert said(sizes, conv) == "more than 2 samples and at most 4 groups"
    assert said(Condition(("not dtype float32",)), conv) == "dtype other than float32"
