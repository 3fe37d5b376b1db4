"""What a parent knows of a subject that is loaded in its workers alone: a stand-in."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bpcheck.calls import Call, ElsewhereError, call, name_of, observed
from bpcheck.claims import Claims
from bpcheck.operations import Operation
from bpcheck.runner.process.death import LostError
from bpcheck.runner.process.worker import Bench
from bpcheck.subject import Subject

#: Does a task in a worker: a function of a bench, and of what can be pickled.
Ask = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Description:
    """A subject as plain values.

    Parameters
    ----------
    name, style
        As reports call it.
    operation
        Its address.
    claims
        Those that are values; `supports` is asked where the subject is.
    has_supports, has_lacks
        Whether there is code to be asked what is supported, and what has no place.
    parameters
        Names and kinds of the forward's parameters; ``None`` if it does not tell.
    """

    name: str
    style: str
    operation: str
    claims: Claims
    has_supports: bool
    has_lacks: bool
    parameters: tuple[tuple[str, int], ...] | None


def described(bench: Bench) -> Description:
    """A worker's own subject."""
    subject = bench.subject
    refusals = tuple(name_of(each) for each in subject.claims.refuses)
    return Description(
        name=subject.name,
        style=subject.style,
        operation=str(subject.operation),
        claims=replace(subject.claims, supports=None, refuses=refusals),
        has_supports=subject.claims.supports is not None,
        has_lacks=subject.lacks is not None,
        parameters=_parameters(subject.forward),
    )


def _parameters(function: Callable[..., Any]) -> tuple[tuple[str, int], ...] | None:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    return tuple((each.name, int(each.kind)) for each in parameters)


def stand_in(description: Description, operation: Operation, ask: Ask) -> Subject:
    """The subject, as far as a plan and a report are concerned."""
    claims = description.claims
    if description.has_supports:
        claims = replace(claims, supports=_Supports(ask))
    return Subject(
        _Forward(ask, description.parameters),
        _no_vjp,
        operation,
        name=description.name,
        style=description.style,
        claims=claims,
        lacks=_Lacks(ask) if description.has_lacks else None,
    )


class _Supports:
    """The subject's own ``supports``, in a worker."""

    def __init__(self, ask: Ask):
        self._ask = ask

    def __call__(self, params: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> bool:
        ended: Call = self._ask(ask_supports, params, shapes)
        raise ElsewhereError(ended)


class _Forward:
    """The subject's own forward, in a worker: only how it ended is known here."""

    def __init__(self, ask: Ask, parameters: tuple[tuple[str, int], ...] | None):
        self._ask = ask
        kinds = {int(each): each for each in inspect._ParameterKind}  # noqa: SLF001 - has no public name
        self.__signature__ = inspect.Signature(
            [
                inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL),
                inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD),
            ]
            if parameters is None
            else [inspect.Parameter(name, kinds[kind]) for name, kind in parameters]
        )
        self._known: dict[str, Call] = {}

    def __call__(self, *operands: Any, **params: Any) -> Any:
        # It is asked of one small geometry for each word and dtype, again and again.
        given = [(getattr(each, "shape", None), getattr(each, "dtype", None)) for each in operands]
        key = repr((given, params))
        if key not in self._known:
            try:
                self._known[key] = self._ask(ask_forward, operands, params)
            except LostError:
                # Then it is to be judged, and told.
                self._known[key] = Call()
        raise ElsewhereError(self._known[key])


class _Lacks:
    """What the subject's code has no place for, in a worker."""

    def __init__(self, ask: Ask):
        self._ask = ask
        self._known: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[str, ...]] = {}

    def __call__(self, operands: Sequence[str], params: Sequence[str]) -> Sequence[str]:
        key = tuple(operands), tuple(params)
        if key not in self._known:
            self._known[key] = self._ask(ask_lacks, *key)
        return self._known[key]


def ask_supports(bench: Bench, params: dict[str, Any], shapes: dict[str, Any]) -> Call:
    """How ``supports`` ended for these."""
    supports = bench.subject.claims.supports
    with observed(bench.guard):
        return call(lambda: bool(supports and supports(params, shapes)))


def ask_forward(bench: Bench, operands: Sequence[Any], params: Mapping[str, Any]) -> Call:
    """How the forward ended, without what it returned."""
    claims = bench.subject.claims
    with observed(bench.guard):
        ended = call(bench.subject.forward, *operands, refusals=claims.refuses, **params)
    return replace(ended, value=None)


def ask_lacks(bench: Bench, operands: Sequence[str], params: Sequence[str]) -> tuple[str, ...]:
    """What the subject's code has no place for."""
    lacks = bench.subject.lacks
    return () if lacks is None else tuple(lacks(operands, params))


def _no_vjp(*_: Any) -> Any:
    raise AssertionError("the vjp of a stand-in is called in workers alone")
