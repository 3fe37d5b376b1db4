"""Classes of `torch.nn.Module`: an instance for each case, with the case's weights in it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

import torch

from bpcheck.adapters.adapted import adapted_subject
from bpcheck.adapters.axes import axes_of
from bpcheck.adapters.declaration import Declaration, declared
from bpcheck.adapters.expressions import Line
from bpcheck.adapters.functions import shown_call
from bpcheck.adapters.making import made
from bpcheck.adapters.names import SIZES, meaning
from bpcheck.adapters.scope import Scope
from bpcheck.adapters.torch_adapted import Arguments, adapted_tensors
from bpcheck.adapters.torch_declared import TORCH, says_int
from bpcheck.adapters.torch_tensors import to_array
from bpcheck.claims import DEFAULT_DTYPES
from bpcheck.errors import TargetError, Unsupported
from bpcheck.operations import Operation
from bpcheck.subject import Subject


@dataclass(frozen=True)
class Modules:
    """An `nn.Module` class: a new instance for each case, with the case's weights in it."""

    operation: Operation
    declaration: Declaration
    maker: Callable[..., torch.nn.Module]
    make: Line
    is_training: bool = True
    last: dict[str, torch.nn.Module] = field(default_factory=dict, compare=False, repr=False)

    def forward(self, scope: Scope) -> tuple[Any, Any]:
        """``y``, and what pulls a cotangent back."""
        module, weights = self.made(scope)
        names = list(scope.handed)
        there = [TORCH.to(each.own) for each in scope.handed.values()]
        module.to(there[0].dtype)

        def function(*operands: torch.Tensor) -> Any:
            return _called(module, weights, dict(zip(names, operands, strict=True)))

        y, pullback = TORCH.vjp(function, *there)
        return to_array(y), pullback

    def made(self, scope: Scope) -> tuple[torch.nn.Module, dict[str, str]]:
        """An instance for the case, and the operand in the place of each of its parameters."""
        arguments, named = self.make.arguments(scope)
        like = repr((arguments, named))
        try:
            module = made(self.maker, *arguments, **named)
        except RuntimeError:
            # Within a vmap nothing may be drawn, as constructors do: the last of that kind serves.
            if like not in self.last:
                raise
            module = self.last[like]
        self.last.clear()
        self.last[like] = module
        return module, self._weights(module, scope)

    @property
    def function(self) -> Any:
        """What calls an instance."""
        return _called

    def call_of(self, scope: Scope, operands: Mapping[str, Any]) -> Arguments:
        """What it is called with."""
        module, weights = self.made(scope)
        module.to(next(iter(operands.values())).dtype)
        if not self.is_training:
            # Some layers make of their weights, once they are loaded, what evaluation uses.
            with torch.no_grad():
                for place, name in weights.items():
                    module.get_parameter(place).copy_(operands[name])
            module.eval()
        return (module, weights, operands), {}

    def evaluating(self) -> Modules:
        """The same in evaluation."""
        return replace(self, is_training=False)

    def backward(self, state: Any, scope: Scope) -> Mapping[str, Any]:
        """The gradients, in the order of the operands that there are."""
        found = map(to_array, state(TORCH.to(scope.kept["dy"])))
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


def _called(
    module: torch.nn.Module, weights: Mapping[str, str], operands: Mapping[str, Any]
) -> Any:
    """What a module returns with these operands in the places of its parameters."""
    own = {place: operands[name] for place, name in weights.items()}
    return torch.func.functional_call(module, own, (next(iter(operands.values())),))


def modules_subject(
    target: type[torch.nn.Module],
    *,
    operation: Operation,
    name: str,
    words: Mapping[str, Any],
    dtypes: Sequence[str] = DEFAULT_DTYPES,
) -> Subject:
    """The subject of a class of modules, with what is declared about it.

    Raises
    ------
    TargetError
        For a constructor that takes sizes, where the operation does not name its axes.
    UsageError
        For a word that cannot be understood.
    """
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
    if "x" not in axes_of(operation) and any(meaning(n, operation) in SIZES for n in make.names()):
        names = ", ".join(operation.operands)
        raise TargetError(
            f"{name} is a module that is made for some numbers of channels, and of such modules "
            f"those of convolutions and pools are understood; for {operation} name a function of "
            f"({names}, ...) on tensors, which may call it by torch.func.functional_call"
        )
    modules = Modules(operation, declaration, maker, make)
    return adapted_subject(
        modules,
        holder=target,
        operation=operation,
        declaration=declaration,
        name=name,
        style="torch module",
        dtypes=dtypes,
        tensors=adapted_tensors(modules, operation, declaration),
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


def _takes_words(target: Any, operation: Operation) -> bool:
    """Whether an annotation says that the padding may be a word, as those of torch's own do."""
    parameters = inspect.signature(target).parameters.values()
    return any(
        meaning(each.name, operation) == "padding" and "str" in str(each.annotation)
        for each in parameters
    )
