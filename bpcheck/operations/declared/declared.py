"""An operation that a person declares by a function on torch's tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
from bpcheck.operations.declared.neutral import neutral_params
from bpcheck.operations.declared.sizes import Sizes, leading_keys, leading_shape
from bpcheck.operations.declared.spelling import numbers_of, written
from bpcheck.operations.declared.structure import Sums
from bpcheck.operations.promises import (
    EdgeClass,
    Extreme,
    Integers,
    Lattice,
    Params,
    Shape,
)
from bpcheck.operations.torch_vjp import torch_vjp

#: Geometries whose shapes and structure are kept.
KEPT = 4_096

#: Value kinds of what is smooth, or bends: standard normal numbers, and those that break formulas.
OF_REALS = ("real", "rows", "far")

#: That of rows in which some numbers are minus infinity.
MASKED = "masked"


class Declared(Operation):
    """What `bpcheck.operation` makes of a function; it is that function still when it is called."""

    may_have_outputs = True
    landmarks_are_plain = True

    def __init__(self, declaration: Declaration, name: str):
        self._declared = declaration
        self.name = name
        self.reference = declaration.reference
        self.home = str(getattr(declaration.reference, "__module__", ""))
        self.operands = tuple(each.name for each in declaration.differentiable)
        self.constants = declaration.constants
        self.optional = tuple(e.name for e in declaration.differentiable if e.is_optional)
        self.own_params = tuple(each.name for each in declaration.params)
        self.keys = _keys(declaration)
        self.neutral, self.neutral_numbers = neutral_params(declaration)
        self.nicknames = ()
        #: Geometries that every run begins with, and whether those with two long axes are left out.
        self.own_landmarks: tuple[Mapping[str, int], ...] = ()
        self.is_usual_alone = False
        self.drawer = Drawer(declaration, self.geometry)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.reference(*args, **kwargs)

    @property
    def written_as(self) -> tuple[Any, ...]:
        return (self.reference, *(each for each in (self._declared.where,) if each is not None))

    @property
    def positional(self) -> tuple[str, ...]:
        return tuple(each.name for each in self._declared.operands)

    @property
    def found(self) -> Found:
        """What experiments say of the function."""
        return self.once(found_of)

    @property
    def structure(self) -> str:
        return self.found.told(self.operands)

    @property
    def value_kinds(self) -> tuple[str, ...]:  # type: ignore[override] # found when first asked for
        kinds = Operation.value_kinds if self.found.is_exact else OF_REALS
        return (*kinds, MASKED) if self.masked else kinds

    def geometry(self, numbers: Mapping[str, int]) -> Sizes:
        full = self.complete(numbers)
        for group in self._declared.leading:
            full |= _leading(group, full)
        geometry = Sizes(tuple(full.items()))
        for axis in self._declared.axes:
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
        return self.drawer.draw(integers)

    @property
    def extremes(self) -> tuple[Extreme, ...]:
        return self.drawer.extremes

    @property
    def landmarks(self) -> tuple[Mapping[str, int], ...]:  # type: ignore[override] # found if asked
        return (*self.own_landmarks, *self.once(_landmarks))

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
        known: dict[str, Any] = {axis: numbers[axis] for axis in self._declared.axes}
        known |= {group: leading_shape(group, numbers) for group in self._declared.leading}
        for each in self._declared.operands:
            if each.is_optional:
                known[f"has_{each.name}"] = bool(numbers[f"has_{each.name}"])
        for param in self._declared.params:
            known[param.name] = param.value(numbers, known)
        return known

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
        shapes = self.once(_shapes_of_y)(geometry)
        return shapes if not isinstance(shapes, list) else (sum(map(prod, shapes)),)

    def outputs(self, geometry: Sizes) -> tuple[Shape, ...]:
        shapes = self.once(_shapes_of_y)(geometry)
        return tuple(shapes) if isinstance(shapes, list) else ()

    def params(self, geometry: Sizes) -> Params:
        return self.params_in(geometry, "float64")

    def params_in(self, geometry: Sizes, dtype: str) -> Params:
        known = self.known(geometry)
        values = {param.name: known[param.name] for param in self._declared.params}
        return {**constants_of(self, geometry, known, FORMATS[dtype].dtype), **values}

    def torch_forward(self, operands: Mapping[str, Any], params: Params) -> Any:
        import torch

        found = self.torch_outputs(operands, params)
        if not isinstance(found, tuple):
            return found
        return torch.cat([each.reshape(-1) for each in found])

    def torch_outputs(self, operands: Mapping[str, Any], params: Params) -> Any:
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
        outputs = tuple(y) if isinstance(y, tuple | list) else (y,)
        wrong = [each for each in outputs if not _is_real(each)]
        if wrong or not outputs:
            raise OperationError(
                f"{self.name}: the reference returned {_said(y, wrong)}; a tensor of real numbers, "
                "or a tuple of such, is needed: return what is to be judged, and has a gradient"
            )
        return y if isinstance(y, torch.Tensor) else outputs

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
        return " ".join(written(self._declared, geometry.numbers()))

    def read(self, texts: Mapping[str, str]) -> Sizes:
        return self.geometry(numbers_of(self._declared, texts, called=self.name))


def _keys(declaration: Declaration) -> dict[str, int | None]:
    keys: dict[str, int | None] = dict.fromkeys(declaration.axes)
    for group in declaration.leading:
        count, *sizes = leading_keys(group)
        keys |= {count: 0, **dict.fromkeys(sizes, 1)}
    for param in declaration.params:
        keys |= {key: level.default for key, level in zip(param.keys, param.levels, strict=True)}
    keys |= {f"has_{each.name}": 0 for each in declaration.operands if each.is_optional}
    if declaration.constants:
        keys["draws"] = 0
    return keys


def _leading(group: str, numbers: Mapping[str, int]) -> dict[str, int]:
    """The numbers of a group of leading axes: those that are not there are 1."""
    count, *sizes = leading_keys(group)
    if not 0 <= numbers[count] <= len(sizes):
        raise CaseError(f"{count}={numbers[count]}: there are up to {len(sizes)} leading axes")
    if any(numbers[key] < 0 for key in sizes):
        raise CaseError(f"{group}: a size must be at least 0")
    return {key: numbers[key] if place < numbers[count] else 1 for place, key in enumerate(sizes)}


def _landmarks(operation: Declared) -> tuple[Mapping[str, int], ...]:
    return operation.drawer.landmarks(together=not operation.is_usual_alone)


def _edge_classes(operation: Declared) -> tuple[EdgeClass, ...]:
    return edges.of_declaration(operation.declared)


def _shapes_of_y(operation: Declared) -> Callable[[Sizes], Shape | list[Shape]]:
    """The shape of ``y``, or those of several outputs, in a list."""

    @lru_cache(maxsize=KEPT)
    def shape(geometry: Sizes) -> Shape | list[Shape]:
        import torch

        operands = {
            name: torch.full(shape, 0.5, dtype=torch.float64)
            for name, shape in operation.operand_shapes(geometry).items()
        }
        params = operation.params(geometry)
        try:
            with torch.no_grad():
                y = operation.torch_outputs(operands, params)
        except OperationError:
            raise
        except Exception as error:
            said = str(error).strip().splitlines() or [""]
            raise CaseError(
                f"the reference refuses it: {type(error).__name__}: {said[0]}"
            ) from error
        return [tuple(each.shape) for each in y] if isinstance(y, tuple) else tuple(y.shape)

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


def _is_real(value: Any) -> bool:
    import torch

    return isinstance(value, torch.Tensor) and value.is_floating_point()


def _said(value: Any, wrong: Sequence[Any]) -> str:
    if isinstance(value, tuple | list) and not wrong:
        return "no outputs"
    kind = f"a {getattr(wrong[0], 'dtype', type(wrong[0]).__name__)}"
    return f"{kind} among {len(value)} outputs" if isinstance(value, tuple | list) else kind
