"""What the precision baseline detects, and how often it alarms without cause.

Run from the repository's root::

    python -m benchmarks.precision [losses] [itself] [smallest] [chance] [orders] [--quick]

Without words, all five tables are printed, as Markdown:

losses
    Planted losses of precision, each measured with three seeds.
itself
    Comparisons of a convolution with itself: other seeds, another order of the terms, one thread
    and two.
smallest
    The smallest loss that is seen: the errors of another order of summation, times a factor.
chance
    The probability of a false failure, by simulation of the rank test alone.
orders
    How far the kernels that BLAS has for other processors move the medians: what the wider rule for
    other environments is taken from.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.precision import Comparison, Measurement, Outcome, compare, loads, measure
from bpcheck.precision.metrics import TESTED
from bpcheck.precision.ranks import EFFECT, FALSE_ALARM, OTHER_EFFECT, holm, worsened
from bpcheck.subject import Subject
from properties.harness.precision_losses import LOSSES, permuted
from reference import conv

#: Comparisons of a run on conv2d in three dtypes: 4 results, 4 data kinds, 2 groups of lengths, 3
#: metrics. Benchmarks that measure a part of that are held to the level of the whole.
WHOLE_RUN = 3 * 4 * 4 * 2 * 3

#: Processors of three generations, each with kernels of its own in OpenBLAS: SSE, AVX2, AVX-512.
CORES = ("Prescott", "Haswell", "SkylakeX")

CONV = Subject(
    conv.forward,
    conv.vjp,
    operation="conv2d",
    name="reference.conv",
    dtypes=("float64", "float32", "float16"),
)


def as_part_of_a_run(before: Measurement, after: Measurement, **how: Any) -> Comparison:
    """Compared as strictly as if it were one part of a run on conv2d in all dtypes."""
    parts = len(compare(before, before).changes)
    return compare(before, after, false_alarm=FALSE_ALARM * parts / WHOLE_RUN, **how)


def losses(*, quick: bool) -> None:
    seeds = (0,) if quick else (0, 1, 2)
    print(f"\n## Planted losses, seeds {', '.join(map(str, seeds))}\n")
    print("| loss | measured | detected | strongest: ratio of medians | seconds |")
    print("|---|---|---|---|---|")
    for loss in LOSSES:
        found, start = [], time.perf_counter()
        for seed in seeds:
            before, after = (
                measure(
                    each, dtypes=[loss.dtype], results=loss.results, longest=loss.longest, seed=seed
                )
                for each in (loss.before, loss.after)
            )
            found.append(as_part_of_a_run(before, after))
        detected = sum(bool(each.losses) for each in found)
        worst = found[0].losses[0] if found[0].losses else None
        strongest = f"{worst.ratio:.3g} ({worst.metric}, {worst.kind})" if worst else "none"
        what = f"{found[0].baseline.operation} {'/'.join(loss.results)} {loss.dtype}"
        spent = (time.perf_counter() - start) / len(seeds)
        print(
            f"| {loss.name} | {what} | {detected} of {len(seeds)} | {strongest} | {spent:.1f} |",
            flush=True,
        )


def itself(*, quick: bool) -> None:
    """Every pair of many runs of one kernel, compared with the rule that applies and strictly."""
    count = 10 if quick else 46
    how: dict[str, Any] = {
        "dtypes": ["float32", "float16"],
        "results": ["y", "w_bar"],
        "longest": 256,
    }
    runs = []
    for index in range(count):
        other_order, threads = index % 3 == 1, 2 if index % 3 == 2 else 1
        subject = permuted(CONV, index) if other_order else CONV
        run = measure(subject, seed=index // 2, threads=threads, **how)
        label = "order" if other_order else "two threads" if threads == 2 else "plain"
        runs.append((label, run))
    total: Counter[str] = Counter()
    alarms: Counter[str] = Counter()
    strict: Counter[str] = Counter()
    for (one, before), (two, after) in combinations(runs, 2):
        same_seed = before.settings.seed == after.settings.seed
        kind = ", ".join(
            (*sorted({one, two} - {"plain"}), "same seed" if same_seed else "other seed")
        )
        after_here = replace(after, settings=before.settings)
        total[kind] += 1
        alarms[kind] += bool(compare(before, after_here).losses)
        # As if the number of threads were no other environment.
        here = replace(after_here, environment=before.environment)
        strict[kind] += bool(compare(before, here).losses)
    print(f"\n## A kernel against itself: {total.total()} comparisons of {count} runs\n")
    print("| what differs | comparisons | alarms | alarms by the rule of one environment |")
    print("|---|---|---|---|")
    for kind, number in sorted(total.items()):
        print(f"| {kind} | {number} | {alarms[kind]} | {strict[kind]} |")
    print(f"| all | {total.total()} | {alarms.total()} | {strict.total()} |", flush=True)


def coarser(measurement: Measurement, factor: float) -> Measurement:
    """As if every error were larger by `factor`."""
    return replace(
        measurement,
        cells={
            cell: replace(
                metrics,
                rms=tuple(factor * value for value in metrics.rms),
                max=tuple(factor * value for value in metrics.max),
            )
            for cell, metrics in measurement.cells.items()
        },
    )


def smallest(*, quick: bool) -> None:
    """A kernel that sums in another order, so that its errors are other ones, made larger."""
    seeds = range(1 if quick else 3)
    how: dict[str, Any] = {"dtypes": ["float32"], "results": ["y"]}
    pairs = [
        (measure(CONV, seed=seed, **how), measure(permuted(CONV, seed), seed=seed, **how))
        for seed in seeds
    ]
    print(
        "\n## The smallest loss that is seen: conv2d y float32, other errors larger by a factor\n"
    )
    print("| factor | runs that fail | rms, up to 1,027 terms | rms, from 4,105 terms |")
    print("|---|---|---|---|")
    for factor in (1.05, 1.1, 1.15, 1.2, 1.3, 1.5, 2.0):
        found = [as_part_of_a_run(one, coarser(other, factor)) for one, other in pairs]
        row = []
        for short in (True, False):
            groups = [
                change
                for each in found
                for change in each.changes
                if change.metric == "rms" and (change.longest < 4_000) == short
            ]
            seen = sum(change.outcome is Outcome.LOSS for change in groups)
            row.append(f"{seen} of {len(groups)}")
        failing = sum(bool(each.losses) for each in found)
        print(f"| {factor:g} | {failing} of {len(found)} | {' | '.join(row)} |", flush=True)


def chance(*, quick: bool) -> None:
    """Runs of `WHOLE_RUN` comparisons of 27 pairs that differ by chance alone."""
    runs, pairs = (2_000 if quick else 100_000), 27
    rng = np.random.default_rng(0)
    # Ranks of 27 pairs: which sums are as unlikely as the corrected level asks of the largest.
    p_values: dict[int, float] = {}
    ranks = np.arange(1, pairs + 1)
    alarms = {1.0: 0, EFFECT: 0}
    for _ in range(runs):
        change = rng.standard_normal((WHOLE_RUN, pairs)) * 0.2
        order = np.argsort(np.argsort(np.abs(change), axis=1), axis=1) + 1
        sums = np.where(change > 0, order, 0).sum(axis=1)
        best = int(sums.argmax())
        if int(sums[best]) not in p_values:
            signs = np.where(_signs_with_sum(ranks, int(sums[best])), 1.1, 1 / 1.1)
            p_values[int(sums[best])] = worsened(np.ones(pairs), signs**ranks)
        if holm([p_values[int(sums[best])], *[1.0] * (WHOLE_RUN - 1)])[0] <= FALSE_ALARM:
            alarms[1.0] += 1
            alarms[EFFECT] += float(np.exp(np.median(change[best]))) > EFFECT
    print(f"\n## False failures in {runs:,} runs of {WHOLE_RUN} comparisons without any change\n")
    print("| smallest ratio of medians that counts | false failures | at most, with 95 % |")
    print("|---|---|---|")
    from scipy.stats import beta

    for effect, number in alarms.items():
        most = float(beta.ppf(0.95, number + 1, runs - number))
        print(f"| {effect:g} | {number} of {runs:,} | {most:.1e} |", flush=True)


def _signs_with_sum(ranks: Array, total: int) -> Array:
    """Which ranks are positive, for some choice whose sum is `total`."""
    chosen = np.zeros(ranks.size, dtype=bool)
    for index in range(ranks.size - 1, -1, -1):
        if ranks[index] <= total:
            chosen[index] = True
            total -= int(ranks[index])
    return chosen


def orders(*, quick: bool) -> None:
    """The same kernel on the BLAS kernels of other processors, in processes of their own."""
    longest = 1024 if quick else 16_384
    found: dict[str, Measurement] = {}
    code = (
        "from bpcheck.precision import dumps, measure\n"
        "from benchmarks.precision import CONV\n"
        "found = measure(CONV, dtypes=['float32', 'float64'], results=['y', 'w_bar'],\n"
        f"    kinds=['zero-mean', 'positive'], longest={longest})\n"
        "print(dumps([found]))"
    )
    for core in CORES:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "OPENBLAS_CORETYPE": core},
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).resolve().parent.parent,
        )
        if done.returncode == 0:
            (found[core],) = loads(done.stdout, origin=core)
    print("\n## BLAS kernels of other processors: largest ratio of medians\n")
    print(
        "| baseline | now | rms | max | misrounded | alarms by the wider rule | ratios above 4 "
        "| above 1.1 |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for one, two in combinations(found, 2):
        for first, second in ((one, two), (two, one)):
            wide = compare(found[first], found[second])
            here = replace(found[second], environment=found[first].environment)
            by_ratio = [
                len(compare(found[first], here, effect=effect).losses)
                for effect in (OTHER_EFFECT, EFFECT)
            ]
            cells = []
            for metric in TESTED:
                ratios = [change.ratio for change in wide.changes if change.metric == metric]
                cells.append(f"{max(ratios):.3g}")
            print(
                f"| {first} | {second} | {' | '.join(cells)} | {len(wide.losses)} "
                f"| {by_ratio[0]} | {by_ratio[1]} of {len(wide.changes)} |",
                flush=True,
            )


TABLES: dict[str, Callable[..., None]] = {
    "losses": losses,
    "itself": itself,
    "smallest": smallest,
    "chance": chance,
    "orders": orders,
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument(
        "tables", nargs="*", choices=[*TABLES, []], help="which tables; all if none"
    )
    parser.add_argument("--quick", action="store_true", help="fewer seeds, runs and simulations")
    given = parser.parse_args(arguments)
    for name in given.tables or TABLES:
        TABLES[name](quick=given.quick)


if __name__ == "__main__":
    main()
