"""The fine line: small errors that must not pass, and right kernels of unusual build that must."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import signal

import bpcheck
from bpcheck import Subject, Verdict, parse_case
from bpcheck.runner import check_subject
from reference import avg_pool, conv, network

pytestmark = pytest.mark.verdicts

NETWORK = Subject(forward=network.forward, vjp=network.vjp, operation="network")
CONV = Subject(forward=conv.forward, vjp=conv.vjp, operation="conv2d", dtypes=conv.DTYPES)


def with_w1_bar(change: Any) -> Subject:
    def vjp(residuals: Any, y_bar: Any) -> Any:
        gradients = list(network.vjp(residuals, y_bar))
        gradients[1] = change(gradients[1])
        return tuple(gradients)

    return replace(NETWORK, vjp=vjp)


@pytest.mark.parametrize(
    ("dtype", "change"),
    [
        ("f32", lambda w1_bar: w1_bar * np.float32(1.05)),
        ("f64", lambda w1_bar: w1_bar.astype(np.float32).astype(np.float64)),
    ],
)
def test_an_error_too_small_for_differences_is_not_acquitted_by_them(
    dtype: str, change: Any
) -> None:
    case = f"network n2ic2ih9iw9oca3ka2sa2qa2ocb4kb2 {dtype} real c-order seed=3"
    assert check_subject(NETWORK, cases=[parse_case(case)]).agrees
    report = check_subject(with_w1_bar(change), cases=[parse_case(case)])
    assert report.verdict is Verdict.BACKWARD_WRONG
    assert report.judgements[0].result == "w1_bar"


def test_a_forward_of_the_first_sample_alone_is_a_finding_and_no_crash() -> None:
    def forward(x: Any, *rest: Any, **params: Any) -> Any:
        return conv.forward(x[:1], *rest, **params)

    report = check_subject(replace(CONV, forward=forward), count=40)
    assert report.verdict.is_defect


def test_a_kernel_for_single_samples_is_not_handed_several() -> None:
    def forward(x: Any, *rest: Any, **params: Any) -> Any:
        assert len(x) == 1
        return conv.forward(x, *rest, **params)

    one = replace(CONV, forward=forward).claiming(
        supports=lambda params, shapes: shapes["x"][0] == 1
    )
    assert check_subject(one, count=60).agrees
    refusing = replace(CONV, forward=only_one_sample)
    assert check_subject(refusing, count=60).agrees


def only_one_sample(x: Any, *rest: Any, **params: Any) -> Any:
    if len(x) != 1:
        raise NotImplementedError("batches")
    return conv.forward(x, *rest, **params)


def test_a_subject_that_refuses_what_it_supports_raises() -> None:
    subject = replace(CONV, forward=only_one_sample).claiming(supports=lambda params, shapes: True)
    assert check_subject(subject, count=60).verdict is Verdict.RAISES


@pytest.mark.parametrize("cells", [3, 7, 41])
def test_an_average_by_rounded_reciprocals_agrees(cells: int) -> None:
    def forward(x: Any, **params: Any) -> Any:
        y, residuals = avg_pool.forward(x, **params)
        size = x.dtype.type(cells)
        total = y.astype(np.float64) * cells
        return np.rint(total).astype(x.dtype) * (x.dtype.type(1) / size), residuals

    def vjp(residuals: Any, y_bar: Any) -> Any:
        (x_bar,) = avg_pool.vjp(residuals, np.full_like(y_bar, cells))
        return ((x_bar > 0) * (y_bar * (y_bar.dtype.type(1) / y_bar.dtype.type(cells))),)

    subject = Subject(forward=forward, vjp=vjp, operation="avg_pool1d")
    cases = [
        parse_case(f"avg_pool1d n1ic1iw{cells}kw{cells} f32 {kind} c-order seed={seed}")
        for seed in range(40)
        for kind in ("small", "exact")
    ]
    assert check_subject(subject, cases=cases).judgements == ()


def test_a_convolution_by_fast_transforms_agrees_when_it_says_so() -> None:
    def forward(x: Any, w: Any, b: Any) -> Any:
        y = np.stack(
            [
                sum(
                    signal.fftconvolve(image, k[::-1, ::-1], "valid")
                    for image, k in zip(one, kernel, strict=True)
                )
                for one in x
                for kernel in w
            ]
        ).reshape(len(x), len(w), x.shape[2] - w.shape[2] + 1, x.shape[3] - w.shape[3] + 1)
        return y + (0 if b is None else b[:, None, None]), conv_residuals(x, w, b)

    def conv_residuals(x: Any, w: Any, b: Any) -> Any:
        params: dict[str, Any] = {
            "stride": (1, 1),
            "padding": (0, 0),
            "dilation": (1, 1),
            "groups": 1,
        }
        return conv.forward(x, w, b, **params)[1]

    fast = Subject(
        forward=forward,
        vjp=conv.vjp,
        operation="conv2d",
        dtypes=("float64",),
        supports=lambda params, shapes: shapes["x"][0] > 0,
    )
    declared = fast.claiming(exact=False, constant=8.0)
    assert check_subject(declared, count=40, largest=2_000).agrees
    assert not check_subject(fast, count=24, largest=2_000).agrees


def test_an_interrupted_assertion_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*operands: Any, **params: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bpcheck.assert_agrees(replace(CONV, forward=interrupted), count=10)


def test_depthwise_and_grouped_channels_may_be_permuted() -> None:
    for text in ("g3n1ic3ih4iw4oc6kh2kw2", "g2n2ic4ih3iw3oc6kh2kw2"):
        for seed in range(12):
            report = check_subject(
                CONV, cases=[parse_case(f"conv2d {text} f64 exact c-order seed={seed}")]
            )
            assert report.judgements == ()
