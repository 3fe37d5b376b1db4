"""The pattern of wrong cells: what they have in common, where no known mistake explains them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from bpcheck.cases import Case
from bpcheck.explain import arrangements
from bpcheck.explain.answers import Answers
from bpcheck.explain.cells import Cells, Holds
from bpcheck.explain.right import right_kernel
from bpcheck.explain.scene import Scene, failing_scenes
from bpcheck.subject import Subject

#: Fewer cases have some pattern by accident.
_ENOUGH = 3

#: The axes of an array of several planes, from the last one on.
_AXES = ("column", "row")


def pattern_of(subject: Subject, failing: Sequence[Case], *, result: str) -> str:
    """What all wrong cells of a result have in common, in a few words; ``""`` if nothing.

    Examples
    --------
    >>> from bpcheck.cases import parse_case
    >>> right = right_kernel("avg_pool1d")
    >>> def vjp(residuals, y_bar):
    ...     (x_bar,) = right.vjp(residuals, y_bar)
    ...     x_bar[..., -1] += 1
    ...     return (x_bar,)
    >>> wrong = Subject(right.forward, vjp, operation="avg_pool1d")
    >>> cases = [parse_case(f"avg_pool1d n1ic2iw{i}kw2") for i in (4, 6, 8)]
    >>> pattern_of(wrong, cases, result="x_bar")
    'the last column alone (in 3 of 3 failing cases tried)'
    """
    scenes, cells = _looked_at(subject, failing, result)
    if len(cells) < _ENOUGH:
        return ""
    # One word for all numbers is enough: what is transposed has the right numbers elsewhere, too.
    told = [text for text, holds in (*arrangements.VALUES, *_VALUES) if _hold(holds, cells)][:1]
    places = (*_AT_ENDS, *arrangements.PLACES, *_OTHER_PLACES)
    told += [text for text, holds in places if _hold(holds, cells)]
    if not told:
        return ""
    return f"{', '.join(told[:2])} (in {len(cells)} of {scenes} failing cases tried)"


def look_unlike(subject: Subject, one: Sequence[Case], other: Sequence[Case], result: str) -> bool:
    """Whether the wrong cells of some cases have in common what those of others have not.

    Either way round, and nothing else in common: a pattern that can rarely be told tells nothing.
    """
    cells = [_looked_at(subject, cases, result)[1] for cases in (one, other)]
    patterns = [holds for _, holds in (*_VALUES, *_AT_ENDS, *_OTHER_PLACES)]
    held = [{holds for holds in patterns if _hold(holds, each)} for each in cells]
    return not held[0] & held[1] and all(
        any(_is_refuted(holds, elsewhere) for holds in mine)
        for mine, elsewhere in ((held[0], cells[1]), (held[1], cells[0]))
    )


def is_patterned_beside(scenes: Sequence[Scene], planted: Sequence[Answers], result: str) -> bool:
    """Whether the cells that a known mistake leaves unexplained lie at one end, or are all 0.

    The mistake is planted in the right kernel; what else is wrong is what differs from that.
    """
    cells = [
        found
        for scene, answers in zip(scenes, planted, strict=True)
        if scene.case.is_exact
        and (found := _between(scene.case, scene.said, answers, result)) is not None
    ]
    return any(_hold(holds, cells) for holds in (_are_zero, *_ENDS))


def _looked_at(subject: Subject, failing: Sequence[Case], result: str) -> tuple[int, list[Cells]]:
    """How many of the failing cases are looked at, and the cells of those that can be compared."""
    scenes = [
        scene
        for scene in failing_scenes(
            subject, failing, right_kernel(subject.operation), result=result
        )
        # Where right cells are rounded, they are not told from wrong ones.
        if result in scene.wrong and scene.case.is_exact
    ]
    cells = [
        found
        for scene in scenes
        if (found := _between(scene.case, scene.said, scene.witness.right, result)) is not None
        # What is wrong in its type or dtype alone has no wrong cell, and all would hold of none.
        and found.wrong.any()
    ]
    return len(scenes), cells


def _between(case: Case, said: Answers, expected: Answers, result: str) -> Cells | None:
    got, right = said.results.get(result), expected.results.get(result)
    if not (isinstance(got, np.ndarray) and isinstance(right, np.ndarray)):
        return None
    if got.shape != right.shape or not got.size:
        return None
    got, right = got.astype(np.float64), right.astype(np.float64)
    wrong = ~((got == right) | (np.isnan(got) & np.isnan(right)))
    return Cells(got, right, wrong, case, result)


def _hold(holds: Holds, cells: Sequence[Cells]) -> bool:
    """Whether a pattern holds wherever it can be told, and can be told in enough cases."""
    said = [answer for each in cells if (answer := holds(each)) is not None]
    return len(said) >= _ENOUGH and all(said)


def _is_refuted(holds: Holds, cells: Sequence[Cells]) -> bool:
    """Whether a pattern does not hold in most of the cases that can tell, and these are enough."""
    said = [answer for each in cells if (answer := holds(each)) is not None]
    return len(said) >= _ENOUGH and 2 * sum(said) < len(said)


def _are_zero(cells: Cells) -> bool | None:
    return bool((cells.got[cells.wrong] == 0).all())


def _are_nan(cells: Cells) -> bool | None:
    return bool(np.isnan(cells.got[cells.wrong]).all())


def _are_times(factor: float, cells: Cells) -> bool | None:
    return np.array_equal(cells.got, factor * cells.right)


def _are_moved(cells: Cells) -> bool | None:
    if len(np.unique(cells.right)) < 3:
        return None
    return np.array_equal(np.sort(cells.got, axis=None), np.sort(cells.right, axis=None))


def _are_all(cells: Cells) -> bool | None:
    return bool(cells.wrong.all()) if cells.wrong.size > 1 else None


def _lie_at(axis: int, index: int, cells: Cells) -> bool | None:
    """Whether all wrong cells lie at one end of an axis."""
    if axis >= cells.wrong.ndim or cells.wrong.shape[-1 - axis] < 2:
        return None
    others = np.delete(cells.wrong, index, axis=-1 - axis)
    return not others.any()


def _lie_at_first(index: int, cells: Cells) -> bool | None:
    """Whether all wrong cells lie at one end of the first axis."""
    if cells.wrong.shape[0] < 2:
        return None
    return not np.delete(cells.wrong, index, axis=0).any()


def _lie_beyond_the_first(cells: Cells) -> bool | None:
    if cells.wrong.shape[0] < 2:
        return None
    return not cells.wrong[0].any()


_VALUES: tuple[tuple[str, Holds], ...] = (
    ("every number is half of what it should be", partial(_are_times, 0.5)),
    ("every number is twice what it should be", partial(_are_times, 2.0)),
    ("every number has the wrong sign", partial(_are_times, -1.0)),
    ("the wrong cells are 0", _are_zero),
    ("the wrong cells are NaN", _are_nan),
    ("the right numbers, in other places", _are_moved),
)

_AT_ENDS: tuple[tuple[str, Holds], ...] = (
    *(
        (f"the {end} {name} alone", partial(_lie_at, axis, index))
        for axis, name in enumerate(_AXES)
        for end, index in (("first", 0), ("last", -1))
    ),
    ("the first entry along the first axis alone", partial(_lie_at_first, 0)),
    ("the last entry along the first axis alone", partial(_lie_at_first, -1)),
)

_ENDS = tuple(holds for _, holds in _AT_ENDS)

_OTHER_PLACES: tuple[tuple[str, Holds], ...] = (
    ("all but the first entry along the first axis", _lie_beyond_the_first),
    ("every cell", _are_all),
)
