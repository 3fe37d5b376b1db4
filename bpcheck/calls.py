"""Calling a subject's code: what it returned, raised and printed, as a value."""

from __future__ import annotations

import contextlib
import io
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bpcheck.errors import Unsupported


@dataclass(frozen=True, slots=True)
class Call:
    """How one call of a subject's function ended.

    Parameters
    ----------
    value
        What it returned; ``None`` if it raised.
    raised
        ``TypeError: message (file.py:12)`` if it raised, else ``""``.
    unsupported
        The reason, if what it raised says that it does not claim the case, else ``""``.
    printed
        What it wrote to the standard output.
    """

    value: Any = None
    raised: str = ""
    unsupported: str = ""
    printed: str = ""

    @property
    def returned(self) -> bool:
        """Whether it came back with a value."""
        return not (self.raised or self.unsupported)


def call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Call:
    """Call `function`; nothing that it raises gets out, save what interrupts the whole run.

    Examples
    --------
    >>> call(lambda: 1).value
    1
    >>> call(int, "one").raised
    "ValueError: invalid literal for int() with base 10: 'one'"
    """
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out), warnings.catch_warnings():
            # Overflow warnings of a subject would be reported by its numbers.
            warnings.simplefilter("ignore")
            value = function(*args, **kwargs)
    except (Unsupported, NotImplementedError) as error:
        return Call(unsupported=str(error) or type(error).__name__, printed=out.getvalue())
    except (KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:  # noqa: BLE001 - SystemExit of a subject is a finding too
        return Call(raised=_describe(error), printed=out.getvalue())
    return Call(value=value, printed=out.getvalue())


def _describe(error: BaseException) -> str:
    """The error and the place in the user's own code that it came from."""
    frames = traceback.extract_tb(error.__traceback__)[1:]
    own = [frame for frame in frames if "site-packages" not in frame.filename] or frames
    where = f" ({own[-1].filename}:{own[-1].lineno})" if own else ""
    message = str(error).strip().split("\n")[0]
    return f"{type(error).__name__}{': ' if message else ''}{message}{where}"
