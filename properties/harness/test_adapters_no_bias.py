"""Code that knows no bias: its backward returns no gradient of one, and nothing is declared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bpcheck
from bpcheck.adapters.candidates import _class
from bpcheck.adapters.fitting import best
from bpcheck.adapters.found import partner
from bpcheck.operations import operation_named
from reference import conv

pytestmark = pytest.mark.verdicts

CASES = [bpcheck.parse_case(f"conv1d n2ic3iw5oc2kw1bias0 f64 exact seed={s}") for s in range(4)]


def pointwise(x: Any, w: Any) -> Any:
    return np.einsum("nci,oc->noi", x, w[:, :, 0])


def pointwise_backward(dy: Any, x: Any, w: Any) -> Any:
    dw = np.einsum("noi,nci->oc", dy, x)
    return np.einsum("noi,oc->nci", dy, w[:, :, 0]), dw[:, :, None]


def wrong_backward(dy: Any, x: Any, w: Any) -> Any:
    dx, dw = pointwise_backward(dy, x, w)
    return dx, dw / len(x)


@pytest.mark.parametrize(
    ("backward", "defects"), [(pointwise_backward, []), (wrong_backward, ["w_bar"])]
)
def test_two_gradients_are_enough(backward: Any, defects: list[str]) -> None:
    subject = bpcheck.adapters.stateless(pointwise, backward, operation="conv1d")
    report = bpcheck.check(subject, cases=CASES)
    assert report.cases == len(CASES)
    assert [each.result for each in report.judgements if each.verdict.is_defect] == defects


def test_fw_and_bw_are_a_pair() -> None:
    assert partner("conv_fw", {"conv_fw": min, "conv_bw": max}) is max


class Keeps:
    """What every layer below does; the gradient of its weights is times `factor`."""

    factor = 1
    bias: Any = None
    kept: Any = None
    dweight: Any = None
    dbias: Any = None
    weight: Any = None

    def forward(self, x: Any) -> Any:
        ones: dict[str, Any] = {"stride": (1,), "padding": (0,), "dilation": (1,), "groups": 1}
        y, self.kept = conv.forward(x, self.weight, self.bias, **ones)
        return y

    def backward(self, dout: Any) -> Any:
        dx, dw, self.dbias = conv.vjp(self.kept, dout)
        self.dweight = self.factor * dw
        return dx


class Without(Keeps):
    def __init__(self, weight: Any):
        self.weight = weight


class Draws(Keeps):
    def __init__(self, in_channels: int, out_channels: int, kernel_size: int):
        self.weight = np.ones((out_channels, in_channels, kernel_size))


class Optional(Keeps):
    def __init__(self, weight: Any, bias: Any = None):
        self.weight, self.bias = weight, bias


class Asked(Keeps):
    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, bias: Any = True):  # noqa: FBT002 - as layers have it
        self.weight = np.ones((out_channels, in_channels, kernel_size))
        self.bias = np.zeros(out_channels) if bias else None


class Seldom(Asked):
    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, bias: Any = False):  # noqa: FBT002 - as above
        super().__init__(in_channels, out_channels, kernel_size, bias)


class UsesBias(Asked):
    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, use_bias: Any = True):  # noqa: FBT002 - as layers have it
        super().__init__(in_channels, out_channels, kernel_size, use_bias)


class InDictionaries:
    def __init__(self, in_channels: int, out_channels: int, kernel_size: int):
        self.params = {"W": np.ones((out_channels, in_channels, kernel_size))}
        self.grads: dict[str, Any] = {}
        self.inner = Keeps()

    def forward(self, x: Any) -> Any:
        self.inner.weight = self.params["W"]
        return self.inner.forward(x)

    def backward(self, dout: Any) -> Any:
        dx = self.inner.backward(dout)
        self.grads["W"] = self.inner.dweight
        return dx


BOTH = [
    bpcheck.parse_case(f"conv1d n2ic3iw5oc2kw2{bias} f64 exact seed={seed}")
    for bias in ("", "bias0")
    for seed in range(3)
]
#: How many of those each of them takes.
LAYERS = {
    Without: 3,
    Draws: 3,
    Optional: 6,
    Asked: 6,
    Seldom: 6,
    UsesBias: 6,
    InDictionaries: 3,
}


def whole_and_wrong(layer: type) -> tuple[type, type]:
    def backward(self: Any, dout: Any) -> Any:
        dx = layer.backward(self, dout)  # type: ignore[attr-defined]
        if layer is InDictionaries:
            self.grads["W"] = 2 * self.grads["W"]
        return dx

    wrong = type(layer.__name__, (layer,), {"backward": backward, "factor": 2})
    return layer, wrong


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_with_a_bias_or_without_is_adapted_right_or_wrong(layer: type) -> None:
    conv1d = operation_named("conv1d")
    for each, defects in zip(whole_and_wrong(layer), ([], ["w_bar"]), strict=True):
        fit = best(_class("layers", each, conv1d), conv1d)
        assert fit.is_whole
        assert fit.candidate.style in {"layer", "saito"}
        assert fit.subject is not None
        report = bpcheck.check(fit.subject, cases=BOTH)
        assert report.cases == LAYERS[layer]
        assert [one.result for one in report.judgements if one.verdict.is_defect] == defects
