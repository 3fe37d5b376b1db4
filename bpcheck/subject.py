"""A subject: the forward and the vjp under test, and what its author claims of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

#: The dtypes a subject is taken to claim when it does not say.
DEFAULT_DTYPES = ("float64", "float32")


@dataclass(frozen=True, slots=True)
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
        The name of the operation that the subject promises to compute, such as ``"conv2d"``.
    name
        How reports call it.
    style
        What kind of code it is ("NumPy", "torch"), for reports.
    dtypes
        The dtypes that it claims, by NumPy name.
    supports
        Tells from the params and the operands' shapes whether the subject claims a case; ``None``
        claims all. It must not depend on anything else.
    exact
        Whether every result is a direct sum of products, as opposed to a fast transform (Winograd,
        FFT) whose intermediate values are rounded. A subject that is not exact is held to the
        derived bound on real data only.
    constant
        For a subject that is not exact: how many times the bound of the direct sum its rounding may
        reach, anywhere in the array. It follows from the transform, not from measurements: the
        product of the norms of its matrices, for Winograd.
    torch_ties
        Whether it claims torch's convention where a maximum has several winners (the first in
        raster order, and the last NaN). Without the claim another valid choice is a note.
    accumulates
        NumPy's name of the dtype in which it claims to add up operands of a narrower one, such as
        ``"float32"``: its results are then held to one rounding of their own dtype. ``None`` claims
        no more than the operands' dtype.

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
    operation: str
    name: str = "subject"
    style: str = "NumPy"
    dtypes: tuple[str, ...] = DEFAULT_DTYPES
    supports: Callable[[dict[str, Any], dict[str, tuple[int, ...]]], bool] | None = None
    exact: bool = True
    constant: float = 1.0
    torch_ties: bool = False
    accumulates: str | None = None

    def accepted(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Those of `params` that the forward's signature takes."""
        names = self._keywords
        return {name: value for name, value in params.items() if names is None or name in names}

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
