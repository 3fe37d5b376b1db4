"""Writing files: whole or not at all, and one writer at a time."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bpcheck.errors import UsageError

#: Seconds that one writer waits for another one, which merges a few kilobytes.
_PATIENCE = 30

#: Where GitHub Actions takes a step's summary from.
SUMMARY = "GITHUB_STEP_SUMMARY"


def is_file(path: Path) -> bool:
    """Whether there is such a file; a name that the system refuses names none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """The same of a directory."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


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


def append_whole(path: Path, text: str, *, option: str = "") -> None:
    """Append to a file, or leave it as it is.

    Raises
    ------
    UsageError
        If it cannot be written.
    """
    shown = f"{option}={path}" if option else str(path)
    try:
        with path.open("ab", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            try:
                file.write(text.encode())
            except OSError:
                # A part may have found room.
                with contextlib.suppress(OSError):
                    file.truncate(size)
                raise
    except OSError as error:
        raise UsageError(f"{shown}: cannot be written ({error.strerror})") from None


def append_to_summary(text: str) -> None:
    """Append to the summary of a workflow's step, where there is one.

    Raises
    ------
    UsageError
        If it cannot be written.
    """
    path = os.environ.get(SUMMARY)
    if path and text:
        append_whole(Path(path), text + "\n", option=SUMMARY)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Be the only process of this machine that has this file locked.

    The lock lies among temporary files, so that nothing is left beside the file itself.

    Raises
    ------
    UsageError
        If another process has had it for half a minute.
    """
    from filelock import FileLock, Timeout

    name = hashlib.sha256(str(path.resolve()).encode(errors="surrogateescape")).hexdigest()[:32]
    user = os.getuid() if hasattr(os, "getuid") else "user"
    lock = FileLock(Path(tempfile.gettempdir()) / f"bpcheck-{user}-{name}.lock")
    try:
        held = lock.acquire(timeout=_PATIENCE)
    except Timeout:
        raise UsageError(
            f"{path}: another process has been writing it for {_PATIENCE} s; wait until it ends"
        ) from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be locked ({error.strerror})") from None
    with held:
        yield


def _replace(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:200]}.", dir=path.parent)
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
