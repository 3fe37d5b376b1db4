"""How far rounding may carry each second derivative: random rounding of torch's own.

The graph of torch's double backward is taken apart and run with random rounding, as that of a
forward and its vjp is (`operations/declared/noise.py`). The derivative of ``<x_bar, v>`` by the
cotangent is ``J v``: the tangents of the forward mode come with it.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from bpcheck.arithmetic import FORMATS, Array, gamma
from bpcheck.cases import Case
from bpcheck.filling import Arrays
from bpcheck.operations.declared.noise import spread
from bpcheck.operations.declared.recording import Recorder
from bpcheck.operations.declared.rounding import ORACLE, honest_error
from bpcheck.operations.declared.tape import Tape, unfused
from bpcheck.operations.torch_vjp import few_threads
from bpcheck.oracles.second_order import Pair, second_order

#: What stands before the name of an operand in that of the direction of its gradient.
_ALONG = "along "


@dataclass(frozen=True)
class Seconds:
    """Torch's second derivatives of a case in float64, and what an honest one may be off by.

    Parameters
    ----------
    values
        By pair: ``None`` where no path leads from one to the other.
    bounds
        For each pair that has a value.
    elsewhere
        What rounding may leave where torch has no path, and another formula has one that cancels.
    """

    values: Mapping[Pair, Array | None]
    bounds: Mapping[Pair, Array]
    elsewhere: float

    def value(self, pair: Pair, like: Array) -> Array:
        """The number that is right, zeros where there is none."""
        found = self.values.get(pair)
        return np.zeros(like.shape) if found is None else found

    def bound(self, pair: Pair, like: Array) -> Array:
        """What a right one may be off by."""
        return self.bounds.get(pair, np.full(like.shape, self.elsewhere))


def seconds(case: Case, arrays: Arrays, directions: Mapping[str, Array], summed: float) -> Seconds:
    """Those of torch's own operation, with bounds for the dtype of the case.

    Parameters
    ----------
    case, arrays
        The case and its numbers.
    directions
        For each operand, an array that its gradient is multiplied by.
    summed
        Unit roundoff of what is added up.
    """
    stored, tiny = FORMATS[case.dtype].unit_roundoff, FORMATS[case.dtype].tiniest
    given = {
        **arrays.operands,
        **{_ALONG + name: each for name, each in directions.items()},
        "y_bar": arrays.y_bar,
    }
    wide = {name: np.array(each, np.float64, order="C") for name, each in given.items()}
    # Near the ends of the range a bound is infinite.
    with few_threads(wide), np.errstate(over="ignore", invalid="ignore"):
        tape, values = _recorded(case, wide)
        spreads = spread(tape, wide, stored, summed)
        terms = sum(prod(each.shape) for each in wide.values())
        sizes = {pair: spreads[_named(pair)] for pair, each in values.items() if each is not None}
        bounds = {
            pair: honest_error(*each, stored) * (1 + ORACLE / stored) + terms * tiny
            for pair, each in sizes.items()
        }
        largest = max((float(size.max(initial=0)) for _, size in sizes.values()), default=0.0)
        elsewhere = gamma(terms, stored) * largest + terms * tiny
    return Seconds(values, bounds, elsewhere)


def _named(pair: Pair) -> str:
    return " by ".join(pair)


def _recorded(case: Case, wide: Mapping[str, Array]) -> tuple[Tape, dict[Pair, Array | None]]:
    """The tape of all second derivatives, and their numbers."""
    import torch

    tensors = {name: torch.from_numpy(each.copy()) for name, each in wide.items()}
    leaves = {name: tensors[name].requires_grad_() for name in case.operand_shapes}
    y_bar = tensors["y_bar"].requires_grad_()
    recorder = Recorder(tensors)

    def forward(operands: Mapping[str, Any]) -> Any:
        return case.operation.torch_forward(operands, case.params)

    along = {name: tensors[_ALONG + name] for name in leaves}
    with unfused(), torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with recorder:
            made = second_order(forward, leaves, y_bar, along)
    found = {_named(pair): recorder.argument(e) for pair, e in made.items() if e is not None}
    numbers = {pair: None if e is None else e.detach().numpy() for pair, e in made.items()}
    return recorder.tape(found), numbers
