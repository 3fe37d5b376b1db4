"""A line at fault, and the change of it after which everything that was tried is right."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Repaired:
    """A small change of one line that mends all failing cases tried and harms no passing one.

    Parameters
    ----------
    file, line
        Where it is; the file as it is named from the current directory.
    source, repair
        The line as it stands, and as it may be meant.
    failing, passing
        How many cases that failed are right with it, and how many that passed still are.
    """

    file: str
    line: int
    source: str
    repair: str
    failing: int
    passing: int

    def __str__(self) -> str:
        """The line and its repair, in three lines.

        Examples
        --------
        >>> print(Repaired("layers.py", 12, "dx += g[i]", "dx += g[i * s]", 20, 40))
        layers.py:12
            dx += g[i]
        perhaps
            dx += g[i * s]
        with which all 20 failing cases tried are right, and all 40 passing ones still are
        """
        still = f", and all {self.passing} passing ones still are" if self.passing else ""
        return (
            f"{self.file}:{self.line}\n    {self.source}\nperhaps\n    {self.repair}\n"
            f"with which all {self.failing} failing cases tried are right{still}"
        )
