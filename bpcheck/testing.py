"""Conformance tests: the checks of one subject as items of a pytest run, or as one assertion."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bpcheck.claims import Claims
    from bpcheck.subject import Subject
    from bpcheck.verdict import Judgement, Report


def conformance(
    subject: Subject, *, claims: Claims | Mapping[str, Any] | None = None
) -> Callable[..., None]:
    """A test function that pytest runs as one item for each check and each result of `subject`.

    Assign it to a name that pytest collects. The items are called after the check and the result,
    such as ``test_conv2d[autograd-w_bar]``; the first of them to run checks the subject, and the
    others read their part of its report. ``--bpcheck-profile`` and ``--bpcheck-seed`` say how much
    is checked and with which values. Marks can be put on it as on any test function.

    Parameters
    ----------
    subject
        What to check.
    claims
        What is claimed of it: a `bpcheck.Claims` in the place of its own claims, or some by name,
        such as ``{"empty": False}``, beside them. docs/claims.md lists them.

    Raises
    ------
    TypeError
        If `subject` is not a `bpcheck.Subject`.
    ClaimError
        For a claim that cannot be understood.

    Examples
    --------
    In a file such as ``test_layers.py``:

    >>> import bpcheck
    >>> conv2d = bpcheck.Subject(
    ...     forward=lambda x, w, b, **params: ...,
    ...     vjp=lambda residuals, y_bar: ...,
    ...     operation="conv2d",
    ... )
    >>> test_conv2d = conformance(conv2d)
    """
    from bpcheck.subject import require_subject

    require_subject(subject, "conformance")
    subject = subject.claiming(claims)

    # A lambda has its body on its first line, which is where pytest is to point. Its first
    # parameter takes the instance where the test is a method.
    test: Callable[..., None] = lambda _=None, /, *, bpcheck_judge: bpcheck_judge(subject)  # noqa: E731
    caller = sys._getframe(1)  # noqa: SLF001 - there is no public way to the caller
    code: Any = test.__code__
    test.__code__ = code.replace(
        co_name="test", co_filename=caller.f_code.co_filename, co_firstlineno=caller.f_lineno
    )
    test.__name__ = test.__qualname__ = "test"
    test.__module__ = caller.f_globals.get("__name__", __name__)
    test.bpcheck_subject = subject  # type: ignore[attr-defined]
    return test


def assert_agrees(
    subject: Subject,
    *,
    profile: str = "default",
    count: int | None = None,
    seed: int = 0,
    dtypes: Sequence[str] | None = None,
    claims: Claims | Mapping[str, Any] | None = None,
    largest: int | None = None,
    geometries: int | None = None,
) -> None:
    """Raise unless `subject` agrees with its operation in every case.

    Parameters
    ----------
    subject
        What to check.
    profile, count, seed, dtypes, claims, largest, geometries
        As in `bpcheck.check`.

    Raises
    ------
    AssertionError
        With every defect that was found, each on its smallest case; or if nothing could be judged.
    KeyboardInterrupt
        If the run was interrupted.

    Examples
    --------
    >>> import bpcheck.adapters
    >>> from torch.nn.functional import avg_pool1d
    >>> pool = bpcheck.adapters.torch(avg_pool1d, operation="avg_pool1d")
    >>> assert_agrees(pool, count=4)
    """
    __tracebackhide__ = True
    from bpcheck.report import report_text
    from bpcheck.runner import check_subject
    from bpcheck.subject import require_subject

    require_subject(subject, "assert_agrees")
    report = check_subject(
        subject,
        profile=profile,
        count=count,
        seed=seed,
        dtypes=dtypes,
        claims=claims,
        largest=largest,
        geometries=geometries,
    )
    if not report.is_complete:
        raise KeyboardInterrupt
    if not report.agrees:
        raise AssertionError("\n" + report_text(report))


def judgements_of(report: Report, check: str, result: str) -> tuple[Judgement, ...]:
    """The judgements that explain why `check` failed for `result`, worst first.

    A check that failed in passing, where the jury blamed another result, is explained by the
    judgements on that one.
    """
    by_check = tuple(
        each
        for each in report.judgements
        if each.result == result and any(finding.check == check for finding in each.findings)
    )
    by_result = tuple(each for each in report.judgements if each.result == result)
    return by_check or by_result or report.judgements
