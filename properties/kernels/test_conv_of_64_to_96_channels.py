"""The layer of an old question: 64 -> 96 channels, 13x13 -> 6x6 by 2x2 windows, stride 2, valid.

The numbers of channels differ, and a row and a column of the input are left over: the two places
where the textbook's formula seems to make no sense.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bpcheck
from bpcheck.cases import Case, parse_case
from properties.kernels.cotangents import spread_out, zero_padded
from properties.kernels.run import EXACT, Array, assert_same, assert_same_gradients, run
from reference import avg_pool, conv, network
from reference.operands import DTYPES

LAYER = "conv2d n1ic64ih13iw13oc96kh2kw2sh2sw2"


@st.composite
def fillings(draw: st.DrawFn) -> Case:
    dtype = draw(st.sampled_from(["f16", "f32", "f64"]))
    values = draw(st.sampled_from(EXACT))
    return parse_case(f"{LAYER} {dtype} {values} c-order seed={draw(st.integers(0, 2**32))}")


@given(case=fillings())
def test_the_shapes_are_those_of_the_question(case: Case) -> None:
    ran = run(case)
    assert ran.y.shape == (1, 96, 6, 6)
    shapes = {name: bar.shape for name, bar in ran.vjp().items()}
    assert shapes == {"x": (1, 64, 13, 13), "w": (96, 64, 2, 2), "b": (96,)}


@given(case=fillings())
def test_the_last_row_and_column_of_the_input_get_exactly_zero_and_every_other_one_something(
    case: Case,
) -> None:
    x_bar = run(case).vjp()["x"]
    assert not x_bar[:, :, 12].any()
    assert not x_bar[:, :, :, 12].any()
    assert x_bar[:, :, :12, :12].any(axis=(0, 1)).all()


@given(case=fillings())
def test_each_2x2_block_of_the_input_gets_the_kernel_summed_over_the_96_channels(
    case: Case,
) -> None:
    # Windows tile, so that one output pixel alone sends back to each block.
    ran = run(case)
    w, y_bar = ran.w.astype(np.float64), ran.y_bar.astype(np.float64)
    x_bar = np.zeros(ran.x.shape)
    for i, j in np.ndindex(6, 6):
        x_bar[0, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2] = np.tensordot(y_bar[0, :, i, j], w, 1)
    assert_same(ran.vjp()["x"], x_bar)


@given(case=fillings())
def test_the_interleaved_delta_meets_96_to_64_rotated_kernels(case: Case) -> None:
    ran = run(case)
    delta = zero_padded(spread_out(ran.y_bar, (2, 2)), ((1, 1), (1, 1)))
    assert delta.shape == (1, 96, 13, 13)
    rotated = ran.w[:, :, ::-1, ::-1].swapaxes(0, 1)
    assert rotated.shape == (64, 96, 2, 2)
    full, _ = conv.forward(delta, rotated)
    assert full.shape == (1, 64, 12, 12)
    assert_same(ran.vjp()["x"], zero_padded(full, ((0, 1), (0, 1))))


def torch_gradients(x: Array, kernels: list[Array], y_bar: Array) -> list[Array]:
    """Gradients of x and the kernels through (conv, mean pool), once for each kernel."""
    import torch
    from torch.nn import functional

    leaves = [torch.from_numpy(array).requires_grad_() for array in (x, *kernels)]
    y = leaves[0]
    for w in leaves[1:]:
        y = functional.avg_pool2d(functional.conv2d(y, w, stride=w.shape[-1]), 2)
    found = torch.autograd.grad(y, leaves, torch.from_numpy(y_bar))
    return [gradient.numpy() for gradient in found]


def chained_gradients(x: Array, kernels: list[Array], y_bar: Array) -> list[Array]:
    """The same by the reference kernels, each vjp handing its cotangent down."""
    y, residuals = x, []
    for w in kernels:
        z, of_conv = conv.forward(y, w, stride=w.shape[-1])
        y, of_pool = avg_pool.forward(z, kernel_size=2)
        residuals.append((of_conv, of_pool))
    found, delta = [], y_bar
    for of_conv, of_pool in reversed(residuals):
        (delta,) = avg_pool.vjp(of_pool, delta)
        delta, w_bar, _ = conv.vjp(of_conv, delta)
        found.append(w_bar)
    return [delta, *reversed(found)]


def lattice(rng: np.random.Generator, *shape: int, unit: int = 1) -> Array:
    """Odd integers from -7 to 7, times `unit`: quarters of them stay exact, whatever their sum."""
    return unit * (2 * rng.integers(-4, 4, size=shape) + 1).astype(np.float64)


@given(seed=st.integers(0, 2**32))
def test_with_mean_pooling_after_it_the_layer_equals_autograd_to_the_bit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, w = lattice(rng, 1, 64, 13, 13), lattice(rng, 96, 64, 2, 2)
    y_bar = lattice(rng, 1, 96, 3, 3, unit=4)
    ours, theirs = chained_gradients(x, [w], y_bar), torch_gradients(x, [w], y_bar)
    assert_same_gradients(dict(zip("xw", ours, strict=True)), dict(zip("xw", theirs, strict=True)))
    assert not ours[0][:, :, 12].any()
    assert not ours[0][:, :, :, 12].any()


@given(seed=st.integers(0, 2**32))
def test_two_convs_with_64_and_96_channels_and_mean_pools_equal_autograd_to_the_bit(
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    # 13 -> 6 -> 3 by a 2x2 stride-2 conv and a mean pool, then 3 -> 3 -> 1 by a 1x1 conv and one.
    x, y_bar = lattice(rng, 2, 3, 13, 13), lattice(rng, 2, 96, 1, 1, unit=16)
    kernels = [lattice(rng, 64, 3, 2, 2), lattice(rng, 96, 64, 1, 1)]
    ours, theirs = chained_gradients(x, kernels, y_bar), torch_gradients(x, kernels, y_bar)
    for bar, expected in zip(ours, theirs, strict=True):
        assert_same(bar, expected)


@pytest.mark.parametrize("values", ["act0", "act3max1"])
def test_the_network_with_64_and_96_channels_agrees_up_to_its_softmax(values: str) -> None:
    text = f"network n2ic3ih13iw13oca64ka2sa2qa2ocb96kb2qb2classes10{values}"
    cases = [parse_case(f"{text} {dtype} real c-order seed=7") for dtype in ("f64", "f32")]
    subject = bpcheck.Subject(
        forward=network.forward, vjp=network.vjp, operation="network", dtypes=DTYPES
    )
    report = bpcheck.check(subject, cases=cases)
    assert report.verdict is bpcheck.Verdict.AGREES
    assert report.cases == len(cases)
