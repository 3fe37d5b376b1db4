"""What a subject can be asked for, told from signature and claims before any call."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from bpcheck import Subject, adapters
from bpcheck.operations import operation_named, operation_names
from bpcheck.planning.beyond import geometry_beyond, within
from bpcheck.planning.classes import beside_classes, every_class, geometry_classes
from bpcheck.planning.draws import integers_from
from bpcheck.planning.reach import reach_of
from bpcheck.planning.strategies import geometries
from properties.harness.depth import deep


def anything(*_operands: Any, **_params: Any) -> Any:
    """All params."""


def only_stride(
    x: Any, w: Any = None, b: Any = None, *, kernel_size: Any = None, stride: Any
) -> Any:
    """What a first exercise takes."""


def no_stride(
    x: Any, w: Any = None, b: Any = None, *, kernel_size: Any = None, padding: Any
) -> Any:
    """What another one takes."""


def nothing(x: Any, w: Any = None, b: Any = None, *, kernel_size: Any = 1) -> Any:
    """No param."""


RESTRICTED = {"square_kernels": True, "equal_strides": True, "dilation": False, "empty": False}


def strided_conv(x: Any, w: Any, b: Any, *, stride: Any) -> Any:
    """A convolution that takes a stride only."""


SUBJECTS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "all": (anything, {}),
    "only stride": (only_stride, {}),
    "no stride": (no_stride, {}),
    "nothing": (nothing, {}),
    "restricted": (anything, RESTRICTED),
    "only stride, restricted": (only_stride, RESTRICTED),
}

WINDOWED = [name for name in operation_names() if name != "network"]

every_subject = pytest.mark.parametrize("kind", SUBJECTS)
every_operation = pytest.mark.parametrize("operation", WINDOWED)


def subject_of(kind: str, operation: str) -> Subject:
    forward, words = SUBJECTS[kind]
    return Subject(forward, print, operation=operation).claiming(words)


@every_subject
@every_operation
def test_a_geometry_is_brought_within_reach_and_stays_if_it_is(operation: str, kind: str) -> None:
    subject, promise = subject_of(kind, operation), operation_named(operation)

    @given(geometry=geometries(operation))
    def check(geometry: Any) -> None:
        narrowed = within(subject, geometry)
        if not geometry_beyond(subject, promise, geometry):
            assert narrowed == geometry
        elif narrowed is None:
            # A batch is not filled, and a smaller kernel may leave too much padding.
            assert kind.endswith("restricted")
        else:
            assert not geometry_beyond(subject, promise, narrowed)

    check()


@every_subject
@every_operation
def test_no_class_is_called_beyond_that_a_claimed_geometry_is_in(operation: str, kind: str) -> None:
    subject, promise = subject_of(kind, operation), operation_named(operation)
    beyond = reach_of(subject).beyond
    integers = integers_from(np.random.default_rng(1))
    for _ in range(deep(300, 2_000)):
        geometry = promise.draw(integers)
        if not geometry_beyond(subject, promise, geometry):
            classes = geometry_classes(promise, geometry) | beside_classes(promise, geometry)
            assert not set(beyond) & classes


@every_operation
def test_who_takes_all_can_be_asked_for_all(operation: str) -> None:
    reach = reach_of(subject_of("all", operation))
    assert reach.beyond == {}
    assert (reach.fixed, reach.restricted) == ((), ())
    assert reach.values == operation_named(operation).value_kinds


def test_the_reasons_are_what_all_geometries_of_a_class_have_in_common() -> None:
    subject = Subject(strided_conv, print, operation="conv2d").claiming(RESTRICTED)
    beyond = reach_of(subject).beyond
    said = {name: beyond[name] for name in ("padding > 0", "groups > 1", "batch 0")}
    assert said == {
        "padding > 0": "forward takes no padding",
        "groups > 1": "forward takes no groups",
        "batch 0": "empty batches",
    }
    assert beyond["family 3x3, stride 1, padding 1"] == "forward takes no padding"
    assert beyond["extreme dilation"] == "forward takes no dilation"
    # A long kernel can be square, and a long stride equal.
    assert not {"family 1x1", "extreme stride", "extreme kernel"} & set(beyond)
    assert beyond["stride unequal"] == "unequal strides"
    assert beyond["kernel unequal"] == "kernels of unequal sides"
    assert "stride > 1" not in beyond
    assert "remainder >= 2" not in beyond


def test_a_pool_without_a_stride_tiles() -> None:
    beyond = reach_of(subject_of("nothing", "max_pool2d")).beyond
    assert {"stride < kernel", "stride > kernel", "windows overlap"} <= set(beyond)
    taken = {"stride = kernel", "stride > 1", "stride 1", "windows tile", "extreme stride"}
    assert not taken & set(beyond)


def test_levels_of_dresses_follow_from_the_claims() -> None:
    subject = Subject(
        anything,
        print,
        operation="conv2d",
        dtypes=("float16",),
        nan=False,
        subnormals=False,
        layouts=("negative",),
    )
    reach = reach_of(subject)
    assert reach.dtypes == ("float16",)
    assert reach.layouts == ("c-order", "negative")
    assert not {"special", "tiny"} & set(reach.values)
    assert {"values special", "values tiny", "x fortran", "all fortran"} <= set(reach.beyond)
    assert not {"x negative", "all negative", "w c-order"} & set(reach.beyond)
    assert set(reach.beyond) < set(every_class(operation_named("conv2d"), ["float16"]))


@pytest.mark.parametrize("style", ["by name", "by position"])
def test_torch_callables_are_asked_as_numpy_ones_are(style: str) -> None:
    def named(x: Any, w: Any, b: Any, stride: Any) -> Any:
        return x

    def positional(x: Any, w: Any, b: Any, s: Any) -> Any:
        return x

    fn = named if style == "by name" else positional
    reach = reach_of(adapters.torch(fn, operation="conv2d"))
    same = reach_of(Subject(strided_conv, print, operation="conv2d"))
    assert (reach.fixed, reach.beyond) == (same.fixed, same.beyond)


def test_an_operation_that_cannot_narrow_a_param_keeps_its_classes() -> None:
    class Bare(type(operation_named("conv2d"))):  # type: ignore[misc]
        """A user's own, which says only when a param may be left out."""

    operation = Bare(2)
    operation.name, operation.neutral_numbers = "bare", {}
    subject = Subject(strided_conv, print, operation=operation)
    beyond = [each for each in reach_of(subject).beyond if not each.startswith("family")]
    assert beyond == []
    narrowed = [within(subject, geometry) for geometry in islice(_drawn(operation), 300)]
    assert any(narrowed)
    assert None in narrowed


def _drawn(operation: Any) -> Any:
    integers = integers_from(np.random.default_rng(2))
    while True:
        yield operation.draw(integers)


def test_what_is_in_reach_does_not_depend_on_chance() -> None:
    subject = subject_of("only stride", "max_pool1d")
    assert reach_of(subject) == reach_of(subject)


def test_who_has_no_place_for_what_every_case_needs_can_be_asked_for_nothing() -> None:
    def shapeless(x: Any, *, stride: Any) -> Any:
        """A pool that does not take the size of its window."""

    pool = operation_named("avg_pool1d")
    beyond = reach_of(Subject(shapeless, print, operation=pool)).beyond
    assert {str(each) for each in pool.edge_classes} <= set(beyond)
    assert beyond["stride 1"] == "forward takes no kernel_size"
