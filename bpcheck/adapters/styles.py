"""The styles of code by the name that ``--style`` takes: what makes a subject of a target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType, ModuleType
from typing import Any

from bpcheck.adapters.claims import claims_of
from bpcheck.adapters.found import (
    closeness,
    functions_of,
    named_in,
    one_class,
    one_forward,
    one_pair,
)
from bpcheck.adapters.frameworks import FRAMEWORKS
from bpcheck.adapters.functional import functional_subject
from bpcheck.adapters.functions import calls_in, functions_subject, head
from bpcheck.adapters.layers import layers_subject
from bpcheck.adapters.native import native_subject
from bpcheck.adapters.presets import COURSERA, CS231N, SAITO, Preset
from bpcheck.adapters.protocol import protocol_target
from bpcheck.adapters.target import NOTHING, Adapter
from bpcheck.adapters.tensors import tensors_subject
from bpcheck.errors import TargetError
from bpcheck.operations import Operation
from bpcheck.subject import Subject


def functions_target(
    target: Any,
    *,
    operation: Operation,
    name: str,
    dtypes: tuple[str, ...],
    words: Mapping[str, Any] = NOTHING,
    style: str,
    returns: str,
) -> Subject:
    """Functions that a module holds, or the one that is named with the backward beside it."""
    aheads = _named(target, words, operation, name, word="forward")
    backs = _named(target, words, operation, name, word="backward")
    is_one = callable(target) and not isinstance(target, type)
    if is_one and not aheads:
        aheads = (target,)
    elif backs and not aheads:
        aheads = (one_forward(target, operation, name=name, style=style),)
    if not (aheads and backs):
        first, second = one_pair(aheads[0] if aheads else target, operation, name=name, style=style)
        aheads, backs = aheads or (first,), backs or (second,)
    return functions_subject(
        aheads[0],
        backs,
        holder=target,
        operation=operation,
        name=name,
        style=style,
        words=words,
        returns=returns,
        dtypes=dtypes,
    )


def _named(
    target: Any, words: Mapping[str, Any], operation: Operation, name: str, *, word: str
) -> tuple[Callable[..., Any], ...]:
    """The functions that declared calls name; none where they show arguments alone."""
    lines = calls_in(words.get(word, ""))
    heads = [head(each, operation, word=word) for each in lines]
    if not all(heads):
        return ()
    return tuple(named_in(target, each, target=name) for each in heads)


def layers_target(
    target: Any,
    *,
    operation: Operation,
    name: str,
    dtypes: tuple[str, ...],
    words: Mapping[str, Any] = NOTHING,
    style: str,
) -> Subject:
    """A class of layers, or the one that a module holds."""
    if isinstance(target, ModuleType):
        name, target = one_class(target, operation, name=name)
    return layers_subject(
        target, operation=operation, name=name, style=style, words=words, dtypes=dtypes
    )


def tensor_target(
    target: Any,
    *,
    operation: Operation,
    name: str,
    dtypes: tuple[str, ...],
    words: Mapping[str, Any] = NOTHING,
) -> Subject:
    """A function on tensors of an engine, whose class ``to`` names."""
    function = _one_function(target, operation, name=name, style="tensor")
    given = {**words}
    to = given.pop("to", "Tensor")
    maker = named_in(function, to, target=name) if isinstance(to, str) else to
    return tensors_subject(
        function, maker, operation=operation, name=name, words=given, dtypes=dtypes
    )


def functional_target(
    target: Any,
    *,
    operation: Operation,
    name: str,
    dtypes: tuple[str, ...],
    words: Mapping[str, Any] = NOTHING,
    framework: str,
) -> Subject:
    """A function of a framework."""
    function = _one_function(target, operation, name=name, style=framework)
    return functional_subject(
        function,
        operation=operation,
        name=name,
        framework=FRAMEWORKS[framework](),
        words=words,
        dtypes=dtypes,
    )


def _one_function(target: Any, operation: Operation, *, name: str, style: str) -> Any:
    if callable(target):
        return target
    own = functions_of(target) if isinstance(target, ModuleType) else {}
    close = [each for each in own if closeness(each, operation)]
    if len(close) == 1:
        return own[close[0]]
    listed = ", ".join(f"{name}:{each}" for each in close or own)
    raise TargetError(
        f"{name} is no function: style {style} takes one; name it"
        + (f", such as {listed}" if listed else "")
    )


def native_target(
    target: Any,
    *,
    operation: Operation,
    name: str,
    dtypes: tuple[str, ...],
    words: Mapping[str, Any] = NOTHING,
) -> Subject:
    """A shared library, by its path."""
    return native_subject(str(target), operation=operation, name=name, words=words)


def _preset(preset: Preset, adapter: Adapter) -> Adapter:
    def adapt(
        target: Any,
        *,
        operation: Operation,
        name: str,
        dtypes: tuple[str, ...],
        words: Mapping[str, Any] = NOTHING,
    ) -> Subject:
        given = preset.words(operation, words)
        return adapter(target, operation=operation, name=name, dtypes=dtypes, words=given)

    return adapt


def _functions(style: str, returns: str) -> Adapter:
    return partial(functions_target, style=style, returns=returns)


def torch_target(
    target: Any,
    *,
    operation: Operation,
    name: str,
    dtypes: tuple[str, ...],
    words: Mapping[str, Any] = NOTHING,
) -> Subject:
    """A differentiable callable of torch."""
    from bpcheck.adapters.torch_callable import torch_subject, unwrapped
    from bpcheck.adapters.torch_declared import declared_subject, says_int
    from bpcheck.adapters.torch_module_targets import instance_of, module_class, modules_subject

    modules = module_class(target)
    if modules is not None:
        return modules_subject(
            modules,
            operation=operation,
            name=name,
            words=words,
            dtypes=dtypes,
            instance=instance_of(target),
        )
    if words or says_int(unwrapped(target), operation):
        return declared_subject(
            unwrapped(target), operation=operation, name=name, words=words, dtypes=dtypes
        )
    claims = claims_of(unwrapped(target), origin=name, dtypes=dtypes)
    found = torch_subject(target, operation=operation, name=name, device="cpu", dtypes=None)
    return found.claiming(claims)


#: For each style of code, what makes a subject of it.
STYLES: Mapping[str, Adapter] = MappingProxyType(
    {
        "numpy": protocol_target,
        "pair": _functions("pair", "y cache"),
        "cs231n": _preset(CS231N, partial(functions_target, style="cs231n", returns="y cache")),
        "coursera": _preset(
            COURSERA, partial(functions_target, style="coursera", returns="y cache")
        ),
        "layer": partial(layers_target, style="layer"),
        "saito": _preset(SAITO, partial(layers_target, style="saito")),
        "tensor": tensor_target,
        "ctypes": native_target,
        "torch": torch_target,
        **{each: partial(functional_target, framework=each) for each in FRAMEWORKS},
        "stateless": _functions("stateless", "y"),
    }
)
