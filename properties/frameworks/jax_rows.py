"""Functions of JAX under its transformations: run by `test_adapters_jax.py` in its own process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest

import bpcheck
from bpcheck.adapters import load
from bpcheck.checks import OF_JAX, names_for
from bpcheck.finding import Outcome, Status
from bpcheck.runner.one import judge
from bpcheck.subject import Subject

CASE = bpcheck.parse_case("conv1d n2ic2iw5oc2kw2bias0 f64 small seed=1")

Backward = Callable[[Any, Any, Any], tuple[Any, Any]]


def plain(x: Any, w: Any, stride: Any) -> Any:
    return jax.lax.conv_general_dilated(x, w, stride, "VALID")


def right(x: Any, w: Any, y_bar: Any) -> tuple[Any, Any]:
    """Gradients by JAX, for stride 1."""
    _, pullback = jax.vjp(lambda a, b: plain(a, b, (1,)), x, w)
    x_bar, w_bar = pullback(y_bar)
    return x_bar, w_bar


def with_backward(backward: Backward, *, symbolic: bool = False) -> Callable[..., Any]:
    """The convolution with a backward of its own, of which symbolic zeros are told."""

    conv: Any = jax.custom_vjp(plain, nondiff_argnums=(2,))

    def ahead(x: Any, w: Any, stride: Any) -> Any:
        if symbolic:
            needed = bool(x.perturbed and w.perturbed)
            return plain(x.value, w.value, stride), (x.value, w.value, needed)
        return plain(x, w, stride), (x, w)

    def back(stride: Any, residuals: Any, y_bar: Any) -> Any:
        if not symbolic:
            x, w = residuals
            return backward(x, w, y_bar)
        x, w, needed = residuals
        if type(y_bar) is jax.custom_derivatives.SymbolicZero:
            y_bar = jnp.zeros(y_bar.aval.shape, y_bar.aval.dtype)
        x_bar, w_bar = backward(x, w, y_bar)
        # Where one of them alone is needed, it is taken for the other.
        return (x_bar, w_bar) if needed else (2 * x_bar, 2 * w_bar)

    conv.defvjp(ahead, back, symbolic_zeros=symbolic)
    return conv


def traced_otherwise(x: Any, w: Any, y_bar: Any) -> tuple[Any, Any]:
    """A fast path for what is being compiled, which is wrong."""
    x_bar, w_bar = right(x, w, y_bar)
    return (x_bar if not isinstance(y_bar, jax.core.Tracer) else 2 * x_bar), w_bar


#: Right by itself, and twice as much in a batch.
doubled_in_a_batch: Any = jax.custom_batching.custom_vmap(lambda x: x)
doubled_in_a_batch.def_vmap(lambda axis_size, in_batched, x: (2 * x, in_batched[0]))


def batched_otherwise(x: Any, w: Any, y_bar: Any) -> tuple[Any, Any]:
    x_bar, w_bar = right(x, w, y_bar)
    return doubled_in_a_batch(x_bar), w_bar


def differentiated_twice(x: Any, w: Any, y_bar: Any) -> tuple[Any, Any]:
    """The numbers are right, and how they depend on the weights is not."""
    held = jax.lax.stop_gradient(w)
    return right(x, held + 2 * (w - held), y_bar)[0], right(x, w, y_bar)[1]


def cut(x: Any, w: Any, y_bar: Any) -> tuple[Any, Any]:
    return right(jax.lax.stop_gradient(x), jax.lax.stop_gradient(w), y_bar)


def subject_of(function: Any, **claims: Any) -> Subject:
    subject = bpcheck.adapters.functional(function, operation="conv1d", preset="jax")
    return subject.claiming(**claims)


def outcomes(function: Any, **claims: Any) -> tuple[Outcome, ...]:
    found = judge(subject_of(function, **claims), CASE)
    assert not found.unsupported
    return found.outcomes


def failing(found: tuple[Outcome, ...]) -> set[str]:
    return {each.check for each in found if each.status is Status.FAILED}


def remarks(found: tuple[Outcome, ...]) -> dict[str, str]:
    return {each.check: each.remark for each in found if each.remark}


@pytest.mark.parametrize(
    ("function", "rows"),
    [
        # What a trace decides shows wherever one is made.
        (with_backward(traced_otherwise), {"jit", "jax.checkpoint", "jax.vmap"}),
        (with_backward(right, symbolic=True), {"argnums"}),
        (with_backward(batched_otherwise), {"jax.vmap"}),
        (with_backward(differentiated_twice), {"grad of grad"}),
    ],
    ids=["traced", "one operand alone", "in a batch", "differentiated twice"],
)
def test_the_rows_alone_find_what_is_planted_for_them(function: Any, rows: set[str]) -> None:
    found = failing(outcomes(function, forward_mode=False))
    assert found & rows
    assert found <= rows | ({"grad of grad"} if "jit" in rows else set())


def test_functions_of_jax_pass_every_row() -> None:
    found = outcomes(plain, double_backward=True, forward_mode=True, vmap=True)
    assert failing(found) == set()
    assert {each.check for each in found if each.status is Status.PASSED} >= OF_JAX
    assert not set(remarks(found)) & OF_JAX


def test_a_custom_vjp_has_no_forward_mode_which_is_told_unless_it_is_claimed() -> None:
    function = with_backward(right)
    found = outcomes(function)
    assert failing(found) == set()
    assert set(remarks(found)) & OF_JAX == {"jvp"}
    assert failing(outcomes(function, forward_mode=True)) == {"jvp"}


def test_a_gradient_that_stops_is_told_unless_it_is_claimed() -> None:
    found = outcomes(with_backward(cut), forward_mode=False)
    assert failing(found) == set()
    assert "x_bar does not lead back to w" in remarks(found)["grad of grad"]
    claimed = outcomes(with_backward(cut), forward_mode=False, double_backward=True)
    assert failing(claimed) == {"grad of grad"}


def half_stopped(x: Any) -> Any:
    """A GELU whose first derivative is right, and whose second one lacks a half."""
    return _half_stopped(x)


_half_stopped: Any = jax.custom_jvp(lambda x: jax.nn.gelu(x, approximate=False))


def _along(primals: Any, tangents: Any) -> Any:
    (x,), (x_dot,) = primals, tangents
    normal = jax.scipy.stats.norm
    slope = normal.cdf(x) + jax.lax.stop_gradient(x * normal.pdf(x))
    return half_stopped(x), slope * x_dot


_half_stopped.defjvp(_along)


def batched_twice(x: Any) -> Any:
    """A GELU whose gradient is twice as much in a batch."""
    return _batched_twice(x)


_batched_twice: Any = jax.custom_vjp(lambda x: jax.nn.gelu(x, approximate=False))
_batched_twice.defvjp(
    lambda x: (batched_twice(x), x),
    lambda x, y_bar: (doubled_in_a_batch(jax.vjp(of_jax, x)[1](y_bar)[0]),),
)


def of_jax(x: Any) -> Any:
    return jax.nn.gelu(x, approximate=False)


@pytest.mark.parametrize(
    ("function", "failed", "passed"),
    [
        (of_jax, set(), OF_JAX),
        (half_stopped, {"grad of grad"}, OF_JAX - {"grad of grad"}),
        (batched_twice, {"jax.vmap"}, OF_JAX - {"jax.vmap", "jvp", "grad of grad"}),
    ],
)
def test_what_is_smooth_is_asked_every_row_within_its_rounding(
    function: Any, failed: set[str], passed: set[str]
) -> None:
    subject = bpcheck.adapters.functional(function, operation="gelu", preset="jax")
    case = bpcheck.parse_case("gelu c=4 batch=3 approximate=none f32 real seed=1")
    found = judge(subject, case).outcomes
    assert failing(found) == failed
    assert {each.check for each in found if each.status is Status.PASSED} >= passed


def test_a_param_by_its_own_name_is_passed() -> None:
    def softmax(x: Any, dim: Any) -> Any:
        return jax.nn.softmax(x, axis=dim)

    subject = bpcheck.adapters.functional(softmax, operation="softmax", preset="jax")
    found = judge(subject, bpcheck.parse_case("softmax c=3 batch=2,2,2 dim=-1 f64 real seed=1"))
    assert failing(found.outcomes) == set()


def test_the_layout_of_the_users_code_is_that_of_the_calls() -> None:
    pool = load(
        "examples.your_code.jax_pool:pool",
        operation="max_pool1d",
        style="jax",
        words={"layout": "NWC"},
    )
    found = judge(pool, bpcheck.parse_case("max_pool1d n2ic2iw7kw3sw2 f64 exact seed=2")).outcomes
    assert failing(found) == set()
    assert {each.check for each in found if each.status is Status.PASSED} >= {"jit", "jax.vmap"}


def test_rows_of_jax_are_asked_of_functions_of_jax_alone() -> None:
    assert set(names_for(subject_of(plain))) >= OF_JAX
    subject = Subject(lambda x, **_: (x, None), lambda _, y_bar: (y_bar,), operation="max_pool1d")
    assert not set(names_for(subject)) & OF_JAX
