"""Fails unless a wheel holds bpcheck alone: its code, its types marker, its metadata.

Usage: python tools/wheel_contents.py WHEEL
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import PurePosixPath

NEEDED = {
    "bpcheck/__init__.py",
    "bpcheck/py.typed",
    "bpcheck/pytest_plugin.py",
    "bpcheck/operations/shipped.tsv",
    "bpcheck/report/page/page.html",
    "bpcheck/report/page/style.css",
}


def main() -> None:
    """Print how many files the wheel has, or exit with what should not or should be there."""
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        names = set(wheel.namelist())
    tops = {PurePosixPath(name).parts[0] for name in names}
    foreign = {top for top in tops if top != "bpcheck" and not top.endswith(".dist-info")}
    if foreign:
        sys.exit(f"{sys.argv[1]} holds {', '.join(sorted(foreign))}: it must hold bpcheck only")
    if missing := NEEDED - names:
        sys.exit(f"{sys.argv[1]} lacks {', '.join(sorted(missing))}")
    if not any(name.endswith(".dist-info/licenses/LICENSE") for name in names):
        sys.exit(f"{sys.argv[1]} lacks the licence")
    print(f"{sys.argv[1]}: {len(names)} files, all of bpcheck")  # noqa: T201 - a program


if __name__ == "__main__":
    main()
