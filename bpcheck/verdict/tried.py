"""A condition that was tested: how often a defect showed in fresh cases with it, and without."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tried:
    """Fresh cases, drawn after the condition was found, on both sides of it.

    Parameters
    ----------
    where
        The condition in words: ``"stride > 1 and groups 1"``; empty where none is needed.
    wrong_with, cases_with
        How many cases that meet it are wrong, and how many were tried.
    wrong_without, cases_without
        The same of cases that do not meet it.
    among
        What the values of all of them meet: ``"values tie"``; empty for any.
    names
        The classes that the condition is made of: ``("stride > 1", "not groups 1")``.
    """

    where: str
    wrong_with: int
    cases_with: int
    wrong_without: int = 0
    cases_without: int = 0
    among: str = ""
    names: tuple[str, ...] = ()

    @property
    def is_exact(self) -> bool:
        """Whether all cases with it are wrong, and none without."""
        return self.wrong_with == self.cases_with and not self.wrong_without

    def __str__(self) -> str:
        """The evidence in a line.

        Examples
        --------
        >>> print(Tried("stride > 1", 214, 214, 0, 300))
        wrong exactly where stride > 1: 214 of 214 with, 0 of 300 without
        >>> print(Tried("stride > 1", 198, 214, 0, 300))
        wrong only where stride > 1: 198 of 214 with, 0 of 300 without
        >>> print(Tried("", 150, 150))
        wrong everywhere: 150 of 150 fresh cases
        >>> print(Tried("", 64, 100, among="values tie"))
        wrong in 64 of 100 fresh cases where values tie; no class tells which
        """
        among = f" where {self.among}" if self.among else ""
        counted = f"{self.wrong_with:,} of {self.cases_with:,}"
        if not self.where:
            if self.is_exact:
                return f"wrong everywhere{among and ','}{among}: {counted} fresh cases"
            return f"wrong in {counted} fresh cases{among}; no class tells which"
        how = "exactly" if self.is_exact else "only"
        beside = f" (all of them{among})" if among else ""
        return (
            f"wrong {how} where {self.where}: {counted} with, "
            f"{self.wrong_without:,} of {self.cases_without:,} without{beside}"
        )
