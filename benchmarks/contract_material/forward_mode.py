"""Forward modes that are wrong, or not there."""

from __future__ import annotations

from typing import Any

from benchmarks.contract_material.base import Plain, Right, Violation, conv


class Jacobian(Right):
    """The tangent of the input is not multiplied in: ones stand for it."""

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        x, w = ctx.saved_tensors
        x_dot, w_dot, b_dot, *_ = tangents
        y_dot = conv(0 * x_dot + 1, w, None, ctx.params) + conv(x, w_dot, None, ctx.params)
        return y_dot if b_dot is None else y_dot + b_dot[:, None]


class NoTangent(Right):
    """No tangent is passed on."""

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        x, w = ctx.saved_tensors
        return conv(0 * tangents[0], w, None, ctx.params) + 0 * conv(x, w, None, ctx.params)


class InputAlone(Right):
    """The tangent of the weights is forgotten."""

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        _, w = ctx.saved_tensors
        x_dot, _, b_dot, *_ = tangents
        y_dot = conv(x_dot, w, None, ctx.params)
        return y_dot if b_dot is None else y_dot + b_dot[:, None]


class TooFew(Right):
    """The rule takes another number of arguments than it is given."""

    @staticmethod
    def jvp(ctx: Any, x_dot: Any, w_dot: Any) -> Any:
        x, w = ctx.saved_tensors
        return conv(x_dot, w, None, ctx.params) + conv(x, w_dot, None, ctx.params)


ROW = "forward mode"

VIOLATIONS = (
    Violation(
        "a Jacobian for a tangent",
        ROW,
        "https://github.com/pytorch/functorch/issues/207",
        Jacobian,
    ),
    Violation("tangents are lost", ROW, "https://github.com/raven-ml/raven/issues/153", NoTangent),
    Violation(
        "the weights' tangent is lost",
        ROW,
        "https://github.com/pytorch/pytorch/pull/69956",
        InputAlone,
    ),
    Violation(
        "another number of arguments",
        ROW,
        "https://github.com/HIPS/autograd/issues/550",
        TooFew,
        is_missing=True,
    ),
    Violation(
        "no rule",
        ROW,
        "https://github.com/flatironinstitute/pytorch-finufft/issues/110",
        Plain,
        is_missing=True,
    ),
)
