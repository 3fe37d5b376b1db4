"""What kernels were told, looked into one by one: a defect with a program that shows it, or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent / "reproduced"


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause: what of which kernels it explains, and the program that shows it.

    `told` are the judgements of `kernels` (as `package:name`) that come of it; `program` is a file
    of `reproduced/`, and is empty where what was told is no defect: the title says why.
    """

    kernels: tuple[str, ...]
    told: tuple[str, ...]
    title: str
    text: str = ""
    program: str = ""

    @property
    def anchor(self) -> str:
        """Where the page has it."""
        kept = "".join(each for each in self.title.lower() if each.isalnum() or each in " -_")
        return kept.replace(" ", "-")


EXPLAINED: tuple[Finding, ...] = ()

#: The programs, by name.
REPRODUCED: Mapping[str, Path] = {
    each.program: _HERE / f"{each.program}.py" for each in EXPLAINED if each.program
}


def explained(kernel: Any, judgement: Mapping[str, Any]) -> Finding | None:
    """What explains one judgement of a kernel; ``None`` where nobody has looked into it."""
    name = f"{kernel.package}:{kernel.name}"
    return next(
        (
            each
            for each in EXPLAINED
            if name in each.kernels and judgement["judgement"] in each.told
        ),
        None,
    )
