"""The baseline file: measurements of several subjects as reviewed text, one line a cell.

A JSON document whose keys stand in a fixed order and whose numbers have four digits, so that a
change of one kernel changes the lines of its cells and no others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bpcheck.errors import BpcheckError
from bpcheck.files import locked, write_whole
from bpcheck.operations import Operation
from bpcheck.precision.baseline_schema import VERSION, BaselineError, measurement_of, metrics_text
from bpcheck.precision.measure import Measurement

#: Where a baseline is kept unless a file is named.
DEFAULT_FILE = "precision-baseline.json"


def dumps(measurements: Sequence[Measurement]) -> str:
    """The text of a baseline file.

    Raises
    ------
    BaselineError
        If a metric is infinite: such a kernel has no precision to keep.
    """
    head = f'{{\n "format": "bpcheck precision baseline",\n "version": {VERSION},\n "subjects": ['
    bodies = ",".join("\n  " + _entry_text(each) for each in measurements)
    return f"{head}{bodies}\n ]\n}}\n"


def _entry_text(measurement: Measurement) -> str:
    settings = measurement.settings
    head = {
        "operation": str(measurement.operation),
        "name": measurement.name,
        "target": measurement.target,
        "style": measurement.style,
        "settings": {
            "seed": settings.seed,
            "cases": settings.cases,
            "longest": settings.longest,
            "dtypes": settings.dtypes,
            "kinds": settings.kinds,
            "results": settings.results,
        },
        "environment": measurement.environment,
        "unclaimed": [cell.text for cell in measurement.unclaimed],
    }
    if measurement.orders:
        head["orders"] = dict(measurement.orders)
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    cells = ",".join(
        f"\n    {json.dumps(cell.text)}: {metrics_text(measurement.title, cell, metrics)}"
        for cell, metrics in measurement.cells.items()
    )
    lines.append(f'"cells": {{{cells}\n   }}')
    return "{\n   " + ",\n   ".join(lines) + "\n  }"


def loads(text: str, *, origin: str) -> tuple[Measurement, ...]:
    """The measurements of a baseline's text; `origin` names it in messages.

    Raises
    ------
    BaselineError
        If it is no baseline, of another version, truncated, or lacks a cell or holds one too many,
        or a number that is none.
    """
    try:
        document = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_pairs)
    except json.JSONDecodeError as error:
        raise BaselineError(
            f"{origin}: not a whole JSON document ({error.msg} at line {error.lineno} of "
            f"{text.count(chr(10)) + 1}): it may be truncated or badly merged; restore it from "
            "version control, or record it again"
        ) from None
    except (ValueError, RecursionError) as error:
        raise BaselineError(f"{origin}: {error}") from None
    if not isinstance(document, dict) or document.get("format") != "bpcheck precision baseline":
        raise BaselineError(
            f"{origin}: not a precision baseline; bpcheck precision record makes one"
        )
    if type(document.get("version")) is not int or document["version"] != VERSION:
        raise BaselineError(
            f"{origin}: version {document.get('version')!r} of the format, and this bpcheck reads "
            f"version {VERSION}; record it again, or use the bpcheck that wrote it"
        )
    entries = document.get("subjects")
    if not isinstance(entries, list) or not entries:
        raise BaselineError(f"{origin}: it holds no subjects; record it again")
    found = tuple(measurement_of(entry, origin) for entry in entries)
    if len({_key(each) for each in found}) < len(found):
        raise BaselineError(f"{origin}: it holds a subject twice: badly merged? record it again")
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(
        f"it holds {name} where a finite number must stand; restore it from version control, or "
        "record it again"
    )


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} stands in it twice: badly merged? record it again")
    return found


def load(path: Path) -> tuple[Measurement, ...]:
    """The measurements in a baseline file (see `loads`)."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BaselineError(
            f"{path}: there is no such file; bpcheck precision record makes it"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BaselineError(f"{path}: cannot be read ({error})") from None
    return loads(text, origin=str(path))


def save(path: Path, measurements: Sequence[Measurement]) -> None:
    """Write a baseline file, whole or not at all: whatever interrupts it leaves the old one.

    Raises
    ------
    BpcheckError
        If it cannot be written.
    """
    write_whole(path, dumps(measurements))


def add(
    path: Path,
    new: Sequence[Measurement],
    *,
    seen: Sequence[Measurement],
    replaces: bool = False,
) -> None:
    """Add entries to a baseline file, which others may have written since it was `seen`.

    Parameters
    ----------
    path
        The file; it need not be there yet.
    new
        What is added; entries of the same subjects are replaced.
    seen
        What it held when it was read.
    replaces
        Whether they may be replaced though they are others by now, and a file that is no baseline.

    Raises
    ------
    BpcheckError
        If it cannot be written, or if somebody else has recorded one of these subjects meanwhile.
    """
    with locked(path):
        held = _held(path, replaces=replaces)
        ours, before = {_key(each) for each in new}, {_key(each): each for each in seen}
        for each in held if not replaces else ():
            if _key(each) in ours and before.get(_key(each)) != each:
                raise BpcheckError(
                    f"{path}: another process has recorded {each.title} meanwhile, which is kept; "
                    "compare with it, or record it again with --force"
                )
        save(path, merged(held, new))


def _held(path: Path, *, replaces: bool) -> tuple[Measurement, ...]:
    if not path.exists():
        return ()
    try:
        return load(path)
    except BaselineError:
        if replaces:
            return ()
        raise


def merged(old: Sequence[Measurement], new: Sequence[Measurement]) -> tuple[Measurement, ...]:
    """`old` with the entries of the same subjects replaced by `new`; new ones come last."""
    fresh = {_key(each): each for each in new}
    kept = [fresh.pop(_key(each), each) for each in old]
    return (*kept, *fresh.values())


def entry_of(
    measurements: Sequence[Measurement], *, operation: Operation, name: str, origin: str
) -> Measurement:
    """The entry of one subject, by its name or its target's text.

    Raises
    ------
    BaselineError
        If the baseline is of other subjects.
    """
    for each in measurements:
        if each.operation == operation and name in (each.name, each.target):
            return each
    held = "; ".join(_titles(measurements))
    raise BaselineError(
        f"{origin}: a baseline of another subject: it holds {held}, not {operation} of {name}; "
        f"name the file of {name}, or record it: bpcheck precision record {operation} {name}"
    )


def _titles(measurements: Sequence[Measurement]) -> Iterator[str]:
    return (each.title for each in measurements)


def _key(measurement: Measurement) -> tuple[str, str]:
    return str(measurement.operation), measurement.name
