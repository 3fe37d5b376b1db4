"""Writing a file whole or not at all: whatever interrupts it leaves the old one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from bpcheck.errors import UsageError


def write_whole(path: Path, data: str | bytes, *, option: str = "") -> None:
    """Write a file; a pipe or a device is written as it comes.

    Raises
    ------
    UsageError
        If it cannot be written, as on a disk that is full. What was there before is there still.
    """
    # A link stays one.
    path = path.resolve()
    shown = f"{option} {path}" if option else str(path)
    content = data.encode() if isinstance(data, str) else data
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content)
            return
        _replace(path, content)
    except OSError as error:
        raise UsageError(f"{shown}: cannot be written ({error.strerror})") from None


def _replace(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # Temporary files are private; this one is to be read by whoever reads the old one.
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_mask()
        temporary.chmod(mode)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
