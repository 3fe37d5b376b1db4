"""A finding: one disagreement between a subject and what it promised, as a plain value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What kind of disagreement it is; the text is what reports and JSON call it."""

    VALUE = "wrong value"
    LOST_PRECISION = "lost precision"
    CONVENTION = "another convention"
    ORACLE = "the oracle is wrong"
    SHAPE = "wrong shape"
    DTYPE = "wrong dtype"
    TYPE = "wrong type"
    COUNT = "wrong number of gradients"
    NOT_FINITE = "not finite"
    RAISES = "raises"
    MUTATES = "changes its input"
    LAYOUT = "reads memory by layout"
    STATE = "keeps state"
    ALIASES = "shares memory"
    NOT_LINEAR = "not linear in the cotangent"
    SYMMETRY = "breaks a symmetry"
    NOT_DETERMINISTIC = "not deterministic"
    PRINTS = "prints"
    CRASHED = "crashed"
    EXITS = "ends the process"
    TIMED_OUT = "timed out"
    MEMORY = "takes too much memory"
    SETTINGS = "changes the whole process"
    LEAVES_RUNNING = "leaves something running"
    WRITES = "writes to the standard error"
    BATCH_DEPENDENT = "depends on the batch"
    FLUSHES = "flushes subnormals to zero"
    NAN_ELSEWHERE = "treats NaN another way"
    UNORDERED = "adds up in another order each time"
    NARROW_SUMS = "adds up in the narrow type"
    WIDER = "returns a wider dtype"
    SUBSET = "depends on which gradients are needed"
    UNDEFINED = "wrong for an undefined cotangent"
    DOUBLE = "double backward wrong"
    FORWARD_MODE = "forward mode wrong"
    VMAP = "wrong under vmap"
    IN_PLACE = "misses a change in place"
    MODE = "depends on a mode of torch"
    COMPILED = "differs when it is compiled"
    OPERATOR = "breaks a rule of registered operators"
    LACKS = "lacks what it claims"


#: Conventions, and what is torch's own fault: never held against a subject.
NOTES = frozenset(
    {
        Kind.CONVENTION,
        Kind.ORACLE,
        Kind.FLUSHES,
        Kind.NAN_ELSEWHERE,
        Kind.UNORDERED,
        Kind.NARROW_SUMS,
        Kind.WIDER,
        Kind.WRITES,
    }
)


class Status(StrEnum):
    """How one check ended for one result of one case."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class Finding:
    """One disagreement.

    Parameters
    ----------
    kind
        What kind it is.
    check, result
        The check that found it, and the result that is wrong: ``"y"``, ``"x_bar"``, ...
    case
        Text form of the case.
    message
        One sentence: what was got, what was expected, and what to do about it if that is known.
    index, got, expected, error, bound
        For a wrong value: the element that is furthest off, what the subject gave there and what
        the oracle gave, their distance, and the largest distance that is allowed (0: none).
    exception
        For an exception: its type with the place that raised it, by which different ones are told
        apart; empty otherwise.
    wrong, total
        How many elements are wrong, of how many.
    element
        What the element is called, where that is not the result with the index: one of several
        outputs.
    """

    kind: Kind
    check: str
    result: str
    case: str
    message: str
    index: tuple[int, ...] | None = None
    got: float | None = None
    expected: float | None = None
    error: float | None = None
    bound: float | None = None
    wrong: int = 0
    total: int = 0
    exception: str = ""
    element: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """The largest rounding error of a result: ``error / (u sum |a_i b_i|)``, of sums of `terms`."""

    terms: int
    ratio: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one check ended for one result; `finding` is there when it failed.

    `measured` is the rounding error, where a check has looked at one. A remark is told once below
    the table, and counts neither for nor against the subject.
    """

    check: str
    result: str
    status: Status
    finding: Finding | None = None
    note: str = ""
    measured: Measured | None = None
    remark: str = ""
