"""A small CNN: conv, activation, pool, twice; then linear and softmax cross-entropy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.errors import CaseError
from bpcheck.operations.base import Operation
from bpcheck.operations.network import bounds
from bpcheck.operations.promises import EdgeClass, Growth, Integers, Params, Shape
from bpcheck.operations.windowed import dimensions
from bpcheck.operations.windowed.window import Window

#: Activations by number, as the descriptor's ``act`` names them; the smooth ones come first.
ACTIVATIONS = ("tanh", "sigmoid", "identity", "relu")


@dataclass(frozen=True)
class NetworkGeometry:
    """Two blocks of a convolution and a tiling pool, then `classes` logits.

    `convs` and `pools` hold one tuple of windows for each block, and `channels` the numbers of
    channels before, between and after the convolutions.
    """

    n: int
    channels: tuple[int, int, int]
    convs: tuple[tuple[Window, Window], tuple[Window, Window]]
    pools: tuple[tuple[Window, Window], tuple[Window, Window]]
    classes: int
    activation: str
    pool: str

    @cached_property
    def features(self) -> int:
        """Numbers that the linear layer sees of one sample."""
        return self.channels[2] * prod(window.out for window in self.pools[1])

    def numbers(self) -> dict[str, int]:
        image = dimensions.spell("i", [window.i for window in self.convs[0]])
        blocks: dict[str, int] = {}
        for letter, channels, conv, pool in zip(
            "ab", self.channels[1:], self.convs, self.pools, strict=True
        ):
            blocks |= {
                f"oc{letter}": channels,
                f"k{letter}": conv[0].k,
                f"s{letter}": conv[0].s,
                f"p{letter}": conv[0].p,
                f"q{letter}": pool[0].k,
            }
        return {
            "n": self.n,
            "ic": self.channels[0],
            **image,
            **blocks,
            "classes": self.classes,
            "act": ACTIVATIONS.index(self.activation),
            "max": int(self.pool == "max"),
        }


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
        full = self.complete(numbers)
        if full["n"] < 1 or full["ic"] < 1 or full["classes"] < 2:
            raise CaseError(
                f"n={full['n']}, ic={full['ic']}, classes={full['classes']}: at least 1, 1 and 2"
            )
        if full["act"] >= len(ACTIVATIONS) or full["max"] > 1:
            raise CaseError(
                f"act={full['act']}, max={full['max']}: act is 0 to {len(ACTIVATIONS) - 1} "
                f"({', '.join(ACTIVATIONS)}), max is 0 or 1"
            )
        size = dimensions.values(full, "i", 2)
        convs, pools = [], []
        for letter in "ab":
            if full[f"oc{letter}"] < 1:
                raise CaseError(f"oc{letter}={full[f'oc{letter}']}: must be at least 1")
            k, s, p, q = (full[f"{key}{letter}"] for key in "kspq")
            conv = tuple(Window(i=i, k=k, s=s, p=p) for i in size)
            pool = tuple(Window(i=window.out, k=q, s=q) for window in conv)
            size = tuple(window.out for window in pool)
            convs.append((conv[0], conv[1]))
            pools.append((pool[0], pool[1]))
        return NetworkGeometry(
            n=full["n"],
            channels=(full["ic"], full["oca"], full["ocb"]),
            convs=(convs[0], convs[1]),
            pools=(pools[0], pools[1]),
            classes=full["classes"],
            activation=ACTIVATIONS[full["act"]],
            pool="max" if full["max"] else "avg",
        )

    def draw(self, integers: Integers) -> NetworkGeometry:
        numbers = {
            "n": integers(1, 3),
            "ic": integers(1, 3),
            "oca": integers(1, 4),
            "ocb": integers(1, 4),
            "classes": integers(2, 5),
            "act": integers(0, len(ACTIVATIONS) - 1),
            "max": integers(0, 1),
        }
        # From the top down: each block needs at least what the block above it reads.
        need = [integers(1, 2), integers(1, 2)]
        for letter in "ba":
            k, s, q = integers(1, 3), integers(1, 2), integers(1, 2)
            p = integers(0, k // 2)
            numbers |= {f"k{letter}": k, f"s{letter}": s, f"p{letter}": p, f"q{letter}": q}
            rest = integers(0, 1)
            need = [max(1, (size * q - 1) * s + k + rest - 2 * p) for size in need]
        return self.geometry({**numbers, **dimensions.spell("i", need)})

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
