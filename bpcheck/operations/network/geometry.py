"""The geometry of the network: two blocks of a convolution and a tiling pool; drawing one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.errors import CaseError
from bpcheck.operations.promises import Integers, Shape
from bpcheck.operations.windowed import dimensions
from bpcheck.operations.windowed.window import Window

#: Activations by number, as the descriptor's ``act`` names them; the smooth ones come first.
ACTIVATIONS = ("tanh", "sigmoid", "identity", "relu")

#: Samples, classes: up to so many in most drawn geometries, and at most in the rest. A softmax over
#: a few classes and a batch of three hide what is sized by a block of threads or a table.
MOST_SAMPLES, FAR_SAMPLES = 3, 16
MOST_CLASSES, FAR_CLASSES = 5, 40

#: Seeds of labels that are drawn: enough that none is met twice, few enough digits to read.
LABEL_SEEDS = 999


@dataclass(frozen=True)
class NetworkGeometry:
    """Two blocks of a convolution and a tiling pool, then `classes` logits.

    `convs` and `pools` hold one tuple of windows for each block, and `channels` the numbers of
    channels before, between and after the convolutions. `labels` is the seed that the labels are
    drawn from; 0 gives sample ``i`` the label ``i % classes``.
    """

    n: int
    channels: tuple[int, int, int]
    convs: tuple[tuple[Window, Window], tuple[Window, Window]]
    pools: tuple[tuple[Window, Window], tuple[Window, Window]]
    classes: int
    activation: str
    pool: str
    labels: int = 0

    @cached_property
    def features(self) -> int:
        """Numbers that the linear layer sees of one sample."""
        return self.channels[2] * prod(window.out for window in self.pools[1])

    @cached_property
    def label_numbers(self) -> tuple[int, ...]:
        """The class of each sample."""
        if self.labels == 0:
            return tuple(sample % self.classes for sample in range(self.n))
        drawn = np.random.default_rng(self.labels).integers(self.classes, size=self.n)
        return tuple(int(label) for label in drawn)

    @property
    def label_array(self) -> Array:
        """The same as a forward gets it: a new array each time, since it may be written to."""
        return np.array(self.label_numbers, np.int64)

    @cached_property
    def operand_shapes(self) -> dict[str, Shape]:
        """Shape of each operand by name; made once, for it is asked for at every call."""
        c0, c1, c2 = self.channels
        first, second = ([window.k for window in windows] for windows in self.convs)
        return {
            "x": (self.n, c0, *(window.i for window in self.convs[0])),
            "w1": (c1, c0, *first),
            "b1": (c1,),
            "w2": (c2, c1, *second),
            "b2": (c2,),
            "w3": (self.classes, self.features),
            "b3": (self.classes,),
        }

    @cached_property
    def cells(self) -> int:
        """Numbers in all operands together."""
        return sum(prod(shape) for shape in self.operand_shapes.values())

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
            "labels": self.labels,
            "act": ACTIVATIONS.index(self.activation),
            "max": int(self.pool == "max"),
        }


def geometry_of(full: Mapping[str, int]) -> NetworkGeometry:
    """The geometry of a full set of numbers; `CaseError` if it is not allowed."""
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
        labels=full["labels"],
    )


def draw_numbers(integers: Integers) -> dict[str, int]:
    """The numbers of a random geometry; see `Operation.draw`."""
    # Rare, since its weights cost more than all else; its planes stay as small as windows allow.
    wide = integers(0, 19) == 19
    numbers = {
        "n": integers(1, MOST_SAMPLES) if wide else _mostly(integers, 1, MOST_SAMPLES, FAR_SAMPLES),
        "ic": integers(1, 3),
        "oca": 64 if wide else integers(1, 4),
        "ocb": 96 if wide else integers(1, 4),
        "classes": _mostly(integers, 2, MOST_CLASSES, FAR_CLASSES),
        "labels": integers(0, LABEL_SEEDS),
        "act": integers(0, len(ACTIVATIONS) - 1),
        "max": integers(0, 1),
    }
    # From the top down: each block needs at least what the block above it reads.
    need = [1, 1] if wide else [integers(1, 2), integers(1, 2)]
    for letter in "ba":
        k, s, q = integers(1, 3), integers(1, 2), integers(1, 2)
        p = integers(0, k // 2)
        numbers |= {f"k{letter}": k, f"s{letter}": s, f"p{letter}": p, f"q{letter}": q}
        rest = integers(0, 1)
        need = [max(1, (size * q - 1) * s + k + rest - 2 * p) for size in need]
    return {**numbers, **dimensions.spell("i", need)}


def _mostly(integers: Integers, low: int, most: int, far: int) -> int:
    """Up to `most`, and in one of eight draws beyond it up to `far`."""
    return integers(most + 1, far) if integers(0, 7) == 7 else integers(low, most)
