"""What an operation takes and gives: operands, params, the shapes of a geometry."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from bpcheck.errors import CaseError
from bpcheck.operations.addressed import Addressed
from bpcheck.operations.promises import Params, Shape


class Shaped(Addressed, ABC):
    """What an operation takes and gives.

    Attributes
    ----------
    name
        As written in a case text: ``"conv2d"``.
    operands
        Names of the operands, in the order of the forward's positional arguments.
    constants
        Operands without a gradient, such as labels: they follow from the geometry as params do, and
        stand among the operands where code is called.
    optional
        Operands that a case may be without.
    own_params
        Params by names of the operation's own, which mean nothing else in its code.
    keys
        The keys of a case's descriptor in their order, each with its default (``None``: required).
    dtypes
        The dtypes that the operation can be judged in.
    rank
        Number of spatial dimensions.
    nicknames
        What code calls it, the usual first, such as ``"conv"``; each in small letters.
    mode
        The word by which code that computes several operations tells them apart: ``"max"``.
    may_have_outputs
        Whether a forward may return several outputs, as a tuple.
    """

    operands: tuple[str, ...]
    constants: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    own_params: tuple[str, ...] = ()
    keys: Mapping[str, int | None]
    dtypes: tuple[str, ...] = ("float64", "float32", "float16", "bfloat16")
    rank: int = 2
    nicknames: tuple[str, ...] = ()
    mode: str = ""
    may_have_outputs: bool = False

    @abstractmethod
    def geometry(self, numbers: Mapping[str, int]) -> Any:
        """The geometry of a full set of numbers; `CaseError` if the operation does not allow it."""

    @abstractmethod
    def operand_shapes(self, geometry: Any) -> dict[str, Shape]:
        """Shape of each operand that the geometry has, by name, in order."""

    @abstractmethod
    def output_shape(self, geometry: Any) -> Shape:
        """Shape of ``y``."""

    def outputs(self, geometry: Any) -> tuple[Shape, ...]:
        """Shapes of the outputs where the forward returns a tuple of them; empty for one ``y``.

        ``y`` then holds all of them, one after the other: see `bpcheck.operations.outputs`.
        """
        return ()

    def results(self, geometry: Any) -> tuple[str, ...]:
        """Names of everything the subject computes: ``y`` and one gradient for each operand."""
        return ("y", *(f"{name}_bar" for name in self.operand_shapes(geometry)))

    def result_shapes(self, geometry: Any) -> dict[str, Shape]:
        """Shape of each result, by name."""
        shapes = {f"{name}_bar": shape for name, shape in self.operand_shapes(geometry).items()}
        return {"y": self.output_shape(geometry), **shapes}

    def axes(self, result: str) -> str:
        """A letter for each axis of a result, as layouts are called: ``"NCHW"``; empty for none."""
        return ""

    @abstractmethod
    def params(self, geometry: Any) -> Params:
        """Keyword arguments of the forward: `torch.nn.functional` names, tuples for dimensions."""

    def params_in(self, geometry: Any, dtype: str) -> Params:
        """The params of a case in a dtype: real numbers in arrays are of it."""
        return self.params(geometry)

    @property
    def positional(self) -> tuple[str, ...]:
        """Names of the forward's positional arguments: the operands, and constants among them."""
        return self.operands

    @property
    def structure(self) -> str:
        """What kind of function it was found to be, in words; empty where that is known."""
        return ""

    @property
    def written_as(self) -> tuple[Any, ...]:
        """The classes or functions whose code it is."""
        return type(self).__mro__[:-1]

    def written(self, geometry: Any) -> str:
        """The geometry in a case text, where that is not made of keys and numbers; or empty."""
        return ""

    def read(self, texts: Mapping[str, str]) -> Any:
        """The geometry that such a text says, by its names; `CaseError` if none."""
        raise CaseError(f"{self.name}: its cases are written by keys and numbers")

    def complete(self, numbers: Mapping[str, int]) -> dict[str, int]:
        """`numbers` in the order of `keys`, with the defaults filled in.

        Raises
        ------
        CaseError
            For a key that the operation does not have, or a required one that is missing.
        """
        unknown = [key for key in numbers if key not in self.keys]
        if unknown:
            raise CaseError(f"{unknown[0]}: {self.name} has the keys {' '.join(self.keys)}")
        missing = [
            key for key, default in self.keys.items() if default is None and key not in numbers
        ]
        if missing:
            raise CaseError(f"{self.name} needs {' '.join(missing)}, and the case does not give it")
        return {key: numbers.get(key, default or 0) for key, default in self.keys.items()}

    @property
    def key_groups(self) -> tuple[tuple[str, ...], ...]:
        """The keys of the descriptor, those together that make sense only together."""
        return tuple((key,) for key in self.keys)
