"""Baseline files: what was written is read back, and whatever is amiss is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bpcheck.errors import BpcheckError
from bpcheck.operations import operation_named
from bpcheck.precision import BaselineError, Measurement, dumps, load, loads, measure, save
from bpcheck.precision.baseline import entry_of, merged
from bpcheck.subject import Subject
from reference import avg_pool, conv

CONV = Subject(conv.forward, conv.vjp, operation="conv1d", name="conv", dtypes=("float32",))


@pytest.fixture(scope="module")
def measurement() -> Measurement:
    return measure(CONV, results=["w_bar", "b_bar"], longest=16, cases=2)


def test_a_baseline_is_read_back_as_it_was_written(measurement: Measurement) -> None:
    assert loads(dumps([measurement]), origin="file") == (measurement,)


def test_the_text_is_stable_with_one_line_a_cell_and_nothing_personal(
    measurement: Measurement,
) -> None:
    text = dumps([measurement])
    assert dumps(loads(text, origin="file")) == text
    cells = [line for line in text.splitlines() if '"rms"' in line]
    assert len(cells) == len(measurement.cells) == 8
    assert all(len(line) < 300 for line in cells)
    assert str(Path.home()) not in text
    assert str(Path.cwd()) not in text


def _changed(change: Callable[[Any], Any]) -> Callable[[str], str]:
    def edit(text: str) -> str:
        document = json.loads(text)
        change(document)
        return json.dumps(document)

    return edit


def _set(key: str, value: Any) -> Callable[[Any], Any]:
    return lambda document: document["subjects"][0].__setitem__(key, value)


def _first_cell(document: Any) -> Any:
    return next(iter(document["subjects"][0]["cells"].values()))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda text: text[: len(text) // 2], "truncated"),
        (lambda text: "", "truncated"),
        (lambda text: "[]", "not a precision baseline"),
        (_changed(lambda d: d.__setitem__("version", 2)), "version 2 of the format"),
        (_changed(lambda d: d.update(version=True)), "version True of the format"),
        (_changed(lambda d: d["subjects"].append(d["subjects"][0])), "a subject twice"),
        (_changed(lambda d: _first_cell(d).__setitem__("elements", -5)), "elements=-5"),
        (_changed(lambda d: _first_cell(d).__setitem__("p99", 10**400)), "a finite number"),
        (_changed(_set("unclaimed", [[1]])), "names were expected"),
        (_changed(_set("environment", {"threads": 10**8})), "threads=100000000"),
        (lambda text: "[" * 100_000, "recursion"),
        (_changed(lambda d: d["subjects"].clear()), "no subjects"),
        (_changed(lambda d: d["subjects"][0]["cells"].popitem()), "1 of 8 cells are missing"),
        (_changed(_set("cells", {"y": {}})), "8 of 8 cells are missing"),
        (_changed(lambda d: d["subjects"][0]["cells"].__setitem__("z", 1)), "'z' is no cell"),
        (_changed(_set("operation", "conv9d")), "no such operation"),
        (_changed(_set("settings", None)), "settings is missing"),
        (_changed(lambda d: d["subjects"][0]["settings"].__setitem__("cases", 0)), "cases=0"),
        (_changed(lambda d: d["subjects"][0]["settings"].__setitem__("dtypes", ["f"])), "'f'"),
        (lambda text: text.replace('"rms": [', '"rms": [NaN, ', 1), "holds NaN"),
        (lambda text: text.replace('"p99": ', '"p99": -Infinity, "p": ', 1), "holds -Infinity"),
        (_changed(lambda d: _first_cell(d)["rms"].__setitem__(0, None)), "holds None"),
        (_changed(lambda d: _first_cell(d)["rms"].__setitem__(0, -1.0)), "below 0"),
        (_changed(lambda d: _first_cell(d)["rms"].pop()), "1 numbers, and 2 are expected"),
        (_changed(lambda d: _first_cell(d).__setitem__("p99", "1")), "p99 is '1'"),
        (lambda text: text.replace('"bias"', '"p99"', 1), "'p99' stands in it twice"),
    ],
)
def test_a_file_that_cannot_be_used_says_why_and_what_to_do(
    measurement: Measurement, edit: Callable[[str], str], message: str
) -> None:
    with pytest.raises(BaselineError, match=r"^here\.json") as raised:
        loads(edit(dumps([measurement])), origin="here.json")
    assert message in str(raised.value)


def test_a_baseline_of_another_subject_is_refused(measurement: Measurement) -> None:
    with pytest.raises(BaselineError, match="it holds conv1d of conv, not conv1d of other"):
        entry_of([measurement], operation=operation_named("conv1d"), name="other", origin="file")
    with pytest.raises(BaselineError, match="another subject"):
        entry_of([measurement], operation=operation_named("conv2d"), name="conv", origin="file")


def test_results_that_are_not_finite_are_not_recorded(
    measurement: Measurement, tmp_path: Path
) -> None:
    cell, metrics = next(iter(measurement.cells.items()))
    broken = replace(measurement, cells={cell: replace(metrics, max=(float("inf"), 1.0))})
    with pytest.raises(BaselineError, match="not finite"):
        save(tmp_path / "b.json", [broken])
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_leaves_the_old_file_whole(
    measurement: Measurement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "b.json"
    save(file, [measurement])
    before = file.read_text()

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(file, [replace(measurement, name="new")])
    assert file.read_text() == before
    assert [each.name for each in tmp_path.iterdir()] == ["b.json"]


def test_a_directory_that_is_not_there_is_said(measurement: Measurement, tmp_path: Path) -> None:
    with pytest.raises(BpcheckError, match="cannot be written"):
        save(tmp_path / "none" / "b.json", [measurement])
    with pytest.raises(BaselineError, match="there is no such file"):
        load(tmp_path / "none.json")


def test_entries_of_other_subjects_are_kept_in_their_place(measurement: Measurement) -> None:
    pool = measure(
        Subject(avg_pool.forward, avg_pool.vjp, operation="avg_pool1d", name="pool"),
        dtypes=["float32"],
        results=["x_bar"],
        longest=16,
        cases=1,
    )
    new = replace(measurement, environment={})
    assert merged([measurement, pool], [new]) == (new, pool)
    assert merged([pool], [new]) == (pool, new)
