"""Mutants of reference/: which of them a quick run does not kill.

    python -m benchmarks.mutants                    # all: the table of docs/benchmarks.md
    python -m benchmarks.mutants --count 200        # so many, drawn by seed
    python -m benchmarks.mutants --only unrolled.py # those of one file

Each small change of a source of `reference/` (see benchmarks/mutating.py) is loaded in a process of
its own and judged on the cases of `quick`, operation after operation, until one is rejected. What
survives all operations that its module is part of is printed, unless benchmarks/equivalents.tsv
says why no case can tell it from the right one.
"""

from __future__ import annotations

import argparse
import ast
import csv
import importlib
import importlib.abc
import importlib.util
import math
import multiprocessing
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.machinery import ModuleSpec
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType

import numpy as np

from benchmarks.detection import head, row
from benchmarks.hunting import is_rejected
from benchmarks.material import judged_in_a_run, kernel, planned
from benchmarks.mutating import Mutant, mutants
from bpcheck import adapters
from bpcheck.cases import Case
from bpcheck.planning.profiles import PROFILES
from bpcheck.runner.threads import one_thread

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "reference"

#: Why survivors that have been read cannot be told from the right source, one a line.
EQUIVALENTS = Path(__file__).parent / "equivalents.tsv"

#: The operations by module, those first that tell most.
OPERATIONS = {
    "conv": ("conv2d", "conv1d", "conv3d"),
    "max_pool": ("max_pool2d", "max_pool1d", "max_pool3d"),
    "avg_pool": ("avg_pool2d", "avg_pool1d", "avg_pool3d"),
    "network": ("network",),
    "cross_entropy": ("cross_entropy",),
}

#: Seconds for all cases of one operation, of which the right kernel takes four on a quiet machine.
LIMIT_S = 240

#: The number of standard deviations of a 95 % interval.
Z = 1.959964


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a mutant: ``killed``, ``timed out`` or ``survived``, and where it was seen."""

    file: str
    mutant: Mutant
    end: str
    said: str


def imports_of(module: str) -> frozenset[str]:
    """The modules of `reference/` that one rests on, itself among them."""
    found, todo = set[str](), [module]
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found.add(name)
        tree = ast.parse((REFERENCE / f"{name}.py").read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module == "reference":
                todo += [each.name for each in node.names]
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("reference."):
                todo.append(str(node.module).removeprefix("reference."))
    return frozenset(found)


def operations_with(module: str) -> list[str]:
    """The operations whose kernels rest on a module."""
    return [
        operation
        for name, operations in OPERATIONS.items()
        if module in imports_of(name)
        for operation in operations
    ]


@cache
def cases(operation: str) -> tuple[Case, ...]:
    """The cases of a quick run."""
    right = kernel("reference", operation)
    return tuple(planned(right, count=PROFILES["quick"].total(right.operation), profile="quick"))


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds one module of `reference/` as another source has it."""

    def __init__(self, name: str, source: str):
        self._name, self._source = name, source

    def find_spec(
        self, fullname: str, path: object, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return importlib.util.spec_from_loader(fullname, self) if fullname == self._name else None

    def get_source(self, fullname: str) -> str:
        return self._source


def _judge(module: str, source: str, operations: Sequence[str], out: Connection) -> None:
    """Send what rejects a changed source first, or that nothing does."""
    for name in [each for each in sys.modules if each.split(".")[0] == "reference"]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Changed(f"reference.{module}", source))
    with one_thread():
        for operation in operations:
            out.send(("begun", operation))
            name = next(each for each, made in OPERATIONS.items() if operation in made)
            try:
                changed = adapters.load(f"reference.{name}", operation=operation)
            except BaseException as error:  # noqa: BLE001 - whatever a change makes of an import
                out.send(("killed", f"{operation}: {type(error).__name__} when it is loaded"))
                return
            for case in cases(operation):
                judged = judged_in_a_run(changed, case, "quick")
                if is_rejected(judged):
                    rulings = ", ".join(f"{each.result} {each.verdict}" for each in judged.rulings)
                    out.send(("killed", f"{case}: {rulings}"))
                    return
    out.send(("survived", ""))


def fate_of(file: str, mutant: Mutant) -> Fate:
    """What becomes of one mutant, in a process of its own."""
    context = multiprocessing.get_context("fork")
    inside, outside = context.Pipe(duplex=False)
    module = file.removesuffix(".py")
    arguments = (module, mutant.source, operations_with(module), outside)
    process = context.Process(target=_judge, args=arguments, daemon=True)
    process.start()
    outside.close()
    end, said = "killed", "its process died"
    operation, due = "", time.monotonic() + LIMIT_S
    try:
        while True:
            if not inside.poll(max(0.0, due - time.monotonic())):
                end, said = "timed out", operation
                break
            word, what = inside.recv()
            if word != "begun":
                end, said = word, what
                break
            operation, due = what, time.monotonic() + LIMIT_S
    except EOFError:
        # It took the process with it, which is told of a subject as well.
        pass
    process.kill()
    process.join()
    return Fate(file, mutant, end, said)


def every_mutant(only: str | None) -> Iterator[tuple[str, Mutant]]:
    """All mutants of the modules that some operation rests on."""
    for path in sorted(REFERENCE.glob("*.py")):
        if (only is None or path.name == only) and operations_with(path.stem):
            for each in mutants(path.read_text(encoding="utf-8")):
                yield path.name, each


def equivalents() -> dict[tuple[str, str, str], str]:
    """Why each survivor that was read is equivalent, by file, source line and change."""
    if not EQUIVALENTS.exists():
        return {}
    with EQUIVALENTS.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {(name, line, what): why for name, line, what, why in list(rows)[1:]}


def key_of(fate: Fate) -> tuple[str, str, str]:
    """By what a survivor is known again when lines move: its file, its line and the change."""
    text = (REFERENCE / fate.file).read_text(encoding="utf-8").splitlines()
    return fate.file, text[fate.mutant.line - 1].strip(), fate.mutant.what


def interval(killed: int, total: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share.

    Examples
    --------
    >>> [round(each, 3) for each in interval(99, 100)]
    [0.946, 0.998]
    """
    share, square = killed / total, Z * Z
    middle = share + square / (2 * total)
    spread = Z * math.sqrt(share * (1 - share) / total + square / (4 * total * total))
    return (middle - spread) / (1 + square / total), (middle + spread) / (1 + square / total)


def print_fates(fates: Sequence[Fate]) -> None:
    """The table, and the survivors that nobody has read yet."""
    known = equivalents()
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    left = []
    for each in fates:
        end = each.end
        if end == "survived" and key_of(each) in known:
            end = "equivalent"
        elif end == "survived":
            left.append(each)
        counts[each.file][end] += 1
    total = sum(counts.values(), Counter[str]())
    ends = ("killed", "timed out", "equivalent", "survived")
    print(head("file", "mutants", *ends))
    for file, count in (*counts.items(), ("**all**", total)):
        print(row(file, count.total(), *(count[end] for end in ends)))
    wrong = total.total() - total["equivalent"]
    killed = total["killed"] + total["timed out"]
    if wrong:
        low, high = interval(killed, wrong)
        print(
            f"\nOf {wrong} that are not equivalent {killed} are killed in quick: "
            f"{killed / wrong:.1%} (95 %: {low:.1%} to {high:.1%})."
        )
    for each in left:
        print("\t".join((*key_of(each), f"line {each.mutant.line}")))


def main() -> None:
    """Judge the mutants that were asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, help="so many, drawn by seed (default: all)")
    parser.add_argument("--only", metavar="FILE", help="those of one file of reference/")
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    options = parser.parse_args()
    every = list(every_mutant(options.only))
    if options.count is not None and options.count < len(every):
        chosen = np.random.default_rng(0).choice(len(every), options.count, replace=False)
        every = [every[place] for place in sorted(chosen.tolist())]
    # Before anything is forked: each process has them then.
    for operation in sorted({name for file, _ in every for name in operations_with(file[:-3])}):
        cases(operation)
    with ThreadPoolExecutor(options.jobs) as pool:
        fates = []
        for fate in pool.map(lambda each: fate_of(*each), every):
            fates.append(fate)
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{len(fates)} of {len(every)}")
    print_fates(fates)


if __name__ == "__main__":
    main()
