"""Where a run took place, as a page tells it: versions and the machine, nothing personal."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version


def environment() -> dict[str, str]:
    """Versions of what judged, the system and its processors, by name.

    Examples
    --------
    >>> list(environment())
    ['bpcheck', 'torch', 'NumPy', 'Python', 'system', 'processors']
    """
    return {
        "bpcheck": _version("bpcheck"),
        "torch": _version("torch"),
        "NumPy": _version("numpy"),
        "Python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": str(os.cpu_count() or "unknown"),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
