"""How code differs from what bpcheck hands out: one vocabulary that all adapters share."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from bpcheck.adapters.axes import axes_of, read_order
from bpcheck.adapters.claims import claims_among
from bpcheck.claims import dtype_name
from bpcheck.claims.readers import READERS as CLAIMS
from bpcheck.errors import UsageError
from bpcheck.operations import Operation

#: Ways to write how much padding there is; see `Declaration`.
PADDINGS = ("each", "total", "four", "pairs", "word")

#: What becomes of the bias where there is none; see `Declaration`.
WITHOUT_BIAS = ("none", "shorter", "omitted", "never")


@dataclass(frozen=True, slots=True)
class Declaration:
    """What code does differently; the defaults are what `torch.nn.functional` does.

    Parameters
    ----------
    layout
        The axes of ``x`` and ``y`` in the code's order, such as ``"NHWC"``. An axis that is left
        out has the length 1 there, as in ``"CHW"`` (one sample) or ``"HW"``; other cases are not
        claimed.
    y_layout
        The axes of ``y`` where they differ from those of ``x``.
    weight_layout
        The axes of ``w``, such as ``"HWIO"``.
    bias_shape
        The axes of ``b``, with a 1 for each axis of length 1: ``"1 1 1 O"``.
    without_bias
        In cases without a bias, ``"none"``: ``None`` is passed and its gradient is ``None``;
        ``"shorter"``: ``None`` is passed and one gradient less is returned; ``"omitted"``: the
        argument is left out, and one gradient less is returned; ``"never"``: they are not claimed.
    ints
        Whether spatial params are single numbers; cases where they differ are not claimed.
    padding
        ``"each"``: cells on each side, as torch counts; ``"total"``: cells of both sides together;
        ``"four"``: the first and the last side of each dimension, in one tuple; ``"pairs"``: a pair
        of those for each dimension; ``"word"``: only the words VALID and SAME.
    same
        The word that code has for 'same' padding; ``""``: it has none.
    valid
        The word for no padding, where `padding` is ``"word"``.
    dilation_from
        1, or 0 for code that counts the cells between two taps.
    scaled
        ``"1/n"``: the gradients of the weights are the sums over the samples divided by their
        number. Multiplied by it again they are exact where it is a power of two: other cases are
        not claimed.
    accumulating
        Whether a backward adds to the gradients of the one before: they are set to 0 first.
    to
        What makes the code's own arrays of NumPy's, such as ``cupy.asarray``: a function, or its
        ``module.name``. Results come back by DLPack.
    dtype
        The dtype that it computes in, whatever it is given: the only one that is claimed.
    """

    layout: str = ""
    y_layout: str = ""
    weight_layout: str = ""
    bias_shape: str = ""
    without_bias: str = "none"
    ints: bool = False
    padding: str = "each"
    same: str = ""
    valid: str = "valid"
    dilation_from: int = 1
    scaled: str = ""
    accumulating: bool = False
    dtype: str = ""
    to: Any = None
    orders: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def but(self, words: Mapping[str, Any], **suggested: Any) -> Declaration:
        """The declaration with what is suggested, where these words do not say otherwise."""
        return replace(self, **{word: suggested[word] for word in suggested if word not in words})

    def told(self) -> str:
        """What differs, for the head of a report.

        Examples
        --------
        >>> Declaration(layout="NHWC", ints=True).told()
        'layout NHWC, ints'
        """
        usual = Declaration()
        return ", ".join(
            word.replace("_", " ")
            if value is True
            else f"{word.replace('_', ' ')} {getattr(value, '__name__', value)}"
            for word in WORDS
            # What is not claimed is told anyway.
            if word != "without_bias" and (value := getattr(self, word)) != getattr(usual, word)
        )

    def of(self, operation: Operation) -> Declaration:
        """The declaration for one operation, with the order of each array's axes.

        Raises
        ------
        UsageError
            If it declares axes that the operation's arrays do not have.
        """
        own = {
            "x": ("layout", self.layout),
            "y": ("y_layout" if self.y_layout else "layout", self.y_layout or self.layout),
            "w": ("weight_layout", self.weight_layout),
            "b": ("bias_shape", self.bias_shape),
        }
        found = {}
        for name, (word, text) in own.items():
            if text and name in axes_of(operation):
                found[name] = read_order(text, axes_of(operation)[name], word=word)
            elif text and not axes_of(operation):
                raise UsageError(f"{word}={text!r}: {operation} does not name its axes")
        return replace(self, orders=found)


def _text(word: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return " ".join(str(each) for each in value)
    raise UsageError(f"{word}={value!r}: a text was expected")


def _flag(word: str, value: Any) -> bool:
    known = {"true": True, "yes": True, "false": False, "no": False}
    found = known.get(value.lower()) if isinstance(value, str) else value
    if isinstance(found, bool):
        return found
    raise UsageError(f"{word}={value!r}: true or false was expected")


def _one_of(*choices: str) -> Callable[[str, Any], str]:
    def read(word: str, value: Any) -> str:
        if value in choices:
            return str(value)
        raise UsageError(f"{word}={value!r}: choose from {', '.join(choices)}")

    return read


def _from(word: str, value: Any) -> int:
    if str(value) in {"0", "1"}:
        return int(value)
    raise UsageError(f"{word}={value!r}: dilation is counted from 1, or from 0")


def _scaled(word: str, value: Any) -> str:
    text = str(value).lower().replace(" ", "")
    if text in {"", "1/n", "1/m"}:
        return text.replace("m", "n")
    raise UsageError(f"{word}={value!r}: 1/n is what can be declared")


def _dtype(word: str, value: Any) -> str:
    name = dtype_name(value) if value else ""
    if name is None:
        raise UsageError(f"{word}={value!r}: no such dtype; write float32, for example")
    return name


def _function(word: str, value: Any) -> Any:
    if value is None or callable(value):
        return value
    try:
        found = pkgutil.resolve_name(value)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"{word}={value!r}: it cannot be found ({error})") from None
    if callable(found):
        return found
    raise UsageError(f"{word}={value!r}: a function was expected, such as cupy.asarray")


#: How each word of a declaration is read, from Python, pyproject.toml or the command line.
WORDS: Mapping[str, Callable[[str, Any], Any]] = MappingProxyType(
    {
        "layout": _text,
        "y_layout": _text,
        "weight_layout": _text,
        "bias_shape": _text,
        "without_bias": _one_of(*WITHOUT_BIAS),
        "ints": _flag,
        "padding": _one_of(*PADDINGS),
        "same": _text,
        "valid": _text,
        "dilation_from": _from,
        "scaled": _scaled,
        "accumulating": _flag,
        "dtype": _dtype,
        "to": _function,
    }
)


def declared(
    words: Mapping[str, Any], *, operation: Operation, style: str, own: Mapping[str, Any]
) -> tuple[Declaration, dict[str, Any]]:
    """The declaration that some words make, and those that are an adapter's own.

    Parameters
    ----------
    words
        Words with their values, as they were typed or given; claims may be among them.
    operation
        What the code promises to compute.
    style
        The adapter, for messages.
    own
        The adapter's own words, with their defaults.

    Raises
    ------
    UsageError
        For a word that there is not, or a value that it cannot have.

    Examples
    --------
    >>> from bpcheck.operations import operation_named
    >>> conv = operation_named("conv2d")
    >>> stated, rest = declared(
    ...     {"ints": "true", "forward": "f"}, operation=conv, style="pair", own={"forward": None}
    ... )
    >>> stated.ints, rest
    (True, {'forward': 'f'})
    >>> declared({"layuot": "NHWC"}, operation=conv, style="pair", own={})
    Traceback (most recent call last):
        ...
    bpcheck.errors.UsageError: style pair has no option 'layuot'; did you mean layout?
    """
    claims, words = claims_among(words)
    known = (*own, *WORDS, *CLAIMS)
    for word in words:
        if word not in known:
            close = get_close_matches(word, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
            raise UsageError(f"style {style} has no option {word!r}; {hint}")
    read = {word: WORDS[word](word, value) for word, value in words.items() if word in WORDS}
    stated = Declaration(**read, claims=claims).of(operation)
    return stated, {**own, **{word: words[word] for word in words if word in own}}
