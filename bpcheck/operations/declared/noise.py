"""Monte Carlo arithmetic: how far rounding carries each result, by running it with random rounding.

Every result of a simple operation is moved by up to one unit in the last place of the case's dtype,
whether that number is representable or not (elementary functions by four); a sum by what its
partial sums, in a random order or as they lie, may each be off in the dtype that it is added up in.
Operands and cotangent are moved by one unit before, and again wherever something is computed with
them; and where a sum, or a multiple of one, is used twice, the two uses are those of two runs:
another honest formula cancels elsewhere, and that alone covers it. Where an operand holds the same
numbers again and again, in some more runs what comes of them is off alike, as it is in code: such
errors add up. The spread of some runs is what honest implementations may differ by.

Sources: D. S. Parker, "Monte Carlo Arithmetic: exploiting randomness in floating-point arithmetic"
(1997); C. Denis, P. de Oliveira Castro and E. Petit, "Verificarlo" (2016).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod, sqrt
from typing import Any

import numpy as np

from bpcheck.arithmetic import FORMATS, Array
from bpcheck.operations.declared.rounds import BY_GIVEN_PLACE, BY_PLACE, PARTS, SUMS, UNITS, name_of
from bpcheck.operations.declared.tape import Tape

#: How often a tape is run with other roundings.
RUNS = 12

#: How often more where an operand repeats its numbers along an axis.
MORE_RUNS = 6

#: The least unit roundoff that random roundings are made with.
LEAST_UNIT = 2.0**-44

#: Terms of all sums of one operation up to which each partial sum is looked at.
MOST_TERMS = 1 << 17

#: Terms up to which it does not matter whether their roundings are of one sign.
FEW_TERMS = 64

#: By what part of their size terms of a sum differ that are told as equal: their noise is less.
ALIKE = 2.0**-10

#: What an operation that cannot be taken apart is moved by, in and out: it may hold sums.
UNKNOWN = 16.0


def spread(
    tape: Tape, arrays: Mapping[str, Array], unit: float, sum_unit: float
) -> dict[str, tuple[Array, Array]]:
    """The root of the mean square by which each result moved, and its size, by result name.

    Parameters
    ----------
    tape
        What is run.
    arrays
        The operands and ``y_bar``, in float64.
    unit, sum_unit
        Unit roundoff of what is stored, and of what is added up.
    """
    import torch

    # What is smaller is lost in the rounding of float64 itself; how far it carries is proportional.
    scale = max(1.0, LEAST_UNIT / min(unit, sum_unit))
    rng = torch.Generator().manual_seed(0)
    noise = Noise(unit * scale, sum_unit * scale, rng)
    given = {name: torch.from_numpy(np.array(each, np.float64)) for name, each in arrays.items()}
    (exact,) = tape.run([given], lambda operation, args, named: operation(*args, **named))
    found = _moved_by(noise, RUNS, tape, given, exact)
    if any(_once(each) != each.shape for each in given.values()):
        alike = Noise(unit * scale, sum_unit * scale, rng, is_alike=True)
        more = _moved_by(alike, MORE_RUNS, tape, given, exact)
        found = {name: torch.fmax(each, more[name]) for name, each in found.items()}
    return {
        name: (each.numpy() / scale, np.abs(exact[name].numpy())) for name, each in found.items()
    }


def _moved_by(
    noise: Noise, runs: int, tape: Tape, given: Mapping[str, Any], exact: Mapping[str, Any]
) -> dict[str, Any]:
    """The root of the mean square by which each result moved in some runs."""
    import torch

    sizes = {name: torch.zeros_like(each) for name, each in exact.items()}
    moved = [{name: noise.moved(each, 1.0) for name, each in given.items()} for _ in range(runs)]
    # Another formula has an operand elsewhere, and adds up in two ways what this one adds up once:
    # no two uses of either are off alike.
    for run in tape.run(moved, noise.call, noise.used, noise.mixed):
        for name, each in run.items():
            # A square may underflow.
            sizes[name] = torch.hypot(sizes[name], each - exact[name])
    return {name: each / sqrt(runs) for name, each in sizes.items()}


def _once(tensor: Any) -> Any:
    """The shape of a tensor with 1 for each axis along which its numbers are the same."""
    import torch

    def is_repeated(axis: int, size: int) -> bool:
        first = tensor.select(axis, 0)
        # Two slices tell nearly always; what is not a number repeats nothing.
        return torch.equal(first, tensor.select(axis, size - 1)) and bool(
            (tensor == first.unsqueeze(axis)).all()
        )

    sizes = enumerate(tensor.shape)
    return torch.Size(1 if size > 1 and is_repeated(axis, size) else size for axis, size in sizes)


class Noise:
    """Calls operations, and moves what they give; where it `is_alike`, what is equal equally."""

    def __init__(self, unit: float, sum_unit: float, rng: Any, *, is_alike: bool = False):
        self._unit, self._sum_unit, self._rng = unit, sum_unit, rng
        self._least, self._is_alike = least_of(unit), is_alike

    def moved(self, tensor: Any, units: float) -> Any:
        """The tensor, each number off by up to so many units in the last place."""
        if not units or not tensor.is_floating_point():
            return tensor
        signed = self._signed_like(tensor)
        # What underflows, or is one over what overflows, may be 0, and be multiplied up again.
        off = signed * (units * self._unit * tensor.abs() + self._least)
        # An infinity, such as a mask adds, is no rounded number.
        return tensor + off.nan_to_num_(nan=0.0, posinf=0.0, neginf=0.0)

    def used(self, tensor: Any) -> Any:
        """An operand where it is used."""
        return self.moved(tensor, 1.0)

    def mixed(self, runs: int) -> list[int]:
        """From which of so many runs each takes a sum: an order of them."""
        import torch

        return torch.randperm(runs, generator=self._rng).tolist()

    def call(self, operation: Any, arguments: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """What an operation gives, off by what it may be."""
        name = name_of(operation)
        units = UNITS.get(name)
        if units == 0.0:
            return operation(*arguments, **named)
        if units is not None:
            made = operation(*arguments, **named)
            if name.endswith("_"):
                made.copy_(self.moved(made, units))
                return made
            return self._all_moved(made, units)
        if name in PARTS:
            return self._parts(operation, name, arguments, named)
        if name == "var":
            return self._variance(*arguments, **named)
        if name == "cumsum":
            return self._running_sum(operation(*arguments, **named), arguments[1])
        if name in SUMS:
            terms = _terms(name, arguments, named)
            if terms is not None:
                return self._sum(operation(*arguments, **named), name, terms)
        return self._unknown(operation, arguments, named)

    def _unknown(self, operation: Any, arguments: Sequence[Any], named: Mapping[str, Any]) -> Any:
        units = UNKNOWN
        if name_of(operation).startswith((*BY_PLACE, *BY_GIVEN_PLACE)):
            # A place among so many is off by a part of their number, and so is each share.
            units = max(units, 4.0 * _longest(arguments))
        moved = [self._if_tensor(each, units) for each in arguments]
        made = self._all_moved(operation(*moved, **named), units)
        if name_of(operation).startswith(BY_PLACE):
            return made + self._misplaced(operation, arguments, named)
        return made

    def _misplaced(self, operation: Any, arguments: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """What shares between neighbours are off by where their places are.

        A place among so many is off by a part of their number. What lies on a cell but for that
        has a share of the cell before, or of the one behind, or none.
        """
        import torch

        sizes = operation(
            *(each.abs() if isinstance(each, torch.Tensor) else each for each in arguments), **named
        )
        off = 4.0 * max(_longest(arguments), _longest([sizes])) * self._sum_unit
        return off * self._signed(sizes.shape) * _with_neighbours(sizes.abs())

    def _if_tensor(self, value: Any, units: float) -> Any:
        import torch

        return self.moved(value, units) if isinstance(value, torch.Tensor) else value

    def _all_moved(self, made: Any, units: float) -> Any:
        if isinstance(made, list | tuple):
            return type(made)(self._if_tensor(each, units) for each in made)
        return self._if_tensor(made, units)

    def _sum(self, made: Any, name: str, terms: Any) -> Any:
        """A sum whose every partial sum is off, in a random order."""
        import torch

        count = terms.shape[-1]
        if terms.numel() > MOST_TERMS or count == 0:
            sizes = terms.abs().sum(-1) * sqrt(max(1, count))
            off = self._sum_unit * sizes * self._signed_like(sizes)
        else:
            # Some add up as the terms lie: where those are sorted, partial sums are larger.
            as_they_lie = torch.rand((), generator=self._rng) < 0.5
            order = torch.randperm(count, generator=self._rng)
            partial = (terms if as_they_lie else terms[..., order]).cumsum(-1)
            signed = self._signed_like(partial)
            if count > FEW_TERMS:
                # Who adds up what is equal is off in the same direction again and again.
                signed = torch.where(_are_alike(terms), signed[..., :1], signed)
            off = self._sum_unit * (partial * signed).sum(-1)
        if name == "mean":
            off = off / terms.shape[-1]
        off = off.nan_to_num_(nan=0.0, posinf=0.0, neginf=0.0)
        return self.moved(made + off.reshape(made.shape), 1.0)

    def _parts(
        self, operation: Any, name: str, arguments: Sequence[Any], named: Mapping[str, Any]
    ) -> Any:
        """A softmax: the logarithm of its sum is off by a part of the largest number of a row."""
        first, axis, *rest = arguments
        made = operation(self.moved(first, 1.0), axis, *rest, **named)
        largest = first.abs().nan_to_num(nan=0.0, posinf=0.0).amax(axis, keepdim=True)
        off = self._unit * (1 + largest) * self._signed_like(largest)
        return self.moved(made + off if "log" in name else made * (1 + off), 4.0)

    def _running_sum(self, made: Any, axis: int) -> Any:
        """Running sums, each off by what all before it are."""
        off = (self._sum_unit * made * self._signed(made.shape)).cumsum(axis)
        return self.moved(made + off, 1.0)

    def _variance(self, tensor: Any, dims: Any, correction: float = 1.0, **_: Any) -> Any:
        """The mean square of what is left when the mean is subtracted: two sums."""
        terms: Any = _along(tensor, dims)
        mean = self._sum(terms.mean(-1), "mean", terms)
        squares = self.moved(terms - mean[..., None], 1.0) ** 2
        total = self._sum(squares.sum(-1), "sum", squares)
        shape = tensor.sum(dims).shape
        return (total / (terms.shape[-1] - correction)).reshape(shape)

    def _signed_like(self, tensor: Any) -> Any:
        return self._signed(_once(tensor) if self._is_alike else tensor.shape)

    def _signed(self, shape: Any) -> Any:
        import torch

        return torch.rand(shape, generator=self._rng, dtype=torch.float64) * 2 - 1


def least_of(unit: float) -> float:
    """The smallest normal number of the format with this unit roundoff; of float16 the smallest."""
    by_unit = {each.unit_roundoff: each for each in FORMATS.values()}
    form = min(by_unit.values(), key=lambda each: abs(np.log2(each.unit_roundoff / unit)))
    return form.tiniest if form.name == "float16" else form.tiniest / (2 * form.unit_roundoff)


def _are_alike(terms: Any) -> Any:
    """For each sum whether all its terms are nearly equal."""
    least, most = terms.aminmax(dim=-1, keepdim=True)
    return (most - least) <= ALIKE * terms[..., :1].abs()


def _with_neighbours(planes: Any) -> Any:
    """Each cell of some planes, behind two leading axes, added to those around it."""
    from torch.nn import functional

    rank = planes.ndim - 2
    mean = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}[rank]
    return 3**rank * mean(planes, 3, 1, 1)


def _longest(arguments: Sequence[Any]) -> int:
    """The longest axis of any tensor among arguments."""
    sizes = [size for each in arguments if hasattr(each, "shape") for size in each.shape]
    return max(sizes, default=1)


def _terms(name: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> Any | None:
    """The terms of each element of a sum along the last axis; ``None`` where nobody knows them."""
    first = arguments[0]
    if name in ("sum", "mean"):
        dims = arguments[1] if len(arguments) > 1 else named.get("dim")
        return _along(first, dims)
    if name in ("mm", "bmm", "mv", "dot"):
        return _products(first, arguments[1])
    if name in ("addmm", "baddbmm", "addmv"):
        import torch

        products = _products(arguments[1], arguments[2])
        bias = first.expand(products.shape[:-1])[..., None]
        return torch.cat([products, bias], -1)
    return None


def _along(tensor: Any, dims: Any) -> Any | None:
    if not tensor.is_floating_point():
        return None
    if dims is None or dims == []:
        return tensor.reshape(-1)
    dims = [dims] if isinstance(dims, int) else list(dims)
    dims = [each % max(1, tensor.ndim) for each in dims]
    if not tensor.ndim:
        return tensor.reshape(1)
    kept = [each for each in range(tensor.ndim) if each not in dims]
    shape = [tensor.shape[each] for each in kept]
    return tensor.permute(*kept, *dims).reshape(*shape, prod(tensor.shape[each] for each in dims))


def _products(a: Any, b: Any) -> Any:
    if b.ndim == 1:
        return a * b
    return a[..., :, None, :] * b.mT[..., None, :, :]
