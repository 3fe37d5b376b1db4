"""What a comparison must say although nothing fails: other environments, gains, gaps."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from bpcheck.cli import main
from bpcheck.precision import Comparison, Measurement, compare, dumps, measure
from bpcheck.precision.repeat import uncovered
from bpcheck.precision.table import record_command, verdict
from bpcheck.precision.testing import remarks, why_not_measured
from bpcheck.subject import Subject
from reference import conv

CONV = Subject(conv.forward, conv.vjp, operation="conv1d", name="conv", dtypes=("float32",))


@pytest.fixture(scope="module")
def measurement() -> Measurement:
    return measure(
        CONV, results=["w_bar"], longest=16, cases=20, target="layers.py:conv", style="torch"
    )


def elsewhere(measurement: Measurement) -> Measurement:
    return replace(measurement, environment={**measurement.environment, "numpy": "1.0"})


def finer(measurement: Measurement, factor: float) -> Measurement:
    """As if every error were smaller by `factor`."""
    cells = {
        cell: replace(
            metrics,
            rms=tuple(value / factor for value in metrics.rms),
            max=tuple(value / factor for value in metrics.max),
        )
        for cell, metrics in measurement.cells.items()
    }
    return replace(measurement, cells=cells)


def better(measurement: Measurement) -> Comparison:
    return compare(measurement, finer(measurement, 100))


def test_nothing_is_remarked_where_nothing_is_to_be_said(measurement: Measurement) -> None:
    assert remarks(compare(measurement, measurement)) == ()


def test_another_environment_is_remarked_although_nothing_is_lost(measurement: Measurement) -> None:
    (said,) = remarks(compare(measurement, elsewhere(measurement)))
    assert "another environment (numpy: " in said
    assert "only ratios above 4 " in said


def test_a_gain_is_remarked_and_asks_to_be_recorded_as_it_was(measurement: Measurement) -> None:
    (said,) = remarks(better(measurement))
    assert "Precision gained in " in said
    assert said.endswith(
        "bpcheck precision record conv1d layers.py:conv --style torch --dtype f32 --longest 16 "
        "--cases 20 --result w_bar --force"
    )
    assert record_command(measurement) in verdict(better(measurement))


def test_a_gain_in_another_environment_does_not_ask_to_be_recorded(
    measurement: Measurement,
) -> None:
    found = compare(measurement, elsewhere(finer(measurement, 10**4)))
    assert "record it" not in verdict(found)


def test_what_another_order_of_summation_explains_is_no_gain_elsewhere(
    measurement: Measurement,
) -> None:
    # The baseline's own errors lie within what one term after the other gives.
    assert compare(measurement, finer(measurement, 2)).gains
    assert not compare(measurement, elsewhere(finer(measurement, 2))).gains


def test_a_result_that_the_baseline_leaves_out_is_said_to_be(measurement: Measurement) -> None:
    found = compare(measurement, measurement)
    assert why_not_measured(found, "w_bar") == ""
    assert why_not_measured(found, "y") == "the baseline holds w_bar alone; record y too"
    subject = CONV.claiming(dtypes=("float32", "float16"))
    assert uncovered(measurement, subject) == ("float16", "y", "x_bar", "b_bar")


def git(*words: str) -> None:
    program = shutil.which("git")
    assert program is not None
    subprocess.run([program, *words], check=True)


def test_the_log_tells_a_loss_that_was_recorded(
    measurement: Measurement,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    git("init", "-q")
    git("config", "user.name", "nobody")
    git("config", "user.email", "nobody@example.org")
    for text, message in (
        (dumps([measurement]), "first"),
        (dumps([finer(measurement, 0.5)]), "coarser"),
    ):
        (tmp_path / "precision-baseline.json").write_text(text, encoding="utf-8")
        git("add", ".")
        git("commit", "-qm", message)
    with pytest.raises(SystemExit) as ended:
        main(["precision", "log"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "LOSS  w_bar, float32: " in said
    assert "; 2 times the baseline" in said
