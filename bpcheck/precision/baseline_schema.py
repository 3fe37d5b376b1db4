"""What an entry of a baseline file must hold: every cell of its settings, and finite numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from bpcheck.arithmetic import FORMATS
from bpcheck.errors import BpcheckError
from bpcheck.operations import Operation, operation_named
from bpcheck.precision.ladder import Cell, Settings, cells
from bpcheck.precision.measure import Measurement
from bpcheck.precision.metrics import TESTED, CellMetrics

#: Version of the format; a change of the cells, their seeds or their metrics makes a new one.
VERSION = 1

#: No metric is larger.
_LARGEST = 10**300

#: No machine has more threads.
_THREADS = 4_096


class BaselineError(BpcheckError):
    """A baseline file that cannot be used."""


def metrics_text(title: str, cell: Cell, metrics: CellMetrics) -> str:
    """One line of JSON."""
    record = {
        **{name: list(getattr(metrics, name)) for name in TESTED},
        "p99": metrics.p99,
        "bias": metrics.bias,
        "ulp": list(metrics.ulp),
        "deterministic": metrics.deterministic,
        "elements": metrics.elements,
    }
    try:
        return json.dumps(record, allow_nan=False)
    except ValueError:
        raise BaselineError(
            f"{title}: results in {cell.text} are not finite, so there is no precision to keep; "
            "bpcheck check says what is wrong"
        ) from None


def measurement_of(entry: Any, origin: str) -> Measurement:
    """The measurement that an entry holds; `BaselineError` says what is amiss."""
    text = {name: _get(entry, name, str, origin) for name in ("name", "target", "style")}
    named = _get(entry, "operation", str, origin)
    title = f"{origin}: {named} of {text['name']}"
    operation = _operation(named, title)
    settings = _settings(_get(entry, "settings", dict, title), title)
    expected = {cell.text: cell for cell in _cells(operation, settings, title)}
    held = _get(entry, "cells", dict, title)
    unclaimed = _names(entry, "unclaimed", title)
    both = [name for name in unclaimed if name in held]
    if both:
        raise BaselineError(f"{title}: {both[0]} is measured and not claimed; record it again")
    missing = [name for name in expected if name not in held and name not in unclaimed]
    if missing:
        raise BaselineError(
            f"{title}: {len(missing)} of {len(expected)} cells are missing, such as {missing[0]}: "
            "restore the file from version control, or record it again"
        )
    strange = [name for name in (*held, *unclaimed) if name not in expected]
    if strange:
        raise BaselineError(f"{title}: {strange[0]!r} is no cell of its settings; record it again")
    return Measurement(
        operation=operation,
        **text,
        settings=settings,
        environment=_environment(entry, title),
        cells={
            cell: _metrics(held[name], settings.cases, f"{title}: {name}")
            for name, cell in expected.items()
            if name in held
        },
        unclaimed=tuple(expected[name] for name in unclaimed),
        orders=_orders(entry, title),
    )


def _orders(entry: Any, title: str) -> dict[str, str]:
    """Words by result and dtype; older files have none."""
    if "orders" not in entry:
        return {}
    found: dict[str, str] = _get(entry, "orders", dict, title)
    if not all(isinstance(each, str) for each in found.values()):
        raise BaselineError(f"{title}: orders is {found!r}; words were expected")
    return found


def _environment(entry: Any, title: str) -> dict[str, str | int]:
    found: dict[str, str | int] = _get(entry, "environment", dict, title)
    threads = found.get("threads", 1)
    if not isinstance(threads, int) or not 1 <= threads <= _THREADS:
        raise BaselineError(f"{title}: threads={threads!r}: must be from 1 to {_THREADS}")
    return found


def _operation(name: str, title: str) -> Operation:
    try:
        return operation_named(name)
    except BpcheckError as error:
        raise BaselineError(f"{title}: {error}") from None


def _cells(operation: Operation, settings: Settings, title: str) -> tuple[Cell, ...]:
    try:
        return cells(operation, settings)
    except BpcheckError as error:
        raise BaselineError(f"{title}: {error}") from None


def _settings(given: Mapping[str, Any], title: str) -> Settings:
    dtypes = _names(given, "dtypes", title)
    for name in dtypes:
        if name not in FORMATS:
            raise BaselineError(f"{title}: dtype {name!r} is none of {', '.join(FORMATS)}")
    try:
        return Settings(
            dtypes=dtypes,
            seed=_get(given, "seed", int, title),
            cases=_get(given, "cases", int, title),
            longest=_get(given, "longest", int, title),
            kinds=_names(given, "kinds", title),
            results=_names(given, "results", title),
        )
    except BaselineError:
        raise
    except BpcheckError as error:
        raise BaselineError(f"{title}: {error}") from None


def _metrics(given: Any, cases: int, title: str) -> CellMetrics:
    rows = {name: _numbers(given, name, cases, title) for name in TESTED}
    if any(value < 0 for row in rows.values() for value in row):
        raise BaselineError(f"{title}: a metric is below 0; record it again")
    ulp = _numbers(given, "ulp", 3, title)
    if _get(given, "elements", int, title) < 1:
        raise BaselineError(f"{title}: elements={given['elements']}; record it again")
    return CellMetrics(
        rms=rows["rms"],
        max=rows["max"],
        misrounded=rows["misrounded"],
        p99=_number(_get(given, "p99", (int, float), title), "p99", title),
        bias=_number(_get(given, "bias", (int, float), title), "bias", title),
        ulp=(ulp[0], ulp[1], ulp[2]),
        deterministic=_get(given, "deterministic", bool, title),
        elements=_get(given, "elements", int, title),
    )


def _numbers(given: Any, name: str, count: int, title: str) -> tuple[float, ...]:
    values = _get(given, name, list, title)
    if len(values) != count:
        raise BaselineError(f"{title}: {name} has {len(values)} numbers, and {count} are expected")
    return tuple(_number(value, name, title) for value in values)


def _names(given: Mapping[str, Any], name: str, title: str) -> tuple[str, ...]:
    values = _get(given, name, list, title)
    if not all(isinstance(value, str) for value in values):
        raise BaselineError(f"{title}: {name} is {values!r}; names were expected")
    return tuple(values)


def _number(value: Any, name: str, title: str) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or abs(value) > _LARGEST or not math.isfinite(value):
        raise BaselineError(f"{title}: {name} holds {value!r:.40}; a finite number was expected")
    return float(value)


def _get(given: Any, name: str, kind: type | tuple[type, ...], title: str) -> Any:
    value = given.get(name) if isinstance(given, Mapping) else None
    # True is an int to Python, and no number to a reader.
    wrong_bool = isinstance(value, bool) and kind is not bool
    if not isinstance(value, kind) or wrong_bool:
        what = "is missing" if value is None else f"is {value!r}"
        raise BaselineError(f"{title}: {name} {what}; restore the file, or record it again")
    return value
