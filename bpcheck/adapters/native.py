"""Functions of a shared library, whose signature one line describes, as a subject."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from bpcheck.adapters.adapted import adapted_subject
from bpcheck.adapters.declaration import Declaration, declared
from bpcheck.adapters.expressions import Line, line
from bpcheck.adapters.functions import known_names
from bpcheck.adapters.names import GRADIENTS, meaning
from bpcheck.adapters.scope import Scope
from bpcheck.arithmetic import FORMATS, Array
from bpcheck.errors import TargetError, UsageError
from bpcheck.operations import Operation
from bpcheck.subject import Subject

#: The words of a declaration that libraries have besides the common ones.
OWN: Mapping[str, Any] = {"forward": "", "backward": "", "int": "int"}

#: The types of C that a size or a param may have.
_INTEGERS = {
    "int": ctypes.c_int,
    "long": ctypes.c_long,
    "int32_t": ctypes.c_int32,
    "int64_t": ctypes.c_int64,
    "size_t": ctypes.c_size_t,
    "unsigned": ctypes.c_uint,
}


@dataclass(frozen=True)
class Native:
    """Two functions of a library that write their results into arrays that they are handed.

    Parameters
    ----------
    operation, declaration
        What they promise, and how they differ.
    path
        The library.
    ahead, back
        The calls; ``y``, ``dx``, ``dw`` and ``db`` there are arrays to be written.
    integer
        The name of C's type of the numbers.
    """

    operation: Operation
    declaration: Declaration
    path: str
    ahead: Line
    back: Line
    integer: str

    def forward(self, scope: Scope) -> tuple[Any, Any]:
        """``y``; nothing but the operands is kept."""
        y = self._empty("y", scope.output_shape(), scope)
        self._call(self.ahead, scope.keeping(y=y))
        return y, y

    def backward(self, state: Any, scope: Scope) -> Mapping[str, Any]:
        """The gradients that were written."""
        written = {
            name: self._empty(operand, scope.handed[operand].array.shape, scope)
            for name, operand in GRADIENTS.items()
            if operand in scope.handed
        }
        self._call(self.back, scope.keeping(y=state, **written))
        return {GRADIENTS[name]: array for name, array in written.items()}

    def names(self) -> Sequence[str]:
        """What the forward is passed."""
        return tuple(self.ahead.names())

    def _empty(self, name: str, shape: tuple[int, ...], scope: Scope) -> Array:
        """An array to be written: of NaN, so that what is left out shows, or of 0 to add to."""
        form = FORMATS[self.declaration.dtype].dtype
        fill = 0.0 if self.declaration.accumulating else np.nan
        own = scope.outward(name, np.full(shape, fill, form)).own
        return np.ascontiguousarray(own)

    def _call(self, shown: Line, scope: Scope) -> None:
        arguments, _ = shown.arguments(scope)
        passed: list[Any] = []
        copies: list[tuple[Array, Array]] = []
        for each in arguments:
            if isinstance(each, np.ndarray):
                plain = np.require(each, requirements=["C", "A"])
                copies += [(each, plain)] if plain is not each else []
                passed.append(plain.ctypes.data_as(ctypes.c_void_p))
            else:
                passed.append(None if each is None else _INTEGERS[self.integer](each))
        function = _function(self.path, shown.function)
        function(*passed)
        for each, plain in copies:
            # A change of what is not the code's to change must be seen.
            if each.flags.writeable and each.tobytes() != plain.tobytes():
                each[...] = plain


@lru_cache(maxsize=16)
def _library(path: str) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(path)
    except OSError as error:
        raise TargetError(f"{path} cannot be loaded ({error}); build it first") from None


def _function(path: str, name: str) -> Any:
    try:
        found = getattr(_library(path), name)
    except AttributeError:
        raise TargetError(
            f'{path} has no function {name}; in C++ it must be declared extern "C"'
        ) from None
    found.restype = None
    return found


def native_subject(
    path: str,
    *,
    operation: Operation,
    name: str,
    words: Mapping[str, Any],
) -> Subject:
    """The subject that functions of a shared library make.

    Raises
    ------
    UsageError
        If ``forward``, ``backward`` or ``dtype`` is not declared, or not understood.
    TargetError
        If the library cannot be loaded, or has no such function.
    """
    declaration, own = declared(words, operation=operation, style="ctypes", own=OWN)
    declaration = declaration.but(words, without_bias="never")
    if not declaration.dtype:
        raise UsageError(
            "ctypes: say what the arrays hold, as dtype=float32 or dtype=float64, and what the "
            'functions take, as "forward=conv_forward(x w b y n c h wd ...)" and '
            '"backward=conv_backward(x w dy dx dw db n c h wd ...)"'
        )
    if own["int"] not in _INTEGERS:
        raise UsageError(f"int={own['int']!r}: there are {', '.join(_INTEGERS)}")
    where = str(Path(path).expanduser().resolve())
    calls = [_line(own[word], operation, word=word) for word in ("forward", "backward")]
    for each in calls:
        _function(where, each.function)
    return adapted_subject(
        Native(operation, declaration, where, calls[0], calls[1], own["int"]),
        holder=SimpleNamespace(),
        operation=operation,
        declaration=declaration,
        name=name,
        style="ctypes",
    )


def _line(text: str, operation: Operation, *, word: str) -> Line:
    """A call; the names between its parentheses may stand without commas."""
    head, opened, rest = text.partition("(")
    if not opened:
        raise UsageError(
            f"{word}={text!r}: describe the function, as in "
            f'{word}="conv_{word}(x w b y n c h wd oc kh kw s p)"'
        )
    inside = rest.rpartition(")")[0]
    names = inside if "," in inside else ", ".join(inside.split())
    found = line(f"{head}({names})", word=word)
    known_names(found, operation, word=word)
    unknown = [each for each in found.names() if meaning(each, operation) == "cache"]
    if unknown:
        raise UsageError(f"{word}={text!r}: a library keeps nothing; pass x, w and y again")
    return found
