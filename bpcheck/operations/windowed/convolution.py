"""Convolution in one, two and three dimensions, as `torch.nn.functional.conv1d` and so on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpcheck.arithmetic import Array
from bpcheck.errors import CaseError
from bpcheck.operations.base import Operation
from bpcheck.operations.families import Family, Size
from bpcheck.operations.formed import Formed
from bpcheck.operations.promises import (
    SAMPLES,
    EdgeClass,
    Extreme,
    Integers,
    Lattice,
    Measure,
    Params,
    Product,
    Shape,
    Symmetry,
)
from bpcheck.operations.scopes import Scope
from bpcheck.operations.step import Step
from bpcheck.operations.windowed import classes, dimensions, layers, narrowing, relatives
from bpcheck.operations.windowed.blocks import past_blocks
from bpcheck.operations.windowed.conv_formed import conv_formed
from bpcheck.operations.windowed.conv_geometry import ConvGeometry, draw_geometry
from bpcheck.operations.windowed.conv_steps import conv_steps
from bpcheck.operations.windowed.extremes import choose_extreme, conv_extremes, draw_extreme
from bpcheck.operations.windowed.measures import conv_measures
from bpcheck.operations.windowed.reductions import conv_reduction
from bpcheck.operations.windowed.scopes import conv_scopes
from bpcheck.operations.windowed.shipped_layers import Shelf
from bpcheck.operations.windowed.shrunken import shrunken_layers
from bpcheck.operations.windowed.usual import usual
from bpcheck.operations.windowed.window import spatial_owners

#: Kernels with which it is asked whether a forward takes the word 'same', the smallest first.
_KERNELS = (1, 2, 3, 5)


class Convolution(Operation):
    """``y[n, o, p] = b[o] + sum over c, j of w[o, c, j] x[n, c + group, p s + j d - pad]``."""

    operands = ("x", "w", "b")
    optional = ("b",)
    linear_together = ("w", "b")
    summed_wide = frozenset({"y", "x_bar", "w_bar", "b_bar"})

    def __init__(self, rank: int):
        self.rank = rank
        self._shelf = Shelf("conv", rank)
        self._extremes = conv_extremes(rank, self.geometry)
        self.name = f"conv{rank}d"
        probes = dimensions.shape_probes({"ic": 3, "oc": 5}, rank, dilates=True)
        self.shape_probes = (*probes, *({**each, "bias": 0} for each in probes))
        usual = ("conv", "convolution", "convolve", "convolutional")
        self.nicknames = (self.name, *usual, *(f"{each}{rank}d" for each in usual[1:]))
        self.keys = {
            "g": 1,
            "n": 1,
            "ic": None,
            **dimensions.keys("i", rank, None),
            "oc": None,
            **dimensions.keys("k", rank, None),
            **dimensions.keys("s", rank, 1),
            **dimensions.keys("p", rank, 0),
            **dimensions.keys("d", rank, 1),
            "same": 0,
            "bias": 1,
        }
        # The layer of an old question: 64 -> 96 channels, 13 -> 6 with a stride that leaves a rest.
        self.landmarks = (
            {
                "ic": 64,
                "oc": 96,
                **dimensions.spell("i", (13,) * rank if rank < 3 else (5, 5, 5)),
                **dimensions.spell("k", (2,) * rank),
                **dimensions.spell("s", (2,) * rank),
            },
        )
        self.neutral = {
            "stride": lambda params: set(params["stride"]) == {1},
            "padding": lambda params: set(params["padding"]) == {0},
            "dilation": lambda params: set(params["dilation"]) == {1},
            "groups": lambda params: bool(params["groups"] == 1),
        }
        self.neutral_numbers = narrowing.neutral_numbers(
            rank, tiles=False, others={"groups": {"g": 1}}, dilates=True
        )
        self.restrictions = narrowing.restrictions(rank, dilates=True)

    def geometry(self, numbers: Mapping[str, int]) -> ConvGeometry:
        full = self.complete(numbers)
        for flag in ("same", "bias"):
            if full[flag] not in (0, 1):
                raise CaseError(f"{flag}{full[flag]}: {flag} is 0 or 1")
        windows = dimensions.windows(full, self.rank, same=bool(full["same"]))
        return ConvGeometry(
            n=full["n"],
            ic=full["ic"],
            oc=full["oc"],
            windows=windows,
            g=full["g"],
            bias=bool(full["bias"]),
        )

    def draw(self, integers: Integers) -> Any:
        if choose_extreme(integers):
            return draw_extreme(self.extremes, integers)
        if relatives.choose_relative(integers):
            near = relatives.draw_relative(self, self._shelf.kin, integers)
            if near is not None:
                return near
        return draw_geometry(integers, self.rank)

    def relatives(self, integers: Integers) -> Iterator[ConvGeometry]:
        return relatives.nearest(self, self._shelf.kin, integers)

    def tiled_layers(self, integers: Integers) -> Iterator[ConvGeometry]:
        yield from relatives.tiled(self, self._shelf.kin, integers)
        yield from usual(self, self._shelf.kin)

    def blocked_layers(self) -> Iterator[ConvGeometry]:
        return past_blocks(self, self._shelf.kin)

    def shortened(self, geometry: ConvGeometry, turn: int) -> ConvGeometry | None:
        return relatives.shortened(self, geometry, turn)

    def axes(self, result: str) -> str:
        return dimensions.axes(result, self.rank)

    @property
    def extremes(self) -> tuple[Extreme, ...]:
        return self._extremes

    @property
    def families(self) -> tuple[Family, ...]:
        return self._shelf.families

    @property
    def residues(self) -> tuple[str, ...]:
        return self._shelf.residues

    def shipped_classes(self, geometry: ConvGeometry) -> frozenset[str]:
        return self._shelf.classes_of(geometry)

    @cached_property
    def shrunken_layers(self) -> tuple[Any, ...]:
        return shrunken_layers(self, self.rank)

    def sizes(self, family: Family) -> tuple[tuple[Size, ...], ...]:
        return self._shelf.sizes(family)

    def variants(self, family: Family) -> tuple[frozenset[str], ...]:
        return self._shelf.variants(family)

    def layers(self, name: str) -> tuple[str, ...]:
        return layers.layers(name, self.name)

    @property
    def scopes(self) -> tuple[Scope, ...]:
        return conv_scopes(self.rank)

    @property
    def key_groups(self) -> tuple[tuple[str, ...], ...]:
        return dimensions.key_groups(self.keys, self.rank)

    def plainer(self, numbers: Mapping[str, int]) -> Iterator[dict[str, int]]:
        return dimensions.without_padding(numbers, self.rank)

    def of_the_same_output(self, numbers: Mapping[str, int]) -> Iterator[dict[str, int]]:
        return dimensions.of_the_same_output(numbers, self.rank)

    def turned(self, numbers: Mapping[str, int]) -> Iterator[dict[str, int]]:
        return dimensions.turned(numbers, self.rank)

    def twin(self, geometry: ConvGeometry, integers: Integers) -> ConvGeometry | None:
        for other in dimensions.other_params(self.keys, geometry.numbers(), self.rank, integers):
            with contextlib.suppress(CaseError):
                return self.geometry(other)
        return None

    def operand_shapes(self, geometry: ConvGeometry) -> dict[str, Shape]:
        return dict(geometry.shapes)

    def output_shape(self, geometry: ConvGeometry) -> Shape:
        return (geometry.n, geometry.oc, *geometry.out)

    def params(self, geometry: ConvGeometry) -> Params:
        return {
            "stride": tuple(window.s for window in geometry.windows),
            "padding": "same" if geometry.same else tuple(window.p for window in geometry.windows),
            "dilation": tuple(window.d for window in geometry.windows),
            "groups": geometry.g,
        }

    def worded(self, geometry: ConvGeometry) -> tuple[str, tuple[ConvGeometry, ...]] | None:
        if not geometry.same:
            return None
        numbers = {key: 1 if default is None else default for key, default in self.keys.items()}
        numbers |= {"same": 1, "bias": int(geometry.bias)}
        # Some take one kernel alone, mostly that of 3.
        sizes = (
            {key: k for key in self.keys if key[0] in "ik" and key[1] in "dhw"} for k in _KERNELS
        )
        return "padding='same'", tuple(self.geometry({**numbers, **size}) for size in sizes)

    def torch_forward(self, operands: Mapping[str, Any], params: Params) -> Any:
        import torch

        function = getattr(torch.nn.functional, self.name)
        return function(operands["x"], operands["w"], operands.get("b"), **params)

    def terms(self, geometry: ConvGeometry) -> dict[str, int]:
        outputs = max(1, geometry.n * prod(geometry.out))
        group_in, group_out = geometry.ic // geometry.g, geometry.oc // geometry.g
        return {
            "y": group_in * prod(geometry.kernel) + 1,
            "x_bar": group_out * prod(window.overlap for window in geometry.windows),
            "w_bar": outputs,
            "b_bar": outputs,
        }

    def multiplications(self, geometry: ConvGeometry) -> int:
        # The bias is added, not multiplied.
        return (self.terms(geometry)["y"] - 1) * prod(self.output_shape(geometry))

    def reduction(self, result: str, terms: int) -> dict[str, int] | None:
        """See `bpcheck.operations.windowed.reductions`."""
        return conv_reduction(self.rank, result, terms)

    def formed(
        self,
        geometry: ConvGeometry,
        result: str,
        index: tuple[int, ...],
        arrays: Mapping[str, Array],
    ) -> Formed:
        return conv_formed(geometry, result, index)

    def steps(
        self,
        geometry: ConvGeometry,
        result: str,
        index: tuple[int, ...],
        arrays: Mapping[str, Array],
    ) -> Iterator[Step]:
        return conv_steps(geometry, result, index, arrays)

    def is_safe_in_torch(self, geometry: ConvGeometry) -> bool:
        # Where a kernel is as deep as the input, the weights' gradient has been seen to go beyond.
        return self.rank < 3 or all(
            window.span < window.i or not window.p for window in geometry.windows
        )

    def lattice(self, geometry: ConvGeometry) -> Lattice:
        terms = self.terms(geometry)
        bias = (Product("y", 1, ("b",)), Product("b_bar", terms["b_bar"], ("y_bar",)))
        return Lattice(
            products=(
                Product("y", terms["y"], ("x", "w")),
                Product("x_bar", terms["x_bar"], ("w", "y_bar")),
                Product("w_bar", terms["w_bar"], ("x", "y_bar")),
                *(bias if geometry.bias else ()),
            )
        )

    def owners(self, geometry: ConvGeometry, operand: str) -> NDArray[np.int64]:
        shapes = self.operand_shapes(geometry)
        if operand == "b":
            channel = np.arange(geometry.oc).reshape(1, 1, -1, *(1,) * self.rank)
            return np.broadcast_to(channel, (1, *self.output_shape(geometry)))
        if operand == "w":
            # Outputs of different channels share no weight: one probe for each (c, offset).
            per_channel = prod(shapes["w"][1:])
            probe = np.arange(per_channel).reshape(-1, 1, 1, *(1,) * self.rank)
            channel = np.arange(geometry.oc).reshape(1, 1, -1, *(1,) * self.rank)
            return np.broadcast_to(
                channel * per_channel + probe, (per_channel, *self.output_shape(geometry))
            )
        # One probe for each channel of a group and each colour of the image.
        group_in, group_out = geometry.ic // geometry.g, geometry.oc // geometry.g
        first = (np.arange(geometry.oc) // group_out) * group_in
        channel = first[None, None, :] + np.arange(group_in)[:, None, None]
        sample = np.arange(geometry.n)[None, :, None]
        return spatial_owners(sample * geometry.ic + channel, geometry.windows)

    def probe_count(self, geometry: ConvGeometry, operand: str) -> int:
        group_in = geometry.ic // geometry.g
        if operand == "x":
            return group_in * prod(window.colours for window in geometry.windows)
        return group_in * prod(geometry.kernel) if operand == "w" else 1

    def rounded_magnitudes(
        self, results: Mapping[str, Array], arrays: Mapping[str, Array], params: Params
    ) -> dict[str, Array]:
        rounded = super().rounded_magnitudes(results, arrays, params)
        if "b" in arrays:
            # The sum may be rounded before the bias is added, and they may cancel.
            b = np.asarray(arrays["b"], np.float64).reshape(-1, *(1,) * self.rank)
            rounded["y"] = np.abs(results["y"] - b) + rounded["y"]
        return rounded

    def symmetries(self, geometry: ConvGeometry) -> tuple[Symmetry, ...]:
        samples, outputs, groups = self._apart(geometry)
        inputs = Symmetry("input channels", geometry.ic, {"x": 1, "w": 1})
        every = (samples, inputs, outputs) if geometry.g == 1 else (samples, groups)
        return tuple(symmetry for symmetry in every if symmetry.length > 1)

    def kept_apart(self, geometry: ConvGeometry) -> tuple[Symmetry, ...]:
        return self._apart(geometry)

    def _apart(self, geometry: ConvGeometry) -> tuple[Symmetry, Symmetry, Symmetry]:
        samples = Symmetry(SAMPLES, geometry.n, {"x": 0, "y": 0})
        outputs = Symmetry("output channels", geometry.oc, {"w": 0, "b": 0, "y": 1})
        group_in, group_out = geometry.ic // geometry.g, geometry.oc // geometry.g
        groups = Symmetry(
            "groups",
            geometry.g,
            {"x": 1, "w": 0, "b": 0, "y": 1},
            {"x": group_in, "w": group_out, "b": group_out, "y": group_out},
        )
        return samples, outputs, groups

    def has_stackable_batch(self, operand: str) -> bool:
        return operand == "x"

    @property
    def edge_classes(self) -> tuple[EdgeClass, ...]:
        return (*classes.channel_classes(), *classes.conv_classes(self.rank))

    @property
    def conditions(self) -> tuple[EdgeClass, ...]:
        more = (*classes.conv_conditions(), *classes.more_conditions(self.rank))
        return classes.not_among(more, self.edge_classes)

    @property
    def measures(self) -> tuple[Measure, ...]:
        return conv_measures()
