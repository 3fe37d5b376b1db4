"""Triton kernels of packages on the index, forward and backward, under Triton's interpreter.

    tools/judged-kernels                            # makes the environment, prints the page
    python -m benchmarks.kernels_judged             # in an environment that has the packages
    python -m benchmarks.kernels_judged --only fla  # kernels whose `package:name` has that text
    python -m benchmarks.kernels_judged --reports DIRECTORY  # keeps reports; judges the others

It prints docs/kernels-judged.md. Each kernel is checked by `bpcheck check` in a process of its own.
What a kernel is told is called a defect where `benchmarks/judged/reproduced/` has a program
without bpcheck that shows it, whose output is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.judged.findings import REPRODUCED, explained
from benchmarks.judged.listed import KERNELS, PACKAGES, STOPPED, Kernel
from benchmarks.judged.page import printed

ROOT = Path(__file__).parents[1]

#: Where an interpreter is to end a case: it may be in a loop that a device would leave.
TIMEOUT = 60


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one kernel: cases, seconds, what was told, and what stopped it if anything."""

    kernel: Kernel
    cases: int
    seconds: float
    told: tuple[dict[str, Any], ...]
    stopped: str = ""

    @property
    def command(self) -> str:
        """What one would type."""
        return shlex.join(["bpcheck", *command(self.kernel)])


def command(kernel: Kernel) -> list[str]:
    """The command that judges a kernel, as one would type it after ``bpcheck``."""
    return [
        "check",
        f"benchmarks.judged.operations:{kernel.name}",
        f"benchmarks.judged.{kernel.package}:{kernel.name}",
        *("--style", "torch", "--interpret", "--dtype", "f32"),
        *("--cases", str(kernel.cases), "--largest", str(kernel.largest)),
    ]


def judged(kernel: Kernel, directory: Path) -> Verdict:
    """One kernel, in a process of its own, unless the directory has its report."""
    report = directory / f"{kernel.package}-{kernel.name}.json"
    said = ""
    began = time.monotonic()
    if not report.exists():
        done = subprocess.run(
            [
                *(sys.executable, "-m", "bpcheck"),
                *command(kernel),
                *("--no-cache", "--no-repair", "--call-timeout", str(TIMEOUT)),
                *("--json", str(report)),
            ],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        said = next(reversed((done.stderr or done.stdout).strip().splitlines()), "nothing")
    seconds = time.monotonic() - began
    if not report.exists():
        return Verdict(kernel, 0, seconds, (), said)
    found = json.loads(report.read_text(encoding="utf-8"))["reports"][0]
    told = tuple(each for each in found["judgements"] if each["is_defect"])
    return Verdict(kernel, found["counts"]["cases"], seconds, told)


def versions() -> dict[str, str]:
    """The installed version of each distribution that is named, or why there is none."""
    names = {*PACKAGES.values(), *(each[0] for each in STOPPED), "triton", "torch"}
    found = {}
    for name in sorted(names):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def said_by(program: str, **more: str) -> str:
    """The output of a program under the interpreter, its last line alone where it raises."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=ROOT,
        env={**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1", **more},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode < 0:
        return f"(ended by signal {-done.returncode})"
    lines = (done.stderr if done.returncode else done.stdout).strip().splitlines()
    return lines[-1] if done.returncode and lines else "\n".join(lines)


#: What stops a kernel is asked for with the interpreter as complete as bpcheck makes it.
COMPLETED = "from bpcheck.imports.interpreters import interpret\ninterpret()\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", default="", help="kernels whose package:name has this text")
    parser.add_argument("--reports", type=Path, help="where reports are kept, and taken from")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        directory = arguments.reports or Path(place)
        directory.mkdir(parents=True, exist_ok=True)
        verdicts = list(judged_in_turn(arguments.only, directory))
    stopped = [(name, what, said_by(COMPLETED + lines)) for name, what, lines in STOPPED]
    programs = {name: path.read_text(encoding="utf-8") for name, path in REPRODUCED.items()}
    reproduced = {name: (text, said_by(text)) for name, text in programs.items()}
    print(printed(verdicts, versions(), stopped, reproduced))
    told = [(verdict.kernel, each) for verdict in verdicts for each in verdict.told]
    sys.exit(any(explained(*each) is None for each in told))


def judged_in_turn(only: str, directory: Path) -> Iterator[Verdict]:
    """Each kernel that was asked for; what came of it is told at once, for the whole takes long."""
    for kernel in KERNELS:
        name = f"{kernel.package}:{kernel.name}"
        if only not in name:
            continue
        verdict = judged(kernel, directory)
        _tell(f"{name}: {verdict.cases} cases, {verdict.seconds:.0f} s {verdict.stopped}")
        for each in verdict.told:
            known = explained(kernel, each)
            _tell(f"  {each['result']}: {each['judgement']}: {each['because']}")
            _tell(f"    {each['smallest_case']}")
            _tell(f"    {known.title if known else 'not looked into'}")
        yield verdict


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
