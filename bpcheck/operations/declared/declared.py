"""An operation that a person declares by a function on torch's tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from bpcheck.arithmetic import FORMATS, Array, Format
from bpcheck.errors import CaseError, OperationError
from bpcheck.operations.base import Operation
from bpcheck.operations.declared import edges, kinks, rounding
from bpcheck.operations.declared.constants import constants_of
from bpcheck.operations.declared.declaration import Declaration
from bpcheck.operations.declared.drawing import Drawer
from bpcheck.operations.declared.experiments import Found, found_of, has_own_gradient, sums_for
from bpcheck.operations.declared.named import call_by_name
from bpcheck.operations.declared.sizes import Sizes, leading_keys, leading_shape
from bpcheck.operations.declared.structure import Sums
from bpcheck.operations.promises import (
    EdgeClass,
    Extreme,
    Integers,
    Lattice,
    Narrowing,
    Params,
    Shape,
)
from bpcheck.operations.torch_vjp import torch_vjp

#: Geometries whose shapes and structure are kept.
KEPT = 4_096

#: Value kinds of what is smooth, or bends: standard normal numbers, and those that break formulas.
OF_REALS = ("real", "rows", "far")


class Declared(Operation):
    """What `bpcheck.operation` makes of a function; it is that function still when it is called."""

    def __init__(self, declaration: Declaration, name: str):
        self._declared = declaration
        self.name = name
        self.reference = declaration.reference
        self.home = str(getattr(declaration.reference, "__module__", ""))
        self.operands = tuple(each.name for each in declaration.differentiable)
        self.constants = declaration.constants
        self.keys = _keys(declaration)
        self.neutral, self.neutral_numbers = _neutral(declaration)
        self.nicknames = ()
        self._drawer = Drawer(declaration, self.geometry)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.reference(*args, **kwargs)

    @property
    def positional(self) -> tuple[str, ...]:
        return tuple(each.name for each in self._declared.operands)

    @property
    def found(self) -> Found:
        """What experiments say of the function."""
        return self.once(found_of)

    @property
    def value_kinds(self) -> tuple[str, ...]:  # type: ignore[override] # found when first asked for
        return Operation.value_kinds if self.found.is_exact else OF_REALS

    def geometry(self, numbers: Mapping[str, int]) -> Sizes:
        full = self.complete(numbers)
        for group in self._declared.leading:
            full |= _leading(group, full)
        geometry = Sizes(tuple(full.items()))
        for axis in self._declared.axes:
            if axis in self._declared.leading:
                continue
            try:
                self._declared.size(axis).value(full[axis])
            except CaseError as error:
                raise CaseError(f"{axis}={error}") from None
        known = self.known(geometry)
        for name, shape in self.operand_shapes(geometry).items():
            if any(size < 0 for size in shape):
                raise CaseError(f"{name} would have the shape {shape}")
        where = self._declared.where
        if where is not None and not call_by_name(where, known, what="where"):
            raise CaseError("its declaration leaves it out: where(...) is false")
        self.output_shape(geometry)
        return geometry

    def draw(self, integers: Integers) -> Sizes:
        return self._drawer.draw(integers)

    @property
    def extremes(self) -> tuple[Extreme, ...]:
        return self._drawer.extremes

    @property
    def edge_classes(self) -> tuple[EdgeClass, ...]:
        return self.once(_edge_classes)

    @property
    def declared(self) -> Declaration:
        """What was declared."""
        return self._declared

    def known(self, geometry: Sizes) -> dict[str, Any]:
        """Sizes and params by name: what a declaration's functions may ask for."""
        numbers = geometry.numbers()
        known: dict[str, Any] = {axis: numbers[axis] for axis in self._sized}
        known |= {group: leading_shape(group, numbers) for group in self._declared.leading}
        for each in self._declared.operands:
            if each.is_optional:
                known[f"has_{each.name}"] = bool(numbers[f"has_{each.name}"])
        for param in self._declared.params:
            known[param.name] = param.value(numbers, known)
        return known

    @property
    def _sized(self) -> tuple[str, ...]:
        return tuple(each for each in self._declared.axes if each not in self._declared.leading)

    def every_shape(self, geometry: Sizes) -> dict[str, Shape]:
        """Shapes of all operands that there are, those without gradients too."""
        numbers = geometry.numbers()
        leading = {group: leading_shape(group, numbers) for group in self._declared.leading}
        return {
            each.name: each.shape(numbers, leading)
            for each in self._declared.operands
            if not each.is_optional or numbers[f"has_{each.name}"]
        }

    def operand_shapes(self, geometry: Sizes) -> dict[str, Shape]:
        every = self.every_shape(geometry)
        return {name: shape for name, shape in every.items() if name in self.operands}

    def output_shape(self, geometry: Sizes) -> Shape:
        return self.once(_shapes_of_y)(geometry)

    def params(self, geometry: Sizes) -> Params:
        return self.params_in(geometry, "float64")

    def params_in(self, geometry: Sizes, dtype: str) -> Params:
        known = self.known(geometry)
        values = {param.name: known[param.name] for param in self._declared.params}
        return {**constants_of(self, geometry, known, FORMATS[dtype].dtype), **values}

    def torch_forward(self, operands: Mapping[str, Any], params: Params) -> Any:
        import torch

        dtype = next(iter(operands.values())).dtype

        def given(name: str) -> Any:
            if name not in self.constants:
                return operands.get(name)
            value = params.get(name)
            if value is None:
                return None
            array = np.asarray(value)
            if array.dtype.kind in "biu":
                return torch.from_numpy(np.array(array))
            return torch.from_numpy(np.array(array, np.float64)).to(dtype)

        rest = {name: value for name, value in params.items() if name not in self.constants}
        y = self.reference(*map(given, self.positional), **rest)
        if not isinstance(y, torch.Tensor) or not y.is_floating_point():
            raise OperationError(
                f"{self.name}: the reference returned {_said(y)}; one tensor of real numbers is "
                "needed: return the one that is to be judged"
            )
        return y

    def terms(self, geometry: Sizes) -> dict[str, int]:
        sums = self.sums(geometry)
        if sums is None:
            # Only underflow is counted by it.
            return dict.fromkeys(self.results(geometry), self.cells(geometry))
        counted = dict.fromkeys(self.results(geometry), 1)
        for each in sums.products:
            counted[each.result] = max(counted[each.result], each.terms)
        return counted

    def cells(self, geometry: Sizes) -> int:
        """Numbers in all its arrays."""
        shapes = (*self.operand_shapes(geometry).values(), self.output_shape(geometry))
        return sum(prod(shape) for shape in shapes)

    def multiplications(self, geometry: Sizes) -> int:
        if self.found.is_exact:
            return super().multiplications(geometry)
        return 8 * self.cells(geometry)

    def sums(self, geometry: Sizes) -> Sums | None:
        """The sums that it adds up, where it is a sum of products; ``None`` where it is not."""
        return self.once(_sums)(geometry) if self.found.is_exact else None

    def lattice(self, geometry: Sizes) -> Lattice | None:
        sums = self.sums(geometry)
        return None if sums is None else Lattice(sums.products)

    def absolute_sums(self, arrays: Mapping[str, Array], params: Params) -> dict[str, Array]:
        found = super().absolute_sums(arrays, params)
        return found if self.found.is_positive else rounding.at_least(self, found, arrays, params)

    @property
    def summed_apart(self) -> bool:  # type: ignore[override] # found when first asked for
        return not self.found.is_exact

    @property
    def summed_wide(self) -> frozenset[str]:  # type: ignore[override] # as above
        return frozenset(("y", *(f"{name}_bar" for name in self.operands)))

    def random_bounds(
        self, arrays: Mapping[str, Array], params: Params, *, stored: float, summed: float
    ) -> list[dict[str, Array]]:
        return rounding.bounds(self, arrays, params, stored=stored, summed=summed)

    def rounded_magnitudes(
        self, results: Mapping[str, Array], arrays: Mapping[str, Array], params: Params
    ) -> dict[str, Array]:
        rounded = super().rounded_magnitudes(results, arrays, params)
        if not self.found.is_exact or len(self.found.parts) < 2:
            return rounded
        # Each of several sums of products is rounded before they are added up, as a bias is.
        y_bar = arrays["y_bar"]
        for factors in self.found.parts:
            at = {
                name: each if name in factors else np.zeros_like(each)
                for name, each in arrays.items()
                if name != "y_bar"
            }
            part = torch_vjp(self.torch_forward, at, y_bar, params)["y"]
            rounded["y"] = rounded["y"] + np.abs(part)
        return rounded

    def has_own_gradient(self, geometry: Sizes) -> bool:
        return self.found.is_exact and self.once(_own_gradients)(geometry)

    def is_smooth(self, geometry: Sizes) -> bool:
        return not self.found.has_kinks

    def is_valid_subgradient(
        self,
        geometry: Sizes,
        operands: Mapping[str, Array],
        y_bar: Array,
        results: Mapping[str, Array],
        form: Format,
    ) -> bool:
        if not self.found.has_kinks:
            return False
        return kinks.are_between(self, geometry, operands, y_bar, results, form)

    def adjusted(
        self, geometry: Sizes, operand: str, values: Array, rng: np.random.Generator
    ) -> Array:
        drawn = self._declared.draw.get(operand)
        if drawn is None:
            return values
        known = {**self.known(geometry), "rng": rng, "shape": values.shape, "values": values}
        found = call_by_name(drawn, known, what=f"draw of {operand}")
        return np.asarray(found, values.dtype)

    def written(self, geometry: Sizes) -> str:
        return " ".join(self._written(geometry))

    def _written(self, geometry: Sizes) -> Iterator[str]:
        numbers = geometry.numbers()
        for axis in self._sized:
            yield f"{axis}={numbers[axis]}"
        for group in self._declared.leading:
            shape = leading_shape(group, numbers)
            yield f"{group}={','.join(map(str, shape)) or '-'}"
        for param in self._declared.params:
            if param.levels:
                yield f"{param.name}={param.written(numbers)}"
        for each in self._declared.operands:
            if each.is_optional and not numbers[f"has_{each.name}"]:
                yield f"{each.name}=none"
        if numbers.get("draws"):
            yield f"draws={numbers['draws']}"

    def read(self, texts: Mapping[str, str]) -> Sizes:
        numbers: dict[str, int] = {}
        optional = [each.name for each in self._declared.operands if each.is_optional]
        numbers |= {f"has_{name}": 1 for name in optional}
        params = {param.name: param for param in self._declared.params if param.levels}
        for name, text in texts.items():
            if name in params:
                numbers |= params[name].read(text)
            elif name in self._declared.leading:
                numbers |= _read_leading(name, text)
            elif name in optional and text == "none":
                numbers[f"has_{name}"] = 0
            elif name in self._sized or (name == "draws" and self.constants):
                numbers[name] = _read_size(name, text)
            else:
                known = (*self._sized, *self._declared.leading, *params, *optional)
                raise CaseError(f"{name}={text}: {self.name} has {', '.join(known)}")
        return self.geometry(numbers)


def _keys(declaration: Declaration) -> dict[str, int | None]:
    keys: dict[str, int | None] = {
        axis: None for axis in declaration.axes if axis not in declaration.leading
    }
    for group in declaration.leading:
        count, *sizes = leading_keys(group)
        keys |= {count: 0, **dict.fromkeys(sizes, 1)}
    for param in declaration.params:
        keys |= {key: level.default for key, level in zip(param.keys, param.levels, strict=True)}
    keys |= {f"has_{each.name}": 0 for each in declaration.operands if each.is_optional}
    if declaration.constants:
        keys["draws"] = 0
    return keys


def _neutral(
    declaration: Declaration,
) -> tuple[dict[str, Callable[[Params], bool]], dict[str, Narrowing]]:
    """Params with a default of the reference's: a kernel without them is asked for that alone."""
    import inspect

    try:
        parameters = inspect.signature(declaration.reference).parameters
    except (TypeError, ValueError):
        return {}, {}
    neutral: dict[str, Callable[[Params], bool]] = {}
    narrowing: dict[str, Narrowing] = {}
    for param in declaration.params:
        default = parameters[param.name].default if param.name in parameters else None
        if not param.levels or param.name not in parameters:
            continue
        if default is inspect.Parameter.empty:
            continue
        try:
            numbers = param.read(_text_of(default))
        except CaseError:
            continue
        neutral[param.name] = _equals(param.name, default)
        narrowing[param.name] = _with(numbers)
    return neutral, narrowing


def _text_of(default: Any) -> str:
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    return str(default).replace(" ", "")


def _equals(name: str, default: Any) -> Callable[[Params], bool]:
    return lambda params: bool(params[name] == default)


def _with(numbers: Mapping[str, int]) -> Narrowing:
    return lambda given: [{**given, **numbers}]


def _leading(group: str, numbers: Mapping[str, int]) -> dict[str, int]:
    """The numbers of a group of leading axes: those that are not there are 1."""
    count, *sizes = leading_keys(group)
    if not 0 <= numbers[count] <= len(sizes):
        raise CaseError(f"{count}={numbers[count]}: there are up to {len(sizes)} leading axes")
    if any(numbers[key] < 0 for key in sizes):
        raise CaseError(f"{group}: a size must be at least 0")
    return {key: numbers[key] if place < numbers[count] else 1 for place, key in enumerate(sizes)}


def _read_leading(group: str, text: str) -> dict[str, int]:
    sizes = [] if text == "-" else [_read_size(group, part) for part in text.split(",")]
    count, *keys = leading_keys(group)
    if len(sizes) > len(keys):
        raise CaseError(f"{group}={text}: there are up to {len(keys)} leading axes")
    return {count: len(sizes), **dict(zip(keys, sizes, strict=False))}


def _read_size(name: str, text: str) -> int:
    if not text.isdecimal() or len(text) > 12:
        raise CaseError(f"{name}={text}: a whole number of at most 12 digits was expected")
    return int(text)


def _edge_classes(operation: Declared) -> tuple[EdgeClass, ...]:
    declared = operation.declared
    return (
        *(
            each
            for axis in declared.axes
            if axis not in declared.leading
            for each in edges.of_axis(axis, declared.size(axis))
        ),
        *(each for group in declared.leading for each in edges.of_leading(group)),
        *(each for param in declared.params for each in edges.of_param(param)),
        *(
            each
            for operand in declared.operands
            if operand.is_optional
            for each in edges.of_optional(operand.name)
        ),
    )


def _shapes_of_y(operation: Declared) -> Callable[[Sizes], Shape]:
    @lru_cache(maxsize=KEPT)
    def shape(geometry: Sizes) -> Shape:
        import torch

        operands = {
            name: torch.full(shape, 0.5, dtype=torch.float64)
            for name, shape in operation.operand_shapes(geometry).items()
        }
        params = operation.params(geometry)
        try:
            with torch.no_grad():
                y = operation.torch_forward(operands, params)
        except OperationError:
            raise
        except Exception as error:
            said = str(error).strip().splitlines() or [""]
            raise CaseError(
                f"the reference refuses it: {type(error).__name__}: {said[0]}"
            ) from error
        return tuple(y.shape)

    return shape


def _sums(operation: Declared) -> Callable[[Sizes], Sums]:
    @lru_cache(maxsize=KEPT)
    def sums(geometry: Sizes) -> Sums:
        return sums_for(operation, geometry, operation.found.parts)

    return sums


def _own_gradients(operation: Declared) -> Callable[[Sizes], bool]:
    @lru_cache(maxsize=KEPT)
    def has(geometry: Sizes) -> bool:
        return has_own_gradient(operation, geometry)

    return has


def _said(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"{len(value)} values"
    return f"a {getattr(value, 'dtype', type(value).__name__)}"
