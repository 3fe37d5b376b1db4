"""How many classes of each kind a run has met, of how many."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bpcheck.verdict import Report

#: The name of a residue class: a factor, and what it is modulo a number.
_RESIDUE = re.compile(r"(.+) \d+ mod \d+")

#: Met, of how many.
Share = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Covered:
    """Edge classes, families, and the residues of each size; as pairs of what was met, and all.

    Examples
    --------
    >>> coverage = {"batch 1": 3, "family 1x1": 2, "width 0 mod 2": 0, "width 1 mod 2": 4}
    >>> found = Covered.among(coverage)
    >>> found.edges, found.families, found.residues
    ((1, 1), (1, 1), {'width': (1, 2)})
    """

    edges: Share = (0, 0)
    families: Share = (0, 0)
    residues: Mapping[str, Share] = field(default_factory=dict)

    @classmethod
    def of(cls, report: Report) -> Covered:
        """What a report says was met."""
        return cls.among(report.coverage)

    @classmethod
    def among(cls, coverage: Mapping[str, int]) -> Covered:
        """From the number of cases of each class."""
        edges, families = (0, 0), (0, 0)
        residues: dict[str, Share] = {}
        for name, cases in coverage.items():
            match = _RESIDUE.fullmatch(name)
            if match:
                residues[match[1]] = _plus(residues.get(match[1], (0, 0)), cases)
            elif name.startswith("family "):
                families = _plus(families, cases)
            else:
                edges = _plus(edges, cases)
        return cls(edges, families, residues)


def _plus(share: Share, cases: int) -> Share:
    met, there = share
    return met + (cases > 0), there + 1
