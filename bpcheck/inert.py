"""Text of other people (names, exceptions, output) that no terminal or log takes for a command."""

from __future__ import annotations

import re
import unicodedata

#: What CI systems take for a command of their own at the start of a line.
_COMMANDS = ("::", "##[", "##vso[")

#: What Markdown takes for markup; what is HTML to it is spelt as entities.
_MARKUP = re.compile(r"[\\`*_{}\[\]#|~!@$]")


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


def one_line(text: str) -> str:
    r"""The same on one line, for names: a line break in one is spelt out too.

    Examples
    --------
    >>> print(one_line("layers\n AGREES"))
    layers\n AGREES
    """
    return inert(text.replace("\n", r"\n"))


def in_markdown(text: str) -> str:
    r"""The same as text on one line of Markdown, in which nothing is markup, a link or a tag.

    Examples
    --------
    >>> print(in_markdown("*a* <img src=x> [b](c)\n# d | e"))
    \*a\* &lt;img src=x&gt; \[b\](c)\\n\# d \| e
    """
    escaped = _MARKUP.sub(r"\\\g<0>", one_line(text))
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code_in_markdown(text: str) -> str:
    r"""The same as code on one line of Markdown, which is copied as it is.

    Examples
    --------
    >>> print(code_in_markdown("replay 'x*2' <a>"), code_in_markdown("a`b"))
    `replay 'x*2' <a>` ``a`b``
    """
    line = one_line(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{space}{line}{space}{fence}"


def annotation(text: str, *, file: str, line: int) -> str:
    r"""A line that a workflow on GitHub takes for an error of that line of a file.

    Examples
    --------
    >>> annotation("x_bar is wrong,\n100 %", file="a,b.py", line=3)
    '::error file=a%2Cb.py,line=3,title=bpcheck::x_bar is wrong,\\n100 %25'
    """
    where = one_line(file).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
    return f"::error file={where},line={line},title=bpcheck::{one_line(text).replace('%', '%25')}"
