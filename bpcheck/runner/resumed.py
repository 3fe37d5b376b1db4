"""A long run that can be taken up again: what was counted so far, kept in a file."""

from __future__ import annotations

import io
import pickle
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bpcheck.errors import UsageError
from bpcheck.files import write_whole
from bpcheck.verdict.tally import Tally

#: How the file begins, with the version of what follows.
_MAGIC = b"bpcheck-resume 1\n"

#: Seconds between two writings.
_EVERY = 10.0

#: The modules whose values may stand in such a file, beside those of bpcheck itself.
_PLAIN = {
    "builtins": ("set", "frozenset", "complex", "bytearray"),
    "collections": ("Counter", "OrderedDict"),
    "types": ("MappingProxyType",),
    # Windows keep what they have worked out; older versions of NumPy call the room `core`.
    "numpy": ("ndarray", "dtype"),
    "numpy._core.multiarray": ("_reconstruct", "scalar"),
    "numpy.core.multiarray": ("_reconstruct", "scalar"),
    "numpy._core.numeric": ("_frombuffer",),
    "numpy.core.numeric": ("_frombuffer",),
}


@dataclass(slots=True)
class Resumed:
    """The file of a run, and what it holds.

    Parameters
    ----------
    path
        Of the file; ``None`` where nothing is kept.
    run
        What the run is of: another one cannot be taken up from its file.
    """

    path: Path | None
    run: tuple[Any, ...]
    _written: float = field(default_factory=time.monotonic)

    def taken_up(self) -> tuple[int, int, Tally]:
        """How many cases are done and how many proved, and what came of all of them.

        None are where there is no file yet.

        Raises
        ------
        UsageError
            If it is no such file, or of another run.
        """
        if self.path is None or not self.path.exists():
            return 0, 0, Tally()
        shown = f"--resume {self.path}"
        try:
            run, done, proved, tally = _read(self.path.read_bytes())
        except OSError as error:
            raise UsageError(f"{shown}: cannot be read ({error.strerror})") from None
        except Exception as error:  # noqa: BLE001 - whatever a file may hold
            raise UsageError(
                f"{shown}: is no file of an earlier run ({error}); name one that does not exist "
                "to begin anew"
            ) from None
        if run != self.run:
            raise UsageError(
                f"{shown}: is of another run ({', '.join(map(str, run))}; this one is "
                f"{', '.join(map(str, self.run))}); name a file that does not exist to begin anew"
            )
        return done, proved, tally

    def keep(self, done: int, proved: int, tally: Tally, *, at_once: bool = False) -> None:
        """Write it, if that is due."""
        if self.path is None or not (at_once or time.monotonic() - self._written > _EVERY):
            return
        content = pickle.dumps((self.run, done, proved, tally))
        write_whole(self.path, _MAGIC + content, option="--resume")
        self._written = time.monotonic()


def _read(content: bytes) -> Any:
    if not content.startswith(_MAGIC):
        raise ValueError("it begins otherwise")
    return _Reader(io.BytesIO(content[len(_MAGIC) :])).load()


class _Reader(pickle.Unpickler):
    """A reader that makes values of bpcheck's own, and of a few plain types, alone."""

    def find_class(self, module: str, name: str) -> Any:
        """The class of that name, if it may be made.

        Raises
        ------
        UnpicklingError
            If a file asks for anything else, as one that was made to do harm does.
        """
        if module.split(".", maxsplit=1)[0] == "bpcheck" or name in _PLAIN.get(module, ()):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} does not belong there")
