"""Finding the declaration that fits code, by names, signatures and shapes: never by numbers.

A wrong kernel gets the declaration of the right one: what is compared with what is right is the
shape of each result, on small cases in which no two lengths are alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcheck.adapters.presets import PRESETS
from bpcheck.adapters.styles import STYLES
from bpcheck.calls import call
from bpcheck.claims.told import restricted
from bpcheck.errors import BpcheckError
from bpcheck.operations import Operation
from bpcheck.operations.promises import Geometry
from bpcheck.subject import Subject


@dataclass(frozen=True, slots=True)
class Candidate:
    """A style and a declaration for a target.

    Parameters
    ----------
    target, found
        What it is for: its name, and itself.
    style, words
        The declaration.
    is_last_resort
        Whether it is tried only where nothing before takes the plain case.
    """

    target: str
    found: Any
    style: str
    words: Mapping[str, Any]
    is_last_resort: bool = False


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a candidate fits.

    Parameters
    ----------
    candidate
        What was tried.
    ahead, back
        In how many of the small cases that it takes ``y``, and all gradients, have the right shape.
    returned
        In how many of them a backward returns gradients of any shape.
    refused
        In how many the declaration leaves the case out.
    tried
        How many there were.
    said
        What went wrong first: in a forward, if it is one that went wrong.
    beside
        The claim that leaves out just what a forward went wrong in; ``""`` if there is none.
    subject
        What it makes.
    """

    candidate: Candidate
    ahead: int
    back: int
    returned: int
    refused: int
    tried: int
    said: str
    beside: str
    subject: Subject | None

    @property
    def is_whole(self) -> bool:
        """Whether all that it takes has the right shapes."""
        return self.is_taken and self.back == self.ahead

    @property
    def is_taken(self) -> bool:
        """Whether all that it takes has a ``y`` of the right shape, and some a gradient.

        Gradients of wrong shapes are the code's own mistake, which is for a check to tell.
        """
        return self.is_begun and self.ahead == self.tried - self.refused

    @property
    def is_begun(self) -> bool:
        """Whether the plain case has a ``y`` of the right shape, and some a gradient.

        A forward that goes wrong in others may be wrong, or may not be meant to take them.
        """
        return self.ahead > 0 and self.returned > 0


def best(options: Sequence[Candidate], operation: Operation) -> Fit:
    """The candidate that fits best; of those that fit alike, the plainest."""
    found: Fit | None = None
    for each in options:
        is_settled = found is not None and found.is_begun and not found.candidate.is_last_resort
        if each.is_last_resort and is_settled:
            continue
        fit = fit_of(each, operation)
        if found is None or _order(fit) > _order(found):
            found = fit
        if fit.is_whole and not each.is_last_resort:
            # Those that follow differ more, and take no more cases.
            break
    assert found is not None  # noqa: S101 - there is at least one
    return found


def _order(fit: Fit) -> tuple[int, int, int, bool]:
    # What a preset says of code that it does not fit tells less than what its signature says.
    is_told_by_signature = not fit.ahead and fit.candidate.style not in PRESETS
    return (fit.ahead, fit.back, fit.returned, is_told_by_signature)


def fit_of(candidate: Candidate, operation: Operation) -> Fit:
    """How well a candidate fits, on the operation's small cases."""
    probes = _probes(operation, candidate.words)
    try:
        subject = STYLES[candidate.style](
            candidate.found,
            operation=operation,
            name=candidate.target,
            dtypes=("float64",),
            words=candidate.words,
        )
    except BpcheckError as error:
        return Fit(candidate, 0, 0, 0, 0, len(probes), str(error), "", None)
    went: list[tuple[Geometry, _Went]] = []
    for numbers in probes:
        geometry = operation.geometry(numbers)
        went.append((geometry, _try(subject, operation, geometry)))
        if len(went) == 1 and not (went[0][1].ahead or went[0][1].refused):
            # What does not take the plain case fits nothing.
            break
    every = [each for _, each in went]
    wrong = [each.said for each in every if each.said and not each.ahead]
    return Fit(
        candidate,
        ahead=sum(each.ahead for each in every),
        back=sum(each.back for each in every),
        returned=sum(each.returned for each in every),
        refused=sum(each.refused for each in every),
        tried=len(probes),
        said=next(iter(wrong or [each.said for each in every if each.said]), ""),
        beside=_beside(went, operation),
        subject=subject,
    )


def _probes(operation: Operation, words: Mapping[str, Any]) -> list[dict[str, int]]:
    """The operation's small cases; of code without an axis for samples, or channels, with one."""
    layout = str(words.get("layout", "NC"))
    alone = {"n": 1} if "N" not in layout else {}
    if "C" not in layout:
        alone |= {key: 1 for key in ("ic", "oc") if key in operation.shape_probes[0]}
    return [{**each, **alone} for each in operation.shape_probes]


@dataclass(frozen=True, slots=True)
class _Went:
    """How one small case went."""

    ahead: bool = False
    back: bool = False
    returned: bool = False
    refused: bool = False
    said: str = ""


def _beside(went: Sequence[tuple[Geometry, _Went]], operation: Operation) -> str:
    """The claim that leaves out just the cases in which a forward went wrong."""
    wrong = [geometry for geometry, each in went if each.said and not each.ahead]
    right = [geometry for geometry, each in went if each.ahead]
    for word, restriction in operation.restrictions.items():
        leaves_out = [not restriction.holds(each) for each in wrong]
        if leaves_out and all(leaves_out) and all(map(restriction.holds, right)):
            return word
    return ""


def _try(subject: Subject, operation: Operation, geometry: Geometry) -> _Went:
    claimed = restricted(subject.claims, operation)
    if not all(operation.restrictions[word].holds(geometry) for word in claimed):
        return _Went(refused=True)
    shapes, params = operation.operand_shapes(geometry), operation.params(geometry)
    lacking = subject.lacking(operation.operands, tuple(params))
    needed = (each for each in params if not _is_neutral(operation, each, params))
    if any(each in lacking for each in (*shapes, *needed)):
        return _Went(refused=True)
    operands, y_bar = numbers_for(operation, geometry)
    given = [operands.get(name) for name in operation.operands]
    ahead = call(subject.forward, *given, **subject.accepted(params))
    if ahead.unsupported:
        return _Went(refused=True)
    if ahead.raised:
        return _Went(said=f"forward raised {ahead.raised}")
    y, residuals = ahead.value
    if getattr(y, "shape", None) != y_bar.shape:
        return _Went(said=f"y has shape {getattr(y, 'shape', None)} where {y_bar.shape} is right")
    back = call(subject.vjp, residuals, y_bar)
    if not back.returned:
        return _Went(ahead=True, said=f"backward raised {back.raised or back.unsupported}")
    for name, gradient in zip(operation.operands, back.value, strict=True):
        if name in shapes and getattr(gradient, "shape", None) != shapes[name]:
            shape = getattr(gradient, "shape", None)
            said = f"the gradient of {name} has shape {shape} where {shapes[name]} is right"
            return _Went(ahead=True, returned=True, said=said)
    return _Went(ahead=True, back=True, returned=True)


def _is_neutral(operation: Operation, param: str, params: dict[str, Any]) -> bool:
    """Whether leaving out a param makes no difference here."""
    tells = operation.neutral.get(param)
    return tells is not None and tells(params)


def numbers_for(operation: Operation, geometry: Any) -> tuple[dict[str, Any], Any]:
    """Operands and a cotangent of small integers."""
    rng = np.random.default_rng(0)
    shapes = operation.operand_shapes(geometry)
    operands = {
        name: rng.integers(1, 9, shape).astype(np.float64) for name, shape in shapes.items()
    }
    return operands, rng.integers(1, 9, operation.output_shape(geometry)).astype(np.float64)
