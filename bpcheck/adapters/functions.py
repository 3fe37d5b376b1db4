"""Functions: a pair with a cache, or a stateless backward, or one function for each gradient."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bpcheck.adapters.adapted import adapted_subject
from bpcheck.adapters.declaration import Declaration, declared
from bpcheck.adapters.expressions import Line, line
from bpcheck.adapters.names import gradient_of, meaning
from bpcheck.adapters.results import by_name, gradient_names, gradients_by_operand
from bpcheck.adapters.scope import Scope
from bpcheck.adapters.signatures import needs_bias, suggested_arguments, takes_ints
from bpcheck.claims import DEFAULT_DTYPES
from bpcheck.errors import TargetError, UsageError
from bpcheck.operations import Operation
from bpcheck.subject import Subject

Function = Callable[..., Any]

#: The words of a declaration that these adapters have besides the common ones.
OWN: Mapping[str, Any] = {"forward": "", "backward": ""}


@dataclass(frozen=True, slots=True)
class Called:
    """A function with the call that is made of it."""

    function: Function
    shown: Line
    name: str

    def on(self, scope: Scope, *, bias: bool, omits_bias: bool) -> Any:
        """What it returns in one case."""
        shown = self.shown
        if not bias and omits_bias:
            shown = shown.without(lambda name: meaning(name, scope.operation) == "b")
        arguments, named = shown.arguments(scope)
        return self.function(*arguments, **named)


@dataclass(frozen=True)
class Functions:
    """A forward, and one backward or several, each of which gives some gradients."""

    operation: Operation
    declaration: Declaration
    ahead: Called
    back: tuple[Called, ...]

    def forward(self, scope: Scope) -> tuple[Any, Any]:
        """``y``, and the scope with all that was returned."""
        names = self.ahead.shown.returns
        found = by_name(self._call(self.ahead, scope), names, who=self.ahead.name)
        kept = scope.keeping(**found)
        y = next(name for name in names if meaning(name, self.operation) == "y")
        return found[y], kept.keeping(y=found[y])

    def backward(self, state: Scope, scope: Scope) -> Mapping[str, Any]:
        """The gradients of all backwards."""
        scope = state.keeping(dy=scope.kept["dy"])
        found: dict[str, Any] = {}
        for each in self.back:
            names = self._returned(each, scope)
            if not names:
                # It would give the gradient of a bias that there is not.
                continue
            value = self._call(each, scope)
            found |= gradients_by_operand(value, names, self.operation, who=each.name)
        return found

    def names(self) -> Sequence[str]:
        """What the forward passes."""
        return tuple(self.ahead.shown.names())

    def _call(self, called: Called, scope: Scope) -> Any:
        omits = self.declaration.without_bias == "omitted"
        return called.on(scope, bias="b" in scope.handed, omits_bias=omits)

    def _returned(self, called: Called, scope: Scope) -> Sequence[str]:
        names = called.shown.returns
        one_less = self.declaration.without_bias in {"shorter", "omitted"}
        if "b" in scope.handed or not one_less:
            return names
        return [each for each in names if gradient_of(each, self.operation) != "b"]


def functions_subject(
    forward: Function,
    backward: Function | Sequence[Function],
    *,
    holder: Any,
    operation: Operation,
    name: str,
    style: str,
    words: Mapping[str, Any],
    returns: str,
    dtypes: Sequence[str] = DEFAULT_DTYPES,
) -> Subject:
    """The subject that these functions make; `returns` is what a forward returns unless declared.

    Raises
    ------
    UsageError
        For a word that cannot be understood.
    TargetError
        If it cannot be told how a function is called.
    """
    declaration, own = declared(words, operation=operation, style=style, own=OWN)
    if "ints" not in words and takes_ints(forward, operation):
        declaration = replace(declaration, ints=True)
    if "without_bias" not in words and needs_bias(forward, operation):
        declaration = replace(declaration, without_bias="never")
    ahead = _called(forward, own["forward"], operation, word="forward", returns=returns.split())
    backs = (backward,) if callable(backward) else tuple(backward)
    lines = calls_in(own["backward"]) or ("",) * len(backs)
    if len(lines) != len(backs):
        raise UsageError(
            f"backward={own['backward']!r}: {len(lines)} calls for {len(backs)} functions"
        )
    code = Functions(
        operation,
        declaration,
        ahead,
        tuple(
            _called(
                each,
                text,
                operation,
                word="backward",
                returns=() if "->" in text else _gradients(each, backs, operation, ahead),
                kept=ahead.shown.returns,
            )
            for each, text in zip(backs, lines, strict=True)
        ),
    )
    return adapted_subject(
        code,
        holder=holder,
        operation=operation,
        declaration=declaration,
        name=name,
        style=style,
        dtypes=dtypes,
    )


def _gradients(
    function: Function, all_of_them: Sequence[Function], operation: Operation, ahead: Called
) -> list[str]:
    """The gradients that a backward returns unless that is declared."""
    if len(all_of_them) == 1:
        # A forward that knows no bias has no gradient of it.
        passed = {meaning(name, operation) for name in ahead.shown.names()}
        has_all = passed.issuperset(operation.operands)
        return [] if has_all else [f"d{each}" for each in operation.operands if each in passed]
    # One of several gives one: its name says which.
    name = getattr(function, "__name__", "")
    for operand in operation.operands:
        if name.lower().endswith(
            (f"d{operand}", f"_{operand}", f"grad{operand}", f"{operand}_bar")
        ):
            return [f"d{operand}"]
    raise TargetError(
        f"{name}: which gradient it returns is not told by its name; show its call, as in "
        f'backward="{name}(...) -> dx"'
    )


def calls_in(shown: str | Sequence[str]) -> tuple[str, ...]:
    """The calls that a text or a list shows.

    >>> calls_in("gradx(w, dy) -> dx; gradw(x, dy) -> dw"), calls_in("")
    (('gradx(w, dy) -> dx', 'gradw(x, dy) -> dw'), ())
    """
    every = shown.split(";") if isinstance(shown, str) else shown
    return tuple(each.strip() for each in every if each.strip())


def head(text: str, operation: Operation, *, word: str) -> str:
    """The name of the function that a line calls; ``""`` if it shows arguments alone.

    >>> from bpcheck.operations import operation_named
    >>> conv = operation_named("conv2d")
    >>> [head(each, conv, word="forward") for each in ("f(x, w)", "mine -> y", "x, w", "x")]
    ['f', 'mine', '', '']
    """
    shown = text.partition("->")[0].strip()
    if shown.replace(".", "").isidentifier():
        return "" if meaning(shown, operation, of_backward=word == "backward") else shown
    return line(text, word=word).function if shown else ""


def _called(
    function: Function,
    text: str,
    operation: Operation,
    *,
    word: str,
    returns: Sequence[str],
    kept: Sequence[str] = (),
) -> Called:
    name = getattr(function, "__name__", None) or type(function).__name__
    found = shown_call(function, text, operation, word=word, name=name, also=kept)
    named = found.returns or tuple(returns)
    if word == "backward":
        named = gradient_names(named, operation, word=word)
    elif not any(meaning(each, operation) == "y" for each in named):
        raise UsageError(f"{word}={text!r}: it must say which result is y, as in '-> y, cache'")
    return Called(function, replace(found, returns=named), name)


def shown_call(
    function: Function,
    text: str,
    operation: Operation,
    *,
    word: str,
    name: str,
    also: Sequence[str] = (),
    skips_self: bool = False,
) -> Line:
    """The call that a text shows, or the signature suggests.

    Parameters
    ----------
    function
        The function, or what is called like one.
    text
        What was declared; it may be empty, or leave out the arguments.
    operation, word, name
        For messages, and to know what names mean.
    also
        Names that stand for what was kept.
    skips_self
        Whether it is a method of an instance that there is not yet.
    """
    shown, arrow, results = text.partition("->")
    if not shown.strip() or ("(" not in shown and head(text, operation, word=word)):
        arguments = suggested_arguments(
            function,
            operation,
            name=name,
            word=word,
            backward=word == "backward",
            skips_self=skips_self,
        )
        text = f"_({arguments}) {arrow} {results}"
    found = line(text, word=word)
    known_names(found, operation, word=word, also=also)
    return found


def known_names(shown: Line, operation: Operation, *, word: str, also: Sequence[str] = ()) -> None:
    """Raise `UsageError` for a name of a call that means nothing."""
    for each in shown.names():
        if each not in also and not meaning(each, operation, of_backward=word == "backward"):
            raise UsageError(
                f"{word}={shown.text!r}: {each} means nothing to bpcheck; there are the operands "
                f"{', '.join(operation.operands)}, their sizes, and torch's names of params"
            )
