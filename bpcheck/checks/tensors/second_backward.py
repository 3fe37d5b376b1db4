"""A second backward through the engine: the same bits where the graph is kept, else an error.

In another thread than the forward's too, where the engine runs each backward on a GPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bpcheck.arithmetic import Array
from bpcheck.checks.allowed import slack_between_runs
from bpcheck.checks.compare import difference
from bpcheck.checks.outcomes import element, failed, first_of_each, number, unjudged
from bpcheck.checks.split import of_gradients
from bpcheck.checks.tensors.asked import Asked, engine, missing, numbers, told, tried, why_not
from bpcheck.checks.trial import Trial
from bpcheck.finding import Kind, Outcome

NAME = "second backward"


def check_second_backward(trial: Trial) -> tuple[Outcome, ...]:
    """Through a kept graph the same bits again; through one that is not, those or an error."""
    why = "residuals are claimed to serve once" if trial.subject.claims.single_use else ""
    why = why or why_not(trial, NAME)
    if why:
        return unjudged(trial, NAME, why)
    asked = Asked.of(trial)
    leaves = asked.leaves()
    forward = tried(asked.apply, leaves)
    y = forward.value
    before = tried(_kept, asked, y, leaves) if forward.returned else forward
    if not before.returned:
        return unjudged(trial, NAME, "the backward before it failed")
    kept = tried(_kept, asked, y, leaves)
    if not kept.returned:
        text = (
            f"a second backward through a kept graph (retain_graph=True) raises {told(kept)}: keep "
            "what it needs, or claim SINGLE_USE"
        )
        return missing(trial, NAME, text, is_claimed=None, results=_results(asked))
    found = list(_violations(asked, kept.value, before.value, "through a kept graph"))
    if not found:
        elsewhere = tried(_in_another_thread, asked, y, leaves)
        if not elsewhere.returned:
            text = (
                f"a backward in another thread than the forward's raises {told(elsewhere)}: keep "
                "what it needs on the context; of tensors on a GPU, each backward is in another"
            )
            return missing(trial, NAME, text, is_claimed=None, results=_results(asked))
        when = "in another thread than the forward's"
        found = list(_violations(asked, elsewhere.value, before.value, when))
    if not found:
        last = tried(_freed, asked, y, leaves)
        freed = tried(_freed, asked, y, leaves) if last.returned else last
        if freed.returned:
            # The graph was not kept: torch raises where something was saved for it.
            when = "through a graph that was not kept, where torch raises an error"
            found = list(_violations(asked, freed.value, before.value, when))
    return of_gradients(first_of_each(trial, NAME, found))


def _in_another_thread(asked: Asked, y: Any, leaves: dict[str, Any]) -> dict[str, Array | None]:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(_kept, asked, y, leaves).result()


def _kept(asked: Asked, y: Any, leaves: dict[str, Any]) -> dict[str, Array | None]:
    return _copied(engine(y, leaves, asked.cotangent, retain_graph=True))


def _freed(asked: Asked, y: Any, leaves: dict[str, Any]) -> dict[str, Array | None]:
    return _copied(engine(y, leaves, asked.cotangent, retain_graph=False))


def _copied(found: dict[str, Any]) -> dict[str, Array | None]:
    # Copies: a second one may be written into the memory of the first.
    return {name: None if bar is None else numbers(bar) for name, bar in found.items()}


def _results(asked: Asked) -> tuple[str, ...]:
    return tuple(f"{name}_bar" for name in asked.names)


def _violations(
    asked: Asked, got: dict[str, Array | None], expected: dict[str, Array | None], when: str
) -> Iterator[Outcome]:
    trial = asked.trial
    for name, bar in expected.items():
        result, again = f"{name}_bar", got[name]
        if bar is None or again is None:
            if bar is not again:
                message = f"{result} is None the second time {when}"
                yield failed(trial, NAME, result, Kind.STATE, message)
            continue
        where = difference(again, bar, slack_between_runs(trial, result))
        if where is not None:
            message = (
                f"{element(result, where)} is {number(where.got)} the second time {when}, and "
                f"{number(where.expected)} the first time"
            )
            yield failed(trial, NAME, result, Kind.STATE, message, where)
