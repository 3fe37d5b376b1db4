"""A subject: the forward and the vjp under test, and what its author claims of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol, Unpack

from bpcheck.claims import Claims, ClaimWords, claims_from
from bpcheck.errors import ClaimError
from bpcheck.operations import Operation, as_operation

#: What everybody is taken to claim.
NOTHING_SAID = Claims()

#: Tells, from names of operands and of params, which of them a subject's code has no place for.
Lacks = Callable[[Sequence[str], Sequence[str]], Sequence[str]]


class OnTensors(Protocol):
    """Code on torch's tensors, as autograd sees it."""

    @property
    def device(self) -> Any:
        """Where the tensors lie."""
        ...

    @property
    def operator(self) -> Any:
        """The operator of `torch.library` that it is or calls, or ``None``."""
        ...

    def arguments(self, *operands: Any, **params: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What it is called with for these."""
        ...

    def on_tensors(self, *operands: Any, **params: Any) -> Any:
        """``y``, with the graph that leads back to those operands that need a gradient."""
        ...

    def evaluating(self) -> OnTensors | None:
        """The same as a module has it in evaluation; ``None`` where it is no module."""
        ...

    def standing(self, operands: Sequence[Any], params: Mapping[str, Any]) -> Any:
        """An instance of the module for such operands, to be called more than once."""
        ...


class Kept(Protocol):
    """The instance of a class that is kept."""

    @property
    def times(self) -> int:
        """How often it was given again."""
        ...


#: Within it, a class gives the instance that it gave before, where it would be made alike; with
#: `is_for_other_numbers`, where it would be made of arrays of the same shapes.
OneInstance = Callable[..., AbstractContextManager[Kept]]


@dataclass(frozen=True, slots=True, init=False)
class Subject:
    """A hand-written forward and backward pass, ready to be checked.

    Parameters
    ----------
    forward
        ``forward(*operands, **params) -> (y, residuals)`` on NumPy arrays. Operands and params are
        those of the operation, with the names and meanings of ``torch.nn.functional``; each spatial
        parameter is a tuple with one number a dimension.
    vjp
        ``vjp(residuals, y_bar) -> (x_bar, ...)``: a tuple with one gradient for each operand, in
        the operands' order. The gradient of an operand that was ``None`` is ``None``.
    operation
        The operation that the subject promises to compute, or its name, such as ``"conv2d"``.
    name
        How reports call it.
    style
        What kind of code it is ("NumPy", "torch"), for reports.
    claims
        What its author claims of it; single claims may be given by name: ``dtypes=("float32",)``.
    lacks
        Tells which operands and params the code behind `forward` has no place for, where the
        signature of `forward` is not that of the code; by default what that signature says.
    tensors
        The same code on torch's tensors, if that is what it is: more is asked of it then.
    one_instance
        Keeps one instance of a class, of which each forward makes a new one otherwise.

    Raises
    ------
    CaseError
        If there is no such operation.
    ClaimError
        For a keyword that is no claim, a claim that cannot be understood, or one of other
        operations alone.

    Examples
    --------
    >>> import numpy as np
    >>> def forward(x, **params):
    ...     return np.maximum(x, 0), x
    >>> def vjp(x, y_bar):
    ...     return (y_bar * (x > 0),)
    >>> Subject(forward=forward, vjp=vjp, operation="max_pool2d", name="mine").style
    'NumPy'
    """

    forward: Callable[..., Any]
    vjp: Callable[..., Any]
    operation: Operation
    name: str
    style: str
    claims: Claims
    lacks: Lacks | None
    tensors: OnTensors | None
    one_instance: OneInstance | None

    def __init__(
        self,
        forward: Callable[..., Any],
        vjp: Callable[..., Any],
        operation: Operation | str,
        name: str = "subject",
        style: str = "NumPy",
        claims: Claims = NOTHING_SAID,
        lacks: Lacks | None = None,
        tensors: OnTensors | None = None,
        one_instance: OneInstance | None = None,
        **words: Unpack[ClaimWords],
    ):
        values = {
            "forward": forward,
            "vjp": vjp,
            "operation": as_operation(operation),
            "name": name,
            "style": style,
            "claims": claims_from(words, origin=name, base=claims) if words else claims,
            "lacks": lacks,
            "tensors": tensors,
            "one_instance": one_instance,
        }
        for field, value in values.items():
            object.__setattr__(self, field, value)
        self._require_claimed()

    def _require_claimed(self) -> None:
        """Raise `ClaimError` if it claims other operations and not its own."""
        own = (self.operation.name, self.operation.address)
        if self.claims.operations and not any(each in own for each in self.claims.operations):
            raise ClaimError(
                f"{self.name} does not claim {self.operation}: its operations are "
                f"{', '.join(self.claims.operations)}; check one of those, or add it there"
            )

    def claiming(
        self, claims: Claims | Mapping[str, Any] | None = None, **words: Unpack[ClaimWords]
    ) -> Subject:
        """The same subject with other claims.

        Parameters
        ----------
        claims
            `Claims` in the place of its own, or some of them by name.
        words
            Some of them by name, as keywords.

        Raises
        ------
        ClaimError
            As for `Subject`.
        """
        if claims is None and not words:
            return self
        base = claims if isinstance(claims, Claims) else self.claims
        given = {**claims, **words} if isinstance(claims, Mapping) else words
        return replace(self, claims=claims_from(given, origin=self.name, base=base))

    def lacking(self, operands: Sequence[str], params: Sequence[str]) -> tuple[str, ...]:
        """Those of these operands and params, by name, that its code has no place for."""
        if self.lacks is not None:
            return tuple(self.lacks(operands, params))
        names = self._keywords
        if names is None:
            return ()
        return tuple(each for each in params if each not in (*names, *self.operation.constants))

    def accepted(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Those of `params` that the forward's signature takes."""
        names = self._keywords
        if names is None:
            return dict(params)
        by_place = self.operation.constants
        return {name: value for name, value in params.items() if name in (*names, *by_place)}

    @property
    def keywords(self) -> frozenset[str]:
        """Names that the forward takes by keyword; none if it takes any, or does not tell."""
        return self._keywords or frozenset()

    @property
    def _keywords(self) -> frozenset[str] | None:
        try:
            return _remembered_keyword_names(self.forward)
        except TypeError:  # it has no hash
            return _keyword_names(self.forward)


def _keyword_names(function: Callable[..., Any]) -> frozenset[str] | None:
    """Names that `function` takes by keyword; ``None`` if it takes any, or does not tell."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
        return None
    by_keyword = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return frozenset(p.name for p in parameters if p.kind in by_keyword)


#: Asked of the same forward for every case; the last few are kept.
_remembered_keyword_names = lru_cache(maxsize=4)(_keyword_names)


def require_subject(subject: object, function: str) -> None:
    """Raise `TypeError` unless `subject` is a `Subject`."""
    if not isinstance(subject, Subject):
        raise TypeError(
            f"{function}({subject!r}): a bpcheck.Subject was expected; make one with "
            "bpcheck.Subject(forward=..., vjp=..., operation=...) or an adapter of bpcheck"
        )
