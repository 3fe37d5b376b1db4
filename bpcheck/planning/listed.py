"""Cases that somebody listed: a named set of real layers, or a file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bpcheck.cases.benchdnn import parse_benchdnn
from bpcheck.cases.case import Case
from bpcheck.cases.descriptor import parse_descriptor
from bpcheck.cases.text import parse_case
from bpcheck.errors import CaseError, UsageError
from bpcheck.files import is_file
from bpcheck.operations import Operation, library_names, operation_names
from bpcheck.operations.windowed.layers import layer_sets

#: Value kinds in which each listed layer is judged: bit for bit, and for its rounding.
KINDS = ("exact", "wide", "real")


def listed_cases(
    source: str, *, operation: Operation, dtypes: Sequence[str], seed: int = 0
) -> list[Case]:
    """The cases of a set or a file that are of `operation`.

    Parameters
    ----------
    source
        The name of a set (see `layer_sets`), or the path of a text file. Each line of a file is a
        case text, a descriptor (``n1ic3ih8iw8oc4kh3kw3``) or one in benchdnn's style
        (``mb1ic3ih8oc4oh6kh3``); what follows a ``#`` is a comment.
    operation, dtypes, seed
        Descriptors are judged in every dtype with exact, wide and real values; a case text is taken
        as it is.

    Raises
    ------
    UsageError
        If there is neither such a set nor such a file.
    CaseError
        With the line, for one that is not understood.

    Examples
    --------
    >>> from bpcheck.operations import operation_named
    >>> len(listed_cases("alexnet", operation=operation_named("conv2d"), dtypes=["float32"]))
    15
    """
    if source in layer_sets():
        geometries = [
            parse_descriptor(operation, text, text, 0) for text in operation.layers(source)
        ]
        return _spread(operation, geometries, dtypes, seed)
    path = Path(source)
    if not is_file(path):
        raise UsageError(
            f"--cases {source}: a number, a file, or one of {', '.join(layer_sets())} was expected"
        )
    return _read(path, operation, dtypes, seed)


def _read(path: Path, operation: Operation, dtypes: Sequence[str], seed: int) -> list[Case]:
    cases: list[Case] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"--cases {path}: cannot be read ({error}); a text file with one case a line was "
            "expected"
        ) from None
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            if _begins_with_operation(text):
                cases += [case for case in (parse_case(text),) if case.operation == operation]
            else:
                cases += _spread(operation, [_geometry(operation, text)], dtypes, seed + len(cases))
        except CaseError as error:
            raise CaseError(f"{path}:{number}: {error}") from None
    return cases


def _geometry(operation: Operation, text: str) -> Any:
    """The geometry of a descriptor; benchdnn's give the batch as ``mb``, or output sizes."""
    if re.search(r"mb\d|o[dhw]\d", text):
        return parse_benchdnn(operation, text)
    return parse_descriptor(operation, text, text, 0)


def _begins_with_operation(text: str) -> bool:
    first = text.split(maxsplit=1)[0]
    return first in (*operation_names(), *library_names()) or ":" in first


def _spread(
    operation: Operation, geometries: Sequence[Any], dtypes: Sequence[str], seed: int
) -> list[Case]:
    kinds = [kind for kind in KINDS if kind in operation.value_kinds]
    return [
        Case(operation, geometry, dtype=dtype, values=kind, seed=seed + index)
        for index, (geometry, dtype, kind) in enumerate(
            (geometry, dtype, kind) for geometry in geometries for dtype in dtypes for kind in kinds
        )
    ]
