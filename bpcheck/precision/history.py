"""The history of a baseline file: what each commit that changed it held."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bpcheck.errors import UsageError
from bpcheck.precision.baseline import loads
from bpcheck.precision.baseline_schema import BaselineError
from bpcheck.precision.measure import Measurement

#: A change of level smaller than this share is not worth a line.
_VISIBLE = 0.01

#: Levels below this are those of exact results, which have no ratio.
_EXACT = 1e-9


@dataclass(frozen=True, slots=True)
class Revision:
    """A baseline file as one commit left it.

    Parameters
    ----------
    commit, date, subject
        The commit's hash, its day and the first line of its message.
    measurements
        What the file held; empty where it cannot be read.
    problem
        Why it cannot be read.
    """

    commit: str
    date: str
    subject: str
    measurements: tuple[Measurement, ...]
    problem: str = ""


def history(path: Path, *, limit: int) -> tuple[Revision, ...]:
    """The commits that changed a baseline file, oldest first, at most `limit` of the newest.

    Raises
    ------
    UsageError
        If git is not there, or knows nothing of the file.
    """
    directory = path.resolve().parent
    if not directory.is_dir():
        raise UsageError(f"{path}: there is no directory {path.parent}")
    listed = _git(directory, "log", f"-{limit}", "--format=%H%x1f%cs%x1f%s", "--", path.name)
    lines = [line.split("\x1f", 2) for line in listed.splitlines()]
    if not lines:
        raise UsageError(f"{path}: no commit holds this file; commit it first")
    return tuple(
        _revision(directory, path.name, commit, date, subject)
        for commit, date, subject in reversed(lines)
    )


def _revision(directory: Path, name: str, commit: str, date: str, subject: str) -> Revision:
    try:
        text = _git(directory, "show", f"{commit}:./{name}")
        return Revision(commit, date, subject, loads(text, origin=f"{commit[:7]}:{name}"))
    except UsageError:
        return Revision(commit, date, subject, (), "the file was deleted")
    except BaselineError as error:
        return Revision(commit, date, subject, (), f"cannot be read: {error}")


def _git(directory: Path, *arguments: str) -> str:
    program = shutil.which("git")
    if program is None:
        raise UsageError("git is not installed, and the history is kept by it")
    done = subprocess.run(  # noqa: S603 - git itself, without a shell
        [program, "-C", str(directory), *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise UsageError(f"git {arguments[0]}: {done.stderr.strip() or 'failed'}")
    return done.stdout


def levels(measurement: Measurement) -> dict[tuple[str, str], float]:
    """For each dtype and result, the error level: the median of the rms errors of all cases."""
    found: dict[tuple[str, str], list[float]] = {}
    for cell, metrics in measurement.cells.items():
        found.setdefault((cell.dtype, cell.result), []).extend(metrics.rms)
    return {key: float(median(values)) for key, values in found.items()}


def changed(before: Measurement, after: Measurement) -> dict[tuple[str, str], float]:
    """Ratios of the levels that changed visibly, after to before."""
    old, new = levels(before), levels(after)
    ratios = {key: max(new[key], _EXACT) / max(old[key], _EXACT) for key in new if key in old}
    return {key: ratio for key, ratio in ratios.items() if abs(ratio - 1) > _VISIBLE}
