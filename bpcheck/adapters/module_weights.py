"""Which operand takes the place of each parameter of a module, and modules of which that is none.

A module that learns anything besides the operands of its operation computes another function: a
scale of its own, a second convolution, or the numbers that its weight is made of, as by
``weight_norm``. Nothing is known of the gradients of those, and without them nothing could be put
in their places either.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import torch
from torch.nn.utils import parametrize

from bpcheck.adapters.names import meaning
from bpcheck.adapters.scope import Scope
from bpcheck.operations import Operation

#: What to do with such a module.
REMEDY = (
    "name the layer without it, or a function of ({operands}, ...) on tensors that calls it; or "
    "declare what it computes, with each parameter as an operand, as an operation of your own "
    "(docs/your-operation.md)"
)


def misfit(module: torch.nn.Module, operation: Operation, operands: Collection[str]) -> str:
    """Why the parameters of a module are not these operands, in words; empty where they are.

    `operands` are those that a case has; the module is called with the first of the operation's. A
    bias may be missing, on either side: that is a question of single cases.
    """
    places: dict[str, str] = {}
    for place, _ in module.named_parameters():
        name = meaning(place.rpartition(".")[2], operation)
        if made := _made_of(module, place):
            return (
                f"{made} is computed of the parameter {place}, which is no operand of {operation}: "
                "its gradient is another function's"
            )
        if name not in operation.operands[1:]:
            those = ", ".join(operation.operands[1:]) or "none"
            return f"the parameter {place} is no operand of {operation}, whose weights are {those}"
        if name in places:
            return f"the parameters {places[name]} and {place} would both be {name} of {operation}"
        places[name] = place
    known = (operation.operands[0], *operation.optional, *places)
    missing = [each for each in operands if each not in known]
    if missing:
        others = f": its parameters are {', '.join(places.values())}" if places else ""
        return f"no parameter can be {missing[0]} of {operation}{others}"
    return ""


def initialized(module: torch.nn.Module, scope: Scope) -> torch.nn.Module:
    """A module whose parameters have shapes: a lazy one learns them from the first call."""
    if any(map(torch.nn.parameter.is_lazy, module.parameters())):
        with torch.no_grad():
            module(torch.zeros(next(iter(scope.handed.values())).own.shape))
    return module


def _made_of(module: torch.nn.Module, place: str) -> str:
    """The tensor that is computed of a parameter, if that is how the module has it."""
    owner, _, last = place.rpartition(".")
    holder, found, computed = owner.rpartition("parametrizations.")
    if found:
        outer = module.get_submodule(holder.removesuffix("."))
        if parametrize.is_parametrized(outer, computed.partition(".")[0]):
            return f"{holder}{computed.partition('.')[0]}"
    # Hooks such as weight_norm's leave a plain tensor in the place of a parameter.
    for name in _plain_tensors(module.get_submodule(owner)):
        if last.startswith(f"{name}_"):
            return f"{owner}{'.' if owner else ''}{name}"
    return ""


def _plain_tensors(module: torch.nn.Module) -> Iterator[str]:
    """The attributes of a module that are tensors, and neither parameters nor buffers."""
    return (name for name, each in vars(module).items() if isinstance(each, torch.Tensor))
