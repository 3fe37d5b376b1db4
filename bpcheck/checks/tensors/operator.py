"""The rules of registered operators, as `torch.library.opcheck` tests them: a row for each."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bpcheck.calls import call
from bpcheck.checks.outcomes import failed, passed, remarked, unjudged
from bpcheck.checks.tensors.asked import Asked, leads
from bpcheck.checks.trial import Trial
from bpcheck.checks.turns import is_one_of, is_small
from bpcheck.finding import Kind, Outcome

#: Each row by its name, with the test of `torch.library.opcheck` that it is.
TESTS: Mapping[str, str] = {
    "operator schema": "test_schema",
    "operator autograd": "test_autograd_registration",
    "operator fake tensor": "test_faketensor",
    "operator AOT dispatch": "test_aot_dispatch_dynamic",
}

#: What each test says of an operator that fails it, in a few words.
_SAID = {
    "operator schema": "the schema does not say what the kernel does",
    "operator autograd": "autograd is not registered as torch asks for it",
    "operator fake tensor": "its fake kernel (register_fake) describes another result",
    "operator AOT dispatch": "it is another one when it is compiled (torch.compile)",
}

#: What torch says of an operator without a fake kernel, what is told of it, and in which row.
_MISSING = "no fake impl registered"
_NO_FAKE = (
    "there is no fake kernel: torch.compile and torch.export cannot trace it; register_fake gives "
    "it one"
)
_OF_A_FAKE = ("operator fake tensor",)

#: One small case in so many is asked: each is traced anew, which takes as long as a hundred cases.
EVERY = 32

#: Operations of torch that an operator and its backward may consist of, to be traced: each takes
#: some ten milliseconds, so that a loop over the cells of a large window takes minutes.
TRACED = 200

#: An operator that ran, and what it was called with.
_Ran = tuple[Any, tuple[Any, ...], dict[str, Any]]

#: How much of a message is told.
_TOLD = 200


def check_operator(trial: Trial, name: str) -> tuple[Outcome, ...]:
    """One of the tests of `torch.library.opcheck`, on the operands of the case."""
    why = _why_not(trial)
    if why:
        return unjudged(trial, name, why)
    said = trial.once(_tested).get(TESTS[name])
    y, *others = unjudged(trial, name, "an operator is tested as a whole")
    if said is None:
        return (y, *others)
    if said == "":
        return (passed(name, "y"), *others)
    if _MISSING in said:
        # One line for both rows that need it.
        return (remarked(name, "y", _NO_FAKE) if name in _OF_A_FAKE else y, *others)
    message = f"{_SAID[name]}: {said}"
    return (failed(trial, name, "y", Kind.OPERATOR, message), *others)


def _why_not(trial: Trial) -> str:
    code = trial.subject.tensors
    if code is None or code.operator is None:
        return "no registered operator"
    if not trial.first.is_whole or 0 in trial.case.shapes["y"]:
        return "the contract is broken, or the batch is empty"
    is_asked = is_small(trial.case) and (leads(trial) or is_one_of(trial.case, EVERY))
    if not is_asked:
        return "left to other cases"
    return "it takes too long to trace here" if trial.once(_operations) > TRACED else ""


def _operations(trial: Trial) -> int:
    """How many operations of torch run in one forward and backward; 0 where one raises."""
    asked = Asked.of(trial)

    def both() -> None:
        y = asked.apply(asked.leaves())
        if y.requires_grad:
            y.backward(asked.cotangent)

    return len(_ran(both) or ())


def _tested(trial: Trial) -> dict[str, str]:
    """By test: what is wrong, ``""`` for nothing; no entry where torch could not be asked."""
    import torch

    asked = Asked.of(trial)
    called = _call_of_operator(asked)
    if called is None:
        return {}
    args, kwargs = called
    with _quiet():
        ended = call(
            torch.library.opcheck,
            asked.code.operator,
            args,
            kwargs,
            test_utils=tuple(TESTS.values()),
            raise_exception=False,
        )
    if not ended.returned:
        return {}
    return {test: _shortened(said) for test, said in ended.value.items()}


def _call_of_operator(asked: Asked) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """What the operator is first called with in a forward; ``None`` where it is not called."""
    from bpcheck.adapters.torch_operators import overload_of

    operator = overload_of(asked.code.operator)
    ran = _ran(lambda: asked.apply(asked.leaves())) or ()
    return next(((args, kwargs) for each, args, kwargs in ran if each is operator), None)


def _ran(function: Callable[[], Any]) -> list[_Ran] | None:
    """The operators of torch that ran in a call, and with what; ``None`` if it raised."""
    from torch.utils._python_dispatch import TorchDispatchMode

    ran: list[_Ran] = []

    def dispatch(_: Any, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        ran.append((func, args, kwargs or {}))
        return func(*args, **(kwargs or {}))

    recording: Any = type("Recording", (TorchDispatchMode,), {"__torch_dispatch__": dispatch})
    with _quiet(), recording():
        ended = call(function)
    return ran if ended.returned else None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No logs of torch on what it finds: that is told."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _shortened(said: Any) -> str:
    r"""A message to the point.

    Examples
    --------
    >>> _shortened("SUCCESS")
    ''
    >>> _shortened("When comparing, found mismatched tensor metadata: Shapes (1,) and (2,)\nmore")
    'Shapes (1,) and (2,)'
    """
    text = str(said).strip() or type(said).__name__
    if text == "SUCCESS":
        return ""
    line = text.partition("metadata: ")[2] or text
    line = " ".join(line.partition("\n")[0].split())
    return line if len(line) <= _TOLD else f"{line[: _TOLD - 1]}…"
