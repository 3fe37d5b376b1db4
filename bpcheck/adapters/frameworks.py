"""Frameworks by name: how arrays go there and back, and how each differentiates.

Each is imported when a subject of it is made. Only JAX is part of the project's own environment;
``tools/framework NAME`` tries another one in an environment of its own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Any

import numpy as np

from bpcheck.adapters.functional import Framework
from bpcheck.adapters.jax_calls import kept_vjp
from bpcheck.errors import TargetError

#: What bfloat16 travels as where a framework takes it from NumPy by its bits alone.
_BITS = np.uint16


def _module(name: str, *, package: str = "") -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise TargetError(
            f"{name} cannot be imported ({error}); install {package or name} where bpcheck runs"
        ) from None


def _jax() -> Framework:
    jax = _module("jax")
    # Without it, float64 operands would be float32 before the code sees them.
    jax.config.update("jax_enable_x64", val=True)
    # XLA flushes subnormals, on CPUs too.
    return Framework(
        "jax",
        jax.numpy.array,
        np.asarray,
        kept_vjp,
        claims={"subnormals": False},
        # Sums of groups it makes on CPUs of one sum over all channels: others come in times 0.
        of_groups={"nan": False},
    )


def _autograd() -> Framework:
    make_vjp = _module("autograd").make_vjp

    def vjp(function: Any, *operands: Any) -> Any:
        pullback, y = make_vjp(lambda every: function(*every))(operands)
        return y, pullback

    return Framework("autograd", np.array, np.asarray, vjp)


def _tensorflow() -> Framework:
    tf = _module("tensorflow")

    def vjp(function: Any, *operands: Any) -> Any:
        with tf.GradientTape(persistent=True) as tape:
            for each in operands:
                tape.watch(each)
            y = function(*operands)
        return y, lambda y_bar: tape.gradient(y, list(operands), y_bar)

    return Framework("tensorflow", tf.constant, lambda value: value.numpy(), vjp)


def _paddle() -> Framework:
    paddle = _module("paddle", package="paddlepaddle")

    def to(array: Any) -> Any:
        if array.dtype.name == "bfloat16":
            return paddle.to_tensor(array.astype(np.float32), stop_gradient=False).astype(
                "bfloat16"
            )
        return paddle.to_tensor(array, stop_gradient=False)

    def back(value: Any) -> Any:
        return value.numpy()

    def vjp(function: Any, *operands: Any) -> Any:
        y = function(*operands)

        def pullback(y_bar: Any) -> Any:
            return paddle.grad(y, list(operands), y_bar, retain_graph=True, allow_unused=True)

        return y, pullback

    return Framework("paddle", to, back, vjp)


def _mlx() -> Framework:
    mx = _module("mlx.core", package="mlx")
    import ml_dtypes

    def to(array: Any) -> Any:
        if array.dtype.name == "bfloat16":
            return mx.array(array.view(_BITS)).view(mx.bfloat16)
        return mx.array(array)

    def back(value: Any) -> Any:
        if value.dtype == mx.bfloat16:
            return np.array(value.view(mx.uint16)).view(ml_dtypes.bfloat16)
        return np.array(value)

    def vjp(function: Any, *operands: Any) -> Any:
        return function(*operands), lambda y_bar: mx.vjp(
            lambda *every: [function(*every)], list(operands), [y_bar]
        )[1]

    # It makes float32 of float64.
    return Framework("mlx", to, back, vjp, claims={"dtypes": ("float32",)})


def _tinygrad() -> Framework:
    tensor = _module("tinygrad").Tensor

    def vjp(function: Any, *operands: Any) -> Any:
        y = function(*operands)
        return y, lambda y_bar: y.gradient(*operands, gradient=y_bar)

    def to(array: Any) -> Any:
        return tensor(np.ascontiguousarray(array))

    return Framework("tinygrad", to, lambda value: value.numpy(), vjp)


def _mindspore() -> Framework:
    ms = _module("mindspore")
    # Under NumPy 2 its first operation fails, for what it was compiled for is NumPy 1; no other.
    with contextlib.suppress(SystemError):
        ms.ops.reshape(ms.Tensor(np.ones(1)), (1,))

    def vjp(function: Any, *operands: Any) -> Any:
        def pullback(y_bar: Any) -> Any:
            # It is that of the last forward of all: each is made when it is asked for.
            return ms.vjp(function, *operands)[1](y_bar)

        return function(*operands), pullback

    return Framework("mindspore", ms.Tensor, lambda value: value.asnumpy(), _tupled(vjp))


def _chainer() -> Framework:
    chainer = _module("chainer")

    def vjp(function: Any, *operands: Any) -> Any:
        y = function(*operands)
        return y, lambda y_bar: chainer.grad([y], list(operands), [y_bar], retain_grad=True)

    return Framework("chainer", chainer.Variable, lambda value: value.array, vjp)


def _tupled(vjp: Callable[..., Any]) -> Callable[..., Any]:
    """A vjp whose pullback gives a tuple where it would give a single gradient bare."""

    def tupled(function: Any, *operands: Any) -> Any:
        y, pullback = vjp(function, *operands)

        def pull(y_bar: Any) -> Sequence[Any]:
            found = pullback(y_bar)
            return found if isinstance(found, tuple | list) else (found,)

        return y, pull

    return tupled


#: For each framework, what makes it ready.
FRAMEWORKS: Mapping[str, Callable[[], Framework]] = MappingProxyType(
    {
        "jax": _jax,
        "autograd": _autograd,
        "tensorflow": _tensorflow,
        "paddle": _paddle,
        "mlx": _mlx,
        "tinygrad": _tinygrad,
        "mindspore": _mindspore,
        "chainer": _chainer,
    }
)
