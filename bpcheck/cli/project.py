"""The subjects of a project: the table ``[tool.bpcheck.subjects]`` of its pyproject.toml."""

from __future__ import annotations

import difflib
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bpcheck.claims import claims_from
from bpcheck.errors import UsageError
from bpcheck.subject import Subject

_TABLE = "[tool.bpcheck.subjects]"
_KEYS = (
    *("target", "operation", "operations", "style", "with", "interpret", "claims"),
    *("largest", "geometries"),
)
_EXAMPLE = f"""such as

    {_TABLE}
    conv = {{ target = "layers:Conv", operation = "conv2d" }}"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One subject to check: a target as one operation.

    `words` declare how its code differs, as the options of its style. `claims` are stated beside
    those of the code, and `place` says where. With `interpret`, kernels for another device run in
    their interpreters. `largest` and `geometries` limit its cases, as the options do.
    """

    target: str
    operation: str
    style: str = "numpy"
    words: Mapping[str, Any] = field(default_factory=dict)
    claims: Mapping[str, Any] = field(default_factory=dict)
    place: str = ""
    interpret: bool = False
    largest: int | None = None
    geometries: int | None = None

    def claimed(self, subject: Subject) -> Subject:
        """`subject` with the claims that are stated here; `ClaimError` with the place."""
        claims = claims_from(self.claims, origin=self.place, base=subject.claims)
        return subject.claiming(claims)


def _quoted(text: str) -> str:
    """`text` as one word of a shell, in the quotes that read best."""
    is_plain = "'" in text and not set(text) & set('"$`\\!')
    return f'"{text}"' if is_plain else shlex.quote(text)


def shell_target(entry: Entry) -> str:
    """What names the subject in a shell."""
    style = "" if entry.style == "numpy" else f" --style {shlex.quote(entry.style)}"
    words = "".join(
        f" --with {_quoted(f'{word}={_declared(word, value)}')}"
        for word, value in entry.words.items()
    )
    claims = "".join(
        f" --claim {_quoted(f'{word}={_typed(value)}')}" for word, value in entry.claims.items()
    )
    return shlex.quote(entry.target) + style + words + claims + " --interpret" * entry.interpret


def _declared(word: str, value: Any) -> str:
    """A declared value as ``--with`` takes it.

    >>> _declared("ints", True), _declared("backward", ["a(x)", "b(y)"])
    ('true', 'a(x); b(y)')
    >>> _declared("weights", ["W", "b"]), _declared("layout", "NHWC")
    ('W, b', 'NHWC')
    """
    if isinstance(value, bool):
        return str(value).lower()
    between = "; " if word == "backward" else ", "
    return between.join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _typed(value: Any) -> str:
    """A claim's value as ``--claim`` takes it.

    >>> _typed(False), _typed(8), _typed(["f32", "f64"])
    ('no', '8', 'f32,f64')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def project_file(start: Path) -> Path:
    """The nearest pyproject.toml in `start` or above.

    Raises
    ------
    UsageError
        If there is none.
    """
    for directory in (start, *start.parents):
        candidate = directory / "pyproject.toml"
        if candidate.is_file():
            return candidate
    raise UsageError(
        f"no pyproject.toml in {start} or above: write  bpcheck check OPERATION TARGET, or make "
        f"one with a table {_EXAMPLE}"
    )


def entries(file: Path) -> tuple[Entry, ...]:
    """Every subject of the table, in its order, once for each of its operations.

    Raises
    ------
    UsageError
        If the file cannot be read, there is no table or none with a subject, or one is ill-formed.
    """
    table = _read(file, "subjects")
    _require_numbers(table, file)
    if not isinstance(table, Mapping) or not table:
        raise UsageError(f"{file} has no subjects in a table {_TABLE}; add one, {_EXAMPLE}")
    return tuple(entry for name, given in table.items() for entry in _entries(file, name, given))


def executor_of(file: Path) -> str | None:
    """The engine in which the subjects of a project are judged, if it names one.

    Raises
    ------
    UsageError
        If it is no text.
    """
    executor = _read(file, "executor")
    if executor is not None and not (isinstance(executor, str) and executor):
        raise UsageError(
            f"{file}: tool.bpcheck.executor is {executor!r}; a text was expected, such as "
            '"dask:tcp://127.0.0.1:8786"'
        )
    return executor


def _read(file: Path, last: str) -> Any:
    """What a file has under ``tool.bpcheck`` and a key; ``None`` if nothing."""
    try:
        value: Any = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        # Not TOML, not text, or numbers and tables beyond what Python reads.
        raise UsageError(f"{file} cannot be read: {error}") from None
    for key in ("tool", "bpcheck", last):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _require_numbers(value: Any, file: Path) -> None:
    """Raise `UsageError` for integers of more than 64 bits, which TOML does not promise."""
    if isinstance(value, int) and value.bit_length() > 64:
        raise UsageError(f"{file} holds an integer of {value.bit_length()} bits; 64 are read")
    inner = value.values() if isinstance(value, Mapping) else value
    for each in inner if isinstance(value, Mapping | list) else ():
        _require_numbers(each, file)


def _entries(file: Path, name: str, given: Any) -> Iterator[Entry]:
    place = f"{file}: tool.bpcheck.subjects.{name}"
    if not isinstance(given, Mapping):
        raise UsageError(f"{place} is {given!r}; a table was expected, {_EXAMPLE}")
    for key in given:
        if key not in _KEYS:
            close = difflib.get_close_matches(key, _KEYS, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(_KEYS)}"
            raise UsageError(f"{place}: unknown key {key!r}; {hint}")
    target = _text(place, given, "target")
    style = _text(place, {"style": "numpy", **given}, "style")
    words = _table(place, given, "with", example='layout = "NHWC"')
    claims = _table(place, given, "claims", example="empty = false")
    interpret = given.get("interpret", False)
    if not isinstance(interpret, bool):
        raise UsageError(f"{place}: interpret is {interpret!r}; true or false was expected")
    # All are read before the first subject is loaded.
    claims_from(claims, origin=f"{place}: claims")
    entry = partial(
        Entry,
        target=target,
        style=style,
        words=words,
        claims=claims,
        place=f"{place}: claims",
        interpret=interpret,
        largest=_number(place, given, "largest"),
        geometries=_number(place, given, "geometries"),
    )
    if ("operation" in given) == ("operations" in given):
        raise UsageError(f"{place}: give either operation, or operations as a list")
    if "operation" in given:
        yield entry(operation=_text(place, given, "operation"))
        return
    operations = given["operations"]
    if not isinstance(operations, list) or not operations:
        raise UsageError(f"{place}: operations is {operations!r}; a list of names was expected")
    for each in operations:
        yield entry(operation=_text(place, {"operations": each}, "operations"))


def _table(place: str, given: Mapping[str, Any], key: str, *, example: str) -> Mapping[str, Any]:
    value = given.get(key, {})
    if not isinstance(value, Mapping):
        raise UsageError(
            f"{place}: {key} is {value!r}; a table was expected, such as {{ {example} }}"
        )
    return value


def _number(place: str, given: Mapping[str, Any], key: str) -> int | None:
    value = given.get(key)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if value is not None and not (is_number and value > 0):
        raise UsageError(f"{place}: {key} is {value!r}; an integer of at least 1 was expected")
    return value


def _text(place: str, given: Mapping[str, Any], key: str) -> str:
    value = given.get(key)
    if not isinstance(value, str) or not value:
        what = "is missing" if key not in given else f"is {value!r}"
        raise UsageError(f"{place}: {key} {what}; a text was expected, {_EXAMPLE}")
    return value
