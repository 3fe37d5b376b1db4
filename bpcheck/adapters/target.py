"""From the text of a target to a subject: what it names, through the adapter of its style."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from bpcheck.errors import TargetError, UsageError
from bpcheck.imports import find
from bpcheck.operations import Operation
from bpcheck.subject import Subject


class Adapter(Protocol):
    """Makes a subject of what a target names."""

    def __call__(
        self, target: Any, *, operation: Operation, name: str, dtypes: tuple[str, ...]
    ) -> Subject: ...


def load_with(
    adapters: Mapping[str, Adapter],
    target: str,
    *,
    operation: Operation,
    style: str,
    dtypes: tuple[str, ...],
    directory: Path | None,
) -> Subject:
    """See `bpcheck.adapters.load`; `adapters` holds the adapter of each style."""
    adapter = adapters.get(style)
    if adapter is None:
        raise UsageError(f"style {style!r}: no such style; there are {', '.join(adapters)}")
    found = find(target, directory=directory or Path.cwd())
    if not isinstance(found, Subject):
        return adapter(found, operation=operation, name=target, dtypes=dtypes)
    if found.operation != operation:
        raise TargetError(
            f"{target} is a Subject of {found.operation}, and {operation} was asked for; "
            f"check {found.operation}, or change its operation"
        )
    return found
