"""Other gradient checkers, each asked about a subject and a case with its own default settings.

Where a rule leaves something open, it is read in the rival's favour: shapes and dtypes of gradients
are compared wherever its tensor library would, and operands lie in memory as the case says.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from math import sqrt
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.cases.layouts import C_ORDER, lay_out
from bpcheck.filling import fill
from bpcheck.subject import Subject


@dataclass(frozen=True, slots=True)
class Question:
    """A subject and a case, in the terms of a checker that knows neither.

    Parameters
    ----------
    operands
        The arrays that the case has, in their layouts.
    y_bar
        A cotangent, for a checker that wants one from its caller.
    absent
        How many operands at the end are ``None``.
    """

    subject: Subject
    case: Case
    operands: tuple[Array, ...]
    y_bar: Array
    absent: int

    def forward(self, *operands: Any) -> tuple[Any, Any]:
        """``(y, residuals)``."""
        params = self.subject.accepted(self.case.params)
        return tuple(self.subject.forward(*operands, *(None,) * self.absent, **params))

    def y(self, *operands: Any) -> Any:
        """``y`` alone."""
        return self.forward(*operands)[0]

    def vjp(self, residuals: Any, y_bar: Any) -> Any:
        """One gradient for each operand that the case has."""
        bars = self.subject.vjp(residuals, y_bar)
        return bars[: -self.absent] if self.absent else bars


def question(subject: Subject, case: Case) -> Question:
    """What a checker is asked about `subject` in `case`."""
    arrays = fill(case)
    return Question(
        subject=subject,
        case=case,
        operands=tuple(
            lay_out(array, case.layouts.get(name, C_ORDER))
            for name, array in arrays.operands.items()
        ),
        y_bar=lay_out(arrays.y_bar, case.layouts.get("y_bar", C_ORDER)),
        absent=len(case.operation.operands) - len(arrays.operands),
    )


def gradcheck(asked: Question, *, fast: bool) -> bool:
    """`torch.autograd.gradcheck` of the subject as an autograd.Function."""
    import torch

    class Wrapped(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *operands: Any) -> Any:
            y, ctx.residuals = asked.forward(*(each.detach().numpy() for each in operands))
            return torch.from_numpy(np.asarray(y))

        @staticmethod
        def backward(ctx: Any, *cotangents: Any) -> Any:
            bars = asked.vjp(ctx.residuals, cotangents[0].detach().numpy())
            return tuple(None if bar is None else torch.from_numpy(bar) for bar in bars)

    torch.manual_seed(asked.case.seed)
    operands = tuple(torch.from_numpy(each).requires_grad_() for each in asked.operands)
    return bool(torch.autograd.gradcheck(Wrapped.apply, operands, fast_mode=fast))


def jax_check_vjp(asked: Question) -> bool:
    """`jax.test_util.check_vjp`, which takes functions on NumPy arrays as they are."""
    jax = import_module("jax")
    jax.config.update("jax_enable_x64", val=True)

    def with_vjp(*operands: Array) -> tuple[Any, Callable[[Any], Any]]:
        y, residuals = asked.forward(*operands)
        return y, lambda y_bar: asked.vjp(residuals, y_bar)

    import_module("jax.test_util").check_vjp(asked.y, with_vjp, asked.operands)
    return True


def chainer_rule(asked: Question) -> bool:
    """Chainer's rule: the slope along one random unit vector through all operands.

    Central differences of step 1e-3, compared with ``atol=1e-5, rtol=1e-4``, as documented for
    ``chainer.gradient_check.check_backward`` and ``chainer.testing.assert_allclose``:
    https://docs.chainer.org/en/stable/reference/generated/chainer.gradient_check.check_backward.html
    """
    drawn = _directions(asked)
    length = sqrt(sum(float((each**2).sum()) for each in drawn))
    analytic, numeric = _slopes(asked, [each / length for each in drawn], asked.y_bar, step=1e-3)
    return bool(abs(numeric - analytic) <= 1e-5 + 1e-4 * abs(analytic))


def autograd_rule(asked: Question) -> bool:
    """Autograd's rule: the slope along one normal direction, at one normal cotangent.

    Central differences over 1e-6, compared with ``abs(a - b) < 1e-6`` or
    ``abs(a - b) / abs(a + b) < 1e-6``, as ``autograd.test_util.check_vjp`` does:
    https://github.com/HIPS/autograd/blob/master/autograd/test_util.py
    """
    rng = np.random.default_rng(asked.case.seed + 1)
    y_bar = np.asarray(rng.standard_normal(asked.y_bar.shape), asked.y_bar.dtype)
    analytic, numeric = _slopes(asked, _directions(asked), y_bar, step=0.5e-6)
    error = abs(numeric - analytic)
    return bool(error < 1e-6 or error < 1e-6 * abs(numeric + analytic))


def _directions(asked: Question) -> list[Array]:
    rng = np.random.default_rng(asked.case.seed)
    return [np.asarray(rng.standard_normal(each.shape)) for each in asked.operands]


def _slopes(
    asked: Question, directions: list[Array], y_bar: Array, *, step: float
) -> tuple[float, float]:
    """The derivative of ``<y_bar, y>`` along `directions`: by the vjp, and by differences."""
    y, residuals = asked.forward(*asked.operands)
    _require_like(y, y_bar)
    bars = asked.vjp(residuals, y_bar)
    for bar, operand in zip(bars, asked.operands, strict=True):
        _require_like(bar, operand)

    def along(distance: float) -> Array:
        moved = (
            (operand.astype(np.float64) + distance * direction).astype(operand.dtype)
            for operand, direction in zip(asked.operands, directions, strict=True)
        )
        return np.asarray(asked.y(*moved), np.float64)

    slope = (along(step) - along(-step)) / (2 * step)
    pairs = zip(bars, directions, strict=True)
    analytic = sum(float((bar.astype(np.float64) * each).sum()) for bar, each in pairs)
    return analytic, float((slope * y_bar).sum())


def _require_like(array: Any, pattern: Array) -> None:
    """Raise unless `array` is one, of the shape and dtype of `pattern`."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{type(array).__name__}: must be an array")
    if (array.shape, array.dtype) != (pattern.shape, pattern.dtype):
        raise ValueError(
            f"{array.shape} {array.dtype}: must be {pattern.shape} {pattern.dtype}, as its primal"
        )


@dataclass(frozen=True, slots=True)
class Rival:
    """A gradient checker, and the dtypes in which its makers use it."""

    name: str
    ask: Callable[[Question], bool]
    dtypes: tuple[str, ...] = ("float64",)

    def passes(self, subject: Subject, case: Case) -> bool:
        """Whether it finds nothing wrong; raising anything is finding something."""
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return self.ask(question(subject, case))
            except Exception:  # noqa: BLE001 - each checker has errors of its own
                return False


def rivals() -> tuple[Rival, ...]:
    """All that can be run here: JAX's only where it is installed."""
    jax = (Rival("JAX", jax_check_vjp, dtypes=("float64", "float32")),)
    return (
        Rival("gradcheck slow", lambda asked: gradcheck(asked, fast=False)),
        Rival("gradcheck fast", lambda asked: gradcheck(asked, fast=True)),
        *(jax if find_spec("jax") else ()),
        Rival("Autograd's rule", autograd_rule),
        Rival("Chainer's rule", chainer_rule),
    )
