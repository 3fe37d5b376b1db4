"""Declarations of well-known code by name: each is a style that the words may still add to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from bpcheck.operations import Operation


@dataclass(frozen=True, slots=True)
class Preset:
    """Words of a declaration: for all operations, for those with weights, for those without."""

    every: Mapping[str, Any] = field(default_factory=dict)
    weighted: Mapping[str, Any] = field(default_factory=dict)
    unweighted: Mapping[str, Any] = field(default_factory=dict)

    def words(self, operation: Operation, given: Mapping[str, Any]) -> dict[str, Any]:
        """What holds for an operation; what was given goes before it."""
        own = self.weighted if "w" in operation.operands else self.unweighted
        return {**self.every, **own, **given}


#: The functions of Stanford's course CS231n, and of whoever learned there.
CS231N = Preset(
    every={"ints": True, "backward": "dout, cache"},
    weighted={
        "forward": "x, w, b, {'stride': stride, 'pad': pad} -> out, cache",
        "without_bias": "never",
    },
    unweighted={
        "forward": "x, {'pool_height': kh, 'pool_width': kw, 'stride': stride} -> out, cache"
    },
)

#: The functions of Coursera's deep learning course: channels last.
COURSERA = Preset(
    every={"ints": True, "layout": "NHWC"},
    weighted={
        "forward": "A_prev, W, b, {'stride': stride, 'pad': pad} -> Z, cache",
        "backward": "dZ, cache",
        "weight_layout": "HWIO",
        "bias_shape": "1 1 1 O",
        "without_bias": "never",
        # The course unpacks (f, f, n_C_prev, n_C) = W.shape, so that f is the second side alone.
        "square_kernels": True,
    },
    unweighted={
        "forward": "A_prev, {'f': f, 'stride': stride}, mode -> A, cache",
        "backward": "dA, cache, mode",
    },
)

#: The layers of Saito's book on deep learning from scratch.
SAITO = Preset(
    # The book's layers reshape with -1, which no empty batch takes.
    every={"ints": True, "forward": "forward(x)", "backward": "backward(dout)", "empty": False},
    weighted={
        "make": "W, b, stride, pad",
        "grads": ("dW", "db"),
    },
    unweighted={"make": "pool_h, pool_w, stride, pad"},
)

#: By the name of the style.
PRESETS: Mapping[str, Preset] = MappingProxyType(
    {"cs231n": CS231N, "coursera": COURSERA, "saito": SAITO}
)


def in_words(given: Mapping[str, Any]) -> dict[str, Any]:
    """Words as keywords of Python, where `forward` and `backward` are the functions themselves.

    >>> in_words({"call": "x, w", "ints": True})
    {'forward': 'x, w', 'ints': True}
    """
    return {{"call": "forward", "back": "backward"}.get(word, word): given[word] for word in given}
