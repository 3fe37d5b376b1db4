"""Targets that are modules of torch, by class, instance or problem file, as subjects."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

import torch

from bpcheck.adapters.adapted import adapted_subject
from bpcheck.adapters.axes import axes_of
from bpcheck.adapters.declaration import Declaration, declared
from bpcheck.adapters.expressions import Line, line
from bpcheck.adapters.functions import shown_call
from bpcheck.adapters.module_sizes import sized_call
from bpcheck.adapters.module_weights import REMEDY, misfit
from bpcheck.adapters.names import SIZES, meaning
from bpcheck.adapters.signatures import takes_nothing
from bpcheck.adapters.torch_adapted import adapted_tensors
from bpcheck.adapters.torch_declared import says_int
from bpcheck.adapters.torch_modules import Modules
from bpcheck.adapters.torch_operators import operator_in
from bpcheck.calls import call
from bpcheck.claims import DEFAULT_DTYPES
from bpcheck.errors import TargetError
from bpcheck.operations import Operation
from bpcheck.subject import Subject


def modules_subject(
    target: type[torch.nn.Module],
    *,
    operation: Operation,
    name: str,
    words: Mapping[str, Any],
    dtypes: Sequence[str] = DEFAULT_DTYPES,
    instance: torch.nn.Module | None = None,
) -> Subject:
    """The subject of a class of modules, with what is declared about it.

    Raises
    ------
    TargetError
        For a constructor that takes sizes, where the operation does not name its axes; and for
        parameters that are no operands, of the `instance` that was named or of one that is made.
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
    if not shown and takes_nothing(maker):
        shown = "_()"
    if "x" in axes_of(operation) or shown:
        make = shown_call(maker, shown, operation, word="make", name=name)
    else:
        make = _by_sizes(maker, operation, declaration, name=name)
    # A constructor's bias says whether there is one.
    make = make.renamed(lambda each: meaning(each, operation) in ("b", "bias"), "has_bias")
    modules = Modules(operation, declaration, maker, make)
    foreign = misfit(instance, operation, operation.operands) if instance is not None else ""
    if not foreign and "x" in axes_of(operation):
        # What its constructor refuses, or raises, is told of the cases in which it does.
        foreign = call(modules.misfit).value or ""
    if foreign:
        raise TargetError(
            f"{name}: {foreign}; {REMEDY.format(operands=', '.join(operation.operands))}"
        )
    style = "torch module" if instance is None else f"new instances of {target.__name__}"
    return adapted_subject(
        modules,
        holder=target,
        operation=operation,
        declaration=declaration,
        name=name,
        style=style,
        dtypes=dtypes,
        tensors=adapted_tensors(modules, operation, declaration, operator_in(target)),
    )


def _by_sizes(maker: Any, operation: Operation, declaration: Declaration, *, name: str) -> Line:
    """The call of a constructor where an operation names no axes, by what its parameters are."""
    if operation.constants:
        raise TargetError(
            f"{name} is a module, and what {operation} takes without a gradient "
            f"({', '.join(operation.constants)}) could not be handed to it; name a function of "
            f"({', '.join(operation.positional)}, ...) on tensors"
        )
    none = line("_()", word="make")
    found = sized_call(
        maker, operation, declaration, Modules(operation, declaration, maker, none).fits, name=name
    )
    if found:
        return line(found, word="make")
    first = operation.operands[0]
    flags = "".join(f", {each}=has_{each}" for each in operation.optional if each == "bias")
    advice = (
        f"{name} is a module that is made for some sizes, and which those are for {operation} is "
        "not told by the shapes of its parameters; show how it is made, as in "
        f'make="_({first}.shape[-1]{flags})", or name a function of '
        f"({', '.join(operation.operands)}, ...) on tensors"
    )
    try:
        make = shown_call(maker, "", operation, word="make", name=name)
    except TargetError:
        raise TargetError(advice) from None
    if any(meaning(each, operation) in SIZES for each in make.names()):
        raise TargetError(advice)
    return make


def instance_of(target: Any) -> torch.nn.Module | None:
    """The instance that a target is, if its class is judged in its place."""
    is_instance = isinstance(target, torch.nn.Module) and module_class(target) is not None
    return target if is_instance else None


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
