"""What a quick run of a subject that compiles takes, and which geometries it gets.

    python -m benchmarks.compiling [NAME ...]

JAX and Triton are needed for those written in them; each run is a process of its own.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.detection import head

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Subject:
    """One run: what it needs, and what is typed."""

    needs: str
    arguments: str


SUBJECTS = {
    "JAX conv2d": Subject(
        "jax", "conv2d benchmarks/compiled/jax_kernels.py:conv2d --style jax --cases 300"
    ),
    "JAX max_pool2d": Subject(
        "jax", "max_pool2d benchmarks/compiled/jax_kernels.py:max_pool2d --style jax --cases 300"
    ),
    "torch.compile max_pool2d": Subject(
        "torch", "max_pool2d benchmarks/compiled/torch_kernels.py:pool --style torch --cases 300"
    ),
    "Triton max_pool1d, interpreted": Subject(
        "triton",
        "max_pool1d examples/your_code/triton_kernels.py:pool --style torch --interpret --cases 60",
    ),
}


def measured(subject: Subject) -> tuple[float, float, dict[str, Any]]:
    """Seconds that a run took, those of processors in all its processes, and its report."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.json"
        before, start = processor_seconds(), time.perf_counter()
        subprocess.run(
            [
                *(sys.executable, "-m", "bpcheck", "check", *subject.arguments.split()),
                *("--profile", "quick", "--json", str(file)),
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), *sys.path))},
            stdout=subprocess.DEVNULL,
            check=False,
        )
        seconds = time.perf_counter() - start
        return seconds, processor_seconds() - before, json.loads(file.read_text())["reports"][0]


def processor_seconds() -> float:
    """What processes that have ended took of processors, with those that they waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def classes_met(report: dict[str, Any], *, families: bool) -> str:
    """How many classes had a case, of those that are not left to the claims."""
    claimed = {
        name: cases
        for name, cases in report["coverage"].items()
        if name.startswith("family ") == families and name not in report["not_claimed"]
    }
    return f"{sum(map(bool, claimed.values()))} of {len(claimed)}"


COLUMNS = (
    *("subject", "seconds", "on processors", "cases", "geometries"),
    *("families", "other classes", "verdict"),
)


def main(names: list[str]) -> None:
    print(head(*COLUMNS))
    for name in names or SUBJECTS:
        subject = SUBJECTS[name]
        if find_spec(subject.needs) is None:
            print(f"| {name} | {subject.needs} is not installed |")
            continue
        seconds, on_processors, report = measured(subject)
        cells = (
            f"{seconds:.0f}",
            f"{on_processors:.0f}",
            report["counts"]["cases"],
            report["geometries"] or "any",
            classes_met(report, families=True),
            classes_met(report, families=False),
            report["verdict"],
        )
        print(f"| {name} | {' | '.join(map(str, cells))} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
