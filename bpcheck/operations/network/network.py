"""A small CNN: conv, activation, pool, twice; then linear and softmax cross-entropy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.operations.base import Operation
from bpcheck.operations.network import bounds
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

    Sample ``n`` has the label ``n % classes``; labels have no gradient, so they are a param.
    """

    name = "network"
    operands = ("x", "w1", "b1", "w2", "b2", "w3", "b3")
    value_kinds = ("real",)
    dtypes = ("float64", "float32")

    def __init__(self) -> None:
        block = {"oc": None, "k": None, "s": 1, "p": 0, "q": 1}
        self.keys = {
            "n": 1,
            "ic": None,
            **dimensions.keys("i", 2, None),
            **{f"{key}{letter}": default for letter in "ab" for key, default in block.items()},
            "classes": 2,
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
        c0, c1, c2 = geometry.channels
        first, second = ([window.k for window in windows] for windows in geometry.convs)
        return {
            "x": (geometry.n, c0, *(window.i for window in geometry.convs[0])),
            "w1": (c1, c0, *first),
            "b1": (c1,),
            "w2": (c2, c1, *second),
            "b2": (c2,),
            "w3": (geometry.classes, geometry.features),
            "b3": (geometry.classes,),
        }

    def output_shape(self, geometry: NetworkGeometry) -> Shape:
        return ()

    def params(self, geometry: NetworkGeometry) -> Params:
        def pair(windows: Sequence[Sequence[Window]], number: str) -> tuple[Shape, ...]:
            return tuple(tuple(getattr(window, number) for window in each) for each in windows)

        return {
            "labels": np.arange(geometry.n) % geometry.classes,
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
        numbers = sum(prod(shape) for shape in self.operand_shapes(geometry).values())
        return dict.fromkeys(self.results(geometry), numbers)

    def error_bounds(
        self,
        geometry: NetworkGeometry,
        arrays: Mapping[str, Array],
        params: Params,
        growths: Sequence[Growth],
    ) -> list[dict[str, Array]] | None:
        found = [bounds.bounds(arrays, params, growth) for growth in growths]
        return None if any(each is None for each in found) else [e for e in found if e is not None]

    def is_smooth(self, geometry: NetworkGeometry) -> bool:
        return geometry.activation != "relu" and geometry.pool == "avg"

    @property
    def edge_classes(self) -> tuple[EdgeClass, ...]:
        def remainder(g: NetworkGeometry) -> bool:
            return any(window.remainder for windows in g.convs for window in windows)

        return (
            EdgeClass("batch", "1", lambda g: g.n == 1),
            EdgeClass("batch", "many", lambda g: g.n > 1),
            EdgeClass("channels", "64 and 96", lambda g: g.channels[1:] == (64, 96)),
            EdgeClass("stride", "1", lambda g: all(w[0].s == 1 for w in g.convs)),
            EdgeClass("stride", "> 1", lambda g: any(w[0].s > 1 for w in g.convs)),
            EdgeClass("padding", "> 0", lambda g: any(w[0].p > 0 for w in g.convs)),
            EdgeClass("remainder", "> 0", remainder),
            EdgeClass("pool", "avg", lambda g: g.pool == "avg"),
            EdgeClass("pool", "max", lambda g: g.pool == "max"),
            *(EdgeClass("activation", name, _has_activation(name)) for name in ACTIVATIONS),
        )


def _has_activation(name: str) -> Callable[[NetworkGeometry], bool]:
    return lambda geometry: geometry.activation == name
