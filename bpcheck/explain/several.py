"""Two mistakes in one result, told apart by the known mistake that explains some of the cases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from bpcheck.cases import Case
from bpcheck.explain.diagnosis import ENOUGH, Diagnosis
from bpcheck.explain.faults import FAMILIES, Fault, faults_of
from bpcheck.explain.part import ByFault, Parting, classes_and_not
from bpcheck.explain.pattern import is_patterned_beside
from bpcheck.explain.right import right_kernel
from bpcheck.explain.scene import Scene, failing_scenes, scenes_of
from bpcheck.subject import Subject

#: Failing cases that are looked at: in a dozen, the rarer mistake may not show alone three times.
LOOKED_AT = 128

#: The first of these, by which candidates are chosen.
TRIED = 64

#: Mistakes that are tried in pairs, those that explain most.
PAIRED = 8

#: Cases that a fault must explain outside of a class, before what is in it is another mistake: few
#: lie outside of one of so many classes by chance.
TELLING = 6

_ONE_DIMENSION = {fault.name for fault in FAMILIES["one_dimension"]}


@dataclass(frozen=True, slots=True)
class _Tried:
    """A fault planted in a right kernel: the scenes that it explains, and those it shows in."""

    fault: Fault
    explains: frozenset[int] = field(default_factory=frozenset)
    shows: frozenset[int] = field(default_factory=frozenset)

    def told(self, other: _Tried | None = None) -> Diagnosis:
        """The fault as the name of its part, counted where the other does not show."""
        elsewhere: frozenset[int] = frozenset() if other is None else other.shows
        return Diagnosis(self.fault, len(self.explains - elsewhere), len(self.shows - elsewhere))


def part_by_names(
    subject: Subject,
    failing: Sequence[Case],
    passing: Sequence[Case],
    *,
    result: str,
    named: Fault | None,
) -> Parting | None:
    """The two mistakes behind the failing cases, or ``None`` if nothing shows that there are two.

    Either must give the subject's wrong numbers in three cases in which the other does not show,
    and one of them in 80 % of the cases in which not both do. Of a second one that nobody knows
    three cases must fail in which the first does not show, of one class that has no case which the
    first explains.

    Parameters
    ----------
    subject
        The subject that fails.
    failing, passing
        Cases in which the result is wrong, and some in which it is not.
    result
        The result that is wrong.
    named
        The fault that the failing cases were found to look like, if any.
    """
    kernel = right_kernel(subject.operation)
    # However rare among them, what the one cannot have made is where another shows alone.
    beyond = [] if named is None else [case for case in failing if not named.shows(case)]
    few = _wrong_scenes(subject, failing, beyond, kernel, result, most=TRIED)
    tried = None
    if named is not None:
        tried = _tried(named, kernel, few, result)
        if tried is None or len(tried.shows) == len(few):
            # As nearly always: one mistake makes all of it.
            return None
    likely = _likely(faults_of(subject.operation), kernel, few, result, beside=tried)
    if not likely:
        return None
    scenes = _wrong_scenes(subject, failing, beyond, kernel, result, most=LOOKED_AT)
    known = None if named is None else _tried(named, kernel, scenes, result)
    if named is not None and (known is None or len(scenes) - len(known.shows) < ENOUGH):
        return None
    calm = scenes_of(subject, passing, kernel)
    found = [
        tried
        for fault in likely
        if (tried := _tried(fault, kernel, scenes, result)) is not None
        and len(tried.explains) >= ENOUGH
        and not any(
            scene.is_contradicted_by(scene.answers(kernel, fault), fault.results) for scene in calm
        )
    ]
    pairs = list(_pairs(found, known, len(scenes)))
    if pairs:
        one, other = max(pairs, key=lambda pair: len(pair[0].explains | pair[1].explains))
        return Parting(ByFault(one.fault.name, other.fault.name), one.told(other), other.told(one))
    beside = [
        tried
        for tried in ([known] if known else found)
        if _is_beside_another(tried, kernel, scenes, result)
    ]
    # Where two of them explain what the other does not, one does so by accident.
    if not beside or any(each.explains - beside[0].explains for each in beside[1:]):
        return None
    first = beside[0]
    return Parting(
        ByFault(first.fault.name, ""),
        Diagnosis(first.fault, len(first.explains), len(first.explains)),
        None,
    )


def _wrong_scenes(
    subject: Subject,
    failing: Sequence[Case],
    beyond: Sequence[Case],
    kernel: Subject,
    result: str,
    *,
    most: int,
) -> list[Scene]:
    """Scenes of `most` of the failing cases, and of as many of those that lie `beyond`."""
    scenes = {
        scene.case: scene
        for some in (failing, beyond)
        for scene in failing_scenes(subject, some, kernel, result=result, most=most)
    }
    return [scene for scene in scenes.values() if result in scene.wrong]


def _likely(
    faults: Sequence[Fault],
    kernel: Subject,
    scenes: Sequence[Scene],
    result: str,
    *,
    beside: _Tried | None,
) -> list[Fault]:
    """The faults that explain most of the scenes, and at least one.

    Half of them are those that explain most of what the first one, or what is known, does not.
    """
    tried = [
        each
        for fault in faults
        if result in fault.results
        and (each := _tried(fault, kernel, scenes, result)) is not None
        and each.explains
    ]
    most = sorted(tried, key=lambda each: -len(each.explains))
    known = beside or next(iter(most), None)
    shown: frozenset[int] = frozenset() if known is None else known.shows
    rest = sorted(tried, key=lambda each: -len(each.explains - shown))
    chosen = [*most[: PAIRED // 2], *rest[: PAIRED // 2]]
    return list(dict.fromkeys(each.fault for each in chosen))


def _tried(fault: Fault, kernel: Subject, scenes: Sequence[Scene], result: str) -> _Tried | None:
    """What a fault explains, or ``None`` where something that is right would be wrong with it."""
    explains, shows = set(), set()
    for number, scene in enumerate(scenes):
        answers = scene.answers(kernel, fault)
        if scene.is_contradicted_by(answers, fault.results):
            return None
        if not scene.witness.alike(scene.witness.right, answers, result):
            shows.add(number)
            if scene.is_given_by(answers, result):
                explains.add(number)
    return _Tried(fault, frozenset(explains), frozenset(shows))


def _pairs(
    found: Sequence[_Tried], known: _Tried | None, scenes: int
) -> Iterator[tuple[_Tried, _Tried]]:
    """Pairs that explain nearly all cases in which not both show, and either enough by itself."""
    pairs = combinations(found, 2) if known is None else ((known, each) for each in found)
    for one, other in pairs:
        if {one.fault.name, other.fault.name} <= _ONE_DIMENSION:
            # One mistake in two dimensions.
            continue
        alone = one.explains - other.shows, other.explains - one.shows
        telling = scenes - len(one.shows & other.shows)
        if min(map(len, alone)) >= ENOUGH and 5 * sum(map(len, alone)) >= 4 * telling:
            yield one, other


def _is_beside_another(
    tried: _Tried, kernel: Subject, scenes: Sequence[Scene], result: str
) -> bool:
    """Whether what a fault leaves unexplained is a class of its own, or looks alike."""
    unexplained = [scene for n, scene in enumerate(scenes) if n not in tried.explains]
    if min(len(tried.explains), len(scenes) // 2) < TELLING:
        return False
    if len(scenes) - len(tried.shows) < ENOUGH:
        return False
    shared = frozenset.intersection(*(classes_and_not(scene.case) for scene in unexplained))
    explained = [classes_and_not(scenes[n].case) for n in tried.explains]
    # A few values give the same numbers with the other mistake as without.
    if any(10 * sum(name in each for each in explained) <= len(explained) for name in shared):
        return True
    planted = [scene.answers(kernel, tried.fault) for scene in unexplained]
    return is_patterned_beside(unexplained, planted, result)
