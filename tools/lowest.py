"""Makes .lowest: a virtual environment with the lowest version of everything that is declared.

The versions are those of pyproject.toml, `>=` read as `==`: the dependencies and the extra dev.
What they need in turn, and torch, come from .venv: the old torch that pip finds needs CUDA.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]

#: Tried by hand instead (docs/dependencies.md): no build of theirs for the CPU is on the index.
EXCEPTED = ("torch",)

#: Checks and builds the code, and runs none of it.
NOT_RUN = ("import-linter", "mypy", "ruff", "types-jsonschema")

_DECLARED = re.compile(r"([A-Za-z0-9._-]+)>=([0-9.]+)")


def lowest(pyproject: str) -> list[str]:
    """Each declared package at its lower bound.

    Raises
    ------
    ValueError
        For one that has no lower bound: nothing could hold it to what is declared.

    Examples
    --------
    >>> lowest('''
    ... [project]
    ... dependencies = ["click>=8.2", "torch>=2.6"]
    ... optional-dependencies.dev = ["pytest-xdist>=3.6.1", "ruff>=0.11"]
    ... ''')
    ['click==8.2', 'pytest-xdist==3.6.1']
    """
    project = tomllib.loads(pyproject)["project"]
    found = []
    for declared in (*project["dependencies"], *project["optional-dependencies"]["dev"]):
        match = _DECLARED.fullmatch(declared)
        if match is None:
            raise ValueError(f"{declared}: name>=version was expected")
        name, version = match.groups()
        if name not in (*EXCEPTED, *NOT_RUN):
            found.append(f"{name}=={version}")
    return found


def make(folder: Path) -> None:
    """Make the environment; `.venv` must be there."""
    wanted = lowest((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    venv.create(folder, clear=True, with_pip=False)
    (site,) = folder.glob("lib/python*/site-packages")
    (pinned,) = (ROOT / ".venv").glob("lib/python*/site-packages")
    # Below its own packages, so that what is installed there comes first.
    (site / "pinned.pth").write_text(f"{pinned}\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin/python"), "install"]
    quietly = ["--quiet", "--quiet", "--disable-pip-version-check"]
    for what in (wanted, ["--no-deps", "--editable", str(ROOT)]):
        subprocess.run([*pip, *quietly, *what], check=True)  # noqa: S603 - our own list
    sys.stdout.write("Installed, each the lowest that is declared: " + " ".join(wanted) + "\n")


if __name__ == "__main__":
    make(ROOT / ".lowest")
