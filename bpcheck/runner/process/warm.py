"""What every worker would do at its start, done once before they are forked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bpcheck.cases import Case
from bpcheck.explain.right import right_kernel
from bpcheck.operations import Operation
from bpcheck.planning.draws import integers_from
from bpcheck.runner.one import judge
from bpcheck.runner.settings import Snapshot
from bpcheck.runner.threads import one_thread
from bpcheck.verdict.conditions import plain_kind


def warm_up(operation: Operation) -> None:
    """Load what judging loads, and compute what is kept with an operation of bpcheck's own.

    A worker of a small kernel starts in a tenth of the time then; and workers are replaced as often
    as a subject ends one.
    """
    import resource  # noqa: F401

    before = Snapshot.taken()
    if operation.is_built_in:
        integers = integers_from(np.random.default_rng((0, *b"warm")))
        with one_thread():
            case = Case(operation, operation.draw(integers))
            # A correct kernel of ours: no code of the user's.
            judge(right_kernel(operation), replace(case, values=plain_kind(case)))
    before.put_back()
