"""Adapted code of torch on tensors, as autograd sees it: the rows on tensors ask this."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch

from bpcheck.adapters.axes import axes_of
from bpcheck.adapters.declaration import Declaration
from bpcheck.adapters.expressions import Line
from bpcheck.adapters.scope import Scope, plain_axes, scope_of
from bpcheck.adapters.torch_compiled import keep_compiling
from bpcheck.arithmetic import Array
from bpcheck.operations import Operation

#: Positional arguments, and named ones.
Arguments = tuple[Sequence[Any], dict[str, Any]]


class TensorCode(Protocol):
    """One shape of code of torch: how it is called on tensors in its own order of axes."""

    @property
    def function(self) -> Any:
        """What is called."""
        ...

    def call_of(self, scope: Scope, operands: Mapping[str, Any]) -> Arguments:
        """What it is called with."""
        ...

    def evaluating(self) -> TensorCode | None:
        """The same as it is in evaluation; ``None`` where it is no module."""
        ...

    def made(self, scope: Scope, dtype: torch.dtype) -> tuple[Any, Mapping[str, str]]:
        """An instance for the case, and the operand in the place of each of its parameters."""
        ...


@dataclass(frozen=True)
class AdaptedTensors:
    """Adapted code, with tensors in torch's order of axes.

    Parameters
    ----------
    code
        The calls.
    operation, declaration
        What is promised, and how it differs.
    operator
        The registered operator that it is or calls, or ``None``.
    """

    code: TensorCode
    operation: Operation
    declaration: Declaration
    operator: Any = None

    @property
    def device(self) -> torch.device:
        """Where the tensors lie."""
        return torch.device("cpu")

    @property
    def function(self) -> Any:
        """What is called."""
        return self.code.function

    def evaluating(self) -> AdaptedTensors | None:
        """The same in evaluation, where it is a module."""
        code = self.code.evaluating()
        return None if code is None else replace(self, code=code)

    def standing(self, operands: Sequence[Any], params: Mapping[str, Any]) -> Standing:
        """An instance of the module for such operands, to be called more than once."""
        dtype = next(each.dtype for each in operands if each is not None)
        return Standing(self, *self.code.made(self.scope(operands, params), dtype))

    def on_tensors(self, *operands: Any, **params: Any) -> Any:
        """``y``, with the graph that leads back to those operands that need a gradient."""
        arguments, named = self.arguments(*operands, **params)
        keep_compiling()
        return self.returned(_applied(self.function)(*arguments, **named))

    def arguments(self, *operands: Any, **params: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What it is called with for these."""
        scope = self.scope(operands, params)
        given, named = self.code.call_of(scope, self.outward(operands))
        return tuple(given), named

    def call_of(
        self, operands: Sequence[Any], params: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any], str]:
        """How the function is called: see `TorchCallable.call_of`."""
        return (*self.arguments(*operands, **params), "")

    def returned(self, y: Any) -> Any:
        """What the code returned, with its axes in torch's order; several outputs as one."""
        if self.operation.may_have_outputs and isinstance(y, tuple | list):
            return torch.cat([each.reshape(-1) for each in y])
        if not isinstance(y, torch.Tensor):
            kind = type(y).__name__
            raise TypeError(f"the function returned a {kind} where one tensor was expected")
        axes = axes_of(self.operation).get("y")
        return y if axes is None else inward(y, axes, self.declaration.orders.get("y", axes))

    def scope(self, operands: Sequence[Any], params: Mapping[str, Any]) -> Scope:
        """What the names of a declared call stand for, but for the tensors themselves."""
        hollow = tuple(None if each is None else _hollow(each) for each in operands)
        return scope_of(self.operation, self.declaration, hollow, params)

    def outward(self, operands: Sequence[Any]) -> dict[str, Any]:
        """The operands that there are, by name, in the code's own order of axes."""
        found = {}
        for name, each in zip(self.operation.operands, operands, strict=True):
            if each is not None:
                axes = axes_of(self.operation).get(name) or plain_axes(_hollow(each))
                found[name] = outward(each, axes, self.declaration.orders.get(name, axes))
        return found


@dataclass(frozen=True)
class Standing:
    """One instance of a module, and the operand in the place of each of its parameters."""

    code: AdaptedTensors
    module: Any
    places: Mapping[str, str]

    def hold(self, operands: Mapping[str, Any]) -> None:
        """Give its parameters the numbers of these operands, in place, as an optimizer does."""
        handed = self._handed(operands)
        with torch.no_grad():
            for place, name in self.places.items():
                self.module.get_parameter(place).copy_(handed[name])

    def operands(self, operands: Mapping[str, Any]) -> dict[str, Any]:
        """The operands, its own parameters in the places of those that they hold."""
        own = {name: self.module.get_parameter(place) for place, name in self.places.items()}
        return {**operands, **own}

    def call(self, operands: Mapping[str, Any]) -> Any:
        """``y`` of the first operand, by the parameters that it has."""
        first = next(iter(operands))
        return self.code.returned(self.module(self._handed({first: operands[first]})[first]))

    def _handed(self, operands: Mapping[str, Any]) -> dict[str, Any]:
        every = [operands.get(name) for name in self.code.operation.operands]
        return self.code.outward(every)


@dataclass(frozen=True)
class FunctionOnTensors:
    """A function, an `autograd.Function` or a registered operator, with the call made of it."""

    function: Any
    shown: Line

    def call_of(self, scope: Scope, operands: Mapping[str, Any]) -> Arguments:
        """What it is called with."""
        arguments, named = self.shown.arguments(scope.keeping(**operands))
        if not isinstance(self.function, type):
            return arguments, named
        # `apply` takes no names.
        there = signature_of(self.function).bind(*arguments, **named)
        there.apply_defaults()
        return there.args, {}

    def evaluating(self) -> None:
        """It has no evaluation."""

    def made(self, scope: Scope, dtype: torch.dtype) -> Any:
        """There is no instance of a function."""
        raise TypeError(f"{self.function} is no module")


def adapted_tensors(
    code: TensorCode, operation: Operation, declaration: Declaration, operator: Any = None
) -> AdaptedTensors | None:
    """Adapted code on tensors; ``None`` where a declaration says that its numbers are others."""
    changes = declaration.scaled or declaration.dtype or declaration.to is not None
    if changes or operation.constants:
        return None
    return AdaptedTensors(code, operation, declaration, operator)


def signature_of(function: Any) -> inspect.Signature:
    """The signature of the forward of an `autograd.Function`, without its context."""
    signature = inspect.signature(function.forward)
    if function.setup_context is not torch.autograd.Function.setup_context:
        return signature
    return signature.replace(parameters=list(signature.parameters.values())[1:])


def outward(tensor: Any, axes: str, order: Sequence[str]) -> Any:
    """A tensor in the code's own order of axes, contiguous where it was; see `axes.outward`."""
    if tuple(order) == tuple(axes):
        return tensor
    kept = [each for each in axes if each in order]
    own = tensor.reshape([n for n, each in zip(tensor.shape, axes, strict=True) if each in order])
    own = own.permute([kept.index(each) for each in order if each != "1"]).contiguous()
    for place, letter in enumerate(order):
        if letter == "1":
            own = own.unsqueeze(place)
    return own


def inward(tensor: Any, axes: str, order: Sequence[str]) -> Any:
    """A tensor that code returned, in the usual order of axes; see `axes.inward`."""
    if tuple(order) == tuple(axes) or tensor.dim() != len(order):
        return tensor
    letters = [each for each in order if each != "1"]
    plain = tensor.reshape(
        [n for n, each in zip(tensor.shape, order, strict=True) if each != "1"]
    ).permute([letters.index(each) for each in axes if each in letters])
    for place, each in enumerate(axes):
        if each not in letters:
            plain = plain.unsqueeze(place)
    return plain


def _applied(function: Any) -> Any:
    is_class = isinstance(function, type) and issubclass(function, torch.autograd.Function)
    return function.apply if is_class else function


def _hollow(tensor: Any) -> Array:
    """An array of that shape and one number."""
    return np.broadcast_to(np.zeros(()), tuple(tensor.shape))
