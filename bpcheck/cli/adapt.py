"""``bpcheck adapt``: the declaration that fits code, ready to paste, and the command for it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from bpcheck.adapters.candidates import candidates
from bpcheck.adapters.fitting import Fit, best
from bpcheck.adapters.found import closeness, functions_of, is_forward, there_are
from bpcheck.adapters.hints import hints
from bpcheck.adapters.signatures import OR_ADAPT
from bpcheck.cli import exits
from bpcheck.cli.project import Entry, shell_target
from bpcheck.cli.safety import Safety
from bpcheck.inert import inert
from bpcheck.operations import Operation, operation_named, operation_names
from bpcheck.runner.process.code import code_at

#: The claims that a yes narrows; the others are narrowed by a no.
ALIKE = ("square_kernels", "equal_strides")


def run_adapt(target: str, operation: str | None, *, safety: Safety, interpret: bool) -> int:
    """Print what fits; 2 if nothing does."""
    directory = Path.cwd()
    is_in_process = safety.is_in_process()
    with code_at(
        target,
        directory,
        in_process=is_in_process,
        allowed=safety.allowed(),
        interpret=interpret,
    ) as code:
        lines, is_found = code.ask(adapted, target, operation, directory, interpret)
    click.echo(inert("\n".join(lines)))
    return exits.AGREES if is_found else exits.USAGE


def adapted(
    found: Any,
    target: str,
    operation: str | None,
    directory: Path,
    interpret: bool = False,  # noqa: FBT001, FBT002 - it travels to a worker by its place
) -> tuple[list[str], bool]:
    """What is to be said of the code that a target names, and whether something fits."""
    if operation and not operation_named(operation, directory=directory).shape_probes:
        return list(_needs_none(target, operation)), False
    names = (operation,) if operation else operation_names()
    fits = []
    for each in (operation_named(name, directory=directory) for name in names):
        options = candidates(found, target, each) if each.shape_probes else []
        if operation is None:
            options = [one for one in options if _is_named(one[0].target, each)]
        fits += [(each, best(one, each)) for one in options]
    good = [(each, fit) for each, fit in fits if fit.is_taken]
    taken = {fit.candidate.target for _, fit in good}
    begun = [
        (each, fit) for each, fit in fits if fit.is_begun and fit.candidate.target not in taken
    ]
    fitting = good + begun
    good = fitting if operation else _without_vague(fitting)
    if not good:
        return list(_nothing(found, target, operation, fits)), False
    often = Counter(fit.candidate.target for _, fit in good)
    told = (
        _told(
            each,
            fit,
            is_first=place == 0,
            is_alone=often[fit.candidate.target] == 1,
            interpret=interpret,
        )
        for place, (each, fit) in enumerate(good)
    )
    lines = [line for lines in told for line in lines]
    taken = {fit.candidate.target for _, fit in fitting}
    return [*lines, *_others([(each, fit) for each, fit in fits if fit.said], taken)], True


def _needs_none(target: str, operation: str) -> Iterator[str]:
    yield (
        "Only for convolutions and pools are other shapes of code looked for. Code for "
        f"{operation} is taken as it is:"
    )
    yield ""
    yield f"    bpcheck check {operation} {target}                  forward and vjp on NumPy arrays"
    yield f"    bpcheck check {operation} {target} --style torch    a function on tensors"


def _others(fits: list[tuple[Operation, Fit]], taken: set[str]) -> Iterator[str]:
    """What is there by its name as well, and was not taken."""
    is_first = True
    for operation, fit in fits:
        if fit.candidate.target not in taken:
            yield from ("", "Not taken:") if is_first else ()
            yield _said(operation, fit)
            taken, is_first = {*taken, fit.candidate.target}, False


def _is_named(target: str, operation: Operation) -> bool:
    """Whether a name says which operation its code is; who does not name one relies on that."""
    name = _name(target)
    return bool(closeness(name, operation)) or name in {"ModelNew", "Model"}


def _without_vague(fits: list[tuple[Operation, Fit]]) -> list[tuple[Operation, Fit]]:
    """Those that fit, without code named after just any pool where other code says which it is."""
    close = [closeness(_name(fit.candidate.target), each) for each, fit in fits]
    is_told = any(how == 3 and each.mode for how, (each, _) in zip(close, fits, strict=True))
    vague = {
        fit.candidate.target
        for how, (each, fit) in zip(close, fits, strict=True)
        if how == 2 and each.mode and is_told
    }
    return [(each, fit) for each, fit in fits if fit.candidate.target not in vague]


def _name(target: str) -> str:
    return target.rpartition(":")[2].rpartition(".")[2]


def _told(
    operation: Operation, fit: Fit, *, is_first: bool, is_alone: bool, interpret: bool
) -> Iterator[str]:
    one = fit.candidate
    entry = Entry(one.target, str(operation), one.style, one.words, interpret=interpret)
    name = one.target.rpartition(":")[2].rpartition("/")[2].removesuffix(".py")
    name = name.replace(".", "_") if is_alone else f"{name.replace('.', '_')}_{operation}"
    if not is_first:
        yield ""
    yield f"{one.target} is taken as {operation} by the style {one.style}:"
    yield ""
    yield f"    bpcheck check {operation} {shell_target(entry)}"
    yield ""
    yield "In pyproject.toml:"
    yield ""
    yield f"    [tool.bpcheck.subjects.{name}]"
    yield f"    target = {json.dumps(one.target)}"
    yield f"    operation = {json.dumps(str(operation))}"
    yield f"    style = {json.dumps(one.style)}"
    if one.words:
        yield f"    with = {{ {', '.join(_toml(one.words))} }}"
    if interpret:
        yield "    interpret = true"
    yield ""
    yield "In Python:"
    yield ""
    yield f"    {_python(operation, fit, interpret=interpret)}"
    yield ""
    yield from _shapes(fit)
    yield from hints(fit, operation)


def _shapes(fit: Fit) -> Iterator[str]:
    left = f"{fit.refused} {'is' if fit.refused == 1 else 'are'} left out"
    if fit.is_taken:
        yield (
            f"y and every gradient have the right shapes in {fit.back} of {fit.tried} small cases; "
            f"{left}. Whether the numbers are right is what check tells."
        )
        return
    wrong = fit.tried - fit.refused - fit.ahead
    yield (
        f"y has the right shape in {fit.ahead} of {fit.tried} small cases; {left}, and in {wrong} "
        f"it goes wrong, which check tells: {fit.said}"
    )
    if fit.beside:
        claimed = f"{fit.beside}={'yes' if fit.beside in ALIKE else 'no'}"
        yield f"If the code is not meant to take that, claim so: --with {claimed}"


def _toml(words: Mapping[str, Any]) -> Iterator[str]:
    for word, value in words.items():
        yield f"{word} = {json.dumps(value)}"


def _python(operation: Operation, fit: Fit, *, interpret: bool) -> str:
    one = fit.candidate
    words = "".join(f", {word}={value!r}" for word, value in one.words.items())
    dots = f'"{one.target}", operation="{operation}", style="{one.style}"'
    given = f", words={dict(one.words)!r}" if words else ""
    switched = ", interpret=True" if interpret else ""
    return f"bpcheck.adapters.load({dots}{given}{switched})"


def _said(operation: Operation, fit: Fit) -> str:
    one = fit.candidate
    return f"    {one.target} as {operation}, style {one.style}: {fit.said.removesuffix(OR_ADAPT)}"


def _inside(found: Any) -> str:
    """What functions a module has; empty for none, and for what is no module."""
    listed = there_are(found) if isinstance(found, ModuleType) else ""
    return f";{listed}".replace("(", "").replace(")", "") if listed else ""


def _itself(found: Any, target: str) -> str:
    """The target, or the function in it that is likely to be meant."""
    if not isinstance(found, ModuleType):
        return target
    names = list(functions_of(found))
    forward = next((each for each in names if is_forward(each)), names[0] if names else "NAME")
    return f"{target}{'.' if ':' in target else ':'}{forward}"


def _nothing(
    found: Any, target: str, operation: str | None, fits: list[tuple[Operation, Fit]]
) -> Iterator[str]:
    asked = f" for {operation}" if operation else ""
    yield f"Nothing{asked} was found in {target} that could be taken as it is."
    tried = [(each, fit) for each, fit in fits if fit.said]
    for each, fit in tried[:6]:
        yield _said(each, fit)
    if not tried:
        yield (
            "    No function or class has a name of an operation, with a backward beside it "
            "(conv_forward and conv_backward, conv and conv_backward, a class Conv with forward "
            f"and backward){_inside(found)}; name the function or class itself, and the "
            f"operation: bpcheck adapt {_itself(found, target)} {operation or 'conv2d'}"
        )
    style = tried[0][1].candidate.style if tried else "pair"
    style = "layer" if style == "saito" else style
    yield "Show the calls as they are written (docs/your-code.md has the words):"
    yield ""
    yield (
        f"    bpcheck check {operation or 'conv2d'} {_itself(found, target)} --style {style} "
        '--with "forward=..." --with "backward=..."'
    )
