"""What a user's code claims of itself in its attributes: one door of the claims' vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bpcheck.claims import DEFAULT_DTYPES, Claims, claims_from
from bpcheck.claims.readers import READERS
from bpcheck.errors import ClaimError
from bpcheck.imports.errors import explain

#: The claims that hold several values.
_LISTS = ("dtypes", "operations", "refuses", "layouts")

#: How yes and no are typed.
_FLAGS = {"true": True, "yes": True, "false": False, "no": False}

#: Tells a claim that is not there from one that is ``None``.
_ABSENT = object()


def claims_of(target: Any, *, origin: str, dtypes: tuple[str, ...] = DEFAULT_DTYPES) -> Claims:
    """What `target` states in its attributes: claims in capitals, and ``supports``.

    Parameters
    ----------
    target
        A module, a class, an object or a function.
    origin
        How messages call it.
    dtypes
        What it is taken to claim if it has no ``DTYPES``.

    Raises
    ------
    ClaimError
        If a claim cannot be understood.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> claims_of(SimpleNamespace(DTYPES=["f16"], EMPTY=False), origin="mine").dtypes
    ('float16',)
    """
    words = {}
    for word in READERS:
        value = _stated(target, word, origin)
        if value is not _ABSENT:
            words[word] = value
    return claims_from(words, origin=origin, base=Claims(dtypes=dtypes), spelled=_spelled)


def claims_among(words: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Those of some words that are claims, and the others; texts become what they say.

    Examples
    --------
    >>> claims_among({"empty": "false", "dtypes": "f32, f64", "layout": "NHWC"})
    ({'empty': False, 'dtypes': ('f32', 'f64')}, {'layout': 'NHWC'})
    """
    claims = {word: _from_text(word, value) for word, value in words.items() if word in READERS}
    return claims, {word: value for word, value in words.items() if word not in READERS}


def _from_text(word: str, value: Any) -> Any:
    if not isinstance(value, str) or word == "accumulates":
        return value
    if word in _LISTS:
        return tuple(each.strip() for each in value.split(",") if each.strip())
    if value.lower() in _FLAGS:
        return _FLAGS[value.lower()]
    try:
        return float(value)
    except ValueError:
        return value


def _spelled(word: str) -> str:
    """How a claim is written as an attribute: constants in capitals, a function is none."""
    return word if word == "supports" else word.upper()


def _stated(target: Any, word: str, origin: str) -> Any:
    """The value of a claim, or `_ABSENT`."""
    # Objects of a framework call their own dtypes so.
    names = (_spelled(word), *(("dtypes",) if word == "dtypes" else ()))
    for name in names:
        try:
            value = getattr(target, name, _ABSENT)
        except Exception as error:  # noqa: BLE001 - user code
            raise ClaimError(
                f"{origin}: its {name} cannot be looked up\n{explain(error)}\nMend that first."
            ) from None
        if value is not _ABSENT:
            return value
    return _ABSENT
