"""Which row on tensors falls to which case, and the tensors that it is asked with."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.calls import Call, call
from bpcheck.cases import Case
from bpcheck.checks.outcomes import failed, remarked, unjudged
from bpcheck.checks.trial import Trial
from bpcheck.checks.turns import SMALL, is_small, turn_among
from bpcheck.finding import Kind, Outcome
from bpcheck.subject import OnTensors

#: The rows, which take turns.
ROWS = (
    "needs grad",
    "second backward",
    "undefined cotangent",
    "double backward",
    "forward mode",
    "vmap",
    "saved tensors",
    "modes",
)

#: So many rows fall to each case: two would cost a run half as much again.
AT_ONCE = 1

#: Cases of the first seeds, those of a search for the smallest and of replays, are asked all rows.
FIRST = 4

#: Values for which no sum rounds, with room for what a row adds to them. What is no sum of products
#: has no such values, and is compared by bounds.
KINDS = ("exact", "small", "sparse", "negative")

#: How much of an exception is told.
_TOLD = 140


def why_not(trial: Trial, row: str) -> str:
    """Why a row is not asked of a case; ``""`` if it is."""
    return why_not_here(trial) or ("" if _takes_turn(trial, row) else "left to other cases")


def why_not_here(trial: Trial) -> str:
    """Why no row on tensors can be asked of a case; ``""`` if one can, if it is its turn."""
    if trial.subject.tensors is None:
        return "no code on tensors"
    if not trial.first.is_whole:
        return "the contract is broken"
    if not trial.subject.claims.exact:
        return "not exact"
    if trial.case.lattice is not None and trial.case.values not in KINDS:
        return "not exact"
    return "" if 0 not in trial.case.shapes["y"] and is_cheap(trial.case) else "left to other cases"


def is_cheap(case: Case) -> bool:
    """Whether a case is small, in operations where what is no sum of products has no terms."""
    if case.lattice is not None:
        return is_small(case)
    return case.operation.multiplications(case.geometry) <= SMALL


def leads(trial: Trial) -> bool:
    """Whether a case is one of the first seeds."""
    return trial.case.seed < FIRST


def _takes_turn(trial: Trial, row: str) -> bool:
    # About half the cases of a sum of products are exact, and all of what is compared by bounds.
    many = len(ROWS) if trial.case.lattice is not None else 2 * len(ROWS)
    turn = turn_among(trial.case, many)
    return leads(trial) or (ROWS.index(row) - turn) % many < AT_ONCE


@dataclass(frozen=True)
class Asked:
    """The arrays of a case as tensors, anew for each call of the code.

    Parameters
    ----------
    trial
        The case, and who is asked.
    code
        The code on tensors.
    """

    trial: Trial
    code: OnTensors

    @classmethod
    def of(cls, trial: Trial) -> Asked:
        """What a trial is asked with, if its subject is code on tensors."""
        assert trial.subject.tensors is not None  # noqa: S101 - callers have looked
        return cls(trial, trial.subject.tensors)

    @property
    def names(self) -> tuple[str, ...]:
        """The operands that the case has."""
        return tuple(self.trial.arrays.operands)

    def tensor(self, array: Array) -> Any:
        """A tensor that holds the numbers of an array, in memory of its own."""
        from bpcheck.adapters.torch_tensors import to_tensor

        # In C order, and aligned: layouts are another row's.
        return to_tensor(np.array(array, order="C"), self.code.device).tensor.clone()

    def leaves(self, needing: Collection[str] | None = None) -> dict[str, Any]:
        """The operands by name, of which these need a gradient; by default all do."""
        return {
            name: self.tensor(array).requires_grad_(needing is None or name in needing)
            for name, array in self.trial.arrays.operands.items()
        }

    @property
    def cotangent(self) -> Any:
        """The cotangent."""
        return self.tensor(self.trial.arrays.y_bar)

    def apply(self, operands: Mapping[str, Any]) -> Any:
        """``y`` of these operands, for who is within `tried`."""
        every = [operands.get(name) for name in self.trial.case.operation.operands]
        return self.code.on_tensors(*every, **self.trial.params)

    def standing(self) -> Any:
        """An instance of the subject's module for this case, to be called more than once."""
        every = [self.leaves().get(name) for name in self.trial.case.operation.operands]
        return self.code.standing(every, self.trial.params)

    def evaluating(self) -> Asked | None:
        """The same question of the module in evaluation; ``None`` where it is no module."""
        code = self.code.evaluating()
        return None if code is None else replace(self, code=code)

    def gradients(self, **how: Any) -> Any:
        """What the engine of autograd gives for all operands, once: see `torch.autograd.grad`."""
        leaves = self.leaves()
        return engine(self.apply(leaves), leaves, self.cotangent, **how)


def engine(y: Any, leaves: Mapping[str, Any], y_bar: Any, **how: Any) -> dict[str, Any]:
    """The gradients of those leaves that need one, by name; ``None`` where no path leads there."""
    import torch

    needed = {name: leaf for name, leaf in leaves.items() if leaf.requires_grad}
    if not needed or not y.requires_grad:
        return dict.fromkeys(needed)
    found = torch.autograd.grad(y, list(needed.values()), y_bar, allow_unused=True, **how)
    return dict(zip(needed, found, strict=True))


def tried(function: Any, *args: Any) -> Call:
    """A call of the subject's code, and of torch about it, with the graph recorded."""
    import torch

    def recorded(*given: Any) -> Any:
        with torch.enable_grad():
            return function(*given)

    return call(recorded, *args)


def numbers(tensor: Any) -> Array:
    """The numbers of a tensor in float64."""
    from bpcheck.adapters.torch_tensors import to_array

    return np.array(to_array(tensor), np.float64, order="C")


def told(ended: Call) -> str:
    """What a call raised, in one short line."""
    return shortened(ended.error)


def shortened(said: str) -> str:
    """A text that is not too long for a line."""
    return said if len(said) <= _TOLD else f"{said[: _TOLD - 1]}…"


def missing(
    trial: Trial, row: str, text: str, *, is_claimed: bool | None, results: Collection[str]
) -> tuple[Outcome, ...]:
    """What comes of a feature that is not there: a remark, or a defect where it is claimed."""
    first, *_ = results
    whole = unjudged(trial, row, text)
    if not is_claimed:
        return tuple(remarked(row, first, text) if o.result == first else o for o in whole)
    outcome = failed(trial, row, first, Kind.LACKS, f"{text}; it is claimed")
    return tuple(outcome if each.result == first else each for each in whole)
