"""Where a measurement was made: what may change the order of summation, nothing personal."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

Environment = dict[str, str | int]


def environment(*, threads: int, backend: str) -> Environment:
    """The processor, its instruction sets, BLAS, NumPy, torch, Python, backend and threads.

    Parameters
    ----------
    threads
        Threads that BLAS and torch are held to.
    backend
        The kind of code that the subject is, such as ``"NumPy"``.
    """
    import numpy as np
    import torch

    config = np.show_config(mode="dicts")
    simd = config["SIMD Extensions"]
    return {
        "backend": backend,
        "cpu": _processor(),
        "isa": " ".join((platform.machine(), *simd.get("found", ()))),
        "blas": _blas(),
        "numpy": np.__version__,
        "torch": f"{torch.__version__} {torch.backends.cpu.get_cpu_capability()}",
        # Recorded only where it holds oneDNN back.
        **({"onednn": limit} if (limit := os.environ.get("ONEDNN_MAX_CPU_ISA")) else {}),
        "python": ".".join(map(str, sys.version_info[:2])),
        "ml_dtypes": version("ml_dtypes"),
        "threads": threads,
    }


def differences(recorded: Environment, current: Environment) -> tuple[str, ...]:
    """What is not the same, such as ``"threads 1 -> 2"``.

    Examples
    --------
    >>> differences({"numpy": "2.0", "threads": 1}, {"numpy": "2.0", "threads": 2})
    ('threads: 1, now 2',)
    """
    names = dict.fromkeys((*recorded, *current))
    return tuple(
        f"{name}: {recorded.get(name, 'not recorded')}, now {current.get(name, 'unknown')}"
        for name in names
        if recorded.get(name) != current.get(name)
    )


@contextlib.contextmanager
def limited_to(threads: int) -> Iterator[None]:
    """BLAS and torch use that many threads inside."""
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with threadpool_limits(limits=threads):
            yield
    finally:
        torch.set_num_threads(before)


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _blas() -> str:
    """NumPy's BLAS as it runs here, the kernels chosen for this processor included."""
    import numpy as np
    from threadpoolctl import threadpool_info

    loaded = sorted(
        f"{each['internal_api']} {each['version']} {each.get('architecture', '')}".strip()
        for each in threadpool_info()
        if each["user_api"] == "blas" and "scipy.libs" not in each["filepath"]
    )
    if loaded:
        return ", ".join(dict.fromkeys(loaded))
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return f"{blas['name']} {blas['version']}"
