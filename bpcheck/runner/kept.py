"""Cases that failed before: kept in a directory beside the code, and judged again beside a plan."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bpcheck.cases import Case, parse_case
from bpcheck.errors import BpcheckError
from bpcheck.files import locked, write_whole
from bpcheck.runner.site import Site
from bpcheck.verdict import Report
from bpcheck.verdict.jury import Ruling

#: The directory, which tells git itself that it is none of its business.
FOLDER = ".bpcheck"

#: Cases that are kept of one subject: the latest.
MOST = 16

#: Set to anything, nothing is kept or read, as where `CI` is set.
OFF = "BPCHECK_NO_CACHE"

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Again:
    """What came of the cases that failed before.

    Parameters
    ----------
    failing
        Those that fail still, each with the defects that it shows.
    mended
        Those that do not fail any more.
    dropped
        How many cannot be judged now: not claimed any more, or of another dtype.
    """

    failing: tuple[tuple[Case, tuple[Ruling, ...]], ...] = ()
    mended: tuple[Case, ...] = ()
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Kept:
    """The cases of one subject that failed before.

    Parameters
    ----------
    folder
        Where they lie; ``None`` keeps nothing.
    key
        What names the subject there.
    """

    folder: Path | None
    key: str

    @classmethod
    def of(cls, directory: Path, key: str, *, is_on: bool = True) -> Kept:
        """Those of a subject in a directory; off in CI, whose runs are to be alike."""
        off = not is_on or os.environ.get("CI") or os.environ.get(OFF)
        return cls(None if off else directory / FOLDER, key)

    def cases(self) -> list[Case]:
        """The cases, the latest first; what is no case any more is left."""
        return list(_parsed(self._all().get(self.key, [])))

    def again(self, site: Site, dtypes: Sequence[str] | None = None) -> Again:
        """Judge them again."""
        failing, mended, dropped = [], [], 0
        for case in self.cases():
            if dtypes is not None and case.dtype not in dtypes:
                dropped += 1
                continue
            judged = site.judge(case)
            defects = tuple(each for each in judged.rulings if each.verdict.is_defect)
            if judged.unsupported:
                dropped += 1
            elif defects:
                failing.append((case, defects))
            else:
                mended.append(case)
        return Again(tuple(failing), tuple(mended), dropped)

    def keep(self, report: Report, again: Again) -> None:
        """Keep what fails now, and what could not be judged; what is mended goes.

        Where nothing can be written, nothing is kept: that is no matter of the report.
        """
        if self.folder is None:
            return
        mended = set(map(str, again.mended))
        shown = (each for each in report.judgements if each.verdict.is_defect)
        fails = [each.smallest for each in shown if not each.why_no_replay]
        before = [each for each in map(str, self.cases()) if each not in mended]
        texts = list(dict.fromkeys([*fails, *before]))[:MOST]
        if not texts and not self._all().get(self.key):
            return
        with contextlib.suppress(BpcheckError, OSError):
            self.folder.mkdir(exist_ok=True)
            if not (self.folder / ".gitignore").exists():
                write_whole(self.folder / ".gitignore", "# Made by bpcheck.\n*\n")
            with locked(self._file):
                # Other subjects may have been kept meanwhile.
                known = {**self._all(), self.key: texts}
                document = {
                    "version": _VERSION,
                    "failed": {key: cases for key, cases in sorted(known.items()) if cases},
                }
                write_whole(self._file, json.dumps(document, indent=1, ensure_ascii=False) + "\n")

    @property
    def _file(self) -> Path:
        assert self.folder is not None  # noqa: S101 - asked for where there is one
        return self.folder / "failed.json"

    def _all(self) -> Mapping[str, list[str]]:
        """All that is kept, by subject; a file that cannot be read holds nothing."""
        if self.folder is None:
            return {}
        try:
            document: Any = json.loads(self._file.read_text(encoding="utf-8"))
            if document["version"] != _VERSION:
                return {}
            return {
                str(key): [each for each in cases if isinstance(each, str)]
                for key, cases in document["failed"].items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return {}


def _parsed(texts: Sequence[str]) -> Iterator[Case]:
    for text in texts[:MOST]:
        with contextlib.suppress(BpcheckError):
            yield parse_case(text)
