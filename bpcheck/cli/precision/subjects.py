"""Which subjects the words of a ``bpcheck precision`` command name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bpcheck.cli.project import Entry, entries, project_file
from bpcheck.cli.requests import asked_dtypes, loaded
from bpcheck.errors import UsageError
from bpcheck.imports import find
from bpcheck.operations import HasReductions, operation_named, operation_names
from bpcheck.subject import Subject


@dataclass(frozen=True, slots=True)
class Found:
    """A subject, the text and style that name it, and the dtypes that were asked for."""

    subject: Subject
    target: str
    style: str
    dtypes: tuple[str, ...] | None


def subjects(words: Sequence[str], *, style: str, dtypes: tuple[str, ...]) -> tuple[Found, ...]:
    """The subjects that ``[[OPERATION] TARGET]`` names.

    Raises
    ------
    UsageError
        If it cannot be told which operation a target is to be measured as.
    """
    asked = asked_dtypes(dtypes)
    todo, directory = _entries(words, style)
    return tuple(
        Found(
            _portably_named(loaded(each, directory, dtypes=asked), each.target, directory),
            portable(each.target, directory),
            each.style,
            asked,
        )
        for each in todo
    )


def _portably_named(subject: Subject, target: str, directory: Path) -> Subject:
    """The subject, which is called after its target, without what holds on one machine only."""
    name = subject.name
    return replace(subject, name=portable(name, directory)) if name == target else subject


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


def _entries(words: Sequence[str], style: str) -> tuple[tuple[Entry, ...], Path]:
    directory = Path.cwd()
    if len(words) > 2:
        raise UsageError(f"{' '.join(words)}: too many arguments; write  OPERATION TARGET")
    if len(words) == 2:
        return (Entry(words[1], words[0], style),), directory
    if words:
        return tuple(Entry(words[0], name, style) for name in _operations(words[0])), directory
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


def _operations(target: str) -> tuple[str, ...]:
    """The operations that a target says it has."""
    if target in operation_names():
        raise UsageError(f"{target}: this is an operation; write  {target} TARGET")
    found = find(target, directory=Path.cwd())
    if isinstance(found, Subject):
        return (str(found.operation),)
    claimed = getattr(found, "OPERATIONS", None)
    if not isinstance(claimed, list | tuple) or not claimed:
        raise UsageError(
            f"{target} does not say which operation it is (it has no OPERATIONS); write  "
            f"OPERATION {target}, such as  conv2d {target}"
        )
    return tuple(str(each) for each in claimed)
