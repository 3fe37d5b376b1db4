"""What was typed, as the values that the runner takes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from bpcheck.adapters import load
from bpcheck.adapters.claims import claims_among
from bpcheck.arithmetic import FORMATS
from bpcheck.cases import Case
from bpcheck.cases.numbers import DIGITS
from bpcheck.claims import DEFAULT_DTYPES, claims_from, dtype_name
from bpcheck.cli.project import Entry
from bpcheck.errors import BpcheckError, UsageError
from bpcheck.imports.interpreters import interpret
from bpcheck.operations import Operation, library_names, operation_named, operation_names
from bpcheck.planning.listed import listed_cases
from bpcheck.subject import Subject

#: The option that makes claims, as messages name it.
CLAIM = "--claim"


def asked_dtypes(typed: tuple[str, ...]) -> tuple[str, ...] | None:
    """NumPy names of the dtypes that were typed; ``None`` if there were none.

    Examples
    --------
    >>> asked_dtypes(("f32", "float64", "float32"))
    ('float32', 'float64')
    """
    names = []
    for each in typed:
        name = dtype_name(each)
        if name is None:
            known = ", ".join(f"{form.short} ({form.name})" for form in FORMATS.values())
            raise UsageError(f"--dtype {each}: no such dtype; there are {known}")
        names.append(name)
    return tuple(dict.fromkeys(names)) or None


def asked_words(typed: tuple[str, ...]) -> dict[str, str]:
    """What ``--with`` declares, by word.

    Raises
    ------
    UsageError
        If one is no ``key=value``.

    Examples
    --------
    >>> asked_words(("layout=NHWC", "forward=f(x, stride=s)"))
    {'layout': 'NHWC', 'forward': 'f(x, stride=s)'}
    """
    return _words(typed, "--with", example="layout=NHWC")


def asked_claims(typed: tuple[str, ...]) -> dict[str, Any]:
    """What ``--claim`` claims, by word.

    Raises
    ------
    UsageError
        If one is no ``key=value``, or no claim.

    Examples
    --------
    >>> asked_claims(("exact=no", "norm=1-norm", "constant=8", "dtypes=f32,f64"))
    {'exact': False, 'norm': '1-norm', 'constant': 8.0, 'dtypes': ('f32', 'f64')}
    """
    words = _words(typed, CLAIM, example="empty=no")
    # Reports name claims as a class spells them: ACCUMULATES.
    spelled = {word.lower() if word.isupper() else word: value for word, value in words.items()}
    claims, others = claims_among(spelled)
    # What is no claim is refused with the nearest one that is.
    claims_from({**claims, **others}, origin=CLAIM)
    return claims


def _words(typed: tuple[str, ...], option: str, *, example: str) -> dict[str, str]:
    words = {}
    for each in typed:
        word, equals, value = each.partition("=")
        if not equals or not word.strip():
            raise UsageError(f"{option} {each}: write key=value, such as {option} {example}")
        words[word.strip()] = value.strip()
    return words


def loaded(entry: Entry, directory: Path, *, dtypes: tuple[str, ...] | None) -> Subject:
    """The subject of an entry; whoever asks for dtypes claims them, unless the target does.

    Raises
    ------
    BpcheckError
        If there is no such operation, target or style.
    """
    if entry.interpret:
        # Before the operation too, whose module may import torch.
        interpret()
    operation = operation_of(entry, directory)
    subject = load(
        entry.target,
        operation=operation,
        style=entry.style,
        words=entry.words,
        dtypes=dtypes or DEFAULT_DTYPES,
        directory=directory,
        interpret=entry.interpret,
    )
    return entry.claimed(subject)


def operation_of(entry: Entry, directory: Path) -> Operation:
    """The operation of an entry.

    Raises
    ------
    BpcheckError
        If there is none.
    """
    try:
        return operation_named(entry.operation, directory=directory)
    except BpcheckError:
        if entry.target not in (*operation_names(), *library_names()):
            raise
        raise UsageError(
            f"{entry.operation}: no such operation; the operation comes first: "
            f"bpcheck check {entry.target} {entry.operation}"
        ) from None


def asked_cases(
    typed: str | None, subject: Subject, *, dtypes: tuple[str, ...] | None, seed: int
) -> tuple[int | None, list[Case] | None]:
    """What ``--cases`` says: a number of cases, or the cases that a set or a file lists.

    Raises
    ------
    UsageError
        If it is neither a number from 1 on, nor a set, nor a file; or if it lists no case.
    CaseError
        For a line of a file that is not understood.

    Examples
    --------
    >>> conv = Subject(forward=print, vjp=print, operation="conv2d")
    >>> asked_cases("12", conv, dtypes=None, seed=0)
    (12, None)
    >>> asked_cases("0", conv, dtypes=None, seed=0)
    Traceback (most recent call last):
        ...
    bpcheck.errors.UsageError: --cases 0: must be at least 1
    """
    if typed is None:
        return None, None
    if re.fullmatch(r"-?[0-9]+", typed):
        if len(typed) > DIGITS:
            raise UsageError(f"--cases {typed}: a number of at most {DIGITS} digits was expected")
        if int(typed) < 1:
            raise UsageError(f"--cases {typed}: must be at least 1")
        return int(typed), None
    judged = dtypes or subject.claims.dtypes
    return None, listed_cases(typed, operation=subject.operation, dtypes=judged, seed=seed)
