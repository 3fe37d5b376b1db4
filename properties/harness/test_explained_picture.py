"""The pictures of `bpcheck explain`: what is framed is what makes up the framed result."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from bpcheck.arithmetic import Array
from bpcheck.cases import parse_case
from bpcheck.errors import UsageError
from bpcheck.filling import fill
from bpcheck.operations.step import Step
from bpcheck.oracles.autograd import autograd
from bpcheck.report.drawing import case_sketch, judgement_sketch, steps_of, to_svg
from bpcheck.report.sketch import MOST_STEPS, sketch_of
from properties.harness.own import command
from properties.harness.pages import DEFECT, HOSTILE
from properties.harness.targets import folder, write
from properties.harness.test_replay_from import HALF
from properties.harness.test_worked_by_hand import RESULTS

__all__ = ["folder"]


def framed(step: Step, name: str) -> Array:
    """The numbers of the cells that are framed, in the order of the frames."""
    array = dict(step.grids)[name]
    return np.array([array[each] for each in step.marks[name]], np.float64)


def named(step: Step, *parts: str) -> str | None:
    return next((name for name, _ in step.grids if any(part in name for part in parts)), None)


def makes_up(result: str, step: Step) -> None:
    """Whether the framed cells of a step give the framed cell of what comes of it."""
    sends = named(step, "what it sends", "what it adds", "products added")
    if sends is not None:
        one, other = (
            framed(step, name)
            for name, _ in step.grids
            if name != sends and not (result == "x_bar" and name.startswith("y_bar"))
        )
        assert np.array_equal(framed(step, sends), [(one * other).sum()])
    elif "to each cell" in dict(step.grids):
        assert np.array_equal(
            framed(step, "to each cell"),
            framed(step, str(named(step, "y_bar"))) / framed(step, "divided by"),
        )


@pytest.mark.parametrize(("text", "result"), RESULTS)
def test_the_framed_cells_make_up_the_framed_result(text: str, result: str) -> None:
    case = parse_case(text)
    arrays, right = fill(case), autograd(case, fill(case))[result]
    if not np.isfinite(right).all():
        return
    elements = list(np.ndindex(*right.shape))
    for index in elements[:: max(1, len(elements) // 6)]:
        steps = steps_of(case, arrays, result, index)
        if not steps or result == "b_bar":
            continue
        for step in steps:
            makes_up(result, step)
        last = steps[-1]
        (name, _), *_ = last.grids[::-1]
        assert framed(last, name) == [right[index]]
        plain = [each for each in steps if "products added" in dict(each.grids)]
        if case.operation.name.startswith("avg") and result == "x_bar":
            assert framed(steps[0], "to each cell").sum() == pytest.approx(right[index], rel=1e-12)
        elif case.operation.name.startswith("max") and result == "y":
            assert framed(steps[0], str(named(steps[0], "x["))).max() == right[index]
        elif case.operation.name.startswith("conv") and result == "y":
            bias = float(arrays.operands["b"][index[1]]) if "b" in arrays.operands else 0.0
            sent = sum(float(framed(each, "products added").sum()) for each in plain)
            assert sent + bias == right[index]


def test_a_picture_is_whole_xml_whatever_stands_in_it() -> None:
    step = Step(HOSTILE, ((HOSTILE, np.array([np.nan, -np.inf, -0.0, 1e300])),))
    root = ET.fromstring(to_svg(sketch_of([(HOSTILE, [step])], said=HOSTILE)))  # noqa: S314
    assert {each.tag.rpartition("}")[2] for each in root.iter()} == {
        "svg",
        "title",
        "style",
        "rect",
        "text",
    }
    assert [each.text for each in root.iter() if each.tag.endswith("text")][1:5]


def test_many_steps_are_counted_and_large_arrays_are_told() -> None:
    steps = [Step(f"step {number}", (("a", np.zeros(3)),)) for number in range(40)]
    drawn = sketch_of([("y", steps)], said="y")
    told = [label.text for label in drawn.labels]
    assert f"and {40 - MOST_STEPS} more like these" in told
    assert "step 39" in told
    large = sketch_of([("", [Step("", (("a", np.zeros((20, 20))),))])], said="y")
    assert not large.boxes
    assert large.labels[0].text == "a: 400 elements"


def test_nothing_is_drawn_beside_or_over_another_thing() -> None:
    case = parse_case("conv2d n2ic3ih4iw5oc4kh2kw3sw2pw1 f64 small")
    arrays = fill(case)
    drawn = case_sketch(case, arrays, autograd(case, arrays), None)
    places = {(box.x, box.y) for box in drawn.boxes}
    assert len(places) == len(drawn.boxes)
    assert all(box.x >= 0 and box.x + box.width <= drawn.width for box in drawn.boxes)
    assert all(box.y >= 0 and box.y + box.height <= drawn.height for box in drawn.boxes)
    rows = sorted(drawn.boxes, key=lambda box: (box.y, box.x))
    for one, two in pairwise(rows):
        assert one.y != two.y or one.x + one.width <= two.x


def test_a_defect_without_a_case_or_an_element_has_no_picture() -> None:
    assert judgement_sketch(DEFECT) is not None
    assert judgement_sketch(replace(DEFECT, smallest=HOSTILE)) is None
    assert judgement_sketch(replace(DEFECT, smallest="no_module:op n1 f64")) is None
    assert judgement_sketch(replace(DEFECT, answers=())) is None
    assert judgement_sketch(replace(DEFECT, result="b_bar")) is None
    large = "conv2d n1ic1ih50iw50oc1kh1kw1 f64 small"
    assert judgement_sketch(replace(DEFECT, smallest=large)) is None


def test_the_command_draws_a_wrong_kernel_beside_what_is_right() -> None:
    write("layers.py", HALF)
    case = "avg_pool1d n1ic1iw3kw2 f64 small"
    done = command("explain", case, "layers", "--picture", "a.svg", "--in-process")
    assert done.exit_code == 1
    assert "drawn: a.svg" in done.output
    text = Path("a.svg").read_text(encoding="utf-8")
    assert "got minus expected" in text
    assert "what the subject gave: 1 of 3 elements differ" in text
    assert "prefers-color-scheme: dark" in text
    pytest.importorskip("matplotlib")
    assert command("explain", case, "--picture", "a.png").exit_code == 0
    assert Path("a.png").read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_drawn_is_said_before_anything_runs() -> None:
    case = "avg_pool1d n1ic1iw3kw2 f64 small"
    assert "must end in .svg or .png" in command("explain", case, "--picture", "a.txt").output
    assert "no directory" in command("explain", case, "--picture", "no/a.svg").output
    large = parse_case("conv2d n1ic1ih50iw50oc1kh1kw1 f64 small")
    arrays, right = fill(large), autograd(large, fill(large))
    with pytest.raises(UsageError, match="nothing of it is drawn"):
        case_sketch(large, arrays, right, None)
