"""``bpcheck explain``: one case step by step, with or without a subject."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from bpcheck.arithmetic import Array
from bpcheck.calls import own_arithmetic
from bpcheck.cases import Case, parse_case
from bpcheck.cli import exits
from bpcheck.cli.one_case import exit_code, replayed
from bpcheck.cli.output import stdout
from bpcheck.cli.safety import Safety
from bpcheck.errors import BpcheckError, UsageError
from bpcheck.explain.walk import walk
from bpcheck.filling import fill
from bpcheck.imports import shorten
from bpcheck.oracles.autograd import autograd
from bpcheck.report import print_walk
from bpcheck.report.drawing import asked_picture, case_sketch, write_picture
from bpcheck.report.sketch import Sketch
from bpcheck.runner.memory import require_room
from bpcheck.runner.one import Replay
from bpcheck.runner.own import blaming


def case_and_target(words: Sequence[str]) -> tuple[Case, str]:
    """The case of the words that were typed, and the target, empty where none was.

    A case that lost its quotes comes as several words.

    Examples
    --------
    >>> case_and_target(["max_pool1d n1ic1iw4kw2 f32", "layers:Pool"])[1]
    'layers:Pool'
    >>> case_and_target(["max_pool1d", "n1ic1iw4kw2", "f32"])[1]
    ''
    """
    try:
        return parse_case(" ".join(words)), ""
    except BpcheckError:
        if len(words) == 1:
            raise
    return parse_case(" ".join(words[:-1])), words[-1]


@own_arithmetic()
def run_explain(
    typed: Sequence[str],
    *,
    style: str,
    safety: Safety,
    words: tuple[str, ...] = (),
    claims: tuple[str, ...] = (),
    interpreted: bool = False,
    picture: str | None = None,
    results: tuple[str, ...] = (),
) -> int:
    """Print the steps, and draw them into the file of `picture`.

    1 if the target is wrong in the case, 3 if nothing of it could be judged.
    """
    file = asked_picture(picture)
    case, target = case_and_target(typed)
    asked = asked_results(results, case)
    if not target:
        require_room([case])
        with blaming(case.operation):
            arrays = fill(case)
            right = autograd(case, arrays)
            lines = list(walk(case, arrays, right, asked=asked))
            drawn = file and case_sketch(case, arrays, right, None, asked=asked)
        print_walk(case, lines, stdout(), subject="")
        _write(drawn, file)
        return exits.AGREES
    found = replayed(
        case,
        target,
        style=style,
        safety=safety,
        words=words,
        claims=claims,
        interpreted=interpreted,
    )
    with blaming(case.operation):
        lines = _walked(found, asked)
        drawn = file and case_sketch(case, found.arrays, found.autograd, _wrong(found), asked=asked)
    print_walk(case, lines, stdout(), subject=target)
    _write(drawn, file)
    return exit_code(found)


def _wrong(found: Replay) -> dict[str, Array]:
    """What the subject gave for results that are wrong: rounding is no difference to be seen."""
    wrong = {ruling.result for ruling in found.rulings if ruling.verdict.is_defect}
    return {name: found.got[name] for name in wrong if name in found.got}


def _write(drawn: Sketch | Path | None, file: Path | None) -> None:
    if file is not None and isinstance(drawn, Sketch):
        write_picture(drawn, file)
        stdout().print(Text(f"\ndrawn: {shorten(str(file))}"), soft_wrap=True)


def asked_results(typed: Sequence[str], case: Case) -> dict[str, tuple[int, ...] | None]:
    """Results, each with the element of it that was asked for, if one was.

    Raises
    ------
    UsageError
        If the case has none such.
    """
    found: dict[str, tuple[int, ...] | None] = {}
    for each in typed:
        name, bracket, rest = each.partition("[")
        shape = case.shapes.get(name)
        if shape is None:
            there = ", ".join(case.shapes)
            raise UsageError(f"--result {each}: this case has {there}; name one of them")
        index = tuple(int(part) for part in re.findall(r"[0-9]{1,9}", rest))
        is_inside = len(index) == len(shape) and all(map(int.__lt__, index, shape))
        if bracket and not (is_inside and re.fullmatch(r"[0-9, ]*\]", rest)):
            element = ",".join(str(n - 1) for n in shape)
            raise UsageError(
                f"--result {each}: {name} has the shape {shape}; its last element is "
                f"'{name}[{element}]'"
            )
        found[name] = index if bracket else None
    return found


def _walked(found: Replay, asked: dict[str, tuple[int, ...] | None]) -> list[str]:
    got = None if found.unsupported else found.got
    arrays, right = found.arrays, found.autograd
    lines = list(walk(found.case, arrays, right, got, found.worked, asked=asked))
    if found.unsupported:
        lines += ["", f"the subject does not claim this case: {found.unsupported}"]
    for ruling in found.rulings:
        lines += ["", f"{ruling.verdict.upper()}. {ruling.result}: {ruling.because}"]
    return lines
