"""Wrong under a condition that nobody has thought of: which of them the plan meets.

    python -m benchmarks.gated                 # the table of docs/benchmarks.md
    python -m benchmarks.gated --count 200     # fewer conditions

This is the benchmark of the plan, not of the checks. A condition is drawn by seed: one to three
statements such as "family 3x3, stride 1, padding 1", "input channels mod 8 == 3" or "bias none",
all of them true of some layer that can be. A kernel of `reference/` gets a mistake where the
condition holds. It is found where a case of the plan, the first 12 at most in which the condition
holds, is rejected.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice

import numpy as np

from benchmarks.detection import head, row, spread
from benchmarks.hunting import is_rejected
from benchmarks.material import judged_in_a_run, kernel, planned
from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.planning.classes import classes_of
from bpcheck.planning.profiles import PROFILES
from bpcheck.runner.one import judge
from bpcheck.runner.threads import one_thread
from bpcheck.subject import Subject

#: The operations, each as often as kernels of it are written.
OPERATIONS = ("conv2d", "conv2d", "conv2d", "max_pool2d", "avg_pool2d", "conv1d", "conv3d")

#: Numbers of which residues are taken: those of vectors and tiles, and one that is no power of two.
MODULI = (2, 3, 4, 8)

#: What conditions are made of, by name: how many statements of a family, a class, and a residue.
SHAPES = {
    "one class": (0, 1, 0),
    "one family": (1, 0, 0),
    "one residue": (0, 0, 1),
    "a family and a residue": (1, 0, 1),
    "a class and a residue": (0, 1, 1),
    "two classes": (0, 2, 0),
    "a family and a class": (1, 1, 0),
    "a family and two residues": (1, 0, 2),
    "three classes": (0, 3, 0),
}

#: Operation, shape, condition, mistake, and the number of the gradient that has it.
Drawn = tuple[str, str, tuple[str, ...], str, int]

#: Cases in which the condition holds that are judged at most: a mistake may not show in each.
TRIED = 12

#: Cases from which conditions are drawn: another seed's, so that they are not those that are met.
WITNESSES, SEED = 3_000, 77


@dataclass(frozen=True, slots=True)
class Gated:
    """One condition, and after how many of the plan's cases its mistake was found; 0 if never."""

    operation: str
    shape: str
    condition: tuple[str, ...]
    mistake: str
    met: int
    found: int


def last_column(bar: Array) -> None:
    """The last column is left out."""
    bar[..., -1:] = 0


def twice(bar: Array) -> None:
    """Everything counts twice."""
    bar *= 2


def last_plane(bar: Array) -> None:
    """The last channel is left out."""
    bar[:, -1:] = 0


def shifted(bar: Array) -> None:
    """Every number stands one cell further on."""
    bar[...] = np.roll(bar, 1, axis=-1) if bar.shape[-1] > 1 else -bar


MISTAKES: dict[str, Callable[[Array], None]] = {
    each.__name__: each for each in (last_column, twice, last_plane, shifted)
}


def spoilt(right: Subject, mistake: str, operand: int) -> Subject:
    """A kernel that makes the mistake in the gradient of one operand, in whatever it is given."""

    def vjp(residuals: object, y_bar: Array) -> tuple[Array | None, ...]:
        bars = [
            None if bar is None else np.array(bar, order="C") for bar in right.vjp(residuals, y_bar)
        ]
        bar = bars[operand % len(bars)]
        if bar is not None and bar.size:
            MISTAKES[mistake](bar)
        return tuple(bars)

    return replace(right, vjp=vjp, name="gated")


def residues(case: Case) -> frozenset[str]:
    """What the sizes of a case leave when they are divided."""
    shapes = case.operation.operand_shapes(case.geometry)
    sizes = {"samples": shapes["x"][0], "channels": shapes["x"][1], "width": shapes["x"][-1]}
    if len(shapes["x"]) > 3:
        sizes["height"] = shapes["x"][-2]
    sizes |= {"outputs": case.shapes["y"][1], "output width": case.shapes["y"][-1]}
    return frozenset(
        f"{name} mod {modulus} == {size % modulus}"
        for name, size in sizes.items()
        for modulus in MODULI
    )


def statements(case: Case) -> tuple[list[str], list[str], list[str]]:
    """What is true of a case: its family, its other classes, its residues; in a fixed order."""
    classes = sorted(name for name in classes_of(case) if " mod " not in name)
    families = [name for name in classes if name.startswith("family ")]
    others = [name for name in classes if not name.startswith("family ")]
    return families, others, sorted(residues(case))


@cache
def witnesses(operation: str) -> tuple[Case, ...]:
    """Cases of which some condition is true."""
    right = kernel("reference", operation)
    return tuple(planned(right, count=WITNESSES, seed=SEED))


def conditions(count: int) -> Iterator[Drawn]:
    """So many conditions with their mistakes, the same every time."""
    rng = np.random.default_rng(0)
    names, mistakes = list(SHAPES), list(MISTAKES)
    made = 0
    while made < count:
        operation = OPERATIONS[int(rng.integers(len(OPERATIONS)))]
        shape = names[made % len(names)]
        case = witnesses(operation)[int(rng.integers(WITNESSES))]
        told: list[str] = []
        for kind, wanted in zip(statements(case), SHAPES[shape], strict=True):
            if len(kind) < wanted:
                break
            told += [kind[int(each)] for each in rng.permutation(len(kind))[:wanted]]
        else:
            mistake, operand = mistakes[int(rng.integers(len(mistakes)))], int(rng.integers(2))
            # Where no window reads the last column it is 0 anyway: that is no mistake.
            if shows(operation, case, mistake, operand):
                made += 1
                yield operation, shape, tuple(told), mistake, operand


def shows(operation: str, case: Case, mistake: str, operand: int) -> bool:
    """Whether a mistake is one in a case: no other kernel is right there too."""
    if 0 in case.shapes["y"]:
        return False
    with one_thread():
        return is_rejected(judge(spoilt(kernel("reference", operation), mistake, operand), case))


@cache
def judged_cases(
    operation: str, profile: str, seed: int
) -> tuple[tuple[Case, frozenset[str]], ...]:
    """The cases of a plan, and all that is true of each."""
    right = kernel("reference", operation)
    count = PROFILES[profile].total(right.operation)
    return tuple(
        (case, frozenset(classes_of(case)) | residues(case))
        for case in islice(planned(right, count=count, seed=seed, profile=profile), count)
        if 0 not in case.shapes["y"]
    )


def hunt_gated(profile: str, seed: int, every: tuple[Drawn, ...]) -> list[Gated]:
    """What comes of each condition of a batch."""
    found = []
    with one_thread():
        for operation, shape, condition, mistake, operand in every:
            wrong = spoilt(kernel("reference", operation), mistake, operand)
            wanted = set(condition)
            hits = [
                (place, case)
                for place, (case, true) in enumerate(judged_cases(operation, profile, seed), 1)
                if wanted <= true
            ]
            at = next(
                (
                    place
                    for place, case in hits[:TRIED]
                    if is_rejected(judged_in_a_run(wrong, case, profile))
                ),
                0,
            )
            found.append(Gated(operation, shape, condition, mistake, len(hits), at))
    return found


def print_table(profile: str, found: list[Gated]) -> None:
    """How many of each shape were found, and what the others have in common."""
    print(f"### {profile}\n")
    print(head("condition", "drawn", "found", "share", "met by no case"))
    by_shape: dict[str, list[Gated]] = defaultdict(list)
    for each in found:
        by_shape[each.shape].append(each)
    for shape, members in (*by_shape.items(), ("all", found)):
        hits = sum(each.found > 0 for each in members)
        unmet = sum(not each.met for each in members)
        print(row(shape, len(members), hits, f"{100 * hits / len(members):.1f} %", unmet))
    missed = Counter(name for each in found if not each.found for name in each.condition)
    told = "; ".join(f"{name} ({count})" for name, count in missed.most_common(12))
    print(f"\nIn most conditions that were missed: {told}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=2_000, help="conditions (2,000)")
    parser.add_argument("--profile", action="append", choices=tuple(PROFILES))
    parser.add_argument("--seed", type=int, default=0, help="of the plans (0)")
    parser.add_argument("--jobs", type=int, default=2, help="worker processes (2)")
    parser.add_argument("--missed", action="store_true", help="list every condition that is missed")
    arguments = parser.parse_args()
    every = tuple(conditions(arguments.count))
    parts = [every[start :: arguments.jobs] for start in range(arguments.jobs)]
    for profile in arguments.profile or PROFILES:
        tasks = [(profile, arguments.seed, part) for part in parts]
        found = [each for some in spread(hunt_gated, tasks, arguments.jobs) for each in some]
        print_table(profile, found)
        for each in found if arguments.missed else ():
            if not each.found:
                told = " and ".join(each.condition)
                print(f"{each.operation}: {told} ({each.mistake}; met by {each.met})")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
