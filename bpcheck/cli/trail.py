"""What a run is at, for whoever is left when its process has gone."""

from __future__ import annotations

import mmap

# The first byte tells whether the run came to its end, the second holds its exit code.
_HEAD, _SIZE = 2, 4096


class Trail:
    """What a run is at, in memory that it shares with the process that watches it.

    Examples
    --------
    >>> trail = Trail()
    >>> trail.note("conv1d n1ic1iw3oc1kw2", "layers.py")
    >>> trail.last, trail.code
    (('conv1d n1ic1iw3oc1kw2', 'layers.py'), None)
    >>> trail.finish(3)
    >>> trail.code
    3
    """

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, _SIZE)
        #: Whether an interrupt came since the last note. It may have been raised where exceptions
        #: are lost, as in a callback from C, and is raised again then.
        self.interrupted = False

    def note(self, case: str, target: str) -> None:
        """Say which case comes next, and of which target, in case that nothing comes after it.

        Raises `KeyboardInterrupt` where an interrupt may have been lost.
        """
        if self.interrupted:
            self.interrupted = False
            raise KeyboardInterrupt
        data = f"{case}\n{target}".encode()[: _SIZE - _HEAD]
        self._page[_HEAD:] = data.ljust(_SIZE - _HEAD, b"\0")

    def finish(self, code: int) -> None:
        """Say that the run came to its end, and with which exit code."""
        self._page[:_HEAD] = bytes([1, code])

    @property
    def last(self) -> tuple[str, str]:
        """The case and the target that were noted last; empty if none were."""
        case, _, target = self._page[_HEAD:].rstrip(b"\0").decode(errors="ignore").partition("\n")
        return case, target

    @property
    def code(self) -> int | None:
        """The exit code of a run that came to its end."""
        return self._page[1] if self._page[0] else None
