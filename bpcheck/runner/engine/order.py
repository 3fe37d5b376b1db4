"""What a run sends to an engine beside its cases: how the subject is made, wherever that is."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from bpcheck.runner.process.handle import Allowed


@dataclass(frozen=True, slots=True)
class Order:
    """How the subject of a run is made in another process, as plain values.

    Parameters
    ----------
    run
        Tells runs apart: a folder that is there as long as its run goes on.
    machine
        Where that folder is.
    load
        The pickled `Load` of the subject. It is unpickled where the subject is to run, and nowhere
        else: that may import the user's code.
    allowed
        What the subject may take.
    operation
        Name of the operation, where it is one of bpcheck's own; else empty.
    path, directory
        Where modules are found, and relative paths begin, in the process that gave the order.
    is_apart
        Whether the subject gets a process of its own.
    """

    run: str
    machine: str
    load: bytes
    allowed: Allowed
    operation: str = ""
    path: tuple[str, ...] = ()
    directory: str = ""
    is_apart: bool = os.name == "posix"

    @property
    def is_over(self) -> bool:
        """Whether the run has ended, as far as that can be known here."""
        return self.machine == this_machine() and not Path(self.run).exists()

    def make_importable(self) -> None:
        """Have modules found here that are found where the order was given."""
        sys.path += [each for each in self.path if each not in sys.path]


def this_machine() -> str:
    """What tells this computer from others, of the same name too."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        boot = ""
    return f"{platform.node()} {boot}"
