"""What the names of a declared call stand for in one case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bpcheck.adapters.axes import Handed, axes_of, outward
from bpcheck.adapters.declaration import Declaration
from bpcheck.adapters.names import NUMBERS, SIZES, meaning
from bpcheck.arithmetic import Array
from bpcheck.errors import Unsupported
from bpcheck.operations import Operation

#: Names of arrays whose shapes can be passed.
_SHAPES = {"x_shape": "x", "w_shape": "w", "y_shape": "y"}


@dataclass(frozen=True)
class Scope:
    """The operands of a case as the code is handed them, its params, and what was kept since.

    Parameters
    ----------
    operation, declaration
        What the code promises, and how it differs.
    handed
        Each operand that there is.
    params
        The params of the case, as torch has them.
    kept
        What the code has returned so far, by the names that it was given.
    """

    operation: Operation
    declaration: Declaration
    handed: Mapping[str, Handed]
    params: Mapping[str, Any]
    kept: Mapping[str, Any]

    def __call__(self, name: str) -> Any:
        """The value of a name in a declared call; `Unsupported` where it has none."""
        if name in self.kept:
            return self.kept[name]
        found = meaning(name, self.operation, of_backward="dy" in self.kept)
        if found is None:
            raise NameError(f"{name} means nothing that could be passed; declare the call")
        return self.value(found)

    def value(self, name: str) -> Any:
        """The value of a name of the vocabulary."""
        if name in self.kept:
            return self.kept[name]
        if name in self.operation.operands:
            return self._given(self.handed[name].own) if name in self.handed else None
        if name in _SHAPES:
            return self._shape(_SHAPES[name])
        if name in SIZES:
            array, axis = SIZES[name]
            return self._length(array, axis)
        if name in NUMBERS:
            return self._number(*NUMBERS[name])
        if name == "mode":
            return self.operation.mode
        if name == "kernel_size" and name not in self.params:
            return self._spatial(name, self.kernel)
        if name not in self.params:
            raise Unsupported(f"{self.operation} has no {name}")
        return self._param(name)

    def outward(self, name: str, array: Array) -> Handed:
        """An array as the code is handed it."""
        axes = axes_of(self.operation).get(name) or plain_axes(array)
        return outward(array, axes, self.declaration.orders.get(name, tuple(axes)))

    def keeping(self, **values: Any) -> Scope:
        """The scope with more that was kept."""
        return replace(self, kept={**self.kept, **values})

    def with_cotangent(self, handed: Handed | Sequence[Handed]) -> Scope:
        """The scope of a backward, with a tuple of cotangents for several outputs."""
        if isinstance(handed, Sequence):
            return self.keeping(dy=tuple(self._given(each.own) for each in handed))
        return self.keeping(dy=self._given(handed.own))

    def _given(self, array: Array) -> Any:
        """An array as one of the code's own."""
        to = self.declaration.to
        if to is None:
            return array
        try:
            return to(array)
        except Exception:  # noqa: BLE001 - each library has its own
            # A layout that the library's arrays cannot have, such as a negative stride, is none
            # that the code can meet; whatever else is wrong is wrong of a copy too.
            return to(array.copy())

    def write_back(self) -> None:
        """Carry over what the code has changed in its operands."""
        for each in self.handed.values():
            each.write_back()

    @property
    def kernel(self) -> tuple[int, ...]:
        """The kernel's size, by dimension."""
        if "kernel_size" in self.params:
            return tuple(self.params["kernel_size"])
        return tuple(self.handed["w"].array.shape[-self.operation.rank :])

    def _param(self, name: str) -> Any:
        value = self.params[name]
        if name == "padding":
            return self._padding(value)
        if name == "dilation":
            value = tuple(each - 1 + self.declaration.dilation_from for each in value)
        return self._spatial(name, value) if isinstance(value, tuple) else value

    def _spatial(self, name: str, value: tuple[int, ...]) -> Any:
        return _equal(name, value) if self.declaration.ints else value

    def _padding(self, value: Any) -> Any:
        how, ends = self.declaration.padding, self._ends(value)
        if how == "word":
            return self._padding_word(ends)
        if value == "same" and self.declaration.same:
            return self.declaration.same
        if how == "four":
            return tuple(each for pair in ends for each in pair)
        if how == "pairs":
            return tuple(ends)
        if any(first != last for first, last in ends) or (value == "same" and how != "total"):
            raise Unsupported("padding='same'")
        sides = tuple(first + last if how == "total" else first for first, last in ends)
        return self._spatial("padding", sides)

    def _ends(self, value: Any) -> list[tuple[int, int]]:
        """Cells before and after the input, by dimension."""
        if value != "same":
            return [(each, each) for each in value]
        spans = [d * (k - 1) for d, k in zip(self.params["dilation"], self.kernel, strict=True)]
        return [(span // 2, span - span // 2) for span in spans]

    def _padding_word(self, ends: list[tuple[int, int]]) -> str:
        if not any(map(any, ends)):
            return self.declaration.valid
        dilation = self.params.get("dilation", (1,) * len(ends))
        spans = [d * (k - 1) for d, k in zip(dilation, self.kernel, strict=True)]
        same = [(span // 2, span - span // 2) for span in spans]
        if ends != same or set(self.params["stride"]) != {1} or not self.declaration.same:
            raise Unsupported("padding other than by the words for 'same' and none")
        return self.declaration.same

    def _number(self, param: str, axis: str) -> Any:
        """A param as one number: that of an axis, or of all."""
        value = self.kernel if param == "kernel_size" else self.params[param]
        if param == "padding":
            sides = self._ends(value)
            if any(first != last for first, last in sides):
                raise Unsupported("padding='same'")
            times = 2 if self.declaration.padding == "total" else 1
            value = tuple(times * first for first, _ in sides)
        if param == "dilation":
            value = tuple(each - 1 + self.declaration.dilation_from for each in value)
        if not isinstance(value, tuple):
            return value
        if not axis:
            return _equal(param, value)
        letters = axes_of(self.operation)["x"][-self.operation.rank :]
        if axis not in letters:
            raise Unsupported(f"{self.operation} has no axis {axis}")
        return value[letters.index(axis)]

    def _shape(self, name: str) -> tuple[int, ...]:
        if name in self.operation.operands:
            return tuple(self.handed[name].own.shape)
        return tuple(self.kept[name].shape)

    def _length(self, array: str, axis: str) -> int:
        axes = axes_of(self.operation)[array]
        if array == "y" and axis == "C" and "w" in self.handed:
            return int(self.handed["w"].array.shape[0])
        if array == "y" and array not in self.kept:
            return self._output(axis)
        if axis not in axes:
            return 1
        if array == "y":
            order = self.declaration.orders.get(array, tuple(axes))
            return int(self.kept[array].shape[order.index(axis)])
        return int(self.handed[array].array.shape[axes.index(axis)])

    def _output(self, axis: str) -> int:
        """The length of an axis of ``y``, before there is one."""
        return int(self.output_shape()[axes_of(self.operation)["y"].index(axis)])

    def output_shape(self) -> tuple[int, ...]:
        """The shape that ``y`` must have, by torch's own arithmetic on tensors without numbers."""
        import torch

        empty = {
            name: torch.empty(each.array.shape, device="meta") for name, each in self.handed.items()
        }
        return tuple(self.operation.torch_forward(empty, dict(self.params)).shape)


def scope_of(
    operation: Operation,
    declaration: Declaration,
    operands: tuple[Array | None, ...],
    params: Mapping[str, Any],
) -> Scope:
    """The scope of one call of a forward.

    Raises
    ------
    Unsupported
        If the declaration leaves the case out.
    """
    handed = {}
    for name, array in zip(operation.operands, operands, strict=True):
        if array is not None:
            axes = axes_of(operation).get(name) or plain_axes(array)
            handed[name] = outward(array, axes, declaration.orders.get(name, tuple(axes)))
    flags = {
        "has_weight": not {"w", "weight"}.isdisjoint(handed),
        "has_bias": not {"b", "bias"}.isdisjoint(handed),
    }
    scope = Scope(operation, declaration, handed, params, flags)
    if "b" in operation.operands and "b" not in handed and declaration.without_bias == "never":
        raise Unsupported("no bias")
    if declaration.scaled:
        samples = scope.value("n")
        if samples & (samples - 1) or not samples:
            raise Unsupported(
                f"scaled {declaration.scaled} where the number of samples is no power of 2"
            )
    return scope


def plain_axes(array: Array) -> str:
    """Names for the axes of an array of an operation that gives them none."""
    return "".join(map(chr, range(97, 97 + array.ndim)))


def _equal(name: str, value: tuple[int, ...]) -> int:
    if len(set(value)) != 1:
        raise Unsupported(f"unequal numbers of {name}")
    return value[0]
