"""What a report says of the claims: made, left out, and not needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from bpcheck.claims.told import not_claimed
from bpcheck.planning.beyond import NO_PLACE
from bpcheck.planning.reach import fixed_params
from bpcheck.runner.given_up import NOT_TRIED
from bpcheck.subject import Subject


def left_out(subject: Subject, reasons: Mapping[str, int]) -> dict[str, int]:
    """What `subject` does not claim: by its claims, its signature, and refusals that were seen.

    Parameters
    ----------
    subject
        What was checked.
    reasons
        Why cases were not claimed, and how many.

    Returns
    -------
    dict
        What is not claimed; where only calls could tell, in how many cases it was met, else 0.

    Examples
    --------
    >>> pool = Subject(lambda x, *, kernel_size, stride: ..., print, "max_pool1d", nan=False)
    >>> left_out(pool, {"forward takes no padding": 9, "NaN": 3, "only odd sizes": 2})
    {'NaN': 0, 'padding': 0, 'dilation': 0, 'ceil_mode': 0, 'only odd sizes': 2}
    """
    found = dict.fromkeys(not_claimed(subject.claims, subject.operation), 0)
    # What was not tried is no claim, and told elsewhere.
    seen = {why: count for why, count in reasons.items() if not why.startswith(NOT_TRIED)}
    ordered = Counter(dict(sorted(seen.items()))).most_common()
    signature = [why.removeprefix(NO_PLACE) for why, _ in ordered if why.startswith(NO_PLACE)]
    told = {why.partition(" (")[0]: why for why in signature}
    found |= {told.pop(name, name): 0 for name in fixed_params(subject)}
    found |= dict.fromkeys(told.values(), 0)
    for why, count in ordered:
        if not why.startswith(NO_PLACE):
            found.setdefault(why, count)
    return found
