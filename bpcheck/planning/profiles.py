"""Profiles: how thorough a run is."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from bpcheck.errors import UsageError

if TYPE_CHECKING:
    from bpcheck.operations import Operation

#: What is asked for in the place of a profile, for every geometry of a scope.
EXHAUSTIVE = "exhaustive"


@dataclass(frozen=True, slots=True)
class Profile:
    """How many cases a run judges, and from where they come.

    Parameters
    ----------
    name
        As it is asked for.
    cases
        How many cases are judged of any operation.
    strength
        Of the edge classes every single one is met, every pair, or every triple.
    draws
        How many geometries are drawn at most in search of those.
    shipped
        Of so many cases in a row all but one are layers that people ship, until there is no more
        to be met by them.
    further
        How many more layers it judges where some are shipped: of each family some that are unlike
        those before them.
    reach
        How far out the extremes lie: by what their numbers are multiplied.
    """

    name: str
    cases: int
    strength: int
    draws: int
    shipped: int
    further: int = 0
    reach: int = 1

    def total(self, operation: Operation) -> int:
        """How many cases of an operation are judged."""
        return self.cases + (self.further if operation.families else 0)

    def is_further(self, operation: Operation, place: int) -> bool:
        """Whether the case of this place in a plan, from 0 on, is one of the further layers."""
        return self.cases <= place < self.total(operation)


PROFILES: MappingProxyType[str, Profile] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            Profile("quick", cases=450, strength=1, draws=2_000, shipped=4, further=600),
            Profile("default", cases=3_000, strength=2, draws=6_000, shipped=2),
            Profile("thorough", cases=30_000, strength=3, draws=60_000, shipped=2, reach=3),
        )
    }
)


def profile_named(name: str) -> Profile:
    """The profile of that name; `UsageError` lists those there are."""
    if name not in PROFILES:
        known = ", ".join((*PROFILES, EXHAUSTIVE))
        raise UsageError(f"profile={name!r}: must be one of {known}")
    return PROFILES[name]
