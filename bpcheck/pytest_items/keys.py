"""Where a session keeps what its items share, and under which names they tell it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bpcheck.precision import Comparison
    from bpcheck.runner.engine.engine import Engine
    from bpcheck.runner.kept import Again
    from bpcheck.subject import Subject
    from bpcheck.verdict import Report

#: What each subject's run gave in this process, by the subject's id: its report, or why there is
#: none. The subject is kept with it, lest another one get its id.
RUNS = pytest.StashKey[dict[int, tuple["Subject", "Report | str"]]]()

#: For each subject's id, what came of the cases that failed before.
AGAIN = pytest.StashKey[dict[int, "Again"]]()

#: The reports of this process and of its workers, each with what names its subject in a shell.
REPORTS = pytest.StashKey[list[tuple["Report", str]]]()

#: For each subject's id: the defects that an item has told at length, and that item's name.
TOLD = pytest.StashKey[dict[int, dict[str, str]]]()

#: As for the runs, the comparisons with the baseline; ``None`` where nothing can be measured.
COMPARISONS = pytest.StashKey[dict[int, tuple["Subject", "Comparison | str | None"]]]()

#: What judges the cases, if that was asked for, and what ends it; or why there is none.
ENGINE = pytest.StashKey[tuple[contextlib.ExitStack, "Engine | str"]]()

#: The name of the items that compare with a baseline, in the place of a check's.
PRECISION = "precision"

#: The property of a report under which stands what a comparison has to say, lost or not.
REMARK = "bpcheck precision"

#: That under which stands where a subject ran, and what loading it did.
PROCESS = "bpcheck process"

#: And that under which stands what a subject claims, what it does not, and its conventions.
CLAIMS = "bpcheck claims"

#: That under which stands what was judged of a subject: cases, edge classes, families, residues.
MET = "bpcheck met"

#: And that of a line for a workflow on GitHub, which points at the user's own.
ANNOTATION = "bpcheck annotation"
