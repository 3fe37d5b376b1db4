"""The errors bpcheck raises about its own input; each says the value, the rule and the remedy."""

from __future__ import annotations

from pickle import PicklingError


class BpcheckError(Exception):
    """Any problem with what bpcheck was given, as opposed to a defect that it found."""


class CaseError(BpcheckError):
    """A case text that does not parse, or a geometry that its operation does not allow.

    Parameters
    ----------
    message
        What was found and what was expected.
    text
        The whole text, when the error comes from parsing one.
    position
        Zero-based offset into `text` where parsing stopped.
    """

    def __init__(self, message: str, *, text: str | None = None, position: int | None = None):
        self.text = text
        self.position = position
        if text and position is not None:
            message = f"{message}\n    {text}\n    {' ' * position}^ position {position}"
        super().__init__(message)


class TargetError(BpcheckError):
    """A target that cannot be imported, or that gives no forward and vjp."""


class ClaimError(TargetError):
    """A claim of a subject that cannot be understood, or that nothing could hold it to."""


class UsageError(BpcheckError):
    """An option whose value cannot be used."""


class OperationError(BpcheckError):
    """An operation of a user's own that raises, or contradicts itself."""


class NoAddressError(UsageError, PicklingError):
    """An operation, made in a function perhaps, that no other process could find.

    It is an error of pickling too, since that is where executors meet it.
    """


class Unsupported(Exception):
    """Raised by a subject to say that it does not claim this case.

    `NotImplementedError` means the same. The case is counted as unsupported, never as a pass.

    Examples
    --------
    >>> def forward(x, w, b, *, stride, padding, dilation, groups):
    ...     if groups != 1:
    ...         raise Unsupported("groups > 1")
    """
