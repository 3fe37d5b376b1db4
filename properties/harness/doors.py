"""The doors of the harness, for one kernel on a few cases: the shell, pytest and Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from textwrap import dedent
from typing import Any

import pytest

# Imported here, so that the runs within the tests find it imported.
import torch  # noqa: F401
from click.testing import CliRunner

import bpcheck
from bpcheck import Subject, parse_case
from bpcheck.cli import main
from bpcheck.report import report_text
from bpcheck.verdict import Report
from properties.harness.depth import deep
from properties.harness.targets import write

#: Of each text without one, unless it is said how many.
SEEDS = deep(4, 8)

#: What a shell would have said, too long for a line of a terminal.
WIDTH = 400


@dataclass(frozen=True)
class Given:
    """A kernel as a file, and the cases that tell: some texts, or the first of a quick run.

    A case text without layouts is in C order.
    """

    code: str
    operation: str
    cases: tuple[str, ...] = ()
    style: str = "numpy"
    #: What in the file is the kernel; all of it by default.
    attribute: str = ""
    seeds: int = SEEDS
    #: Cases of a quick run, of at most so many multiplications, where no texts are given.
    count: int = 0
    largest: int = 3_000

    def target(self, file: str) -> str:
        """The kernel in a file of that name."""
        return f"{file}:{self.attribute}" if self.attribute else file

    @property
    def texts(self) -> list[str]:
        """The texts of all cases, of every seed."""
        layouts = [
            case if ":" in case or "c-order" in case else f"{case} c-order" for case in self.cases
        ]
        return [f"{case} seed={seed}" for case in layouts for seed in range(self.seeds)]

    @property
    def asked(self) -> dict[str, Any]:
        """The same as `check_subject` takes it."""
        if self.cases:
            return {"cases": [parse_case(text) for text in self.texts]}
        return {"profile": "quick", "count": self.count, "largest": self.largest}

    @property
    def words(self) -> tuple[str, ...]:
        """The same as the shell does."""
        if self.cases:
            write("cases.txt", "\n".join(self.texts))
            return "--cases", "cases.txt"
        largest = ("--largest", str(self.largest))
        return "--profile", "quick", "--cases", str(self.count), *largest


#: What one of them is called with; it gives the exit code, and what was said, in one line.
Door = Callable[[Given, Mapping[str, Any], pytest.Pytester, pytest.MonkeyPatch], tuple[int, str]]


def in_one_line(said: str) -> str:
    return " ".join(said.split())


def by_command_line(
    given: Given, claims: Mapping[str, Any], pytester: pytest.Pytester, patch: pytest.MonkeyPatch
) -> tuple[int, str]:
    # Another file with claims: what was imported stays.
    name = "claiming.py" if claims else "mine.py"
    lines = [f"{word.upper()} = {value!r}" for word, value in claims.items()]
    write(name, dedent(given.code) + "\n".join(lines))
    arguments = ["check", given.operation, given.target(name), "--style", given.style, *given.words]
    result = CliRunner().invoke(main, arguments, env={"COLUMNS": str(WIDTH)})
    return result.exit_code, in_one_line(result.output)


def by_pytest(
    given: Given, claims: Mapping[str, Any], pytester: pytest.Pytester, patch: pytest.MonkeyPatch
) -> tuple[int, str]:
    asked_of(patch, lambda subject: given.asked)
    write("mine.py", given.code)
    pytester.makepyfile(
        "import bpcheck\n"
        f"mine = bpcheck.adapters.load({given.target('mine.py')!r}, "
        f"operation={given.operation!r}, style={given.style!r})\n"
        f"test_mine = bpcheck.conformance(mine, claims={dict(claims)!r})\n"
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-rsxf")
    return int(result.ret), in_one_line(result.stdout.str())


def by_python(
    given: Given, claims: Mapping[str, Any], pytester: pytest.Pytester, patch: pytest.MonkeyPatch
) -> tuple[int, str]:
    write("mine.py", given.code)
    target = given.target("mine.py")
    subject = bpcheck.adapters.load(target, operation=given.operation, style=given.style)
    report = bpcheck.check(subject, claims=claims, **given.asked)
    return report.exit_code, in_one_line(report_text(report, width=WIDTH))


DOORS: dict[str, Door] = {
    "command line": by_command_line,
    "pytest": by_pytest,
    "Python": by_python,
}


def asked_of(patch: pytest.MonkeyPatch, asked: Callable[[Subject], Mapping[str, Any]]) -> None:
    """Have the plugin judge this of a subject, and not a whole profile."""
    run = bpcheck.runner.check_subject

    def few(subject: Subject, *, profile: str, seed: int, **_: Any) -> Report:
        return run(subject, **{"profile": profile, "seed": seed, **asked(subject)})

    patch.setattr(bpcheck.runner, "check_subject", few)
