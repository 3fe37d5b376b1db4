"""``bpcheck replay --as-test``: a failing case as a test of its own, to be pasted anywhere."""

from __future__ import annotations

from functools import partial
from typing import Any

from rich.text import Text

from bpcheck.calls import own_arithmetic
from bpcheck.cases import Case
from bpcheck.cli import exits
from bpcheck.cli.one_case import case_before, replayed_and_asked
from bpcheck.cli.output import stdout
from bpcheck.cli.recorded import Named
from bpcheck.cli.safety import Safety
from bpcheck.errors import UsageError
from bpcheck.report.as_test import Called, Word, as_test
from bpcheck.report.terminal import plain
from bpcheck.subject import Subject

#: The styles whose calls need nothing of bpcheck.
STYLES = ("numpy", "torch")


@own_arithmetic()
def run_as_test(case_text: str, typed: Named, *, safety: Safety) -> int:
    """Print a test that fails as the case does."""
    case = case_before(case_text, typed.target)
    if typed.style not in STYLES or typed.words:
        raise UsageError(
            f"--style {typed.style}: --as-test writes the calls of {' and '.join(STYLES)} code "
            "without a declaration, which need no bpcheck; replay the case instead, or give such "
            "a target"
        )
    found, called = replayed_and_asked(
        case,
        typed.target,
        partial(_called, case=case),
        style=typed.style,
        safety=safety,
        claims=typed.claims,
        interpreted=typed.interpreted,
    )
    if called is None:
        raise UsageError(
            f"{typed.target}: it cannot be seen how it is called; a module of torch is made anew "
            "for each case, say: name a function"
        )
    console = stdout()
    text = plain(as_test(found, typed.target, called), console)
    console.print(Text(text), soft_wrap=True, end="")
    return exits.AGREES


def _called(subject: Subject, *, case: Case) -> Called | None:
    """How the subject's code is called for a case; ``None`` where its adapter alone knows."""
    present = case.operation.operand_shapes(case.geometry)
    if subject.style == "torch":
        # A declared subject has an adapter of its own.
        owner: Any = getattr(subject.forward, "__self__", None)
        call_of = getattr(owner, "call_of", None)
        if call_of is None:
            return None
        names = [Word(f"t_{name}") if name in present else None for name in case.operation.operands]
        positional, named, function = call_of(names, case.params)
        return Called("torch", positional, named, function)
    operands = [Word(name) if name in present else None for name in case.operation.operands]
    return Called("numpy", tuple(operands), subject.accepted(case.params))
