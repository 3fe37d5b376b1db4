"""The lines by which a declaration shows a call: ``conv(x, w, {'stride': s}) -> y, cache``.

They are Python expressions of names, literals, attributes, items and calls; nothing else, and
nothing of Python's own is in reach.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from types import CodeType
from typing import Any

from bpcheck.errors import UsageError

#: What a name of a line stands for.
Lookup = Callable[[str], Any]

_ALLOWED = (
    *(ast.Expression, ast.Name, ast.Load, ast.Constant, ast.Tuple, ast.List, ast.Dict),
    *(ast.Subscript, ast.Slice, ast.Attribute, ast.Call, ast.keyword, ast.UnaryOp, ast.USub),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One call: the function, its arguments, and names for what it returns.

    Parameters
    ----------
    text
        As it was declared.
    function
        The name of the function; ``""`` where the line has arguments alone.
    positional, named
        The arguments as they are written, those of keywords with their names.
    returns
        Names for what it returns; none where the line does not say.
    """

    text: str
    function: str
    positional: tuple[str, ...]
    named: tuple[tuple[str, str], ...]
    returns: tuple[str, ...]

    def names(self) -> Iterator[str]:
        """Every name that an argument uses."""
        for argument in (*self.positional, *(value for _, value in self.named)):
            for node in ast.walk(ast.parse(argument, mode="eval")):
                if isinstance(node, ast.Name):
                    yield node.id

    def arguments(self, lookup: Lookup) -> tuple[list[Any], dict[str, Any]]:
        """The values of the arguments, by position and by name."""
        positional = [evaluate(each, lookup) for each in self.positional]
        return positional, {name: evaluate(value, lookup) for name, value in self.named}

    def without(self, is_left_out: Callable[[str], bool]) -> Line:
        """The line without the arguments that are a name to be left out."""
        return replace(
            self,
            positional=tuple(each for each in self.positional if not is_left_out(each)),
            named=tuple(each for each in self.named if not is_left_out(each[1])),
        )

    def renamed(self, is_it: Callable[[str], bool], name: str) -> Line:
        """The line with another name in the place of some."""
        return replace(
            self,
            positional=tuple(name if is_it(each) else each for each in self.positional),
            named=tuple((key, name if is_it(each) else each) for key, each in self.named),
        )


def line(text: str, *, word: str) -> Line:
    """The call that a text shows; `word` is what declared it.

    Raises
    ------
    UsageError
        If it is no call, or uses more than names, literals, attributes and items.

    Examples
    --------
    >>> shown = line("conv(x, w, {'stride': s}) -> y, cache", word="forward")
    >>> shown.function, list(shown.names()), shown.returns
    ('conv', ['x', 'w', 's'], ('y', 'cache'))
    >>> line("x, w, stride=s", word="forward").arguments(str.upper)
    (['X', 'W'], {'stride': 'S'})
    """
    shown, _, returned = text.partition("->")
    call = _parsed(shown.strip())
    if not isinstance(call, ast.Call):
        call = _parsed(f"_({shown.strip()})")
    if not isinstance(call, ast.Call) or any(each.arg is None for each in call.keywords):
        raise UsageError(
            f"{word}={text!r}: show the call as it is written, such as "
            "'conv_forward(x, w, b, stride=s)'"
        )
    _require_plain(call, text, word)
    function = ast.unparse(call.func)
    return Line(
        text,
        "" if function == "_" else function,
        tuple(map(ast.unparse, call.args)),
        tuple((str(each.arg), ast.unparse(each.value)) for each in call.keywords),
        tuple(returned.replace(",", " ").split()),
    )


def _parsed(shown: str) -> ast.expr | None:
    try:
        return ast.parse(shown, mode="eval").body
    except (SyntaxError, ValueError):
        return None


def _require_plain(tree: ast.expr, text: str, word: str) -> None:
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED):
            raise UsageError(
                f"{word}={text!r}: {type(node).__name__} cannot stand in a declaration; it takes "
                "names, literals, attributes, items and calls"
            )


def evaluate(text: str, lookup: Lookup) -> Any:
    """The value of an expression whose names `lookup` tells.

    >>> evaluate("{'a': (x, -1)}", str.upper)
    {'a': ('X', -1)}
    """
    # It was looked through when it was read: names, literals, attributes, items and calls alone.
    return eval(_compiled(text), {"__builtins__": {}}, _Names(lookup))  # noqa: S307


class _Names(dict[str, Any]):
    """The names of an expression, told one by one."""

    def __init__(self, lookup: Lookup):
        super().__init__()
        self._lookup = lookup

    def __missing__(self, name: str) -> Any:
        return self._lookup(name)


@lru_cache(maxsize=256)
def _compiled(text: str) -> CodeType:
    return compile(text, "<declaration>", "eval")


@dataclass(frozen=True, slots=True)
class Place:
    """A place in an object: ``dW``, ``W.grad``, ``grads['W']``, ``params()['W'].grad``."""

    text: str

    def read(self, holder: Any) -> Any:
        """What lies there; whatever looking it up raises."""
        return evaluate(self.text, lambda name: getattr(holder, name))

    def write(self, holder: Any, value: Any) -> None:
        """Put `value` there."""

        def lookup(name: str) -> Any:
            return getattr(holder, name)

        match ast.parse(self.text, mode="eval").body:
            case ast.Name(id=name):
                setattr(holder, name, value)
            case ast.Attribute(value=owner, attr=name):
                setattr(evaluate(ast.unparse(owner), lookup), name, value)
            case ast.Subscript(value=owner, slice=key):
                found = evaluate(ast.unparse(owner), lookup)
                found[evaluate(ast.unparse(key), lookup)] = value
            case _:
                raise UsageError(f"{self.text}: name an attribute or an item; nothing else is set")


def place(text: str, *, word: str) -> Place:
    """The place that a text names.

    Raises
    ------
    UsageError
        If it names none.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> layer = SimpleNamespace(grads={"W": 7})
    >>> place(".grads['W']", word="grads").read(layer)
    7
    """
    shown = text.strip().removeprefix(".")
    tree = _parsed(shown)
    if not isinstance(tree, ast.Name | ast.Attribute | ast.Subscript | ast.Call):
        raise UsageError(f"{word}={text!r}: name a place in the object, such as dW or grads['W']")
    _require_plain(tree, text, word)
    return Place(shown)
