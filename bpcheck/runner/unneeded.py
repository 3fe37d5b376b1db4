"""Claims that a subject does not need: it is right beyond them, or never makes use of them.

A claim that leaves something out is tried on a few cases that lie just beyond it. Nobody claims
that such a case ends well, so each claim is tried in a process of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import cycle, islice
from typing import Any

import numpy as np

from bpcheck.arithmetic import FORMATS, Array
from bpcheck.calls import name_of
from bpcheck.cases import Case
from bpcheck.cases.layouts import C_ORDER, LAYOUTS, join_layouts
from bpcheck.checks.claims import unclaimed
from bpcheck.claims import Claims
from bpcheck.filling import fill
from bpcheck.finding import Status
from bpcheck.operations import Operation
from bpcheck.planning.beyond import KINDS
from bpcheck.planning.draws import integers_from
from bpcheck.runner.apart import apart
from bpcheck.runner.one import judge
from bpcheck.subject import Subject
from bpcheck.verdict.judged import Judged
from bpcheck.verdict.tally import work

#: Cases judged beyond each claim, how many times as many may be refused, and geometries drawn in
#: search of them.
MOST, REFUSED, DRAWS = 3, 4, 400

#: Of a transform more are judged: one of small dyadic numbers is exact in most of them.
OF_TRANSFORMS = 16

#: Multiplications of such a case: small ones tell little, and large ones take long.
LEAST_WORK, MOST_WORK = 64, 20_000

#: The least where a transform is to show: its rounding is that of all numbers, not of a window.
OF_LONG_SUMS = 256

#: Seconds after which a claim is taken to be needed.
PATIENCE = 3.0

#: All claims that leave something out.
_WORDS = (
    "empty",
    "nan",
    "subnormals",
    "layouts",
    "square_kernels",
    "equal_strides",
    "dilation",
    "supports",
    "exact",
)

#: Those by which a convention of one's own is no claim, and no defect, by default.
_CONVENTIONS = tuple(dict.fromkeys(KINDS.values()))


def unneeded(subject: Subject, reasons: Iterable[str]) -> tuple[str, ...]:
    """The claims that `subject` seems not to need, each with what shows it.

    Parameters
    ----------
    subject
        What was checked.
    reasons
        Why cases of the whole run were not claimed.
    """
    claims = subject.claims
    words = [word for word in _WORDS if _leaves_out(claims, word)]
    return (
        *filter(None, (_tried(subject, word) for word in words)),
        *_never_raised(claims, tuple(reasons)),
        *_without_meaning(claims, subject.operation),
    )


def _leaves_out(claims: Claims, word: str) -> bool:
    if word in _CONVENTIONS:
        return getattr(claims, word) is False
    return bool(getattr(claims, word) != getattr(Claims(), word))


def _tried(subject: Subject, word: str) -> str:
    """What cases beyond a claim show; ``""`` if it is needed, or nothing is known of it."""
    answer = apart(partial(_try, subject, word), seconds=PATIENCE)
    # Fewer cases than are wanted tell nothing: most of what is claimed may be refused there.
    if not answer or len(answer) < _wanted(subject, word) or not all(right for _, right in answer):
        return ""
    if word == "supports":
        return f"supports (it leaves out cases that agree, such as {answer[0][0]})"
    cases = f"{len(answer)} cases" if len(answer) > 1 else "1 case"
    if word == "exact":
        return f"exact = False ({cases} agree as direct sums do)"
    value = f" = {getattr(subject.claims, word)}" if word != "layouts" else ""
    return f"{word}{value} ({cases} beyond it agree)"


def _try(subject: Subject, word: str) -> list[tuple[str, bool]]:
    """Cases beyond the claim, and whether the subject is right in them."""
    # What follows another convention needs its claim.
    everything = True if word in _CONVENTIONS else getattr(Claims(), word)
    lifted, wanted = subject.claiming({word: everything}), _wanted(subject, word)
    beyond = islice(_beyond(subject, lifted, word), REFUSED * wanted)
    judged = (each for each in (judge(lifted, case) for case in beyond) if not each.unsupported)
    answer = []
    for each in islice(judged, wanted):
        answer.append((str(each.case), _agrees(each)))
        if not answer[-1][1]:
            break
    return answer


def _wanted(subject: Subject, word: str) -> int:
    """How many cases beyond a claim have to agree: of each layout that is left out at least one."""
    if word == "layouts":
        return max(MOST, len(_left_out(subject)))
    return OF_TRANSFORMS if word == "exact" else MOST


def _left_out(subject: Subject) -> list[str]:
    claimed = subject.claims.layouts
    return [] if claimed is None else [each for each in LAYOUTS if each not in claimed]


def _agrees(judged: Judged) -> bool:
    """Whether the case was judged, and nothing was wrong."""
    passed = any(outcome.status is Status.PASSED for outcome in judged.outcomes)
    return passed and not any(ruling.verdict.is_defect for ruling in judged.rulings)


def _beyond(subject: Subject, lifted: Subject, word: str) -> Iterator[Case]:
    """Cases that are claimed without the claim, and not with it; each of another geometry.

    Without the claim not to be exact, all exact cases are judged, and real ones as direct sums.
    """
    found = 0
    geometries, dresses = _geometries(subject.operation, word), _dresses(subject, word)
    for seed, (geometry, dressed) in enumerate(zip(geometries, dresses, strict=False)):
        case = dressed(Case(subject.operation, geometry, seed=seed))
        is_beyond = word == "exact" or unclaimed(subject, case)
        if is_beyond and not unclaimed(lifted, case) and _tells(case, turn=found):
            found += 1
            yield case


def _tells(case: Case, *, turn: int) -> bool:
    """Whether what is rare in its values is in the array whose turn it is.

    The first operand comes first, then the cotangent, and the other operands.
    """
    if case.values not in KINDS:
        return True
    arrays = fill(case)
    first, *others = arrays.operands.values()
    by_turns = (first, arrays.y_bar, *others)
    return _is_rare(by_turns[turn % len(by_turns)])


def _is_rare(array: Array) -> bool:
    """Whether it holds a number that is subnormal, or is none."""
    form = FORMATS[array.dtype.name]
    least = form.tiniest * 2.0 ** (form.bits - 1)
    magnitudes = np.abs(array.astype(np.float64))
    return bool((~np.isfinite(magnitudes) | ((magnitudes > 0) & (magnitudes < least))).any())


def _geometries(operation: Operation, word: str) -> Iterator[Any]:
    """Geometries that are neither too small to tell anything nor too large."""
    integers = integers_from(np.random.default_rng((0, *word.encode())))
    restriction = operation.restrictions.get(word)
    least = OF_LONG_SUMS if word == "exact" else LEAST_WORK
    for _ in range(DRAWS):
        geometry = operation.draw(integers)
        is_empty = any(0 in shape for shape in operation.operand_shapes(geometry).values())
        size = work(Case(operation, geometry))
        if is_empty != (word == "empty") or not (is_empty or least <= size <= MOST_WORK):
            continue
        if restriction is None or restriction.shows(geometry):
            yield geometry


def _dresses(subject: Subject, word: str) -> Iterator[Any]:
    """Functions that put on what the claim is about, by turns, in the dtypes that are claimed."""
    operation, claims = subject.operation, subject.claims
    about = {
        "exact": ("wide", "exact"),
        **{claim: [kind for kind in KINDS if KINDS[kind] == claim] for claim in KINDS.values()},
    }
    asked = about.get(word, operation.value_kinds[:1])
    kinds = [kind for kind in asked if kind in operation.value_kinds]
    if word == "exact" and kinds:
        kinds.append("real")
    layouts = [C_ORDER]
    if word == "layouts":
        layouts = _left_out(subject) or layouts
    dtypes = [name for name in claims.dtypes if name in operation.dtypes]
    for kind, layout, dtype in zip(cycle(kinds), cycle(layouts), cycle(dtypes), strict=False):
        yield partial(_dressed, kind=kind, layout=layout, dtype=dtype)


def _dressed(case: Case, *, kind: str, layout: str, dtype: str) -> Case:
    arrays = (*case.operation.operand_shapes(case.geometry), "y_bar")
    everywhere = join_layouts(dict.fromkeys(arrays, layout))
    return replace(case, dtype=dtype, values=kind, layout=everywhere)


def _never_raised(claims: Claims, reasons: tuple[str, ...]) -> Iterator[str]:
    for each in map(name_of, claims.refuses):
        if not any(why == each or why.startswith(f"{each}: ") for why in reasons):
            yield f"refuses {each} (never raised)"


def _without_meaning(claims: Claims, operation: Operation) -> Iterator[str]:
    if claims.exact and claims.constant != Claims().constant:
        yield f"constant = {claims.constant:g} (it needs exact = False)"
    if claims.exact and claims.norm != Claims().norm:
        yield f"norm = {claims.norm} (it needs exact = False)"
    for word in ("square_kernels", "equal_strides", "dilation"):
        if word not in operation.restrictions and getattr(claims, word) != getattr(Claims(), word):
            yield f"{word} = {getattr(claims, word)} (it says nothing of {operation.name})"
