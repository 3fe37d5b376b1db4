"""Whether the line of a slip is found: each planted in the source, checked, and looked at."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.slips.planted import Slip
from bpcheck import adapters
from bpcheck.runner.run import check_subject

#: Judged cases of each slip, and their multiplications at most.
CASES, LARGEST = 150, 4_096

#: Where the right kernels are.
KERNELS = Path(__file__).parent / "kernels"


@dataclass(frozen=True, slots=True)
class Located:
    """What came of one slip: `line` is that of the first defect told, 0 for silence."""

    slip: Slip
    expected: int
    lines: tuple[int, ...]
    is_found_wrong: bool
    repair: str = ""

    @property
    def outcome(self) -> str:
        """``right``, ``wrong`` where any line told is another one, ``silent``, or ``no defect``."""
        if not self.is_found_wrong:
            return "no defect"
        if not self.lines:
            return "silent"
        return "right" if set(self.lines) == {self.expected} else "wrong"


def located(slip: Slip) -> Located:
    """Plant a slip, check the kernel, and see which lines the report points at."""
    text = (KERNELS / f"{slip.kernel}.py").read_text()
    head, vjp = text.split("def vjp(")
    assert vjp.count(slip.right) == 1, f"{slip.right!r} stands {vjp.count(slip.right)} times"
    before = f"{head}def vjp({vjp[: vjp.index(slip.right)]}"
    planted = f"{head}def vjp({vjp.replace(slip.right, slip.wrong)}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{slip.kernel}.py"
        path.write_text(planted)
        subject = adapters.load(str(path), operation=slip.operation)
        report = check_subject(subject, profile="quick", count=CASES, largest=LARGEST, repairs=True)
    defects = [each for each in report.judgements if each.verdict.is_defect]
    found = [each.repaired for each in defects if each.repaired is not None]
    lines = tuple(dict.fromkeys(each.line for each in found))
    repair = found[0].repair if found else ""
    return Located(slip, before.count("\n") + 1, lines, bool(defects), repair)
