"""Draws the pictures of the documentation anew: each by the command that stands below it.

Usage: python tools/pictures.py
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from bpcheck.cases import parse_case
from bpcheck.cli.explain import asked_results
from bpcheck.filling import fill
from bpcheck.oracles.autograd import autograd
from bpcheck.report.drawing import case_sketch, to_svg

DOCS = Path(__file__).parents[1] / "docs"

#: A picture, and the command that draws it.
_SHOWN = re.compile(
    r"^!\[[^\]]+\]\((?P<file>pictures/[\w-]+\.svg)\)\n+`bpcheck explain (?P<words>.*)`$",
    re.MULTILINE,
)


def pictures(page: str) -> Iterator[tuple[Path, str]]:
    """Each file that a page shows, and what it is to hold.

    Raises
    ------
    ValueError
        If a picture stands there without the command that draws it into that file.
    """
    shown = list(_SHOWN.finditer(page))
    if len(shown) != len(re.findall(r"!\[[^\]]*\]\(pictures/", page)):
        raise ValueError("a picture has no command below it: `bpcheck explain ... --picture FILE`")
    for each in shown:
        text, *words = shlex.split(each["words"])
        options = dict(zip(words[::2], words[1::2], strict=True))
        if options.pop("--picture") != f"docs/{each['file']}":
            raise ValueError(f"{each['file']}: the command below it draws another file")
        case = parse_case(text)
        asked = asked_results(tuple(options.values()), case)
        arrays = fill(case)
        drawn = case_sketch(case, arrays, autograd(case, arrays), None, asked=asked)
        yield DOCS / each["file"], to_svg(drawn)


if __name__ == "__main__":
    for page in sorted(DOCS.glob("*.md")):
        for file, picture in pictures(page.read_text("utf-8")):
            file.parent.mkdir(exist_ok=True)
            file.write_text(picture, "utf-8")
