"""Operations of a user's own: what they must hold before a run, and whose an error is."""

from __future__ import annotations

import contextlib
import inspect
import traceback
from collections.abc import Iterator
from typing import Any

import numpy as np

from bpcheck.cases import Case
from bpcheck.errors import BpcheckError, NoAddressError, OperationError
from bpcheck.explain.right import right_kernel
from bpcheck.filling import fill
from bpcheck.imports import explain, is_users
from bpcheck.operations import Operation
from bpcheck.planning.draws import integers_from

#: Geometries that are drawn to see whether an operation keeps its word: a slip shows in most.
TRIED = 6


def require_sound(operation: Operation) -> None:
    """Raise `OperationError` where an operation contradicts itself; nothing could be judged by it.

    A case is written as numbers and made of them again, what torch gives must have the shape that
    is promised, and sums are looked up by result: all of it is tried on a few geometries.
    """
    if operation.is_built_in:
        return
    # Seeds that no run draws with: a sound operation is not seen to have been asked.
    integers = integers_from(np.random.default_rng((0, *b"sound")))
    for _ in range(TRIED):
        geometry = operation.draw(integers)
        wrong = _contradiction(operation, geometry)
        if wrong:
            raise OperationError(f"{operation}: {wrong}")


def require_address(operation: Operation, jobs: int) -> None:
    """Raise `NoAddressError` where workers could not be told which operation a case is of.

    They inherit the subject, but cases are sent to them, and what came of those is sent back.
    """
    why = operation.why_unaddressed
    if why:
        raise NoAddressError(f"jobs={jobs}: {operation.name} {why}; or check it with one job")


def _contradiction(operation: Operation, geometry: Any) -> str:
    numbers = geometry.numbers()
    if set(operation.keys) - set(numbers):
        return (
            f"numbers() of {geometry!r} gives {', '.join(numbers)}, and the keys are "
            f"{', '.join(operation.keys)}; it must give a number for each of them"
        )
    try:
        hash(geometry)
    except TypeError:
        kind = type(geometry).__name__
        return f"a geometry is a value, and {kind} has no hash; make it a frozen dataclass"
    again = operation.geometry({key: numbers[key] for key in operation.keys})
    if again != geometry:
        return (
            f"draw() gives {geometry!r}, and geometry() makes {again!r} of its numbers; a case "
            "that is written and read again would be another one"
        )
    case = Case(operation, geometry, values=operation.value_kinds[0])
    results = operation.results(geometry)
    terms = operation.terms(geometry)
    if set(results) - set(terms):
        return f"terms() gives {', '.join(terms)}; give a number for {', '.join(results)}"
    operands = fill(case).operands
    y, _ = right_kernel(operation).forward(
        *(operands.get(name) for name in operation.operands), **case.params
    )
    several = operation.outputs(geometry)
    promised: Any = several or tuple(operation.output_shape(geometry))
    given = tuple(each.shape for each in y) if isinstance(y, tuple) else y.shape
    if given != promised:
        return (
            f"torch_forward() gives y the shape {given}, and "
            f"{'outputs' if several else 'output_shape'}() promises {promised}, for {geometry!r}"
        )
    return ""


@contextlib.contextmanager
def blaming(operation: Operation | None) -> Iterator[None]:
    """Tell what an operation of a user's own raises as that, by its line, as `OperationError`."""
    try:
        yield
    except BpcheckError:
        raise
    except Exception as error:
        if operation is None or operation.is_built_in or not _is_by(error, operation):
            raise
        raise OperationError(
            f"{operation}: its own code raised\n{explain(error)}\n"
            "Mend that first; a case can only be judged by an operation that works."
        ) from error


def _is_by(error: Exception, operation: Operation) -> bool:
    """Whether the code of the operation, of its classes or of its reference, had a part in it."""
    frames = traceback.extract_tb(error.__traceback__)
    files = set(map(_file_of, operation.written_as)) - {""}
    return any(frame.filename in files for frame in frames)


def _file_of(code: Any) -> str:
    """Where a person has written it; empty for bpcheck's own code, and for what is not Python."""
    if _is_ours(code.__module__):
        return ""
    with contextlib.suppress(TypeError, OSError):
        return inspect.getfile(inspect.unwrap(code))
    return ""


def is_by_subject(error: BaseException, operation: Operation, *, is_alone: bool) -> bool:
    """Whether the code of a subject had a part in an error that came out of a check.

    Where the process is the subject's own (`is_alone`), nobody else interrupts it.
    """
    if isinstance(error, KeyboardInterrupt) and not is_alone:
        return False
    if isinstance(error, Exception) and not operation.is_built_in and _is_by(error, operation):
        return False
    return any(is_users(frame) for frame in traceback.extract_tb(error.__traceback__))


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in ("bpcheck", "abc")
