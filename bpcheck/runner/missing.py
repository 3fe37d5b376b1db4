"""The search for a case of each class that a plan has met none of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from bpcheck.cases import Case
from bpcheck.checks.claims import unclaimed
from bpcheck.planning.classes import classes_of, every_class
from bpcheck.planning.search import Search
from bpcheck.runner.site import Site
from bpcheck.runner.source import Listed
from bpcheck.runner.work import Progress, Work
from bpcheck.subject import Subject
from bpcheck.verdict.judged import Judged
from bpcheck.verdict.tally import Tally

#: How many cases are looked at in search of one of a class that had none, and how many the code
#: itself may refuse before that is taken for an answer.
SEARCHED, REFUSALS = 60, 20

#: How many cases of a class may show a defect, and nothing be compared in them, before another one
#: is taken to do the same.
BROKEN = 3


def search_for_missing(
    place: Site, search: Search, work: Work, notify: Callable[[Progress], None]
) -> None:
    """Judge cases of each class that had none."""
    for case in _missing(place.subject, search, work.dtypes, work.tally):
        notify(Progress(work.total, work.total, str(case)))
        # One at a time: whether there is a next one depends on what comes of it.
        judgement = next(place.judge_all(Listed([case])), None)
        if judgement is None:
            # It has ended its process too often: none is tried any more.
            break
        work.tally.add(judgement)


def _missing(
    subject: Subject, search: Search, dtypes: Sequence[str], tally: Tally
) -> Iterator[Case]:
    """Claimed cases of each class that no claimed case has met; each is to be judged at once.

    A subject may have refused those of the class for something else; where it refuses all that can
    be found, it does not support the class.
    """
    for name in every_class(subject.operation, dtypes):
        if tally.evidence.cases[name]:
            continue
        found = islice(search.cases(name), SEARCHED)
        claimed = islice(_claimed(subject, found, tally), REFUSALS)
        broken = 0
        while not tally.evidence.cases[name] and (case := next(claimed, None)) is not None:
            before = tally.failing
            yield case
            broken += tally.failing - before
            if broken == BROKEN:
                break


def _claimed(subject: Subject, cases: Iterator[Case], tally: Tally) -> Iterator[Case]:
    """Those that the subject claims; the others tell that their classes are not all claimed."""
    for case in cases:
        why = unclaimed(subject, case)
        if why:
            tally.evidence.add(Judged(case, classes_of(case), (), (), 1.0, unsupported=why))
        else:
            yield case
