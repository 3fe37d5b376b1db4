"""Results have memory of their own: not that of an input, nor of an earlier result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, combinations

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.checks.orders import reordered
from bpcheck.checks.outcomes import failed, first_of_each, unjudged
from bpcheck.checks.run import Run
from bpcheck.checks.state import TURN
from bpcheck.checks.trial import Trial
from bpcheck.checks.turns import takes_turn
from bpcheck.finding import Kind, Outcome
from bpcheck.operations.outputs import names_of

NAME = "own memory"


def check_memory(trial: Trial) -> tuple[Outcome, ...]:
    """No result lies where an operand, the cotangent, another result or an earlier one lies."""
    if not trial.first.is_whole:
        return unjudged(trial, NAME, "the contract is broken")
    if not takes_turn(trial.case, TURN):
        return unjudged(trial, NAME, "left to other cases")
    return first_of_each(trial, NAME, _violations(trial))


def _violations(trial: Trial) -> Iterator[Outcome]:
    yield from _shared(trial, trial.first, {})
    later = trial.once(reordered).runs["1"]
    if later.is_whole:
        earlier = {f"the earlier {name}": value for name, value in _arrays(trial.first).items()}
        yield from _shared(trial, later, earlier)


def _shared(trial: Trial, run: Run, earlier: Mapping[str, Array]) -> Iterator[Outcome]:
    y_bar, is_torch = {"y_bar": run.handed.y_bar}, trial.subject.tensors is not None
    # The caller has handed the output itself.
    of_y = {} if run.cotangent is not None else y_bar
    owners = {**run.handed.operands, **earlier}
    # Autograd hands a cotangent on where it is the gradient, and copies what it keeps.
    of_bars = {} if is_torch else y_bar
    arrays = _arrays(run)
    outputs = _outputs(run)
    own = {name: value for name, value in arrays.items() if name not in outputs}
    for (name, value), (owner, memory) in chain(
        (
            (result, other)
            for result in arrays.items()
            for other in {**owners, **(of_y if result[0] in outputs else of_bars)}.items()
        ),
        ((result, output) for result in own.items() for output in outputs.items()),
        # Torch's own functions return views of one tensor, and autograd knows of it.
        ((last, first) for first, last in combinations(() if is_torch else outputs.items(), 2)),
    ):
        # By their bounds: an exact answer may take exponential time, and two results that are woven
        # into one block keep each other's memory alive too.
        if value.size and np.may_share_memory(value, memory):
            message = (
                f"{name} lies in the memory of {owner}: whoever changes one changes both; "
                "return a copy"
            )
            result = "y" if name in outputs else name
            yield failed(trial, NAME, result, Kind.ALIASES, message)


def _arrays(run: Run) -> dict[str, Array]:
    bars = {name: value for name, value in run.raw.items() if name != "y"}
    every = {**_outputs(run), **bars}
    return {name: value for name, value in every.items() if isinstance(value, np.ndarray)}


def _outputs(run: Run) -> dict[str, Array]:
    """``y``, or each of several outputs by its own name."""
    y = run.raw["y"]
    return dict(zip(names_of(y), y, strict=True)) if isinstance(y, tuple) else {"y": y}
