"""The text form of a case parses back to that case, and what is no case is said to be none."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bpcheck.arithmetic import FORMATS
from bpcheck.cases import Case, parse_case
from bpcheck.cases.layouts import LAYOUTS, ONE_MEMORY, OUTPUT, join_layouts
from bpcheck.errors import CaseError
from bpcheck.operations import operation_named, operation_names

KNOWN = "conv2d n1ic64ih13iw13oc96kh2kw2sh2sw2 f32 exact c-order seed=7"


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A case of any operation, with any of the parts that its text can have."""
    operation = operation_named(draw(st.sampled_from(operation_names())))
    geometry = operation.draw(lambda low, high: draw(st.integers(low, high)))
    shape = operation.output_shape(geometry)
    one_hot = None
    if shape and 0 not in shape and draw(st.booleans()):
        one_hot = tuple(draw(st.integers(0, size - 1)) for size in shape)
    arrays = (*operation.operand_shapes(geometry), "y_bar")
    layouts = {name: draw(st.sampled_from(tuple(LAYOUTS))) for name in arrays}
    for name, layout in layouts.items():
        if layout == (ONE_MEMORY if name == "y_bar" else OUTPUT):
            layouts[name] = "c-order"
    if one_hot is not None and layouts["y_bar"] == OUTPUT:
        one_hot = None
    return Case(
        operation,
        geometry,
        dtype=draw(st.sampled_from(tuple(FORMATS))),
        values=draw(st.sampled_from(operation.value_kinds)),
        layout=join_layouts(layouts),
        seed=draw(st.integers(0, 2**64)),
        one_hot=one_hot,
    )


@given(case=cases())
def test_the_text_of_every_case_parses_back_to_an_equal_case(case: Case) -> None:
    text = str(case)
    assert "\n" not in text
    assert parse_case(text) == case
    assert str(parse_case(text)) == text


@given(case=cases(), data=st.data())
def test_parts_after_the_descriptor_may_be_left_out(case: Case, data: st.DataObject) -> None:
    parts = str(case).split()
    kept = data.draw(st.integers(2, len(parts)))
    parsed = parse_case("  ".join(parts[:kept]))
    assert (parsed.operation, parsed.geometry) == (case.operation, case.geometry)
    assert str(parsed).split()[:kept] == parts[:kept] or kept == 2


@given(case=cases(), data=st.data())
def test_a_changed_text_is_another_case_or_an_error_with_a_position(
    case: Case, data: st.DataObject
) -> None:
    text = str(case)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 4)))
    put = data.draw(st.text(st.sampled_from("0129 =,-.kxhseedy_\t\n²٣é\x00"), max_size=4))
    assert_parses_or_points(text[:start] + put + text[end:])


@given(text=st.text(max_size=60))
@example(text="")
@example(text=" ")
@example(text="conv2d")
@example(text="conv2d n1 n1")
@example(text=KNOWN + " y_bar=0,0,0,0 more")
@example(text="conv2d n" + "1" * 5000)
@example(text=KNOWN + "1" * 5000)
@example(text=KNOWN + " y_bar=" + "1" * 5000)
@example(text="conv2d n٣ic1ih2iw2oc1kh2kw2")
def test_any_text_is_a_case_or_an_error_with_a_position(text: str) -> None:
    assert_parses_or_points(text)


def assert_parses_or_points(text: str) -> None:
    parsed = parse(text)
    if isinstance(parsed, Case):
        assert parse_case(str(parsed)) == parsed
    else:
        assert parsed.text == text
        assert parsed.position is not None
        assert 0 <= parsed.position <= len(text)
        assert str(parsed).strip()


def parse(text: str) -> Case | CaseError:
    try:
        return parse_case(text)
    except CaseError as error:
        return error


@pytest.mark.parametrize(
    ("text", "part", "expected"),
    [
        ("conv4d n1", "conv4d", "no such operation"),
        ("conv2d", "", "a descriptor of conv2d was expected"),
        ("conv2d n1ic1ih2iw2oc1kh2kx2", "kx2", "has the keys"),
        ("conv2d n1ic1ih2iw2oc1kh2kw", "kw", "a key and its number"),
        ("conv2d n1ic1n1", "n1", "given twice"),
        ("conv2d n1ic1ih2iw2oc1kh3kw2", "ih2iw2", "make the window smaller"),
        ("conv2d n1ic1ih4iw4oc1kh2kw0", "kw0", "kw=0: must be at least 1"),
        ("conv2d n1ic1ih4iw4oc1kh2kw2same1sw2", "sw2", "needs padding 0 and stride 1"),
        ("conv2d n1ic3ih4iw4oc4kh2kw2g2", "g2", "must divide ic=3"),
        ("max_pool2d n1ic1ih4iw4kh2kw2pw2", "pw2", "pw=2: at most half"),
        ("max_pool1d n1ic1iw4kw2 f99", "f99", "expected a dtype"),
        ("max_pool1d n1ic1iw4kw2 f32 odd", "odd", "expected a value kind"),
        ("max_pool1d n1ic1iw4kw2 f32 exact z-order", "z-order", "expected layouts"),
        ("max_pool1d n1ic1iw4kw2 x:odd", "x:odd", "expected layouts (c-order"),
        ("max_pool1d n1ic1iw4kw2 x:output", "x:output", "a layout of the cotangent y_bar alone"),
        ("conv1d n1ic1iw4oc1kw2 y_bar:one-memory", "y_bar:one", "a layout of operands alone"),
        ("max_pool1d n1ic1iw4kw2 y_bar:output y_bar=0,0,1", "y_bar=", "leave one of them out"),
        ("max_pool1d n1ic1iw4kw2 seed=x", "seed=x", "'seed=x': expected a seed"),
        ("max_pool1d n1ic1iw4kw2 seed=1 f32", "f32", "expected a one-hot cotangent"),
        ("max_pool1d n1ic1iw9999999kw2", "iw9999999", "must be at most 1000000"),
        ("max_pool1d n1ic1iw4kw2 f32 exact c-order seed=-1", "seed=-1", "expected a seed"),
        (
            "max_pool1d n1ic1iw4kw2 f32 exact c-order seed=1 y_bar=0,0,3",
            "y_bar=0,0,3",
            "y has the shape (1, 1, 3)",
        ),
        ("max_pool1d n1ic1iw4kw2 f32 exact c-order seed=1 y_bar=0,0,0 x", "x", "ends before"),
    ],
)
def test_an_error_names_the_part_and_what_was_expected_there(
    text: str, part: str, expected: str
) -> None:
    with pytest.raises(CaseError) as raised:
        parse_case(text)
    assert expected in str(raised.value)
    assert raised.value.position == (text.rindex(part) if part else len(text))
