"""bpcheck proves a hand-written backward pass right as far as testing can, or says what is wrong.

    import bpcheck

    subject = bpcheck.Subject(forward=forward, vjp=vjp, operation="conv2d", name="mine")
    report = bpcheck.check(subject)          # a Report
    bpcheck.assert_agrees(subject)           # raises AssertionError, with the smallest case
    test_conv2d = bpcheck.conformance(subject)   # in a pytest module: one item a check and result

Names are imported when they are first used, so that importing `bpcheck` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bpcheck import adapters, precision
    from bpcheck.cases import Case, parse_case
    from bpcheck.claims import Claims
    from bpcheck.errors import BpcheckError, CaseError, TargetError, Unsupported, UsageError
    from bpcheck.finding import Finding
    from bpcheck.operations.declared import (
        additive_masks,
        between,
        each,
        labels,
        masks,
        operation,
        positive,
    )
    from bpcheck.planning import strategies
    from bpcheck.runner import check_subject as check
    from bpcheck.subject import Subject
    from bpcheck.testing import assert_agrees, conformance
    from bpcheck.verdict import Judgement, Report, Verdict

__all__ = [
    "BpcheckError",
    "Case",
    "CaseError",
    "Claims",
    "Finding",
    "Judgement",
    "Report",
    "Subject",
    "TargetError",
    "Unsupported",
    "UsageError",
    "Verdict",
    "adapters",
    "additive_masks",
    "assert_agrees",
    "between",
    "check",
    "conformance",
    "each",
    "labels",
    "masks",
    "operation",
    "parse_case",
    "positive",
    "precision",
    "strategies",
]

__version__ = "0.1.0"

#: Where each public name is defined: its module, and its name there.
_HOMES = {
    "BpcheckError": ("bpcheck.errors", "BpcheckError"),
    "Case": ("bpcheck.cases", "Case"),
    "CaseError": ("bpcheck.errors", "CaseError"),
    "Claims": ("bpcheck.claims", "Claims"),
    "Finding": ("bpcheck.finding", "Finding"),
    "Judgement": ("bpcheck.verdict", "Judgement"),
    "Report": ("bpcheck.verdict", "Report"),
    "Subject": ("bpcheck.subject", "Subject"),
    "TargetError": ("bpcheck.errors", "TargetError"),
    "Unsupported": ("bpcheck.errors", "Unsupported"),
    "UsageError": ("bpcheck.errors", "UsageError"),
    "Verdict": ("bpcheck.verdict", "Verdict"),
    "assert_agrees": ("bpcheck.testing", "assert_agrees"),
    "check": ("bpcheck.runner", "check_subject"),
    "conformance": ("bpcheck.testing", "conformance"),
    "parse_case": ("bpcheck.cases", "parse_case"),
    **{
        name: ("bpcheck.operations.declared", name)
        for name in (
            "additive_masks",
            "between",
            "each",
            "labels",
            "masks",
            "operation",
            "positive",
        )
    },
}

#: The public modules that are not imported with their package.
_MODULES = {
    "adapters": "bpcheck.adapters",
    "precision": "bpcheck.precision",
    "strategies": "bpcheck.planning.strategies",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        module, attribute = _HOMES[name]
        return getattr(import_module(module), attribute)
    if name in _MODULES:
        return import_module(_MODULES[name])
    raise AttributeError(f"module 'bpcheck' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
