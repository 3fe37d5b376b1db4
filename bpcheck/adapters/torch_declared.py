"""Functions of torch that differ from ``torch.nn.functional``: scalar params, other layouts."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from bpcheck.adapters.declaration import Declaration
from bpcheck.adapters.expressions import Line
from bpcheck.adapters.functional import Framework, functional_subject
from bpcheck.adapters.names import meaning
from bpcheck.adapters.torch_adapted import (
    FunctionOnTensors,
    adapted_tensors,
    signature_of,
)
from bpcheck.adapters.torch_backward import gradients
from bpcheck.adapters.torch_compiled import keep_compiling
from bpcheck.adapters.torch_operators import operator_in, schema_of
from bpcheck.adapters.torch_tensors import to_array, to_tensor
from bpcheck.claims import DEFAULT_DTYPES
from bpcheck.operations import Operation
from bpcheck.subject import Subject

_CPU = torch.device("cpu")


def _to(array: Any) -> torch.Tensor:
    return to_tensor(array, _CPU).tensor


def _vjp(function: Callable[..., Any], *operands: torch.Tensor) -> tuple[Any, Callable[..., Any]]:
    leaves = [each.requires_grad_() for each in operands]
    keep_compiling()
    with torch.enable_grad():
        y = function(*leaves)
    if not isinstance(y, torch.Tensor):
        raise TypeError(f"a {type(y).__name__} was returned where one tensor was expected")
    return y, lambda y_bar: gradients(y, leaves, y_bar)


#: Torch as one framework among others.
TORCH = Framework("torch", _to, to_array, _vjp)


def declared_subject(
    target: Any,
    *,
    operation: Operation,
    name: str,
    words: Mapping[str, Any],
    dtypes: Sequence[str] = DEFAULT_DTYPES,
) -> Subject:
    """The subject of a function of torch about which something is declared."""

    def on_tensors(shown: Line, declaration: Declaration) -> Any:
        code = FunctionOnTensors(target, shown)
        return adapted_tensors(code, operation, declaration, operator_in(target))

    is_function = isinstance(target, type) and issubclass(target, torch.autograd.Function)
    return functional_subject(
        _applied(target) if is_function else _signed(target),
        operation=operation,
        name=name,
        framework=replace(TORCH, on_tensors=on_tensors),
        words=words,
        dtypes=dtypes,
    )


def says_int(target: Any, operation: Operation) -> bool:
    """Whether an annotation says that a spatial param is a single number: defaults do not count.

    Of an `autograd.Function` its forward is asked.
    """
    is_function = isinstance(target, type) and issubclass(target, torch.autograd.Function)
    try:
        signature = schema_signature(target) or inspect.signature(
            target.forward if is_function else target
        )
    except (TypeError, ValueError):
        return False
    spatial = ("stride", "padding", "dilation", "kernel_size")
    return any(
        each.annotation in {int, "int"} and meaning(each.name, operation) in spatial
        for each in signature.parameters.values()
    )


def _applied(function: Any) -> Callable[..., Any]:
    """An `autograd.Function` as a function with the signature of its forward."""
    signature = signature_of(function)

    def applied(*arguments: Any, **named: Any) -> Any:
        bound = signature.bind(*arguments, **named)
        bound.apply_defaults()
        return function.apply(*bound.args)

    applied.__signature__ = signature  # type: ignore[attr-defined]
    applied.__name__ = function.__name__
    return applied


def _signed(op: Any) -> Any:
    """A registered operator as a function with the signature of its schema; others as they are."""
    signature = schema_signature(op)
    if signature is None:
        return op

    def called(*arguments: Any, **named: Any) -> Any:
        return op(*arguments, **named)

    called.__signature__ = signature  # type: ignore[attr-defined]
    return called


def schema_signature(op: Any) -> inspect.Signature | None:
    """The signature of a registered operator, by its schema; ``None`` if it is none."""
    schema = schema_of(op)
    if schema is None:
        return None
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return inspect.Signature(
        [
            inspect.Parameter(
                each.name,
                kinds[bool(each.kwarg_only)],
                default=each.default_value if each.has_default_value() else inspect.Parameter.empty,
                annotation=int if str(each.type) in {"int", "SymInt"} else Any,
            )
            for each in schema.arguments
        ]
    )
