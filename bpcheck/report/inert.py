"""Text of other people (names, exceptions, output) that no terminal or log takes for a command."""

from __future__ import annotations

import unicodedata

#: What CI systems take for a command of their own at the start of a line.
_COMMANDS = ("::", "##[", "##vso[")


def inert(text: str) -> str:
    r"""The text with its control characters spelt out; line breaks stay.

    Examples
    --------
    >>> print(inert("\x1b[31mred\x07"))
    \x1b[31mred\x07
    >>> print(inert("one\n ::error::two"))
    one
     \::error::two
    """
    if not text.isprintable():
        text = "".join(map(_spelt, text))
    return "\n".join(map(_no_command, text.split("\n"))) if _may_command(text) else text


def _spelt(sign: str) -> str:
    # Control, format (such as those that reverse the direction) and lone surrogates.
    if sign != "\n" and unicodedata.category(sign) in ("Cc", "Cf", "Cs"):
        return sign.encode("unicode_escape").decode("ascii")
    return sign


def _may_command(text: str) -> bool:
    return any(each in text for each in _COMMANDS)


def _no_command(line: str) -> str:
    start = line.lstrip()
    if not start.startswith(_COMMANDS):
        return line
    return f"{line[: len(line) - len(start)]}\\{start}"
