"""An operation of a bare function: what its signature, or torch's schema, leaves no doubt of."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bpcheck.errors import CaseError
from bpcheck.operations.declared import operation
from bpcheck.operations.declared.declared import Declared

#: Keywords that change nothing of what is computed, or where it is stored.
_ASIDE = ("inplace", "out", "generator", "dtype", "_stacklevel", "sparse")

#: The axes of an operand that stands alone.
_ROWS = "*batch c"


@dataclass(frozen=True, slots=True)
class _Parameter:
    name: str
    is_tensor: bool
    default: Any = inspect.Parameter.empty

    @property
    def is_needed(self) -> bool:
        return self.default is inspect.Parameter.empty


def operation_of(function: Callable[..., Any], address: str) -> Declared:
    """The operation of a function of one tensor, named by its address.

    Raises
    ------
    CaseError
        Where more must be said, with the lines that say it.

    Examples
    --------
    >>> from torch.nn import functional
    >>> operation_of(functional.softplus, "torch.nn.functional:softplus").operands
    ('self',)
    """
    name = str(getattr(function, "__name__", address.rpartition(":")[2]))
    parameters = [each for each in _parameters(function, name) if each.name not in _ASIDE]
    tensors = [each for each in parameters if each.is_tensor and each.is_needed]
    asked = [each for each in parameters if each.is_needed and not each.is_tensor]
    # A tensor that may be left out is left out only where nothing else is known of it.
    optional = [each for each in parameters if each.is_tensor and not each.is_needed]
    if len(tensors) != 1 or asked or optional:
        raise CaseError(_to_write(address, name, [*tensors, *optional], asked, parameters))
    params = {
        each.name: [each.default, not each.default]
        if isinstance(each.default, bool)
        else [each.default]
        for each in parameters
        if not each.is_tensor
    }
    wrapped = _of_one_tensor(function, tensors[0].name, params)
    found = operation(f"{tensors[0].name}: {_ROWS}", params=params, name=name)(wrapped)
    found.address = address
    return found


def _of_one_tensor(
    function: Callable[..., Any], tensor: str, params: dict[str, list[Any]]
) -> Callable[..., Any]:
    """The function with a signature that tells its defaults."""

    def wrapped(*operands: Any, **named: Any) -> Any:
        return function(*operands, **named)

    kinds = inspect.Parameter
    given = [kinds(tensor, kinds.POSITIONAL_ONLY)]
    given += [kinds(key, kinds.KEYWORD_ONLY, default=each[0]) for key, each in params.items()]
    wrapped.__signature__ = inspect.Signature(given)  # type: ignore[attr-defined] # it is asked for
    return wrapped


def _parameters(function: Callable[..., Any], name: str) -> list[_Parameter]:
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return _of_schema(name)
    return [
        _Parameter(each.name, _is_tensor(each), each.default)
        for each in found
        if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]


def _is_tensor(parameter: inspect.Parameter) -> bool:
    said = str(parameter.annotation)
    if "Tensor" in said:
        return True
    is_silent = parameter.annotation is parameter.empty
    return is_silent and parameter.default is parameter.empty


def _of_schema(name: str) -> list[_Parameter]:
    """What torch's own list of operations says of one."""
    import torch

    schemas = torch._C._jit_get_schemas_for_operator(f"aten::{name}")  # noqa: SLF001 - kept nowhere else
    usual = [each for each in schemas if not each.overload_name] or schemas
    if not usual:
        return []
    return [
        _Parameter(
            each.name,
            "Tensor" in str(each.type),
            each.default_value if each.has_default_value() else inspect.Parameter.empty,
        )
        for each in usual[0].arguments
    ]


def _to_write(
    address: str,
    name: str,
    tensors: list[_Parameter],
    asked: list[_Parameter],
    parameters: list[_Parameter],
) -> str:
    """What has to be said of a function, as lines to fill in."""
    operands = ", ".join(f"{each.name}: ...{'' if each.is_needed else '?'}" for each in tensors)
    params = [each for each in parameters if not each.is_tensor]
    values = ", ".join(
        f'"{each.name}": [{"..." if each.is_needed else repr(each.default)}]' for each in params
    )
    keywords = ", ".join(each.name for each in params)
    said = ", ".join(each.name for each in [*tensors, *asked]) or "its arguments"
    head = ", ".join(each.name for each in tensors) or "x"
    star = f", *, {keywords}" if keywords else ""
    passed = "".join(f", {each.name}={each.name}" for each in params)
    return (
        f"{address}: a function is an operation by itself where it takes one tensor and nothing "
        f"else without a default; say what {said} are, in a module of yours (docs/your-operation"
        ".md), such as\n"
        f'    @bpcheck.operation("{operands or "x: *batch c"}"'
        f"{f', params={{{values}}}' if values else ''})\n"
        f"    def {name}({head}{star}):\n"
        f"        return {address.replace(':', '.')}({head}{passed})"
    )
