"""Reading claims: each word's own rule, and what is said of a value that breaks it."""

from __future__ import annotations

import builtins
import math
import numbers
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from bpcheck.arithmetic import FORMATS
from bpcheck.claims.dtypes import dtype_name
from bpcheck.errors import ClaimError
from bpcheck.operations import Operation

#: Names of the memory layouts; a test holds them to those that cases can have.
LAYOUT_NAMES = (
    "c-order",
    "fortran",
    "channels-last",
    "transposed",
    "sliced",
    "strided",
    "negative",
    "broadcast",
    "broadcast-batch",
    "broadcast-all",
    "overlapping",
    "read-only",
    "unaligned",
    "one-memory",
    "output",
)

#: Norms of operands that the rounding of a transform may be in proportion to.
NORMS = ("2-norm", "1-norm", "max-norm")

Reader = Callable[[str, Any], Any]


def _listed(word: str, value: Any, *, example: str) -> tuple[Any, ...]:
    """The items of a tuple, list or set; a single text is no list of its letters."""
    if isinstance(value, set | frozenset):
        return tuple(sorted(value, key=str))
    if isinstance(value, tuple | list):
        return tuple(value)
    raise ClaimError(f"{word} is {value!r}; give a tuple, such as {example}")


def _dtypes(word: str, value: Any) -> tuple[str, ...]:
    given = _listed(word, value, example="('float32',)")
    if not given:
        raise ClaimError(f"{word} holds no dtype; choose from {', '.join(FORMATS)}")
    return tuple(dict.fromkeys(_dtype(word, each) for each in given))


def _dtype(word: str, value: Any) -> str:
    name = dtype_name(value)
    if name is None:
        raise ClaimError(
            f"{word}: {value!r} is not a dtype that can be checked; choose from "
            f"{', '.join(FORMATS)}"
        )
    return name


def _optional_dtype(word: str, value: Any) -> str | None:
    return None if value is None else _dtype(word, value)


def _operations(word: str, value: Any) -> tuple[str, ...]:
    given = _listed(word, value, example="('name',)")
    for each in given:
        if not isinstance(each, str | Operation):
            raise ClaimError(f"{word} holds {each!r}; give names of operations")
    return tuple(dict.fromkeys(str(each) for each in given))


def _supports(word: str, value: Any) -> Any:
    if value is None or callable(value):
        return value
    raise ClaimError(
        f"{word} is {value!r}; it must be a function supports(params, shapes) -> bool, or absent"
    )


def _flag(word: str, value: Any) -> bool:
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise ClaimError(f"{word} is {value!r}; True or False was expected")


def _optional_flag(word: str, value: Any) -> bool | None:
    return None if value is None else _flag(word, value)


def _norm(word: str, value: Any) -> str:
    if value in NORMS:
        return str(value)
    raise ClaimError(f"{word} is {value!r}; there are {', '.join(NORMS)}")


def _constant(word: str, value: Any) -> float:
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number) and number > 0:
            return number
    raise ClaimError(f"{word} is {value!r}; a number above 0 was expected, such as 8")


def _refuses(word: str, value: Any) -> tuple[type[Exception] | str, ...]:
    given = _listed(word, value, example="(ValueError,)")
    for each in given:
        _require_refusal(word, each)
    return tuple(dict.fromkeys(given))


def _require_refusal(word: str, value: Any) -> None:
    kind = _exception(value)
    if kind is None:
        raise ClaimError(
            f"{word} holds {value!r}; give exception types or their names, such as ValueError"
        )
    if kind is Exception:
        raise ClaimError(
            f"{word} holds Exception: every mistake would be a refusal; name the exception that "
            "says 'not supported'"
        )


def _exception(value: Any) -> type[Exception] | str | None:
    """The exception of that type or name; ``None`` if it is none that a subject may refuse by."""
    # A name that Python itself does not know may be that of the user's own exception.
    kind = getattr(builtins, value, value) if isinstance(value, str) else value
    if isinstance(kind, str):
        return kind if all(part.isidentifier() for part in kind.split(".")) else None
    return kind if isinstance(kind, type) and issubclass(kind, Exception) else None


def _layouts(word: str, value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    given = _listed(word, value, example="('c-order', 'fortran')")
    for each in given:
        if each not in LAYOUT_NAMES:
            raise ClaimError(f"{word}: {each!r} is no layout; there are {', '.join(LAYOUT_NAMES)}")
    # What is in C order must be taken by everybody: most cases are.
    return tuple(dict.fromkeys((LAYOUT_NAMES[0], *given)))


#: How each claim is read: a value in any of its spellings, in; what `Claims` holds, out.
READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "dtypes": _dtypes,
        "operations": _operations,
        "supports": _supports,
        "exact": _flag,
        "norm": _norm,
        "constant": _constant,
        "torch_ties": _flag,
        "accumulates": _optional_dtype,
        "refuses": _refuses,
        "single_use": _flag,
        "empty": _flag,
        "layouts": _layouts,
        "nan": _optional_flag,
        "subnormals": _optional_flag,
        "deterministic": _flag,
        "batch_invariant": _flag,
        "square_kernels": _flag,
        "equal_strides": _flag,
        "dilation": _flag,
        "needs_grad": _flag,
        "double_backward": _optional_flag,
        "forward_mode": _optional_flag,
        "vmap": _optional_flag,
        "compiled": _flag,
        "in_place": _flag,
    }
)
