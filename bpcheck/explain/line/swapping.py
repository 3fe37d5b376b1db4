"""Another code for functions that are loaded: what a changed source would have made of them."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType


@dataclass(frozen=True, slots=True)
class Loaded:
    """A function that is loaded, with the code that it has."""

    function: FunctionType
    code: CodeType


def loaded_from(filename: str) -> list[Loaded]:
    """The functions that are loaded from a file."""
    # A worker has told its collector to leave alone what it was forked with; that is looked at too.
    gc.unfreeze()
    return [
        Loaded(each, each.__code__)
        for each in gc.get_objects()
        if type(each) is FunctionType and each.__code__.co_filename == filename
    ]


def codes_in(code: CodeType) -> dict[tuple[str, int], CodeType]:
    """All codes within one, by qualified name and first line."""
    found = {(code.co_qualname, code.co_firstlineno): code}
    for each in code.co_consts:
        if isinstance(each, CodeType):
            found |= codes_in(each)
    return found


@contextmanager
def swapped(functions: Sequence[Loaded], changed: CodeType) -> Iterator[bool]:
    """Give functions the code that a changed module has for them; whether any has changed."""
    codes = codes_in(changed)
    given: list[Loaded] = []
    try:
        for each in functions:
            code = codes.get((each.code.co_qualname, each.code.co_firstlineno))
            # What closes over other names would need other cells.
            if code is None or code.co_freevars != each.code.co_freevars or code == each.code:
                continue
            each.function.__code__ = code
            given.append(each)
        yield bool(given)
    finally:
        for each in given:
            each.function.__code__ = each.code
