"""Torch code that differs from ``torch.nn.functional``: scalar params, modules, other layouts."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import torch

from bpcheck.adapters.adapted import adapted_subject
from bpcheck.adapters.declaration import Declaration, declared
from bpcheck.adapters.expressions import Line
from bpcheck.adapters.functional import Framework, functional_subject
from bpcheck.adapters.functions import shown_call
from bpcheck.adapters.making import made
from bpcheck.adapters.names import meaning
from bpcheck.adapters.scope import Scope
from bpcheck.adapters.torch_backward import gradients
from bpcheck.adapters.torch_compiled import keep_compiling
from bpcheck.adapters.torch_tensors import to_array, to_tensor
from bpcheck.claims import DEFAULT_DTYPES
from bpcheck.errors import Unsupported
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


@dataclass(frozen=True)
class Modules:
    """An `nn.Module` class: a new instance for each case, with the case's weights in it."""

    operation: Operation
    declaration: Declaration
    maker: Callable[..., torch.nn.Module]
    make: Line

    def forward(self, scope: Scope) -> tuple[Any, Any]:
        """``y``, and what pulls a cotangent back."""
        arguments, named = self.make.arguments(scope)
        module = made(self.maker, *arguments, **named)
        weights = self._weights(module, scope)
        names = list(scope.handed)

        def function(*operands: torch.Tensor) -> Any:
            there = dict(zip(names, operands, strict=True))
            own = {place: there[name] for place, name in weights.items()}
            return torch.func.functional_call(module, own, (there[names[0]],))

        y, pullback = _vjp(function, *(_to(each.own) for each in scope.handed.values()))
        return to_array(y), pullback

    def backward(self, state: Any, scope: Scope) -> Mapping[str, Any]:
        """The gradients, in the order of the operands that there are."""
        found = map(to_array, state(_to(scope.kept["dy"])))
        return dict(zip(scope.handed, found, strict=True))

    def names(self) -> Sequence[str]:
        """What the constructor is passed, the operand of the forward, and the weights."""
        return (*self.make.names(), *self.operation.operands)

    def _weights(self, module: torch.nn.Module, scope: Scope) -> dict[str, str]:
        """The operand that takes the place of each parameter of the module."""
        found: dict[str, str] = {}
        for place, parameter in module.named_parameters():
            name = meaning(place.rpartition(".")[2], self.operation)
            if name == "b" and name not in scope.handed:
                raise Unsupported("no bias")
            if name is None or name not in scope.handed or name in found.values():
                raise TypeError(
                    f"the module's parameter {place} is no operand of {self.operation} here: its "
                    f"operands are {', '.join(scope.handed)}"
                )
            if tuple(parameter.shape) != scope.handed[name].own.shape:
                raise TypeError(
                    f"the module's {place} has shape {tuple(parameter.shape)}, and {name} has "
                    f"{scope.handed[name].own.shape}; declare weight_layout=, or show the "
                    "constructor's call in make="
                )
            found[place] = name
        if "b" in scope.handed and "b" not in found.values():
            raise Unsupported("a bias")
        return found


def declared_subject(
    target: Any,
    *,
    operation: Operation,
    name: str,
    words: Mapping[str, Any],
    dtypes: Sequence[str] = DEFAULT_DTYPES,
) -> Subject:
    """The subject of torch code about which something is declared, or of a class of modules."""
    if isinstance(target, type) and issubclass(target, torch.nn.Module):
        return _modules_subject(target, operation, name, words, dtypes)
    if isinstance(target, type) and issubclass(target, torch.autograd.Function):
        target = _applied(target)
    target = _signed(target)
    return functional_subject(
        target, operation=operation, name=name, framework=TORCH, words=words, dtypes=dtypes
    )


def module_class(target: Any) -> type[torch.nn.Module] | None:
    """The class of modules that a target is, is an instance of, or holds as a benchmark's problem.

    A file of KernelBench holds ``Model`` and, beside it or in its place, ``ModelNew``.
    """
    if isinstance(target, ModuleType):
        found = getattr(target, "ModelNew", None) or getattr(target, "Model", None)
        target = found
    if isinstance(target, torch.nn.Module) and next(target.parameters(), None) is not None:
        # What an instance was made with holds for one geometry alone.
        target = type(target)
    is_class = isinstance(target, type) and issubclass(target, torch.nn.Module)
    return target if is_class else None


def _modules_subject(
    target: type[torch.nn.Module],
    operation: Operation,
    name: str,
    words: Mapping[str, Any],
    dtypes: Sequence[str],
) -> Subject:
    declaration, own = declared(words, operation=operation, style="torch", own={"make": ""})
    if "ints" not in words and says_int(target, operation):
        declaration = replace(declaration, ints=True)
    if "same" not in words and _takes_words(target, operation):
        declaration = replace(declaration, same="same")
    maker = own["make"] if callable(own["make"]) else target
    shown = "" if callable(own["make"]) else own["make"]
    make = shown_call(maker, shown, operation, word="make", name=name)
    # A constructor's bias says whether there is one.
    make = make.renamed(lambda each: meaning(each, operation) == "b", "has_bias")
    return adapted_subject(
        Modules(operation, declaration, maker, make),
        holder=target,
        operation=operation,
        declaration=declaration,
        name=name,
        style="torch module",
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


def _takes_words(target: Any, operation: Operation) -> bool:
    """Whether an annotation says that the padding may be a word, as those of torch's own do."""
    parameters = inspect.signature(target).parameters.values()
    return any(
        meaning(each.name, operation) == "padding" and "str" in str(each.annotation)
        for each in parameters
    )


def _applied(function: Any) -> Callable[..., Any]:
    """An `autograd.Function` as a function with the signature of its forward."""
    signature = inspect.signature(function.forward)
    if function.setup_context is torch.autograd.Function.setup_context:
        signature = signature.replace(parameters=list(signature.parameters.values())[1:])

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


def schema_of(op: Any) -> Any:
    """The schema of a registered operator; ``None`` if it is none."""
    overload = getattr(op, "_opoverload", None) or getattr(op, "default", op)
    return getattr(overload, "_schema", None)
