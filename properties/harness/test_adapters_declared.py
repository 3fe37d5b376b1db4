"""Each word of a declaration: code that differs so agrees by it, and does not without it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import bpcheck
from bpcheck.adapters.styles import STYLES
from bpcheck.errors import TargetError
from bpcheck.operations import operation_named
from bpcheck.report import report_text
from properties.harness.planting import reference

ROOT = Path(__file__).parents[2]
RIGHT, POOL = reference("conv2d"), reference("max_pool2d")

#: From a change of the right code to code of another convention.
Change = Callable[..., Any]


def forward(x: Any, w: Any, b: Any, *, stride: Any, pad: Any, dil: Any) -> Any:
    params = {"stride": stride, "padding": pad, "dilation": dil, "groups": 1}
    return RIGHT.forward(x, w, b, **params)


def pair(ahead: Change, back: Change = RIGHT.vjp, **words: Any) -> bpcheck.Subject:
    call = words.pop("call", "x, w, b, stride=stride, pad=padding, dil=dilation")
    return bpcheck.adapters.pair(
        ahead,
        lambda dout, cache: back(cache, dout),
        operation="conv2d",
        call=call,
        back="dout, cache",
        **words,
    )


def defects(subject: bpcheck.Subject, count: int = 24) -> set[str]:
    report = bpcheck.check(subject, count=count, largest=400)
    return {each.result for each in report.judgements if each.verdict.is_defect}


def halved(pad: Any) -> Any:
    return tuple(each // 2 for each in pad)


def one_less(cache: Any, dout: Any) -> Any:
    return tuple(each for each in RIGHT.vjp(cache, dout) if each is not None)


def mean(cache: Any, dout: Any) -> Any:
    dx, dw, db = RIGHT.vjp(cache, dout)
    return dx, dw / len(dout), None if db is None else db / len(dout)


def swapped(*operands: Any, **params: Any) -> Any:
    y, cache = forward(*operands, **params)
    return y.transpose(1, 0, 2, 3), cache


def padded_by_word(pad: str, w: Any, dil: Any) -> Any:
    return (0, 0) if pad == "VALID" else "same"


def four(pad: Any) -> Any:
    first, _, second, _ = pad
    return first, second


CONVENTIONS: dict[str, tuple[bpcheck.Subject, bpcheck.Subject]] = {
    "padding=total": (
        pair(lambda *o, pad, **p: forward(*o, pad=halved(pad), **p), padding="total"),
        pair(lambda *o, pad, **p: forward(*o, pad=halved(pad), **p)),
    ),
    "padding=four": (
        pair(lambda *o, pad, **p: forward(*o, pad=four(pad), **p), padding="four"),
        pair(lambda *o, pad, **p: forward(*o, pad=four(pad), **p)),
    ),
    "dilation_from=0": (
        pair(
            lambda *o, dil, **p: forward(*o, dil=tuple(each + 1 for each in dil), **p),
            dilation_from=0,
        ),
        pair(lambda *o, dil, **p: forward(*o, dil=tuple(each + 1 for each in dil), **p)),
    ),
    "padding=word": (
        pair(
            lambda x, w, b, *, pad, dil, stride: forward(
                x, w, b, pad=padded_by_word(pad, w, dil), dil=dil, stride=stride
            ),
            padding="word",
            same="SAME",
            valid="VALID",
        ),
        pair(
            lambda x, w, b, *, pad, dil, stride: forward(
                x, w, b, pad=padded_by_word(pad, w, dil), dil=dil, stride=stride
            ),
            padding="word",
            same="VALID",
            valid="SAME",
        ),
    ),
    "scaled=1/n": (pair(forward, mean, scaled="1/n"), pair(forward, mean, empty=False)),
    "without_bias=shorter": (
        pair(forward, one_less, without_bias="shorter"),
        pair(forward, one_less, without_bias="none"),
    ),
    "ints": (
        pair(
            lambda x, w, b, *, s, pad, dil: forward(
                x, w, b, stride=(s + 0,) * 2, pad=(pad + 0,) * 2, dil=(dil + 0,) * 2
            ),
            call="x, w, b, s=stride, pad=padding, dil=dilation",
            ints=True,
        ),
        pair(
            lambda x, w, b, *, s, pad, dil: forward(
                x, w, b, stride=(s + 0,) * 2, pad=(pad + 0,) * 2, dil=(dil + 0,) * 2
            ),
            call="x, w, b, s=stride, pad=padding, dil=dilation",
        ),
    ),
    "y_layout": (
        pair(
            swapped,
            lambda cache, dout: RIGHT.vjp(cache, dout.transpose(1, 0, 2, 3)),
            y_layout="CNHW",
        ),
        pair(swapped),
    ),
}


@pytest.mark.verdicts
@pytest.mark.parametrize("word", CONVENTIONS)
def test_code_of_another_convention_agrees_by_its_declaration_and_not_without(word: str) -> None:
    declared, undeclared = CONVENTIONS[word]
    assert defects(declared) == set()
    assert defects(undeclared)


def test_an_axis_that_code_does_not_have_is_one_of_length_1() -> None:
    def plane(x: Any, w: Any, stride: Any) -> Any:
        y, cache = forward(
            x[None, None], w[None, None], None, stride=stride, pad=(0, 0), dil=(1, 1)
        )
        return y[0, 0], cache

    def back(dout: Any, cache: Any) -> Any:
        dx, dw, _ = RIGHT.vjp(cache, dout[None, None])
        return dx[0, 0], dw[0, 0]

    subject = bpcheck.adapters.pair(
        plane,
        back,
        operation="conv2d",
        layout="HW",
        weight_layout="HW",
        call="x, w, stride",
        back="dout, cache -> dx, dw",
    )
    case = "conv2d n1ic1ih4iw5oc1kh2kw3sh2bias0 f32 exact"
    report = bpcheck.check(subject, cases=[bpcheck.parse_case(case)])
    assert (report.cases, report.judgements) == (1, ())
    many = "conv2d n2ic1ih4iw5oc1kh2kw3bias0 f32 exact"
    assert "N other than 1" in report_text(bpcheck.check(subject, cases=[bpcheck.parse_case(many)]))


def test_a_single_sample_and_scalar_params_of_torch_code() -> None:
    def pool(x: torch.Tensor, size: int, stride: int) -> torch.Tensor:
        assert x.dim() == 3
        assert stride + size
        return torch.nn.functional.max_pool2d(x, size, stride)

    subject = bpcheck.adapters.torch(pool, operation="max_pool2d", layout="CHW")
    assert "torch (layout CHW, ints)" in subject.style
    case = bpcheck.parse_case("max_pool2d n1ic2ih5iw4kh2kw2sh1sw1 f32 exact")
    report = bpcheck.check(subject, cases=[case])
    assert (report.cases, report.judgements) == (1, ())


def test_a_registered_operator_of_torch_is_called_by_its_schema() -> None:
    @torch.library.custom_op("bpcheck_tests::pool", mutates_args=())
    def pool(x: torch.Tensor, size: int, stride: int) -> torch.Tensor:
        return torch.nn.functional.avg_pool1d(x, size, stride)

    def back(ctx: Any, dout: torch.Tensor) -> Any:
        x = torch.zeros(ctx.shape, dtype=dout.dtype)
        for j in range(ctx.size):
            x[:, :, j : j + ctx.stride * dout.shape[2] : ctx.stride] += dout / ctx.size
        return x, None, None

    def remember(ctx: Any, inputs: Any, output: Any) -> None:
        x, ctx.size, ctx.stride = inputs
        ctx.shape = x.shape

    pool.register_autograd(back, setup_context=remember)
    subject = bpcheck.adapters.torch(pool, operation="avg_pool1d", name="pool")
    assert defects(subject, count=12) == set()


def test_results_that_come_by_dlpack_are_taken() -> None:
    def conv(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor, stride: Any) -> Any:
        assert isinstance(x, torch.Tensor)
        return torch.nn.functional.conv2d(x, w, b, stride), (x, w, b, stride)

    def back(dout: torch.Tensor, cache: Any) -> Any:
        x, w, _, stride = cache
        every = [each.clone().requires_grad_() for each in (x, w) if each is not None]
        y = torch.nn.functional.conv2d(every[0], every[1], None, stride)
        dx, dw = torch.autograd.grad(y, every, dout)
        return dx, dw, dout.sum((0, 2, 3))

    # Torch takes no negative strides.
    words = {"call": "x, w, b, stride", "back": "dout, cache"}
    subject = bpcheck.adapters.pair(
        conv, back, operation="conv2d", to=lambda array: torch.tensor(array.copy()), **words
    )
    assert defects(subject, count=10) == set()


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_functions_of_a_library_are_described_by_a_line(tmp_path: Path) -> None:
    library = tmp_path / "libconv.so"
    source = ROOT / "examples" / "your_code" / "conv.c"
    compiler = shutil.which("cc")
    assert compiler
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    sizes = "n c h wd oc kh kw s p oh ow"
    found, words = [], {}
    for backward in ("conv_backward", "conv_backward_wrong"):
        words = {
            "dtype": "float64",
            "forward": f"conv_forward(x w b y {sizes})",
            "backward": f"{backward}(x w dy dx dw db {sizes})",
        }
        subject = bpcheck.adapters.load(
            str(library), operation="conv2d", style="ctypes", words=words
        )
        found.append(defects(subject))
    assert found == [set(), {"w_bar"}]
    with pytest.raises(bpcheck.TargetError, match="has no function other"):
        bpcheck.adapters.ctypes(library, operation="conv2d", **{**words, "forward": "other(x y)"})
    with pytest.raises(bpcheck.UsageError, match="say what the arrays hold"):
        bpcheck.adapters.ctypes(library, operation="conv2d")


def test_updates_leave_no_bit_of_a_gradient_behind() -> None:
    from bpcheck.adapters.updates import gradient_of_update, rate_for

    rng = np.random.default_rng(0)
    for dtype in ("float32", "float64"):
        w, x, y_bar = (rng.normal(size=40).astype(dtype) for _ in range(3))
        gradient = x * y_bar
        gradient[::7] = 0
        rate = rate_for([w], x, y_bar)
        updated = w - rate * gradient
        assert updated.dtype == dtype
        assert np.array_equal(gradient_of_update(w, updated, rate), gradient)


def test_the_forward_is_found_by_its_name_where_the_backward_is_declared() -> None:
    def max_pool_forward(x: Any, pool_param: dict[str, int]) -> Any:
        kernel = pool_param["pool_height"], pool_param["pool_width"]
        return POOL.forward(x, kernel_size=kernel, stride=(pool_param["stride"],) * 2)

    def send_back(dout: Any, cache: Any) -> Any:
        return POOL.vjp(cache, dout)[0]

    student = ModuleType("student")
    student.max_pool_forward, student.send_back = max_pool_forward, send_back  # type: ignore[attr-defined]
    take = partial(
        STYLES["cs231n"],
        student,
        operation=operation_named("max_pool2d"),
        name="student",
        dtypes=("float64",),
    )
    assert defects(take(words={"backward": "send_back"})) == set()
    with pytest.raises(TargetError, match="no functions for max_pool2d by names such as maxpool"):
        take()


def test_who_is_not_meant_for_some_cases_is_told_how_to_say_so() -> None:
    def square(x: Any, *, kernel_size: Any, stride: Any) -> Any:
        return POOL.forward(x, kernel_size=(kernel_size[0],) * 2, stride=stride)

    subject = bpcheck.Subject(square, POOL.vjp, operation="max_pool2d")
    said = report_text(bpcheck.check(subject, count=120))
    assert "where kernel unequal" in said
    assert "SQUARE_KERNELS = True" in said
    claimed = bpcheck.check(subject.claiming(square_kernels=True), count=120)
    assert not claimed.judgements
    assert "SQUARE_KERNELS" not in report_text(claimed)
