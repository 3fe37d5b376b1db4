"""Which subjects the words of a ``bpcheck precision`` command name."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bpcheck.cli.project import Entry, entries, project_file
from bpcheck.cli.requests import asked_dtypes, loaded
from bpcheck.cli.safety import Safety, placed_entry
from bpcheck.errors import UsageError
from bpcheck.operations import HasReductions, operation_named, operation_names
from bpcheck.runner.process.code import code_at
from bpcheck.runner.site import Site
from bpcheck.subject import Subject


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the code of targets runs: what was typed, and what follows from it."""

    safety: Safety
    in_process: bool


@dataclass(frozen=True, slots=True)
class Found:
    """A subject to be measured: the entry that names it, and the dtypes that were asked for."""

    entry: Entry
    directory: Path
    dtypes: tuple[str, ...] | None
    kept: Kept

    @property
    def target(self) -> str:
        """The text that names it."""
        return portable(self.entry.target, self.directory)

    @property
    def style(self) -> str:
        """The kind of code that it is."""
        return self.entry.style

    def placed(self) -> contextlib.AbstractContextManager[Site]:
        """The place where it runs."""
        return placed_entry(
            self.entry,
            self.directory,
            dtypes=self.dtypes,
            in_process=self.kept.in_process,
            safety=self.kept.safety,
            load=_portably_named,
        )


def subjects(
    words: Sequence[str], *, style: str, dtypes: tuple[str, ...], kept: Kept
) -> tuple[Found, ...]:
    """The subjects that ``[[OPERATION] TARGET]`` names.

    Raises
    ------
    UsageError
        If it cannot be told which operation a target is to be measured as.
    """
    asked = asked_dtypes(dtypes)
    todo, directory = _entries(words, style, kept)
    return tuple(Found(each, directory, asked, kept) for each in todo)


def _portably_named(entry: Entry, directory: Path, *, dtypes: tuple[str, ...] | None) -> Subject:
    """The subject, which is called after its target, without what holds on one machine only."""
    subject = loaded(entry, directory, dtypes=dtypes)
    name = subject.name
    return replace(subject, name=portable(name, directory)) if name == entry.target else subject


def portable(target: str, directory: Path) -> str:
    """`target` without what holds on one machine only: paths become relative to `directory`.

    Examples
    --------
    >>> portable("layers:Conv", Path("/home")), portable("/home/a/layers.py:Conv", Path("/home"))
    ('layers:Conv', 'a/layers.py:Conv')
    >>> portable("/home/a/layers.py", Path("/home/b"))
    '../a/layers.py'
    """
    where, colon, attribute = target.rpartition(":") if ".py:" in target else (target, "", "")
    path = Path(where)
    if not path.is_absolute():
        return target
    return f"{Path(os.path.relpath(path, directory)).as_posix()}{colon}{attribute}"


def _entries(words: Sequence[str], style: str, kept: Kept) -> tuple[tuple[Entry, ...], Path]:
    directory = Path.cwd()
    if len(words) > 2:
        raise UsageError(f"{' '.join(words)}: too many arguments; write  OPERATION TARGET")
    if len(words) == 2:
        return (Entry(words[1], words[0], style),), directory
    if words:
        names = _operations(words[0], kept)
        return tuple(Entry(words[0], name, style) for name in names), directory
    project = project_file(directory)
    every = entries(project)
    return (
        tuple(
            each
            for each in every
            if isinstance(operation_named(each.operation, directory=project.parent), HasReductions)
        ),
        project.parent,
    )


def _operations(target: str, kept: Kept) -> tuple[str, ...]:
    """The operations that a target says it has."""
    if target in operation_names():
        raise UsageError(f"{target}: this is an operation; write  {target} TARGET")
    allowed = kept.safety.allowed()
    with code_at(target, Path.cwd(), in_process=kept.in_process, allowed=allowed) as code:
        claimed: tuple[str, ...] = code.ask(_claimed)
    if not claimed:
        raise UsageError(
            f"{target} does not say which operation it is (it has no OPERATIONS); write  "
            f"OPERATION {target}, such as  conv2d {target}"
        )
    return claimed


def _claimed(found: Any) -> tuple[str, ...]:
    if isinstance(found, Subject):
        return (str(found.operation),)
    claimed = getattr(found, "OPERATIONS", None)
    return tuple(str(each) for each in claimed) if isinstance(claimed, list | tuple) else ()
