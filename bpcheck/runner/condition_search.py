"""The search for a condition: what is known, and which fresh case is asked next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bpcheck.cases import Case
from bpcheck.explain.condition import Condition, fitting
from bpcheck.runner.worn import Shows

#: Fresh cases that tell candidates apart, and that look for exceptions, in each round.
TELLING, LOOKING = 16, 24

#: Rounds in which a condition is mended by what fresh cases have shown.
ROUNDS = 8


@dataclass(slots=True)
class Search:
    """Fresh cases, and what is known of them and of those of the run; `rounds` to mend it in."""

    shows: Shows
    failing: list[frozenset[str]]
    passing: list[frozenset[str]]
    rounds: int = ROUNDS
    pool: list[Case] = field(default_factory=list)
    atoms: list[frozenset[str]] = field(default_factory=list)
    asked: set[int] = field(default_factory=set)

    def take(self, drawn: Sequence[tuple[Case, frozenset[str]]]) -> None:
        """Go on with other fresh cases."""
        self.pool, self.atoms, self.asked = [c for c, _ in drawn], [a for _, a in drawn], set()

    def found(self) -> Condition | None:
        """The condition that fresh cases on both sides have not contradicted."""
        for _ in range(self.rounds):
            candidates = fitting(self.failing, self.passing)
            if len(candidates) > 1 and self._tell_apart(candidates):
                continue
            condition = candidates[0]
            if self._bears_out(condition):
                return condition
        return None

    def _tell_apart(self, candidates: Sequence[Condition]) -> bool:
        """Ask cases in which candidates differ; whether there were any."""
        free = self.free()
        split = []
        for place in free:
            held = sum(each.holds(self.atoms[place]) for each in candidates)
            if 0 < held < len(candidates):
                split.append((abs(2 * held - len(candidates)), place))
        split.sort()
        told = [self.ask(place) for _, place in split[:TELLING]]
        return any(answer is not None for answer in told)

    def _bears_out(self, condition: Condition) -> bool:
        """Whether cases on both sides say nothing that asks for another condition."""
        before = {each.names for each in fitting(self.failing, self.passing)}
        free = self.free()
        lacking = {place: condition.lacks(self.atoms[place]) for place in free}
        sides = (
            [place for place, names in lacking.items() if not names],
            near_first({place: names for place, names in lacking.items() if names}),
        )
        for side in sides:
            for place in side[:LOOKING]:
                self.ask(place)
        return condition.names in before and condition in fitting(self.failing, self.passing)

    def free(self) -> list[int]:
        """Cases that were not asked yet."""
        return [place for place in range(len(self.pool)) if place not in self.asked]

    def ask(self, place: int) -> bool | None:
        """Ask one case, and learn from it."""
        self.asked.add(place)
        return self.learn(self.pool[place], self.atoms[place])

    def learn(self, case: Case, atoms: frozenset[str]) -> bool | None:
        """Ask a case, and keep what it says."""
        answer = self.shows(case)
        if answer is not None:
            (self.failing if answer else self.passing).append(atoms)
        return answer


def near_first(lacking: Mapping[int, tuple[str, ...]]) -> list[int]:
    """Places of cases by what they lack of a condition: one class alone first, each by turns.

    A class that the condition does not need is shown by a case that lacks nothing else.

    Examples
    --------
    >>> near_first({0: ("a", "b"), 1: ("a",), 2: ("a",), 3: ("b",)})
    [1, 3, 2, 0]
    """
    turns = Counter[tuple[str, ...]]()
    order = {}
    for place, names in lacking.items():
        order[place] = (len(names), turns[names], place)
        turns[names] += 1
    return sorted(order, key=order.__getitem__)
