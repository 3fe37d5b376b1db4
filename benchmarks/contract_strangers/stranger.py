"""One violation of the second set."""

from __future__ import annotations

from dataclasses import dataclass

from bpcheck import adapters
from bpcheck.subject import Subject

FOLDER = "benchmarks/contract_strangers"

#: Nothing is linked: somebody's own experience.
PRACTICE = ""


@dataclass(frozen=True, slots=True)
class Stranger:
    """A backward that breaks one promise, and a right twin of it.

    `module` has them as ``broken_NAME`` and ``kept_TWIN``; `first` is what bpcheck said before
    anything was mended for it: ``defect``, ``told`` (a line below the table that the twin does not
    get) or ``missed``, with the row.
    """

    sentence: str
    report: str
    operation: str
    module: str
    name: str
    first: str
    twin: str = ""

    @property
    def style(self) -> str:
        """How the code is written."""
        return "jax" if self.module == "in_jax" else "torch"

    def broken(self) -> Subject:
        """The code that breaks its promise."""
        return self._load(f"broken_{self.name}")

    def kept(self) -> Subject:
        """The code that keeps it."""
        return self._load(f"kept_{self.twin or self.name}")

    def _load(self, attribute: str) -> Subject:
        target = f"{FOLDER}/{self.module}.py:{attribute}"
        return adapters.load(target, operation=self.operation, style=self.style)
