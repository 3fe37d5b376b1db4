"""Classes of `torch.nn.Module`: an instance for each case, with the case's weights in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from bpcheck.adapters.declaration import Declaration
from bpcheck.adapters.expressions import Line
from bpcheck.adapters.making import made
from bpcheck.adapters.module_weights import initialized, misfit
from bpcheck.adapters.names import meaning
from bpcheck.adapters.scope import Scope, scope_of
from bpcheck.adapters.torch_adapted import Arguments
from bpcheck.adapters.torch_declared import TORCH
from bpcheck.adapters.torch_tensors import to_array
from bpcheck.errors import Unsupported
from bpcheck.operations import Operation


@dataclass(frozen=True)
class Modules:
    """An `nn.Module` class: a new instance for each case, with the case's weights in it."""

    operation: Operation
    declaration: Declaration
    maker: Callable[..., torch.nn.Module]
    make: Line
    is_training: bool = True

    def forward(self, scope: Scope) -> tuple[Any, Any]:
        """``y``, and what pulls a cotangent back."""
        names = list(scope.handed)
        there = [TORCH.to(each.own) for each in scope.handed.values()]
        module, weights = self.made(scope, there[0].dtype)

        def function(*operands: torch.Tensor) -> Any:
            return _called(module, weights, dict(zip(names, operands, strict=True)))

        y, pullback = TORCH.vjp(function, *there)
        return to_array(y), pullback

    def made(self, scope: Scope, dtype: torch.dtype) -> tuple[torch.nn.Module, dict[str, str]]:
        """An instance for the case, and the operand in the place of each of its parameters."""
        with _outside():
            module = self._instance(scope).to(dtype)
        return module, self._weights(module, scope)

    @property
    def function(self) -> Any:
        """What calls an instance."""
        return _called

    def call_of(self, scope: Scope, operands: Mapping[str, Any]) -> Arguments:
        """What it is called with."""
        module, weights = self.made(scope, next(iter(operands.values())).dtype)
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
        if foreign := misfit(module, self.operation, scope.handed):
            raise Unsupported(foreign)
        for place, parameter in module.named_parameters():
            name = str(meaning(place.rpartition(".")[2], self.operation))
            if name not in scope.handed:
                raise Unsupported("no bias" if name in ("b", "bias") else f"no {name}")
            if tuple(parameter.shape) != scope.handed[name].own.shape:
                raise TypeError(
                    f"the module's {place} has shape {tuple(parameter.shape)}, and {name} has "
                    f"{scope.handed[name].own.shape}; declare weight_layout=, or show the "
                    "constructor's call in make="
                )
            found[place] = name
        for name in self.operation.optional:
            if name in scope.handed and name not in found.values():
                raise Unsupported("a bias" if name in ("b", "bias") else f"a {name}")
        return found

    def fits(self, shown: Line, scope: Scope) -> bool:
        """Whether an instance made by this call has a parameter for each operand, of its shape."""
        module, weights = replace(self, make=shown).made(scope, torch.float64)
        return len(weights) == len(scope.handed) - 1 == len(list(module.parameters()))

    def misfit(self) -> str:
        """Why the module of the smallest case has parameters that are no operands, if it has."""
        geometry = self.operation.draw(lambda low, high: low)
        shapes = self.operation.operand_shapes(geometry)
        hollow = tuple(np.zeros(shapes[name]) for name in self.operation.operands)
        params = self.operation.params(geometry)
        scope = scope_of(self.operation, self.declaration, hollow, params)
        return misfit(self._instance(scope), self.operation, scope.handed)

    def _instance(self, scope: Scope) -> torch.nn.Module:
        """What the constructor makes, with its parameters drawn."""
        arguments, named = self.make.arguments(scope)

        def maker() -> torch.nn.Module:
            return initialized(self.maker(*arguments, **named), scope)

        module: torch.nn.Module = made(maker)
        return module


def _outside() -> Any:
    """Work that is no part of a transform of torch.func which is at work.

    Within one nothing may be drawn, nor converted in place, as making an instance does.
    """
    from torch._functorch import pyfunctorch

    # There is no public name for it.
    outside = getattr(pyfunctorch, "temporarily_clear_interpreter_stack", nullcontext)
    return outside()


def _called(
    module: torch.nn.Module, weights: Mapping[str, str], operands: Mapping[str, Any]
) -> Any:
    """What a module returns with these operands in the places of its parameters."""
    own = {place: operands[name] for place, name in weights.items()}
    return torch.func.functional_call(module, own, (next(iter(operands.values())),))
