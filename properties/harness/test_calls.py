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
    refused = call(raises, MuteRefusalError()).unsupported
    assert refused.startswith("MuteRefusalError at ")


def test_a_refusal_without_a_word_is_told_by_its_line() -> None:
    def refuses() -> None:
        raise NotImplementedError

    line = refuses.__code__.co_firstlineno + 1
    assert call(refuses).unsupported.startswith("NotImplementedError at ")
    assert call(refuses).unsupported.endswith(f"test_calls.py:{line}")
