"""What a report says, as plain sentences; how they look is the terminal's concern."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bpcheck.checks.outcomes import number
from bpcheck.planning.profiles import PROFILES
from bpcheck.report.claims import left_out, said_of_claims
from bpcheck.report.covered import Covered
from bpcheck.verdict import Exhausted, Judgement, Report, Verdict

#: How many reasons for unsupported cases, and edge classes without a case, are spelt out.
LISTED = 4

#: The label of arithmetic: lines that stand below it, and are not wrapped.
BY_HAND = "by hand"

#: The label of the line at fault and of its repair, as they stand in the source.
LINE = "line"

#: The labels of texts that are meant to be copied: a line break inside would break them.
COPIED = ("smallest case", "replay", "torch alone", BY_HAND, LINE)

#: Claims of who is not meant for a class, by that class.
NOT_MEANT_FOR = {
    "batch 0": "EMPTY = False",
    "dilation > 1": "DILATION = False",
    "kernel unequal": "SQUARE_KERNELS = True",
    "stride unequal": "EQUAL_STRIDES = True",
}

#: A space at which no line is broken.
GLUE = "\N{NO-BREAK SPACE}"


def replay_command(case: str, target: str) -> str:
    """The shell command that runs one case again; `target` is put as it is.

    Examples
    --------
    >>> replay_command("max_pool1d n1ic1iw4kw2", "layers:Pool")
    "bpcheck replay 'max_pool1d n1ic1iw4kw2' layers:Pool"
    """
    return f"bpcheck replay {shlex.quote(case)} {target}"


def grouped(judgements: Sequence[Judgement]) -> list[tuple[Judgement, tuple[str, ...]]]:
    """Judgements, each with the other results of which the same is to be said.

    One forgotten copy or one kept array spoils every gradient: that is told once. Wrong values of
    different gradients are different mistakes, and told each for itself.
    """
    groups: dict[object, list[Judgement]] = {}
    for judgement in judgements:
        own = judgement.verdict is Verdict.BACKWARD_WRONG
        key = judgement.verdict, judgement.smallest if own else "", judgement.cause
        group = groups.setdefault(key, [])
        if any(each.result == judgement.result for each in group):
            # Another defect of the same result: it has a condition of its own.
            group = groups.setdefault((*key, judgement.smallest), [])
        group.append(judgement)
    return [(group[0], tuple(each.result for each in group[1:])) for group in groups.values()]


def block(
    judgement: Judgement, *, target: str | None = None, alike: tuple[str, ...] = ()
) -> Iterator[tuple[str, str]]:
    """What is told of a judgement below its headline, as pairs of a label and a text.

    The label is empty where the text is a sentence. `target` is what a shell needs to name the
    subject; without it no command is given. `alike` are the other results it is said of.
    """
    said = judgement.because
    yield "", judgement.because
    if judgement.answers:
        yield (
            element(judgement),
            "   ".join(
                f"{'got' if juror == 'subject' else juror} {number(value)}"
                for juror, value in judgement.answers
            ),
        )
    for finding in judgement.findings:
        if not judgement.answers and finding.message not in said:
            said += finding.message
            yield "", finding.message
        elif judgement.answers and finding.wrong:
            yield "in that case", f"{finding.wrong:,} of {finding.total:,} elements wrong"
            break
    if alike:
        yield "the same of", listing(list(alike))
    yield from _explained(judgement)
    yield "seen in", _seen_in(judgement)
    yield "smallest case", judgement.smallest
    if judgement.worked:
        yield BY_HAND, "\n".join(judgement.worked)
    if judgement.why_no_replay:
        yield "no replay", judgement.why_no_replay
    elif target is not None:
        yield "replay", replay_command(judgement.smallest, target)
    if judgement.reproduction:
        yield "torch alone", judgement.reproduction


def _explained(judgement: Judgement) -> Iterator[tuple[str, str]]:
    """What the defect spoils besides, and the mistake that it looks like."""
    if judgement.also and not judgement.names_all:
        yield "spoils too", listing(list(judgement.also))
    if judgement.looks_like:
        yield "looks like", judgement.looks_like
    if judgement.wrong_cells:
        yield "wrong cells", judgement.wrong_cells
    if judgement.tested is not None:
        yield "tested", str(judgement.tested)
        claim = NOT_MEANT_FOR.get(judgement.where)
        if claim is not None:
            yield (
                "",
                f"who is not meant for those says so, and is not asked: {claim} (docs/claims.md)",
            )
    if judgement.repaired is not None:
        yield LINE, str(judgement.repaired)


def _seen_in(judgement: Judgement) -> str:
    """``57 of 300 cases; windows overlap: 57 of 60``."""
    seen = f"{judgement.failing:,} of {plural(judgement.judged, 'case')}"
    if judgement.where_judged in (0, judgement.judged):
        return seen
    return f"{seen}; {judgement.where}: {judgement.failing:,} of {judgement.where_judged:,}"


def element(judgement: Judgement) -> str:
    """``w_bar[0,0,0,1]``: the element that the jury was asked about."""
    found = next((f for f in judgement.findings if f.index is not None), None)
    if found is None or not found.index:
        return judgement.result
    return found.element or f"{judgement.result}[{','.join(map(str, found.index))}]"


def counts(report: Report, *, seconds: float | None = None) -> str:
    """``4,212 cases, 41 of 41 edge classes, profile default, seed 0 · 21 s``."""
    parts = [plural(report.cases, "case")]
    if report.exhausted is not None:
        parts = [exhausted(report.exhausted)]
    elif report.coverage and report.cases:
        parts.append(_met(*Covered.of(report).edges, "edge classes"))
    is_named = report.profile in PROFILES or report.exhausted is not None
    whence = "profile" if is_named else "cases of"
    parts += [f"{whence} {report.profile}", f"seed {report.seed}"]
    if report.largest is not None:
        parts.append(f"--largest {report.largest}")
    if report.geometries is not None:
        parts.append(f"--geometries {report.geometries}")
    return ", ".join(parts) + ("" if seconds is None else f" · {duration(seconds)}")


def shipped(report: Report) -> Iterator[str]:
    """What was met of the layers that people ship, and of the residues of their sizes."""
    covered = Covered.of(report)
    if not report.cases or not covered.families[1] or report.exhausted is not None:
        return
    yield _met(*covered.families, "families of shipped layers")
    alike: dict[tuple[int, int], list[str]] = {}
    for factor, met in covered.residues.items():
        alike.setdefault(met, []).append(factor)
    for met, factors in alike.items():
        yield f"{met[0]} of {met[1]} residues of the {', '.join(factors)}"


def structure(report: Report) -> Iterator[str]:
    """What kind of function a declared operation is: by what it was judged follows from that."""
    if report.structure and report.cases:
        name = report.operation.rpartition(":")[2]
        yield f"{name} was found to be {report.structure}"


def gaps(report: Report) -> Iterator[str]:
    """What the run did not reach: what is not claimed, what is too large, classes without a case.

    What is not claimed stands in the conclusion where all agrees.
    """
    yield from report.remarks
    is_concluded = report.is_complete and report.agrees
    yield from said_of_claims(report, is_concluded=is_concluded)
    yield from (f"note: {each}" for each in report.notes)
    if report.too_large and report.cases:
        yield f"too large for --largest {report.largest}: {listing(list(report.too_large))}"
    if report.too_many and report.cases:
        left = listing(list(report.too_many))
        yield f"left out by --geometries {report.geometries}: {left}"
    if report.missing and report.cases and report.profile in PROFILES:
        # There may have been some in which a defect kept everything from being compared.
        what = "nothing was compared of" if report.verdict.is_defect else "no case of"
        yield f"{what}: {listing(list(report.missing))}"


def said_of_conventions(report: Report) -> Iterator[str]:
    """A line for each note and each remark, for where no report is printed."""
    for each in report.judgements:
        if not each.verdict.is_defect:
            yield f"note: {each.headline}: {each.because}"
    yield from report.remarks


def conclusion(report: Report) -> str:
    """The last line: the verdict in capitals, and what it rests on."""
    verdict = report.verdict.upper()
    if not report.is_complete and report.exhausted is not None:
        return f"INTERRUPTED. So far: {verdict}, from {exhausted(report.exhausted)}."
    if not report.is_complete:
        return f"INTERRUPTED. So far: {verdict}, from {plural(report.cases, 'case')}."
    if report.agrees:
        notes = list(dict.fromkeys(str(each.verdict) for each in report.judgements))
        where = plural(report.cases, "case")
        if report.exhausted is not None:
            where = exhausted(replace(report.exhausted, done=report.exhausted.proved))
        agrees = f"{Verdict.AGREES.upper()} in {where}"
        if notes:
            agrees += f", with {plural(len(notes), 'note')} ({', '.join(notes)})"
        return f"{agrees}: {_worth(report)}"
    return f"{verdict}. {_reason(report)}".rstrip()


def _reason(report: Report) -> str:
    if report.missing and report.verdict is Verdict.INCONCLUSIVE:
        return (
            f"No case of {listing(list(report.missing))}: state in supports that it is not "
            "claimed, or find out why the subject refuses it."
        )
    if report.verdict is Verdict.INCONCLUSIVE:
        return "Nothing could be judged, so nothing is known of this subject."
    if report.verdict.is_defect:
        # As they are told: what spoils several results in one way is one.
        defects = sum(each.verdict.is_defect for each, _ in grouped(report.judgements))
        if defects < 2:
            return f"{plural(defects, 'defect')}."
        return f"{defects} defects, worst first; the later ones may follow from the first."
    return ""


def exhausted(scope: Exhausted) -> str:
    """``67,280 of 67,280 geometries of the scope small``."""
    return f"{scope.done:,} of {plural(scope.count, 'geometry')} of the scope {scope.name}"


def _worth_of_scope(scope: Exhausted, refused: int, less: int) -> str:
    """What agreeing on every geometry of a scope is worth; in `less` of them not all was asked."""
    told = f" Refused: {plural(refused, 'geometry')}." if refused else ""
    if less:
        told += f" In {plural(less, 'geometry')} more the subject refuses columns: no proof there."
    return (
        f"{scope.says}. On their operands every column of the Jacobian is exact, by torch and by "
        "differences of the forward. For other cotangents that holds if the vjp is linear, which "
        f"one random combination of the columns of each did not contradict.{told}"
    )


def _worth(report: Report) -> str:
    """What agreeing is worth: how much was met, what was not claimed, how sharp a probe is."""
    if report.exhausted is not None:
        less = report.cases - report.exhausted.proved
        return _worth_of_scope(report.exhausted, report.unsupported, less)
    covered = Covered.of(report)
    met = [_met(*covered.edges, "edge classes")]
    if covered.families[1]:
        met.insert(0, _met(*covered.families, "families of shipped layers"))
    if report.survival_one >= 1:
        probe = "No exact probe was run; the derived rounding bounds hold."
    else:
        chance = below(report.survival_one).replace(" ", GLUE)
        probe = f"A wrong gradient row would survive one exact probe with probability {chance}."
    return f"{', '.join(met)}. Not claimed: {left_out(report) or 'nothing'}. {probe}"


def _met(met: int, there: int, what: str) -> str:
    return f"all {there} {what}" if met == there > 1 else f"{met} of {there} {what}"


def below(probability: float) -> str:
    """The probability rounded up to one digit.

    Examples
    --------
    >>> below(1.3e-4), below(9.7e-4)
    ('< 2e-4', '< 1e-3')
    """
    if not probability > 0:
        return "0"
    exponent = math.floor(math.log10(probability))
    digit = math.floor(probability / 10**exponent) + 1
    return f"< 1e{exponent + 1}" if digit > 9 else f"< {digit}e{exponent}"


def duration(seconds: float) -> str:
    """Seconds for people.

    Examples
    --------
    >>> duration(0.42), duration(21.3), duration(200)
    ('0.4 s', '21 s', '3 min 20 s')
    """
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def plural(count: int, noun: str) -> str:
    """``1 case``, ``2,000 cases``."""
    if count != 1:
        noun = f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}s"
    return f"{count:,} {noun}"


def listing(items: list[str]) -> str:
    """The first few of `items`, and how many there are beside them."""
    rest = len(items) - LISTED
    return "; ".join(items[:LISTED]) + (f"; and {rest} more" if rest > 0 else "")
