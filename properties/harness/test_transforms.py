"""Fast transforms: right ones agree where they are declared, wrong ones are found all the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bpcheck
from bpcheck import Subject, Verdict, parse_case
from bpcheck.adapters import load
from bpcheck.cases import Case
from bpcheck.cli.project import Entry, entries
from bpcheck.cli.requests import CLAIM, asked_claims, loaded
from bpcheck.verdict import Report
from properties.harness.targets import folder, write
from properties.harness.transform_kernels import (
    F23,
    F43,
    Winograd,
    fft_forward,
    fft_vjp,
    integral_forward,
    integral_vjp,
    running_forward,
    running_vjp,
    strassen,
    strassen_forward,
    strassen_vjp,
    supports_pointwise,
    supports_winograd,
)
from reference import conv

__all__ = ["folder"]

FEW = 20

#: A layer of each operation that is not symmetric in anything.
LAYERS = {
    "conv1d": "conv1d n2ic3iw9oc2kw3",
    "conv2d": "conv2d n2ic3ih6iw7oc2kh3kw3ph1pw1",
    "avg_pool1d": "avg_pool1d n2ic2iw19kw5sw2",
    "avg_pool2d": "avg_pool2d n2ic2ih8iw9kh3kw4sh2sw2",
}
KINDS = ("f64 exact", "f64 wide", "f32 wide", "f64 real")


#: One that Strassen's products of matrices take, with odd sides.
POINTWISE = "conv2d n1ic3ih3iw3oc5kh1kw1"


def cases(operation: str, *, text: str = "") -> list[Case]:
    text = text or LAYERS[operation]
    return [parse_case(f"{text} {kind} c-order seed={s}") for kind in KINDS for s in range(3)]


def declared(
    forward: Any, vjp: Any, operation: str, supports: Any = None, **words: Any
) -> Callable[..., Subject]:
    """A subject that is made with its claim, or without."""

    def subject(*, exact: bool = False) -> Subject:
        claims = {} if exact else {"exact": False, **words}
        return Subject(forward, vjp, operation, supports=supports, **claims)

    return subject


def winograd(matrices: Any, **words: Any) -> Callable[..., Subject]:
    kernel = Winograd(matrices)
    claims = {"norm": "max-norm", "constant": kernel.constant, **words}
    return declared(kernel.forward, kernel.vjp, "conv2d", supports_winograd, **claims)


RIGHT = {
    "fft": declared(fft_forward, fft_vjp, "conv1d"),
    "fft, constant 8": declared(fft_forward, fft_vjp, "conv1d", constant=8),
    "F(2, 3)": winograd(F23),
    "F(4, 3)": winograd(F43),
    "strassen": declared(
        strassen_forward, strassen_vjp, "conv2d", supports_pointwise, norm="max-norm", constant=16
    ),
    "integral image": declared(integral_forward, integral_vjp, "avg_pool2d", norm="1-norm"),
    "running sum": declared(running_forward, running_vjp, "avg_pool1d", norm="1-norm"),
}


def defects(report: Report) -> set[str]:
    return {each.result for each in report.judgements if each.verdict.is_defect}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_transform_agrees_where_it_is_declared(name: str) -> None:
    report = bpcheck.check(RIGHT[name](), count=FEW)
    assert report.agrees, report.judgements
    assert report.judgements == ()


@pytest.mark.parametrize("name", ["fft", "F(4, 3)", "integral image"])
def test_one_that_is_not_declared_is_a_defect_that_says_what_to_declare(name: str) -> None:
    subject = RIGHT[name](exact=True)
    report = bpcheck.check(subject, cases=cases(str(subject.operation)))
    assert not report.agrees
    # One mistake, told once, whatever it touches.
    (only,) = [each for each in report.judgements if each.looks_like]
    assert only.looks_like.startswith("the rounding of a transform"), only
    assert "EXACT = False" in only.looks_like


#: Where a difference that ought to be 0 is a bit of a transform's rounding.
ZERO_BUT_FOR_ROUNDING = parse_case(
    "conv1d n1ic1iw6oc1kw1sw2pw1 f64 exact x:one-memory,w:one-memory seed=0 y_bar=0,0,0"
)


def test_what_its_rounding_does_elsewhere_is_no_defect_of_its_own() -> None:
    report = bpcheck.check(
        RIGHT["fft"](exact=True), cases=[*cases("conv1d"), ZERO_BUT_FOR_ROUNDING]
    )
    (only,) = report.judgements
    assert only.looks_like.startswith("the rounding of a transform")
    assert {only.result, *only.also} == {"y", "x_bar", "w_bar"}


def test_a_mistake_beside_a_transform_that_is_not_declared_is_told_beside_it() -> None:
    report = bpcheck.check(WRONG["w_bar"](exact=True), cases=cases("conv1d"))
    of_y, of_w_bar = sorted(report.judgements, key=lambda each: each.result, reverse=True)
    assert of_y.looks_like.startswith("the rounding of a transform")
    assert {of_y.result, *of_y.also} == {"y", "x_bar"}
    assert of_w_bar.result == "w_bar"
    assert "transform" not in of_w_bar.looks_like


@pytest.mark.verdicts
@pytest.mark.parametrize("wrong", ["x_bar", "x_bar, running"])
def test_no_mistake_is_taken_for_the_rounding_of_the_transform_that_has_it(wrong: str) -> None:
    subject = WRONG[wrong](exact=True)
    report = bpcheck.check(subject, cases=cases(str(subject.operation)))
    told = [each for each in report.judgements if "transform" not in each.looks_like]
    assert "x_bar" in {result for each in told for result in (each.result, *each.also)}


def in_12_bits(x: Any, w: Any, b: Any, *, stride: Any, padding: Any) -> Any:
    """A direct sum of float32 operands that were rounded, as some matrix units do it."""

    def short(array: Any) -> Any:
        significand, exponent = np.frexp(array)
        rounded = np.ldexp(np.rint(np.ldexp(significand, 12)), exponent - 12)
        return array if array.dtype == np.float64 else rounded.astype(array.dtype)

    params: Any = {"stride": stride, "padding": padding, "dilation": (1,), "groups": 1}
    y, residuals = conv.forward(short(x), short(w), b, **params)
    return y, residuals


def test_operands_that_were_rounded_are_not_taken_for_a_transform() -> None:
    report = bpcheck.check(Subject(in_12_bits, conv.vjp, "conv1d"), cases=cases("conv1d"))
    assert "y" in defects(report)
    assert not any("transform" in each.looks_like for each in report.judgements)


def without_conjugate(residuals: Any, y_bar: Any) -> Any:
    x_bar, w_bar, b_bar = fft_vjp(residuals, y_bar)
    return x_bar, w_bar[..., ::-1].copy(), b_bar


def wrapped_around(x: Any, w: Any, b: Any, *, stride: Any, padding: Any) -> Any:
    """The image is not long enough: what leaves it on one side comes back on the other."""
    image = x[..., : x.shape[-1] - 1] if x.shape[-1] > w.shape[-1] + 2 else x
    y, _ = fft_forward(
        np.pad(image, ((0, 0), (0, 0), (0, x.shape[-1] - image.shape[-1]))),
        w,
        b,
        stride=stride,
        padding=padding,
    )
    return y, fft_forward(x, w, b, stride=stride, padding=padding)[1]


def last_corner_lost(residuals: Any, y_bar: Any) -> Any:
    """The last row of the gradient is that before it."""
    (x_bar,) = integral_vjp(residuals, y_bar)
    x_bar = x_bar.copy()
    x_bar[..., -1:, :] = x_bar[..., -2:-1, :] if x_bar.shape[2] > 1 else x_bar
    return (x_bar,)


def never_subtracts(residuals: Any, y_bar: Any) -> Any:
    shape, k, s = residuals
    total = np.cumsum(y_bar / y_bar.dtype.type(k), -1, y_bar.dtype)
    last = np.minimum(np.arange(shape[2]) // s, y_bar.shape[2] - 1)
    return (total[..., last],)


def wrong_matrix(matrices: Any) -> Any:
    """One entry of ``A.T`` has the wrong sign."""
    first = [list(row) for row in matrices[0]]
    first[-1][2] = -first[-1][2]
    return first, *matrices[1:]


def float32_inside(x: Any, w: Any, b: Any, **params: Any) -> Any:
    narrow: Any = (each if each is None else each.astype(np.float32) for each in (x, w, b))
    y, _ = fft_forward(*narrow, **params)
    return y.astype(x.dtype), fft_forward(x, w, b, **params)[1]


def wrong_strassen(change: Callable[[Any], Any]) -> Any:
    """The vjp with one product of matrices replaced: rows times columns for ``w_bar``."""

    def vjp(residuals: Any, y_bar: Any) -> Any:
        columns, w, *_ = residuals
        x_bar, _, b_bar = strassen_vjp(residuals, y_bar)
        rows = np.moveaxis(y_bar, 1, 0).reshape(len(w), -1)
        return x_bar, change((rows, columns.T)).reshape(w.shape), b_bar

    return vjp


def odd_side_cut(operands: Any) -> Any:
    """An odd number of terms is cut to an even one, where it should be filled with zeros."""
    a, b = operands
    even = a.shape[1] - a.shape[1] % 2
    return strassen(a[:, :even], b[:even]) if even else strassen(a, b)


def one_product_of_seven(operands: Any) -> Any:
    """The seventh product takes its second factor's blocks with the wrong sign."""
    a, b = operands
    half_rows, half = (len(a) + 1) // 2, (a.shape[1] + 1) // 2
    columns = (b.shape[1] + 1) // 2
    first = a[:half_rows, half:]
    wrong = 2 * first @ b[half:, :columns]
    product = strassen(a, b)
    product[: len(first), :columns] -= wrong
    return product


def constant_of(matrices: Any) -> float:
    return Winograd(matrices).constant


WRONG = {
    "w_bar": declared(fft_forward, without_conjugate, "conv1d"),
    "y": declared(wrapped_around, fft_vjp, "conv1d"),
    "y, in float32": declared(float32_inside, fft_vjp, "conv1d"),
    "y, F(2, 3)": winograd(wrong_matrix(F23), constant=constant_of(F23)),
    "y, F(4, 3)": winograd(wrong_matrix(F43), constant=constant_of(F43)),
    **{
        f"w_bar, {change.__name__}": declared(
            strassen_forward,
            wrong_strassen(change),
            "conv2d",
            supports_pointwise,
            norm="max-norm",
            constant=16,
        )
        for change in (odd_side_cut, one_product_of_seven)
    },
    "x_bar": declared(integral_forward, last_corner_lost, "avg_pool2d", norm="1-norm"),
    "x_bar, running": declared(running_forward, never_subtracts, "avg_pool1d", norm="1-norm"),
}


@pytest.mark.verdicts
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_transform_is_found_although_it_is_declared(name: str) -> None:
    subject = WRONG[name]()
    text = POINTWISE if subject.claims.supports is supports_pointwise else ""
    report = bpcheck.check(subject, cases=cases(str(subject.operation), text=text))
    assert name.partition(",")[0] in defects(report)
    assert not any("transform" in each.looks_like for each in report.judgements)


def test_a_small_sum_that_is_lost_within_a_wide_bound_is_no_lost_precision_besides() -> None:
    kernel = Winograd(F43)

    def vjp(residuals: Any, y_bar: Any) -> Any:
        x_bar, w_bar, b_bar = kernel.vjp(residuals, y_bar)
        w_bar[4:] = 0
        return x_bar, w_bar, b_bar

    subject = declared(
        kernel.forward, vjp, "conv2d", supports_winograd, norm="max-norm", constant=kernel.constant
    )()
    texts = [f"conv2d n1ic1ih3iw3oc{oc}kh3kw3 f64" for oc in (4, 5, 6)]
    small = "conv2d n2ic1ih16iw11oc5kh3kw3 f32 small c-order seed=0"
    plain = [parse_case(f"{text} small c-order seed={s}") for text in texts for s in range(3)]
    alone = bpcheck.check(subject, cases=[parse_case(small)])
    assert [each.verdict for each in alone.judgements] == [Verdict.LOST_PRECISION]
    (only,) = bpcheck.check(subject, cases=[*plain, parse_case(small)]).judgements
    assert (only.verdict, only.result) == (Verdict.BACKWARD_WRONG, "w_bar")


@pytest.mark.parametrize(
    "text",
    [
        # Windows of padding alone: no term, and yet some rounding.
        "conv1d n1ic2iw1oc2kw1pw3sw4 f64 real",
        "conv1d n1ic2iw9oc2kw3 f32 huge",
        "conv1d n2ic2iw9oc2kw3pw1 f64 huge",
        "conv1d n1ic2iw9oc2kw3 f32 tiny",
        "conv1d n2ic2iw9oc2kw3 f64 special",
    ],
)
def test_padding_alone_and_the_ends_of_the_range_are_no_traps(text: str) -> None:
    for seed in range(4):
        report = bpcheck.check(RIGHT["fft"](), cases=[parse_case(f"{text} c-order seed={seed}")])
        assert not defects(report), report.judgements


def door(name: str, claims: Any) -> Subject:
    """The declared FFT through one of the doors of claims."""
    if name == "keyword":
        return Subject(fft_forward, fft_vjp, "conv1d", **claims)
    if name == "test":
        test: Any = bpcheck.conformance(Subject(fft_forward, fft_vjp, "conv1d"), claims=claims)
        subject: Subject = test.bpcheck_subject
        return subject
    if name in ("shell", "pyproject"):
        return from_the_command_line(name, claims)
    spelled = "\n".join(f"    {word.upper()} = {value!r}" for word, value in claims.items())
    place = "properties.harness.transform_kernels"
    text = f"from {place} import fft_forward, fft_vjp\n\nclass Mine:\n{spelled}\n"
    text += "    forward, vjp = staticmethod(fft_forward), staticmethod(fft_vjp)\n"
    if name == "module":
        text = text.replace("class Mine:\n", "").replace("    ", "").replace("staticmethod", "")
    write("mine.py", text)
    return load("mine:Mine" if name == "class" else "mine", operation="conv1d")


def from_the_command_line(name: str, claims: Any) -> Subject:
    """The same through the table of a project, or an option."""
    place = "properties.harness.transform_kernels"
    write("mine.py", f"from {place} import fft_forward as forward, fft_vjp as vjp\n")
    if name == "shell":
        typed = tuple(f"{word}={value}" for word, value in claims.items())
        entry = Entry("mine.py", "conv1d", claims=asked_claims(typed), place=CLAIM)
    else:
        said = 'operation = "conv1d", claims = { exact = false, constant = 8 }'
        text = f'[tool.bpcheck.subjects]\nfft = {{ target = "mine.py", {said} }}\n'
        write("pyproject.toml", text)
        (entry,) = entries(Path("pyproject.toml"))
    return loaded(entry, Path.cwd(), dtypes=None)


@pytest.mark.parametrize("name", ["keyword", "test", "class", "module", "shell", "pyproject"])
def test_a_transform_is_declared_through_every_door(name: str) -> None:
    subject = door(name, {"exact": False, "constant": 8})
    assert (subject.claims.exact, subject.claims.norm, subject.claims.constant) == (
        False,
        "2-norm",
        8.0,
    )
    case = parse_case("conv1d n2ic3iw9oc2kw3 f64 exact c-order seed=1")
    assert bpcheck.check(subject, cases=[case]).verdict is not Verdict.BOTH_WRONG


def test_a_step_of_strassens_is_held_to_all_rows_and_columns_that_it_mixes() -> None:
    # Filters of small and of large cotangents, in one product of matrices.
    def vjp(residuals: Any, y_bar: Any) -> Any:
        x_bar, w_bar, b_bar = conv.vjp(residuals, y_bar)
        off = np.spacing(np.abs(w_bar).max()) * (np.abs(w_bar) < np.abs(w_bar).max() / 64)
        return x_bar, w_bar + off, b_bar

    case = parse_case("conv2d n1ic1ih4iw4oc76kh4kw4 f64 real c-order seed=204")
    subject = Subject(conv.forward, vjp, "conv2d", exact=False, norm="max-norm", constant=16)
    assert bpcheck.check(subject, cases=[case]).agrees
