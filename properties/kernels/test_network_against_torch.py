"""The network against torch autograd, within a bound on rounding."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from reference import network
from reference.block import ACTIVATIONS, POOLS

Array = npt.NDArray[Any]
CLASSES, U = 4, 2.0**-53
BIASES = (2, 4, 6)
PARAMS: dict[str, Any] = {"stride": (2, 1), "padding": (1, 0), "pool_size": (2, 3)}


def operands(rank: int, n: int, *, bias: bool, seed: int) -> list[Any]:
    rng = np.random.default_rng(seed)
    size = (17, 16, 15)[:rank]  # the second pool leaves one cell of each
    convolved = [(s + 2 - 3) // 2 + 1 for s in size]
    features = 3 * prod((s // 2 - 1) // 3 for s in convolved)
    shapes: list[tuple[int, ...]] = [
        (n, 2, *size),
        (4, 2, *(3,) * rank),
        (4,),
        (3, 4, *(2,) * rank),
        (3,),
        (CLASSES, features),
        (CLASSES,),
    ]
    scales = [1 / np.sqrt(prod(shape[1:])) for shape in shapes]
    arrays = [
        scale * rng.standard_normal(shape) for scale, shape in zip(scales, shapes, strict=True)
    ]
    return arrays if bias else [None if i in BIASES else array for i, array in enumerate(arrays)]


def logits(tensors: list[Any], activation: Any, pool: Any) -> Any:
    x, *weights = tensors
    convolve = getattr(torch.nn.functional, f"conv{x.ndim - 2}d")
    for block, (stride, padding, size) in enumerate(zip(*PARAMS.values(), strict=True)):
        z = convolve(x, *weights[2 * block : 2 * block + 2], stride=stride, padding=padding)
        x = pool(activation(z), size)
    return torch.nn.functional.linear(x.flatten(1), *weights[4:])


def leaves(arrays: list[Any]) -> list[Any]:
    return [None if a is None else torch.tensor(a, requires_grad=True) for a in arrays]


def rounding_bounds(arrays: list[Any]) -> tuple[float, list[Array]]:
    """Bounds on the rounding errors of the loss and of each gradient, to first order, doubled.

    A gradient is a sum over the paths through the network, of products of weights, derivatives of
    activations (at most 1) and one component of the logits' delta (at most 1 / n). Let S be that
    sum with every factor replaced by its absolute value or its largest, and a maximum by the sum of
    its window. Each path meets at most N roundings, as many as the fan-ins add up to; so sums and
    products are off by gamma S at most, gamma = N u / (1 - N u). By the same token the logits, and
    every value that enters an activation, are off by at most gamma A, where A is the largest logit
    with absolute values throughout. That shifts a derivative f' by at most gamma A |f''|, |f''| <
    1, to which it adds 25 u of its own, at each of two activations; and a softmax by 2 gamma A, to
    which it adds (CLASSES + 16) u. All of it twice, for torch rounds too, and that doubled.
    """
    magnitudes = leaves([None if array is None else np.abs(array) for array in arrays])

    def add_up(x: Tensor, size: int) -> Any:
        rank = x.ndim - 2
        return getattr(torch.nn.functional, f"avg_pool{rank}d")(x, size) * size**rank

    # An activation is at most 1 + |z|.
    largest = logits(magnitudes, lambda z: 1 + z, add_up)
    fan_ins = [prod(a.shape[1:]) for a in arrays[1::2] if a is not None]
    roundings = sum(fan_ins) + sum(size**3 for size in PARAMS["pool_size"]) + 20
    gamma = roundings * U / (1 - roundings * U)
    given_leaves = [leaf for leaf in magnitudes if leaf is not None]
    n = len(largest)
    sums = torch.autograd.grad(largest, given_leaves, torch.full_like(largest, 1 / n))
    most = float(largest.detach().max())
    of_delta = 2 * gamma * most + (CLASSES + 16) * U
    factor = gamma + 2 * (gamma * most + 25 * U) + of_delta
    of_loss = gamma * most + (CLASSES + 16 + n) * U * (1 + most)
    return 4 * of_loss, [4 * factor * s.numpy() for s in sums]


@pytest.mark.parametrize("rank", [1, 2, 3])
@given(
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    pool=st.sampled_from(sorted(POOLS)),
    n=st.integers(1, 3),
    bias=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_network_and_its_vjp_are_within_their_rounding_of_torch(
    rank: int,
    activation: str,
    pool: str,
    n: int,
    bias: bool,  # noqa: FBT001  Hypothesis passes it by name.
    seed: int,
) -> None:
    arrays = operands(rank, n, bias=bias, seed=seed)
    labels = np.random.default_rng(seed).integers(0, CLASSES, n)
    loss, residuals = network.forward(
        *arrays, labels=labels, activation=activation, pool=pool, **PARAMS
    )
    bars = network.vjp(residuals, np.array(1.0))

    tensors = leaves(arrays)
    torch_activation = getattr(torch, activation, lambda z: z)
    torch_pool = getattr(torch.nn.functional, f"{pool}_pool{rank}d")
    scores = logits(tensors, torch_activation, torch_pool)
    expected = torch.nn.functional.cross_entropy(scores, torch.tensor(labels))
    given_tensors = [tensor for tensor in tensors if tensor is not None]
    expected_bars = torch.autograd.grad(expected, given_tensors)

    of_loss, of_bars = rounding_bounds(arrays)
    assert loss.shape == ()
    assert np.abs(loss - expected.item()) <= of_loss
    assert [bar is None for bar in bars] == [array is None for array in arrays]
    given_bars = [bar for bar in bars if bar is not None]
    for bar, expected_bar, bound in zip(given_bars, expected_bars, of_bars, strict=True):
        assert bar.shape == bound.shape
        assert (np.abs(bar - expected_bar.numpy()) <= bound).all()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"activation": "softplus"}, "activation='softplus': must be one of 'sigmoid', 'tanh'"),
        ({"pool": "median"}, "pool='median': must be one of 'max', 'avg'"),
        ({"stride": 1}, "stride=1: must be a pair"),
        ({"pool_size": (2, 2, 2)}, r"pool_size=\(2, 2, 2\): must be a pair"),
    ],
)
def test_a_bad_parameter_is_named_with_its_rule(changed: dict[str, Any], message: str) -> None:
    params = {**PARAMS, "activation": "tanh", "pool": "avg", "labels": np.array([0]), **changed}
    with pytest.raises(ValueError, match=message):
        network.forward(*operands(2, 1, bias=True, seed=0), **params)
