"""``bpcheck adapt`` on code as people have it: some takes less than all, or goes wrong in some."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import bpcheck
from bpcheck.adapters.candidates import candidates
from bpcheck.adapters.fitting import best
from bpcheck.adapters.found import closeness
from bpcheck.cli import main
from bpcheck.imports import find
from bpcheck.operations import operation_named
from bpcheck.runner.one import judge


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    return result.exit_code, result.output


POOLS = '''
import numpy as np


class Pooling:
    """Its output is counted without the padding, as in many a book."""

    def __init__(self, pool_h, pool_w, stride=1, pad=0):
        self.size, self.stride, self.pad = (pool_h, pool_w), stride, pad

    def forward(self, x):
        self.x = x
        pad, s = self.pad, self.stride
        padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        w = np.lib.stride_tricks.sliding_window_view(padded, self.size, axis=(2, 3))
        y = w[:, :, ::s, ::s].mean((4, 5))
        return y.reshape(*x.shape[:2], *((n - k) // s + 1 for n, k in zip(x.shape[2:], self.size)))

    def backward(self, dout):
        return np.zeros_like(self.x)


def max_pool2d(x, size): ...
def max_pool2d_backward(dout, what): ...
'''


def test_a_forward_that_goes_wrong_in_some_cases_has_its_declaration(tmp_path: Path) -> None:
    (tmp_path / "pools.py").write_text(POOLS)
    code, said = run("adapt", str(tmp_path / "pools.py"), "avg_pool2d")
    assert code == 0
    assert "pools.py:Pooling --style saito" in said
    assert "in 1 it goes wrong, which check tells: forward raised ValueError" in said
    code, said = run("adapt", str(tmp_path / "pools.py"))
    assert "Not taken:\n" in said
    assert "pools.py:max_pool2d as max_pool2d, style" in said


OF_ONE_SIDE = """
import numpy as np


def conv_forward(x, w, b, stride):
    f = w.shape[3]
    if w.shape[2] != f:
        raise ValueError
    windows = np.lib.stride_tricks.sliding_window_view(x, (f, f), axis=(2, 3))
    y = np.einsum("nchwij,ocij->nohw", windows[:, :, ::stride, ::stride], w)
    return y + b[:, None, None], (x, w, b)


def conv_backward(dout, cache):
    return cache
"""

OF_TENSORS = """
import numpy as np
import torch as xp


def avg_pool_forward(x, kernel_size, stride):
    assert isinstance(x, xp.Tensor)
    return x.unfold(-1, kernel_size, stride).mean(-1), x


def avg_pool_backward(dout, cache):
    return xp.zeros_like(cache)
"""


def fit_of(file: Path, source: str, operation: str) -> Any:
    file.write_text(source)
    module = find(str(file), directory=file.parent)
    (options,) = candidates(module, str(file), operation_named(operation))
    return best(options, operation_named(operation))


def test_what_goes_wrong_is_told_with_the_claim_that_leaves_it_out(tmp_path: Path) -> None:
    fit = fit_of(tmp_path / "of_one_side.py", OF_ONE_SIDE, "conv2d")
    assert (fit.is_begun, fit.is_taken, fit.beside) == (True, False, "square_kernels")


def test_arrays_of_a_library_that_the_module_imports_are_tried(tmp_path: Path) -> None:
    fit = fit_of(tmp_path / "of_tensors.py", OF_TENSORS, "avg_pool1d")
    assert fit.is_whole
    assert fit.candidate.words == {"to": "torch.asarray", "ints": True}


def test_the_courses_own_code_that_unpacks_one_side_of_the_kernel_is_taken() -> None:
    from bpcheck.adapters.presets import COURSERA

    assert COURSERA.words(operation_named("conv2d"), {})["square_kernels"]


@pytest.mark.parametrize(
    ("name", "operation"),
    [
        ("Conv2DLayer", "conv2d"),
        ("Convolutional", "conv2d"),
        ("Conv3x3", "conv2d"),
        ("MyConv2dFunction", "conv2d"),
        ("MaxPooling2D", "max_pool2d"),
        ("MaxPool2", "max_pool2d"),
        ("AveragePooling2D", "avg_pool2d"),
    ],
)
def test_usual_names_say_the_operation(name: str, operation: str) -> None:
    assert closeness(name, operation_named(operation))


def test_a_frameworks_own_function_is_taken_by_its_style_whatever_stands_beside_it() -> None:
    class Custom:
        def __call__(self, x: Any, window: int) -> Any: ...

    Custom.__module__ = "jax._src.custom_derivatives"
    holder = ModuleType("pools")
    rules = {name: (lambda x: x) for name in ("avg_pool_fwd", "avg_pool_bwd")}
    vars(holder).update(avg_pool=Custom(), **rules)
    found = candidates(holder, "pools", operation_named("avg_pool2d"))
    assert {(each.target, each.style) for options in found for each in options} == {
        ("pools:avg_pool", "jax")
    }


def test_a_registered_operator_is_of_torch() -> None:
    @torch.library.custom_op("bpcheck_tests::conv1d", mutates_args=())
    def conv1d(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor, stride: int) -> torch.Tensor:
        return torch.nn.functional.conv1d(x, w, b, stride)

    (options,) = candidates(conv1d, "ops:conv1d", operation_named("conv1d"))
    assert {each.style for each in options} == {"torch"}


def test_a_size_may_be_a_length(monkeypatch: pytest.MonkeyPatch) -> None:
    def conv(x: Any, w: Any, stride: Any) -> Any:
        windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2], axis=2)
        return np.einsum("nclk,ock->nol", windows[:, :, ::stride], w)

    def gradx(w: Any, dy: Any, x_size: Any) -> Any:
        return np.zeros((len(dy), w.shape[1], x_size))

    def gradw(x: Any, dy: Any, k_size: Any) -> Any:
        return np.zeros((dy.shape[1], x.shape[1], k_size))

    there = {each.__name__: each for each in (conv, gradx, gradw)}
    monkeypatch.setattr("bpcheck.adapters.candidates.module_of", lambda _: SimpleNamespace(**there))
    monkeypatch.setattr("bpcheck.adapters.found.module_of", lambda _: SimpleNamespace(**there))
    operation = operation_named("conv1d")
    (options,) = candidates(conv, "code:conv", operation)
    fit = best(options, operation)
    assert fit.is_whole
    assert fit.candidate.words["backward"].startswith("gradx(w, dy, wd) -> dx")


ONE_IMAGE = """
import torch


def pool_image(image, kernel_size):
    channels, height, width = image.shape
    return torch.nn.functional.max_pool2d(image[None], kernel_size, kernel_size)[0]


def plane(x, w):
    height, width = x.shape
    return torch.nn.functional.conv2d(x[None, None], w[None, None])[0, 0]
"""


@pytest.mark.parametrize(
    ("name", "operation", "layout"),
    [("pool_image", "max_pool2d", "CHW"), ("plane", "conv2d", "HW")],
)
def test_code_of_one_image_has_its_declaration(
    tmp_path: Path, name: str, operation: str, layout: str
) -> None:
    (tmp_path / "images.py").write_text(ONE_IMAGE)
    code, said = run("adapt", f"{tmp_path / 'images.py'}:{name}", operation)
    assert code == 0
    assert f"--style torch --with layout={layout}" in said


SPLIT = """
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def forward(x, w, stride=1):
    return np.einsum("nclk,ock->nol", sliding_window_view(x, w.shape[2], 2)[:, :, ::stride], w)


def gradx(w, dy, x_size, stride=1):
    n, c, width = x_size
    return np.zeros((n, c, width))


def gradw(x, dy, k_size, stride=1):
    o, c, k = k_size
    return np.zeros((o, c, k))
"""


def test_the_size_of_a_kernel_may_be_the_shape_of_the_weights(tmp_path: Path) -> None:
    (tmp_path / "split.py").write_text(SPLIT)
    code, said = run("adapt", f"{tmp_path / 'split.py'}:forward", "conv1d")
    assert code == 0
    assert "gradw(x, dy, w_shape, stride) -> dw" in said


def test_a_module_without_a_name_of_an_operation_has_its_functions_told(tmp_path: Path) -> None:
    (tmp_path / "split.py").write_text(SPLIT)
    code, said = run("adapt", str(tmp_path / "split.py"), "conv1d")
    assert code == 2
    assert "there are forward, gradw, gradx" in said
    assert f"bpcheck adapt {tmp_path / 'split.py'}:forward conv1d" in said


def test_a_library_of_c_by_a_relative_path_is_pointed_to_its_style(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "libpool.so").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    code, said = run("adapt", "./libpool.so")
    assert code == 2
    assert "--style ctypes takes it" in said


def test_what_is_no_convolution_and_no_pool_is_taken_as_it_is() -> None:
    code, said = run("adapt", "examples.your_code.layers:Own", "layer_norm")
    assert code == 2
    assert "bpcheck check layer_norm examples.your_code.layers:Own --style torch" in said


def test_a_library_of_c_is_pointed_to_its_style(tmp_path: Path) -> None:
    # What the loader says of a library without the function that modules export.
    from bpcheck.imports import modules

    error = ImportError("dynamic module does not define module export function (PyInit_libpool)")
    assert "--style ctypes takes it" in modules._failed("libpool.so", error)


OF_TORCH = """
import torch
from torch import nn


class PoolFn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, k, s):
        ctx.shape = x.shape
        return x.unfold(2, k, s).unfold(3, k, s).mean((-1, -2))

    @staticmethod
    def backward(ctx, dout):
        n, c, h, w = ctx.shape
        return dout.new_zeros(n, c, h, w), None, None


class AvgPool(nn.Module):
    def __init__(self, kernel_size, stride):
        super().__init__()
        self.kernel_size, self.stride = kernel_size, stride

    def forward(self, x):
        return PoolFn.apply(x, self.kernel_size, self.stride)
"""


def test_a_name_of_any_pool_counts_where_no_other_says_which(tmp_path: Path) -> None:
    (tmp_path / "torches.py").write_text(OF_TORCH)
    said = run("adapt", str(tmp_path / "torches.py"))[1]
    assert said.count(" is taken as ") == 1
    assert f"{tmp_path}/torches.py:AvgPool is taken as avg_pool2d by the style torch" in said


def test_one_number_for_all_is_tried_before_another_count_of_padding(tmp_path: Path) -> None:
    (tmp_path / "torched.py").write_text(OF_TORCH)
    module = find(str(tmp_path / "torched.py"), directory=tmp_path)
    pool = operation_named("avg_pool2d")
    (options,) = candidates(module.PoolFn, "torched:PoolFn", pool)
    assert best(options, pool).candidate.words == {"ints": True}


def test_a_layout_that_a_library_has_not_is_none_that_its_code_can_meet() -> None:
    def forward(x: torch.Tensor, kernel_size: int, stride: int) -> Any:
        return x.unfold(-1, kernel_size, stride).mean(-1), x.shape

    def backward(dout: torch.Tensor, cache: Any) -> Any:
        return dout.repeat_interleave(2, -1)[..., : cache[-1]] / 2

    pool = bpcheck.adapters.pair(
        forward, backward, operation="avg_pool1d", to=torch.asarray, ints=True
    )
    case = bpcheck.parse_case("avg_pool1d n1ic1iw4kw2sw2 f64 exact x:negative")
    assert not judge(pool, case).rulings


FILLS_IN = """
import numpy as np


class Value:
    def __init__(self, data):
        self.data, self.grad = data, np.zeros_like(data)

    def backward(self):
        self.grad = np.ones_like(self.data)


def avg_pool1d(x, kernel_size: int, stride: int):
    windows = np.lib.stride_tricks.sliding_window_view(x.data, kernel_size, axis=2)
    return Value(windows[:, :, ::stride].mean(-1))
"""


def test_an_engine_that_begins_from_ones_of_its_own_is_told_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "values.py").write_text(FILLS_IN)
    code, said = run("adapt", f"{tmp_path / 'values.py'}:avg_pool1d", "avg_pool1d")
    assert code == 2
    assert "let it take one, as in def backward(self, grad=None)" in said
