"""The convolutions and pools that run while something else does: what they are, at which shapes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

_CONV = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
_TRANSPOSED = (
    "input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation",
)  # fmt: skip
_MAX_POOL = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode")
_AVG_POOL = (
    "input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad",
    "divisor_override",
)  # fmt: skip
#: The operations, and the order of their arguments: torch's built-in functions have no signature.
_ARGUMENTS = MappingProxyType(
    {
        f"{kind}{axes}d": arguments
        for kind, arguments in (
            ("conv", _CONV),
            ("conv_transpose", _TRANSPOSED),
            ("max_pool", _MAX_POOL),
            ("avg_pool", _AVG_POOL),
        )
        for axes in (1, 2, 3)
    }
)


class Family(NamedTuple):
    """What layers of one kind have in common: the first columns of the table, as texts."""

    operation: str
    kernel: str
    stride: str
    padding: str
    dilation: str
    groups_or_flags: str
    note: str


class Layer(NamedTuple):
    """A family at the shapes of one layer's operands: x and, in a convolution, w and any b."""

    family: Family
    shapes: tuple[tuple[int, ...], ...]


def layers_of(call: Callable[[], object]) -> frozenset[Layer]:
    """The distinct layers that run while `call` does, of modules and of functions alike.

    >>> import torch
    >>> x = torch.ones(1, 3, 8, 8)
    >>> (layer,) = layers_of(lambda: torch.nn.functional.max_pool2d(x, 2))
    >>> layer.family.kernel, layer.family.stride, layer.shapes
    ('2x2', '2x2', ((1, 3, 8, 8),))
    """
    from torch.overrides import TorchFunctionMode

    found: set[Layer] = set()

    # Functions, not torch's dispatcher: there padding='same' is already numbers.
    class Recorder(TorchFunctionMode):
        def __torch_function__(
            self,
            func: Callable[..., Any],
            types: Collection[type],
            args: tuple[Any, ...] = (),
            kwargs: Mapping[str, Any] | None = None,
        ) -> Any:
            kwargs = kwargs or {}
            # Pools that also give indices are functions of their own.
            name = getattr(func, "__name__", "").removesuffix("_with_indices")
            if name in _ARGUMENTS:
                given = {**dict(zip(_ARGUMENTS[name], args, strict=False)), **kwargs}
                found.add(_layer(name, given))
            return func(*args, **kwargs)

    with Recorder():
        call()
    return frozenset(found)


def _layer(operation: str, given: Mapping[str, Any]) -> Layer:
    operands = (given.get(name) for name in ("input", "weight", "bias"))
    shapes = tuple(tuple(each.shape) for each in operands if each is not None)
    family = _conv if operation.startswith("conv") else _pool
    return Layer(family(operation, int(operation[-2]), shapes, given), shapes)


def _conv(
    operation: str, axes: int, shapes: tuple[tuple[int, ...], ...], given: Mapping[str, Any]
) -> Family:
    x, w = shapes[:2]
    kernel, channels = w[-axes:], x[-axes - 1]
    groups = given.get("groups", 1)
    kind = "1" if groups == 1 else "dw" if groups == channels else "grouped"
    if operation.startswith("conv_transpose"):
        note = f"op{_numbers(given.get('output_padding', 0), axes)}"
    else:
        # A pointwise kernel on one pixel is as pointwise as any.
        note = "k=input" if kernel == x[-axes:] and set(kernel) != {1} else ""
    padding = given.get("padding", 0)
    return Family(
        operation,
        _numbers(kernel, axes),
        _numbers(given.get("stride", 1), axes),
        padding if padding == "same" else _numbers(0 if padding == "valid" else padding, axes),
        _numbers(given.get("dilation", 1), axes),
        kind,
        note,
    )


def _pool(
    operation: str, axes: int, shapes: tuple[tuple[int, ...], ...], given: Mapping[str, Any]
) -> Family:
    (x,) = shapes
    kernel = _numbers(given["kernel_size"], axes)
    flags = {
        "ceil": given.get("ceil_mode", False),
        "exclude_pad": not given.get("count_include_pad", True),
        "divisor": given.get("divisor_override") is not None,
    }
    return Family(
        operation,
        kernel,
        # Without a stride (None, or an empty list) windows stand side by side.
        _numbers(given.get("stride") or given["kernel_size"], axes),
        _numbers(given.get("padding", 0), axes),
        _numbers(given.get("dilation", 1), axes) if operation.startswith("max") else "",
        " ".join(name for name, on in flags.items() if on),
        "global" if kernel == _numbers(x[-axes:], axes) else "",
    )


def _numbers(value: Any, axes: int) -> str:
    """One number for each axis, as in 3x3, of a number or of a sequence."""
    numbers = tuple(value) if isinstance(value, list | tuple) else (value,)
    return "x".join(str(int(each)) for each in (numbers * axes if len(numbers) == 1 else numbers))
