"""`bpcheck explain`: its steps lead to the right numbers, and it shows where a kernel's differ."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from bpcheck.cases import parse_case
from bpcheck.cli import main
from bpcheck.cli.explain import asked_results
from bpcheck.errors import UsageError
from bpcheck.explain.right import right_kernel
from bpcheck.explain.walk import walk
from bpcheck.filling import fill
from bpcheck.oracles.autograd import autograd
from bpcheck.runner.one import replay
from properties.harness.test_worked_by_hand import RESULTS

WRONG = """
from reference import conv
forward = conv.forward
def vjp(residuals, y_bar):
    x_bar, w_bar, b_bar = conv.vjp(residuals, y_bar)
    return 2 * x_bar, w_bar, b_bar
"""


def explained(*words: str) -> Result:
    return CliRunner().invoke(main, ["explain", *words])


@pytest.mark.parametrize(("text", "result"), RESULTS)
def test_the_steps_end_in_the_numbers_of_torch(text: str, result: str) -> None:
    case = parse_case(text)
    arrays, right = fill(case), autograd(case, fill(case))[result]
    plain = {**arrays.operands, "y_bar": arrays.y_bar}
    leading = right.shape[:1] if result == "b_bar" else right.shape[:2]
    for plane in np.ndindex(*leading):
        index = (*plane, *(0 for _ in right.shape[len(plane) :]))
        steps = list(case.operation.steps(case.geometry, result, index, plain))
        _, last = steps[-1].grids[-1]
        assert np.array_equal(last, right[plane], equal_nan=True), (plane, last, right[plane])


def lines_of(text: str) -> str:
    case = parse_case(text)
    arrays = fill(case)
    return "\n".join(walk(case, arrays, autograd(case, arrays)))


def test_a_convolution_shows_zeros_between_and_the_turned_kernel() -> None:
    shown = lines_of("conv1d n1ic1iw5oc1kw2sw2 f64 small seed=1")
    assert "zeros between its cells, as the stride is 2" in shown
    assert "turned by 180 degrees" in shown
    w = fill(parse_case("conv1d n1ic1iw5oc1kw2sw2 f64 small seed=1")).operands["w"][0, 0]
    turned = f"{w[1]:.0f} {w[0]:.0f}"
    assert turned in " ".join(shown.partition("w[0,0] turned")[2].split())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("avg_pool1d n1ic1iw4kw2sw2 f64 small", "the sum is kept"),
        ("avg_pool1d n1ic1iw4kw2sw2pw1 f64 small", "the sum is not kept"),
        ("max_pool1d n1ic1iw4kw2sw2 f64 small", "wins and gets y_bar[0,0,1]"),
        ("conv1d n0ic1iw4oc1kw2 f64 small", "it has no elements: the batch is empty"),
        ("conv2d n1ic3ih50iw50oc4kh3kw3 f64 small", "too many to be shown whole"),
        ("conv2d n1ic2ih3iw3oc96kh2kw2 f64 small", "more like these"),
        ("max_pool2d n1ic1ih4iw4kh3kw3 f64 special seed=1", "inf"),
        ("conv1d n1ic1iw5oc1kw2 f64 small", "the stride is 1, and zeros around it;"),
        ("conv1d n1ic1iw5oc1kw2pw1 f64 small", "the stride is 1, and no zeros around it;"),
        ("conv2d n1ic1ih5iw5oc1kh2kw2ph1 f64 small", "zeros on the sides where the kernel reaches"),
        ("conv1d n1ic1iw5oc1kw2pw3 f64 small", "what saw padding alone being cut off"),
    ],
)
def test_what_is_told_of_a_case(text: str, told: str) -> None:
    shown = lines_of(text)
    assert told in " ".join(shown.split())
    assert len(shown.splitlines()) < 400


def test_a_right_kernel_is_told_to_give_the_same_numbers() -> None:
    case = parse_case("max_pool1d n1ic1iw4kw2 f32 small")
    told = replay(right_kernel("max_pool1d"), case)
    shown = list(walk(case, told.arrays, told.autograd, told.got, told.worked))
    assert "the subject's x_bar is the same in all 4 elements" in shown


def test_the_command_needs_no_target() -> None:
    done = explained("conv1d", "n1ic1iw3oc1kw2", "f64", "small")
    assert done.exit_code == 0, done.output
    assert "explained by torch's numbers" in done.stdout
    assert explained("conv1d n1ic1iw3oc1kw2kq1").exit_code == 2


def test_the_command_shows_what_a_wrong_kernel_gave_beside_what_is_expected(
    tmp_path: Path,
) -> None:
    code = tmp_path / "wrong.py"
    code.write_text(WRONG)
    done = explained("conv1d n1ic1iw3oc1kw2 f64 small", str(code))
    assert done.exit_code == 1, done.output
    assert "twice that" in done.stdout
    assert "got minus expected" in done.stdout
    assert "the subject's w_bar is the same in all 2 elements" in done.stdout


def test_one_result_or_one_element_of_it_is_shown_on_request() -> None:
    case = parse_case("conv1d n1ic1iw4oc1kw2 f64 small")
    arrays = fill(case)
    right = autograd(case, arrays)
    whole = list(walk(case, arrays, right, asked={"x_bar": None}))
    assert "w_bar (1, 1, 2)" not in whole
    assert "x_bar (1, 1, 4)" in whole
    one = list(walk(case, arrays, right, asked={"x_bar": (0, 0, 3)}))
    assert one[-1].startswith("so x_bar[0,0,3] is ")
    for asked in ("z", "x_bar[9]", "x_bar[0,0,4]", "x_bar[0,0,3", "x_bar[a]"):
        with pytest.raises(UsageError, match=r"this case has y|its last element is"):
            asked_results([asked], case)
    assert asked_results(["y", "x_bar[0,0,3]"], case) == {"y": None, "x_bar": (0, 0, 3)}
