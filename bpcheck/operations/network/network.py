"""A small CNN: conv, activation, pool, twice; then linear and softmax cross-entropy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bpcheck.arithmetic import Array, Format, gamma
from bpcheck.operations.base import Operation
from bpcheck.operations.network import bounds
from bpcheck.operations.network.conditions import conditions
from bpcheck.operations.network.conventions import are_explained
from bpcheck.operations.network.geometry import (
    ACTIVATIONS,
    NetworkGeometry,
    draw_numbers,
    geometry_of,
)
from bpcheck.operations.promises import EdgeClass, Growth, Integers, Params, Shape
from bpcheck.operations.windowed import dimensions
from bpcheck.operations.windowed.window import Window


class Network(Operation):
    """The loss of a batch, ``mean_n(logsumexp(z_n) - z_n[label_n])``, as a number.

    Labels have no gradient, so they are a param. They follow from the geometry: drawn at random
    from the seed ``labels``, or ``n % classes`` for sample ``n`` where that is 0.
    """

    name = "network"
    operands = ("x", "w1", "b1", "w2", "b2", "w3", "b3")
    value_kinds = ("real", "pruned", "scaled")
    dtypes = ("float64", "float32")

    def __init__(self) -> None:
        block = {"oc": None, "k": None, "s": 1, "p": 0, "q": 1}
        self.keys = {
            "n": 1,
            "ic": None,
            **dimensions.keys("i", 2, None),
            **{f"{key}{letter}": default for letter in "ab" for key, default in block.items()},
            "classes": 2,
            "labels": 0,
            "act": 0,
            "max": 0,
        }
        # 64 and 96 channels, 13 -> 6 -> 3 by a strided convolution and a mean pool, then 2 -> 1.
        sizes = {"ih": 13, "iw": 13, "ka": 2, "sa": 2, "qa": 2, "kb": 2, "qb": 2}
        self.landmarks = (
            {"ic": 3, "oca": 64, "ocb": 96, "classes": 10, "n": 2, **sizes},
            {"ic": 3, "oca": 64, "ocb": 96, "classes": 10, "n": 2, **sizes, "act": 3, "max": 1},
        )

    def geometry(self, numbers: Mapping[str, int]) -> NetworkGeometry:
        return geometry_of(self.complete(numbers))

    def draw(self, integers: Integers) -> NetworkGeometry:
        return self.geometry(draw_numbers(integers))

    def operand_shapes(self, geometry: NetworkGeometry) -> dict[str, Shape]:
        return dict(geometry.operand_shapes)

    def output_shape(self, geometry: NetworkGeometry) -> Shape:
        return ()

    def params(self, geometry: NetworkGeometry) -> Params:
        def pair(windows: Sequence[Sequence[Window]], number: str) -> tuple[Shape, ...]:
            return tuple(tuple(getattr(window, number) for window in each) for each in windows)

        return {
            "labels": geometry.label_array,
            "activation": geometry.activation,
            "pool": geometry.pool,
            "stride": pair(geometry.convs, "s"),
            "padding": pair(geometry.convs, "p"),
            "pool_size": pair(geometry.pools, "k"),
        }

    def torch_forward(self, operands: Mapping[str, Any], params: Params) -> Any:
        import torch
        from torch.nn import functional

        activate = {"identity": lambda z: z}.get(params["activation"]) or getattr(
            torch, params["activation"]
        )
        pool = getattr(functional, f"{params['pool']}_pool2d")
        a = operands["x"]
        for block in range(2):
            z = functional.conv2d(
                a,
                operands[f"w{block + 1}"],
                operands[f"b{block + 1}"],
                stride=params["stride"][block],
                padding=params["padding"][block],
            )
            a = pool(activate(z), params["pool_size"][block])
        logits = functional.linear(a.flatten(1), operands["w3"], operands["b3"])
        return functional.cross_entropy(logits, torch.from_numpy(params["labels"]))

    def terms(self, geometry: NetworkGeometry) -> dict[str, int]:
        # Only underflow is counted by it: all numbers that can meet in one result.
        return dict.fromkeys(self.results(geometry), geometry.cells)

    def error_bounds(
        self,
        geometry: NetworkGeometry,
        arrays: Mapping[str, Array],
        params: Params,
        growths: Sequence[Growth],
    ) -> list[dict[str, Array]] | None:
        return bounds.bounds(arrays, params, growths)

    def is_valid_subgradient(
        self,
        geometry: NetworkGeometry,
        operands: Mapping[str, Array],
        y_bar: Array,
        results: Mapping[str, Array],
        form: Format,
    ) -> bool:
        """Whether every gradient is what some slope at 0, and some winner of each tie, can give."""
        return are_explained(
            results,
            {**operands, "y_bar": y_bar},
            self.params(geometry),
            (lambda n: gamma(n, form.unit_roundoff), lambda n: gamma(n, 2.0**-53)),
            floor=geometry.cells * form.tiniest,
        )

    def is_smooth(self, geometry: NetworkGeometry) -> bool:
        return geometry.activation != "relu" and geometry.pool == "avg"

    @property
    def edge_classes(self) -> tuple[EdgeClass, ...]:
        def remainder(g: NetworkGeometry) -> bool:
            return any(window.remainder for windows in g.convs for window in windows)

        return (
            EdgeClass("batch", "1", lambda g: g.n == 1),
            EdgeClass("batch", "many", lambda g: g.n > 1),
            EdgeClass("batch", "> 8", lambda g: g.n > 8),
            EdgeClass("classes", "2", lambda g: g.classes == 2),
            EdgeClass("classes", "> 32", lambda g: g.classes > 32),
            EdgeClass("labels", "in turn", _is_in_turn),
            EdgeClass("labels", "not in turn", lambda g: not _is_in_turn(g)),
            EdgeClass("labels", "one absent", lambda g: len({*g.label_numbers}) < g.classes),
            EdgeClass("labels", "none absent", lambda g: len({*g.label_numbers}) == g.classes),
            EdgeClass("labels", "one repeated", lambda g: len({*g.label_numbers}) < g.n),
            EdgeClass("channels", "64 and 96", lambda g: g.channels[1:] == (64, 96)),
            EdgeClass("stride", "1", lambda g: all(w[0].s == 1 for w in g.convs)),
            EdgeClass("stride", "> 1", lambda g: any(w[0].s > 1 for w in g.convs)),
            EdgeClass("padding", "> 0", lambda g: any(w[0].p > 0 for w in g.convs)),
            EdgeClass("remainder", "> 0", remainder),
            EdgeClass("pool", "avg", lambda g: g.pool == "avg"),
            EdgeClass("pool", "max", lambda g: g.pool == "max"),
            *(EdgeClass("activation", name, _has_activation(name)) for name in ACTIVATIONS),
        )

    @property
    def conditions(self) -> tuple[EdgeClass, ...]:
        return conditions()


def _has_activation(name: str) -> Callable[[NetworkGeometry], bool]:
    return lambda geometry: geometry.activation == name


def _is_in_turn(geometry: NetworkGeometry) -> bool:
    return all(label == n % geometry.classes for n, label in enumerate(geometry.label_numbers))
