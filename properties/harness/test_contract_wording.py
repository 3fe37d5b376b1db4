"""What the contract says of an array is never the same as what it expected."""

from __future__ import annotations

from typing import Any

import bpcheck
from bpcheck import Subject
from bpcheck.cases import parse_case
from reference import conv


def told(vjp: Any, case: str, *, forward: Any = conv.forward) -> str:
    subject = Subject(forward, vjp, operation="conv1d")
    (judgement,) = bpcheck.check(subject, cases=[parse_case(case)]).judgements
    return str(judgement.findings)


def test_another_byte_order_is_named() -> None:
    def swapped(residuals: Any, y_bar: Any) -> Any:
        x_bar, *others = conv.vjp(residuals, y_bar)
        return x_bar.astype(x_bar.dtype.newbyteorder()), *others

    message = told(swapped, "conv1d n1ic1iw1oc1kw1")
    assert "x_bar is float64 in another byte order (" in message
    assert "the gradient has its operand's dtype" in message


def test_a_vjp_that_raises_on_a_word_is_shown_the_word() -> None:
    def forward(x: Any, w: Any, b: Any, **params: Any) -> Any:
        y, residuals = conv.forward(x, w, b, **params)
        return y, (residuals, params["padding"])

    def vjp(residuals: Any, y_bar: Any) -> Any:
        kept, padding = residuals
        if padding == "same":
            raise ValueError("no such mode")
        return conv.vjp(kept, y_bar)

    message = told(vjp, "conv1d n1ic1iw1oc1kw1same1", forward=forward)
    assert "no such mode (properties" in message
    assert "; here with padding='same', which supports() may leave out" in message


def test_a_vjp_that_always_raises_is_shown_none() -> None:
    def raises(residuals: Any, y_bar: Any) -> Any:
        raise ValueError("no such mode")

    assert "here with" not in told(raises, "conv1d n1ic1iw1oc1kw1same1")
