"""Exit codes, and what a person reads instead of a traceback of the harness."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click

from bpcheck.errors import BpcheckError
from bpcheck.inert import inert
from bpcheck.interrupted import heard

AGREES, DEFECT, USAGE, INCONCLUSIVE = 0, 1, 2, 3

#: The run itself failed (EX_SOFTWARE of sysexits.h): it says nothing about the subject.
OWN_FAILURE = 70

#: 128 + SIGINT and 128 + SIGPIPE, as a shell counts them.
INTERRUPTED, BROKEN_PIPE = 130, 141

#: Set to anything, the traceback of a failure of bpcheck itself is printed.
DEBUG = "BPCHECK_DEBUG"


def worst(codes: Iterable[int]) -> int:
    """The code of several runs: interrupted over a defect over an error over nothing judged.

    Examples
    --------
    >>> worst([0, 3, 1, 2]), worst([0, 3, 2]), worst([])
    (1, 2, 0)
    """
    order = (INTERRUPTED, DEFECT, USAGE, INCONCLUSIVE, AGREES)
    return min(codes, key=order.index, default=AGREES)


class ReaderGoneError(Exception):
    """Whoever read the standard output has closed it; click would call that exit code 1."""


class UnwritableError(Exception):
    """The standard output cannot be written, as on a disk that is full."""


#: How a file that cannot be written says so.
_FULL = (errno.ENOSPC, errno.EIO, errno.EBADF, errno.EDQUOT)


class Guarded(click.Group):
    """A command group that ends in an exit code and a message, whatever happens."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            raise ReaderGoneError from None
        except OSError as error:
            if error.errno in _FULL:
                raise UnwritableError(error.strerror) from None
            raise
        return result

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002 - click's signature
        **extra: Any,
    ) -> Any:
        """Run a command; in standalone mode, exit with the code that it returns."""

        def run() -> Any:
            return super(Guarded, self).main(
                args, prog_name, complete_var, standalone_mode=False, **extra
            )

        if not standalone_mode:
            return run()
        for stream in (sys.stdout, sys.stderr):
            # What the terminal's encoding lacks is spelt out, never an error.
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        sys.exit(_guarded(run))


def _guarded(command: Callable[[], int | None]) -> int:
    try:
        code = command() or AGREES
    except click.ClickException as error:
        with contextlib.redirect_stderr(io.StringIO()) as said:
            error.show()
        _say(said.getvalue().removesuffix("\n"))
        return error.exit_code
    except BpcheckError as error:
        _say(f"Error: {error}")
        return USAGE
    except (KeyboardInterrupt, click.Abort):
        heard()
        _say("Interrupted.")
        return INTERRUPTED
    except ReaderGoneError:
        # The reader has gone; the interpreter must not fail once more when it flushes at its end.
        _silence(1)
        return BROKEN_PIPE
    except UnwritableError as error:
        _silence(1)
        _say(f"Error: the standard output cannot be written ({error})")
        return USAGE
    except MemoryError:
        _say("Memory ran out: a case, or what the subject does with it, needs more than is free.")
        return INCONCLUSIVE
    except Exception as error:  # noqa: BLE001 - a person gets a sentence, not a traceback
        _confess(error)
        return OWN_FAILURE
    return code


def _confess(error: Exception) -> None:
    if os.environ.get(DEBUG):
        _say("".join(traceback.format_exception(error)).rstrip())
    message = str(error).strip().partition("\n")[0]
    _say(
        f"bpcheck itself failed ({type(error).__name__}{': ' if message else ''}{message}). "
        "This is a bug in bpcheck and says nothing about your code.\n"
        f"Please report it with the traceback that {DEBUG}=1 prints in front of this line."
    )


def _say(text: str) -> None:
    try:
        click.echo(inert(text), err=True)
        if sys.stderr is not None:
            sys.stderr.flush()
    except OSError:
        # It is full, or nobody reads it: the exit code still tells, and is not to change by that.
        _silence(2)


def _silence(descriptor: int) -> None:
    """Let nothing more be written there, at the end of the interpreter either."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
