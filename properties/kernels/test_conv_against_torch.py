"""The reference convolution against torch autograd, bit for bit on integers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from reference import conv

Array = npt.NDArray[Any]
Sizes = tuple[int, ...]
Operands = tuple[Array, Array, Array | None]

# torch warns that it may copy for an even kernel with padding="same"; that is its own business.
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")


class Layer(NamedTuple):
    """Shapes and parameters of one convolution."""

    x: Sizes
    w: Sizes
    bias: bool
    stride: Sizes
    padding: Sizes | str
    dilation: Sizes
    groups: int
    seed: int

    @property
    def params(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("stride", "padding", "dilation", "groups")}


@st.composite
def layers(draw: st.DrawFn, rank: int) -> Layer:
    """Convolutions that torch accepts: padding beyond the kernel and unread rows among them."""

    def sizes(least: int, most: int) -> Sizes:
        return draw(st.tuples(*[st.integers(least, most)] * rank))

    same = draw(st.booleans())
    kernel, dilation = sizes(1, 4 if rank < 3 else 3), sizes(1, 3)
    stride, padding = (sizes(1, 1), sizes(9, 9)) if same else (sizes(1, 4), sizes(0, 5))
    # At least so large that one window fits.
    least = (
        max(1, (k - 1) * d + 1 - 2 * p) for k, d, p in zip(kernel, dilation, padding, strict=True)
    )
    size = tuple(map(sum, zip(least, sizes(0, 4 if rank < 3 else 2), strict=True)))
    n, groups, c_in, c_out = draw(st.tuples(st.integers(0, 3), *[st.integers(1, 3)] * 3))
    return Layer(
        x=(n, groups * c_in, *size),
        w=(groups * c_out, c_in, *kernel),
        bias=draw(st.booleans()),
        stride=stride,
        padding="same" if same else padding,
        dilation=dilation,
        groups=groups,
        seed=draw(st.integers(0, 2**32 - 1)),
    )


def operands(layer: Layer, dtype: str) -> Operands:
    """Integers so small that every partial sum is exact in float32."""
    rng = np.random.default_rng(layer.seed)
    x, w, b = (
        rng.integers(-3, 4, shape).astype(dtype) for shape in (layer.x, layer.w, layer.w[:1])
    )
    return x, w, b if layer.bias else None


def by_torch(layer: Layer, arrays: Operands, y_bar: Array) -> tuple[Array | None, ...]:
    """Output and gradients by torch; for float16 in float32 and then rounded, as the kernel does.

    torch 2.13 itself crashes on some grouped float16 convolutions on the CPU.
    """
    dtype = arrays[0].dtype
    wide = np.promote_types(dtype, np.float32)
    tensors: list[Any] = [
        None if array is None else torch.tensor(array.astype(wide), requires_grad=True)
        for array in arrays
    ]
    convolve = getattr(torch.nn.functional, f"conv{len(layer.stride)}d")
    y = convolve(*tensors, **layer.params)
    y.backward(torch.tensor(y_bar.astype(wide)))
    bars = (None if t is None else t.grad.numpy().astype(dtype) for t in tensors)
    return y.detach().numpy().astype(dtype), *bars


def assert_same(got: Array | None, expected: Array | None) -> None:
    if got is None or expected is None:
        assert got is expected
        return
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_array_equal(got, expected)


def assert_agrees_with_torch(layer: Layer, arrays: Operands) -> None:
    y, residuals = conv.forward(*arrays, **layer.params)
    y_bar = np.random.default_rng(layer.seed + 1).integers(-3, 4, y.shape).astype(y.dtype)
    results = y, *conv.vjp(residuals, y_bar)
    for got, expected in zip(results, by_torch(layer, arrays, y_bar), strict=True):
        assert_same(got, expected)


@pytest.mark.parametrize("dtype", conv.DTYPES)
@pytest.mark.parametrize("rank", [1, 2, 3])
@given(data=st.data())
def test_conv_and_its_vjp_equal_torch_on_integers(
    rank: int, dtype: str, data: st.DataObject
) -> None:
    layer = data.draw(layers(rank))
    assert_agrees_with_torch(layer, operands(layer, dtype))


def layer2d(
    x: Sizes, w: Sizes, *, stride: Sizes = (1, 1), padding: Any = (1, 1), **more: Any
) -> Layer:
    defaults = {"bias": True, "dilation": (1, 1), "groups": 1, "seed": 7}
    return Layer(**{"x": x, "w": w, "stride": stride, "padding": padding, **defaults, **more})


@pytest.mark.parametrize("dtype", conv.DTYPES)
@pytest.mark.parametrize(
    "layer",
    [
        pytest.param(layer2d((2, 24, 25, 23), (5, 24, 3, 3)), id="large plane"),
        pytest.param(layer2d((1, 24, 25, 23), (5, 24, 3, 3)), id="large plane, one sample"),
        pytest.param(layer2d((2, 24, 29, 25), (5, 24, 3, 3), dilation=(2, 3)), id="large, dilated"),
        pytest.param(layer2d((2, 48, 26, 25), (6, 24, 3, 3), groups=2), id="large plane, groups"),
        pytest.param(layer2d((2, 70, 40, 21), (4, 70, 1, 2), dilation=(2, 3)), id="one row"),
        pytest.param(layer2d((2, 3, 31, 30), (8, 3, 7, 7), stride=(4, 3)), id="many blocks"),
        pytest.param(layer2d((2, 6, 9, 8), (6, 1, 3, 3), groups=6, stride=(2, 3)), id="depthwise"),
        pytest.param(layer2d((2, 6, 9, 8), (12, 1, 3, 2), groups=6), id="depthwise, two each"),
        pytest.param(layer2d((3, 4, 9, 9), (5, 4, 1, 1), padding=(3, 2)), id="padding beyond"),
        pytest.param(layer2d((2, 3, 5, 9), (4, 3, 4, 2), padding="same"), id="same, even kernel"),
    ],
)
def test_every_way_of_computing_equals_torch(layer: Layer, dtype: str) -> None:
    assert_agrees_with_torch(layer, operands(layer, dtype))


@pytest.mark.parametrize("rank", [1, 2, 3])
@given(data=st.data())
def test_nan_reaches_the_outputs_and_gradients_that_read_it(rank: int, data: st.DataObject) -> None:
    layer = data.draw(layers(rank))
    arrays = operands(layer, "float64")
    if arrays[0].size:
        arrays[0].flat[layer.seed % arrays[0].size] = np.nan
    assert_agrees_with_torch(layer, arrays)


def test_float16_is_added_up_in_float32() -> None:
    ones = np.ones((4096, 1, 1), "e")  # in float16, 2048 + 1 = 2048
    y, _ = conv.forward(ones.swapaxes(0, 1), ones.swapaxes(0, 1))
    assert y == 4096
    _, residuals = conv.forward(ones, ones[:1], ones[0, 0])
    _, w_bar, b_bar = conv.vjp(residuals, ones)
    assert w_bar == 4096
    assert b_bar == 4096


@given(layers(2))
@example(layer2d((2, 3, 6, 6), (4, 3, 2, 2)))
def test_vjp_is_of_its_own_forward_whatever_ran_or_changed_since(layer: Layer) -> None:
    arrays = operands(layer, "float64")
    y, residuals = conv.forward(*arrays, **layer.params)
    y_bar, expected = y.copy(), conv.vjp(residuals, y)
    given_arrays = [array for array in arrays if array is not None]
    assert not any(np.shares_memory(y, array) for array in given_arrays)
    for array in (y, *given_arrays):
        np.negative(array, out=array)
    conv.forward(*arrays, **layer.params)
    for got, bar in zip(conv.vjp(residuals, y_bar), expected, strict=True):
        assert_same(got, bar)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"stride": (0, 1)}, r"stride=\(0, 1\): every stride must be at least 1"),
        ({"stride": (1, 1, 1)}, "x has 2 spatial dimensions"),
        ({"stride": 2, "padding": "same"}, "must be 1 with padding='same'"),
        ({"padding": "half"}, "padding='half': must be an int"),
        ({"padding": -1}, "every padding must be at least 0"),
        ({"dilation": 0}, "every dilation must be at least 1"),
        ({"dilation": 9}, "must fit into the padded input"),
        ({"groups": 0}, "groups=0: must be at least 1"),
        ({"groups": 2}, "groups=2: .* divide c_out=3"),
    ],
)
def test_a_bad_parameter_is_named_with_its_rule(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        conv.forward(np.ones((1, 2, 5, 5)), np.ones((3, 2, 2, 2)), **changed)
