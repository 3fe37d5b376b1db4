"""Errors that are those of a fast transform, whose author has not said that it is one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from bpcheck.cases import Case
from bpcheck.checks import Trial
from bpcheck.checks.allowed import agrees_with_autograd
from bpcheck.checks.bounds import error_bounds
from bpcheck.checks.compare import difference
from bpcheck.subject import Subject
from bpcheck.verdict.tally import work

#: What may explain the errors: norms, each with a constant. A bound of the theory is reached by
#: none, so that a tenth of it is enough; that of Winograd's F(4x4, 3x3) is 4,011.
TRIED = (("2-norm", 0.1), ("1-norm", 0.1), ("max-norm", 4096))

#: The format in which a rounding error is too small to be taken for anything else, and one in which
#: it may still be taken for rounded operands.
LONG, SHORT = "float64", "float32"

#: How what is said of it begins.
OF_A_TRANSFORM = "the rounding of a transform"

#: Values that a transform is judged on.
ENDS = ("special", "tiny", "huge")

#: Multiplications of a case up to which it is looked at, and cases at most.
LARGEST, MOST = 200_000, 12


@dataclass(frozen=True, slots=True)
class Transform:
    """A transform whose rounding explains what fails: the subject with the claim, and the words."""

    declared: Subject
    told: str


def rounding_of_a_transform(
    subject: Subject, failing: Sequence[Case], results: Collection[str]
) -> Transform | None:
    """What to declare, if the errors of all failing cases are those of a transform.

    Parameters
    ----------
    subject
        The subject that fails, and claims direct sums.
    failing
        Cases in which it does.
    results
        Those that are wrong there; what is wrong with others may be something else.
    """
    if not subject.claims.exact:
        return None
    told = [case for case in failing if case.dtype in (LONG, SHORT) and case.values not in ENDS]
    cases = sorted((case for case in told if work(case) <= LARGEST), key=work)[:MOST]
    if not cases or any(case.lattice is None for case in cases):
        return None
    trials = [Trial(subject, case) for case in cases]
    if LONG in subject.claims.dtypes:
        # Operands that were rounded to a narrower type are so in narrow types alone.
        longer = [Trial(subject, replace(case, dtype=LONG)) for case in cases]
        if all(_is_right(trial, results) for trial in longer):
            return None
        trials += longer
    for norm, constant in TRIED[: None if LONG in subject.claims.dtypes else -1]:
        declared = subject.claiming(exact=False, norm=norm, constant=constant)
        if all(_explains(declared, trial, results) for trial in trials):
            return Transform(
                declared,
                f"{OF_A_TRANSFORM} (its {norm} bound explains {_all(len(cases))}); if it is one "
                "(FFT, Winograd, Strassen, an integral image or a running sum), declare EXACT = "
                "False with its NORM and CONSTANT",
            )
    return None


def _all(count: int) -> str:
    return f"all {count} failing cases tried" if count > 1 else "the one failing case tried"


def _is_right(trial: Trial, results: Collection[str]) -> bool:
    """Whether the results are torch's bit for bit."""
    there = [name for name in trial.got if name in results]
    return trial.first.is_whole and all(agrees_with_autograd(trial, name) for name in there)


def _explains(declared: Subject, trial: Trial, results: Collection[str]) -> bool:
    """Whether the results are as right as the declared transform's."""
    if not trial.first.is_whole:
        return False
    found = error_bounds(declared, trial.case, trial.arrays, trial.autograd)
    return found is not None and all(
        difference(trial.got[name], trial.autograd[name], bound) is None
        for name, bound in found[0].items()
        if name in results
    )
