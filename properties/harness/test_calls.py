"""Whatever a subject raises comes back as a value."""

from __future__ import annotations

from bpcheck.calls import call


class MuteError(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


class MuteRefusalError(NotImplementedError):
    __str__ = MuteError.__str__


def test_an_error_that_cannot_be_told_is_named() -> None:
    def raises(error: Exception) -> None:
        raise error

    assert call(raises, MuteError()).raised.startswith("MuteError (")
    assert call(raises, MuteRefusalError()).unsupported == "MuteRefusalError"
