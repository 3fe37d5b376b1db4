"""What the options of a session ask for, and how its subjects are run therefore."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from bpcheck.errors import BpcheckError, UsageError
from bpcheck.pytest_items.keys import ENGINE
from bpcheck.runner.engine.named import engine_named
from bpcheck.runner.in_process import why_in_process
from bpcheck.runner.process.handle import Allowed

if TYPE_CHECKING:
    from bpcheck.runner.engine.engine import Engine


def allowed(config: pytest.Config) -> Allowed:
    """What a call of a subject may take."""
    return Allowed(config.getoption("bpcheck_call_timeout"))


def option(config: pytest.Config, name: str) -> str:
    """What an option says, or the configuration file where it was not given."""
    given: Any = config.getoption(f"bpcheck_{name}")
    return str(config.getini(f"bpcheck_{name}") if given is None else given)


def limit(config: pytest.Config, name: str) -> int | None:
    """A limit of the cases; ``None`` if none is given."""
    given = option(config, name)
    if not given:
        return None
    if not given.isdecimal() or not int(given):
        raise UsageError(f"bpcheck_{name}={given}: must be an integer of at least 1")
    return int(given)


def why_in_process_of(config: pytest.Config) -> tuple[bool, str]:
    """Whether it was asked for that subjects run in this process, and why they do, if so."""
    if config.getoption("bpcheck_in_process"):
        return True, "--bpcheck-in-process says so"
    if config.getoption("usepdb", default=False) or config.getoption("trace", default=False):
        return False, "--pdb or --trace is given"
    return False, why_in_process()


def engine_of(config: pytest.Config) -> Engine | str | None:
    """The engine of this session, or why it cannot be had; ``None`` if none was asked for."""
    text = option(config, "executor")
    if not text:
        return None
    if ENGINE not in config.stash:
        stack = contextlib.ExitStack()
        found = engine_named(text, directory=config.invocation_params.dir, say=str)
        try:
            config.stash[ENGINE] = stack, stack.enter_context(found)
        except BpcheckError as error:
            # It is not waited for again.
            config.stash[ENGINE] = stack, f"bpcheck_{error}"
    return config.stash[ENGINE][1]
