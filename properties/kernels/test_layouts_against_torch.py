"""The reference kernels give the same on operands and cotangents of any memory layout."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
import torch

from reference import avg_pool, conv, max_pool

Array = npt.NDArray[Any]
NEAR = MappingProxyType({"stride": (1, 2), "padding": (1, 0), "dilation": (1, 1)})


def negative_strides(array: Array) -> Array:
    return np.flip(np.flip(array).copy())


def read_only(array: Array) -> Array:
    array = array.copy()
    array.flags.writeable = False
    return array


def unaligned(array: Array) -> Array:
    raw = np.zeros(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    raw[...] = array
    assert not raw.flags.aligned
    return raw


def every_other(array: Array) -> Array:
    spread = np.full(tuple(2 * size for size in array.shape), np.nan, array.dtype)
    inside = spread[(slice(None, None, 2),) * array.ndim]
    inside[...] = array
    return inside


LAYOUTS: MappingProxyType[str, Callable[[Array], Array]] = MappingProxyType(
    {
        "Fortran": np.asfortranarray,
        "channels last": lambda a: np.moveaxis(np.moveaxis(a, 1, -1).copy(), -1, 1),
        "channels first": lambda a: a.swapaxes(0, 1).copy().swapaxes(0, 1),
        "negative strides": negative_strides,
        "every other": every_other,
        "read-only": read_only,
        "unaligned": unaligned,
        "opposite byte order undone": lambda a: a.astype(a.dtype.newbyteorder()).astype(a.dtype),
    }
)


class Layer(NamedTuple):
    """A kernel, the shapes of its operands, and its parameters."""

    kernel: ModuleType
    torch_name: str
    shapes: tuple[tuple[int, ...], ...]
    params: dict[str, Any]


LAYERS = (
    Layer(conv, "conv2d", ((2, 4, 6, 7), (6, 2, 3, 2), (6,)), {**NEAR, "groups": 2}),
    Layer(conv, "conv2d", ((2, 4, 6, 7), (6, 4, 3, 2)), {"padding": (2, 1)}),
    Layer(conv, "conv2d", ((2, 4, 6, 7), (4, 1, 3, 2), (4,)), {**NEAR, "groups": 4}),
    Layer(conv, "conv2d", ((2, 24, 24, 23), (3, 24, 3, 3)), {"padding": (1, 1)}),
    Layer(max_pool, "max_pool2d", ((2, 4, 6, 7),), {**NEAR, "kernel_size": (3, 2)}),
    Layer(max_pool, "max_pool2d", ((2, 4, 6, 7),), {"kernel_size": (2, 2), "stride": (2, 2)}),
    Layer(
        avg_pool, "avg_pool2d", ((2, 4, 6, 7),), {"kernel_size": (2, 4), "stride": 2, "padding": 1}
    ),
)
layers = pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.torch_name)


def integers(shape: tuple[int, ...], dtype: str, seed: int) -> Array:
    """Multiples of 8, which every divisor of the averages divides."""
    return (8 * np.random.default_rng(seed).integers(-3, 4, shape)).astype(dtype)


def by_torch(layer: Layer, operands: list[Array], y_bar: Array) -> list[Array]:
    """Output and gradients, in float32 for float16 and then rounded, as the kernels do."""
    dtype = y_bar.dtype
    wide = np.promote_types(dtype, np.float32)
    tensors = [torch.tensor(array.astype(wide), requires_grad=True) for array in operands]
    y = getattr(torch.nn.functional, layer.torch_name)(*tensors, **layer.params)
    bars = torch.autograd.grad(y, tensors, torch.tensor(y_bar.astype(wide)))
    return [result.detach().numpy().astype(dtype) for result in (y, *bars)]


def by_kernel(layer: Layer, operands: list[Array], y_bar: Array) -> list[Array]:
    y, residuals = layer.kernel.forward(*operands, **layer.params)
    return [y, *(bar for bar in layer.kernel.vjp(residuals, y_bar) if bar is not None)]


def assert_all_same(got: list[Array], expected: list[Array]) -> None:
    for mine, theirs in zip(got, expected, strict=True):
        assert (mine.shape, mine.dtype) == (theirs.shape, theirs.dtype)
        np.testing.assert_array_equal(mine, theirs)


@layers
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", conv.DTYPES)
def test_any_layout_of_operands_and_cotangent_gives_what_torch_gives(
    layer: Layer, layout: str, dtype: str
) -> None:
    operands = [integers(shape, dtype, seed) for seed, shape in enumerate(layer.shapes)]
    y_bar = integers(by_kernel_shape(layer, operands), dtype, 9)
    laid_out = [LAYOUTS[layout](array) if array.ndim > 1 else array for array in operands]
    copies = [array.copy() for array in laid_out]
    y_bar_laid_out = LAYOUTS[layout](y_bar)
    got = by_kernel(layer, laid_out, y_bar_laid_out)
    assert_all_same(got, by_torch(layer, operands, y_bar))
    for array, copy in zip([*laid_out, y_bar_laid_out], [*copies, y_bar], strict=True):
        np.testing.assert_array_equal(array, copy)
        assert not any(np.shares_memory(array, result) for result in got)


@layers
def test_a_broadcast_input_and_cotangent_give_what_torch_gives(layer: Layer) -> None:
    operands = [integers(shape, "float64", seed) for seed, shape in enumerate(layer.shapes)]
    operands[0] = np.broadcast_to(operands[0][:1, :, :, :1], layer.shapes[0])
    y_bar = np.broadcast_to(np.float64(16), by_kernel_shape(layer, operands))
    got = by_kernel(layer, operands, y_bar)
    assert_all_same(got, by_torch(layer, [array.copy() for array in operands], y_bar.copy()))


def by_kernel_shape(layer: Layer, operands: list[Array]) -> tuple[int, ...]:
    shape: tuple[int, ...] = layer.kernel.forward(*operands, **layer.params)[0].shape
    return shape
