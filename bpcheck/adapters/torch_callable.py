"""A differentiable torch callable, or an `autograd.Function`, as a subject."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from bpcheck.adapters.torch_adapted import signature_of
from bpcheck.adapters.torch_arguments import Slots
from bpcheck.adapters.torch_backward import gradients, gradients_of_several
from bpcheck.adapters.torch_compiled import keep_compiling
from bpcheck.adapters.torch_operators import operator_in
from bpcheck.adapters.torch_tensors import Shared, constant, to_array, to_tensor
from bpcheck.arithmetic import Array
from bpcheck.claims import DEFAULT_DTYPES, claims_from
from bpcheck.errors import TargetError
from bpcheck.operations import Operation
from bpcheck.subject import Subject


@dataclass(frozen=True, slots=True)
class Residuals:
    """One run of the forward: its operands (``None`` where there was none) and what it returned."""

    operands: tuple[Shared | None, ...]
    y: torch.Tensor | tuple[torch.Tensor, ...]


@dataclass(frozen=True)
class TorchCallable:
    """`function` on one device, with the forward and the vjp of a subject."""

    function: Any
    device: torch.device
    operation: Operation

    @cached_property
    def _is_autograd_function(self) -> bool:
        return isinstance(self.function, type)

    @cached_property
    def _signature(self) -> inspect.Signature | None:
        is_class = self._is_autograd_function
        return signature_of(self.function) if is_class else _signature(self.function)

    @cached_property
    def _slots(self) -> Slots:
        return Slots.of(self._signature)

    def forward(self, *operands: Array | None, **params: Any) -> tuple[Any, Residuals]:
        """``(y, residuals)``; the graph is kept, so that several vjps may follow."""
        tensors = tuple(None if x is None else to_tensor(x, self.device) for x in operands)
        leaves = [None if each is None else each.tensor.requires_grad_() for each in tensors]
        with torch.enable_grad():
            y = self._outputs(*leaves, **params)
        _write_back(tensors)
        made = tuple(map(to_array, y)) if isinstance(y, tuple) else to_array(y)
        return made, Residuals(tensors, y)

    def on_tensors(self, *operands: Any, **params: Any) -> Any:
        """``y`` of tensors, in whatever mode of torch there is; several outputs as one."""
        y = self._outputs(*operands, **params)
        return torch.cat([each.reshape(-1) for each in y]) if isinstance(y, tuple) else y

    def _outputs(self, *operands: Any, **params: Any) -> torch.Tensor | tuple[torch.Tensor, ...]:
        arguments, named = self.arguments(*operands, **params)
        keep_compiling()
        y = self._apply(arguments, named)
        if self.operation.may_have_outputs and isinstance(y, tuple | list):
            if all(isinstance(each, torch.Tensor) for each in y) and y:
                return tuple(y)
            kinds = ", ".join(type(each).__name__ for each in y)
            raise TypeError(f"the function returned ({kinds}) where tensors were expected")
        if not isinstance(y, torch.Tensor):
            kind = type(y).__name__
            raise TypeError(f"the function returned a {kind} where one tensor was expected")
        return y

    def arguments(self, *operands: Any, **params: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The positional and the keyword arguments that pass these."""
        merged, rest = self._merged(operands, params)
        return self._slots.bind(merged, rest, neutral=self.operation.neutral)

    def _merged(
        self, operands: Sequence[Any], params: dict[str, Any]
    ) -> tuple[Sequence[Any], dict[str, Any]]:
        """Operands with those among them that have no gradient, as tensors; and other params."""
        operation = self.operation
        if not operation.constants:
            return operands, params
        like = next(each for each in operands if each is not None)
        given = dict(zip(operation.operands, operands, strict=True))
        given |= {name: constant(params.get(name), like) for name in operation.constants}
        rest = {name: each for name, each in params.items() if name not in operation.constants}
        return [given[name] for name in operation.positional], rest

    @cached_property
    def operator(self) -> Any:
        """The registered operator that it is or calls, or ``None``; torch's own are not asked."""
        return operator_in(self.function)

    def call_of(
        self, operands: Sequence[Any], params: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any], str]:
        """How the function is called: positional and named arguments, and what of it is."""
        arguments, named = self.arguments(*operands, **params)
        if not self._is_autograd_function or self._signature is None:
            return arguments, named, ""
        bound = self._signature.bind(*arguments, **named)
        bound.apply_defaults()
        return bound.args, bound.kwargs, ".apply"

    def returned(self, y: Any) -> Any:
        """What the function returned, as it is."""
        return y

    def evaluating(self) -> None:
        """It has no evaluation."""

    def standing(self, operands: Sequence[Any], params: Mapping[str, Any]) -> Any:
        """There is no instance of a function."""
        raise TypeError(f"{self.function} is no module")

    def _apply(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if not self._is_autograd_function or self._signature is None:
            return self.function(*arguments, **named)
        # Function.apply knows neither names nor defaults in all the versions that bpcheck supports.
        bound = self._signature.bind(*arguments, **named)
        bound.apply_defaults()
        return self.function.apply(*bound.args, **bound.kwargs)

    def lacks(self, operands: Sequence[str], params: Sequence[str]) -> tuple[str, ...]:
        """Those operands and params that the signature has no slot for."""
        merged = self.operation.positional if self.operation.constants else operands
        rest = [name for name in params if name not in self.operation.constants]
        return self._slots.lacking(merged, rest)

    def vjp(self, residuals: Residuals, y_bar: Array | tuple[Array, ...]) -> tuple[Any, ...]:
        """One gradient for each operand, ``None`` where there is none."""
        y, operands = residuals.y, residuals.operands
        given = y_bar if isinstance(y_bar, tuple) else (y_bar,)
        cotangents = [to_tensor(each, self.device) for each in given]
        leaves = [each.tensor for each in operands if each is not None]
        bars = [each.tensor for each in cotangents]
        found = iter(
            gradients_of_several(y, leaves, bars)
            if isinstance(y, tuple)
            else gradients(y, leaves, bars[0])
        )
        made = tuple(None if each is None else to_array(next(found)) for each in operands)
        _write_back((*operands, *cotangents))
        return made


def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    from bpcheck.adapters.torch_declared import schema_signature

    registered = schema_signature(function)
    if registered is not None:
        return registered
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        # Functions written in C++ have none; torch's own take all of its parameter names.
        return None


def _write_back(tensors: Sequence[Shared | None]) -> None:
    for each in tensors:
        if each is not None:
            each.write_back()


def torch_subject(
    fn: Any, *, operation: Operation, name: str | None, device: str, dtypes: Sequence[Any] | None
) -> Subject:
    """See `bpcheck.adapters.torch`."""
    fn = unwrapped(fn)
    name = name or getattr(fn, "__qualname__", None) or type(fn).__name__
    if not callable(fn):
        raise TargetError(
            f"{name} is of type {type(fn).__name__}: a torch subject is a function on tensors, or "
            "an autograd.Function; name one, such as torch.nn.functional:conv2d"
        )
    if isinstance(fn, type) and not issubclass(fn, torch.autograd.Function):
        raise TargetError(
            f"{name} is a class: of classes only autograd.Function has a backward of its own; "
            "name a function on tensors, fn(*operands, **params)"
        )
    wrapped = TorchCallable(fn, _device(device), operation)
    stated = {"dtypes": DEFAULT_DTYPES if dtypes is None else dtypes}
    return Subject(
        forward=wrapped.forward,
        vjp=wrapped.vjp,
        operation=operation,
        name=name,
        style="torch",
        claims=claims_from(stated, origin=name),
        lacks=wrapped.lacks,
        tensors=wrapped,
    )


def unwrapped(fn: Any) -> Any:
    """The Function class of a bare ``MyFunction.apply``."""
    owner = getattr(fn, "__self__", None)
    if isinstance(owner, type) and issubclass(owner, torch.autograd.Function):
        return owner
    return fn


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise TargetError(f"device {name!r}: torch cannot use it here ({reason})") from None
    return device
