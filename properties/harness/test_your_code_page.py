"""Every command of the page for users' own code runs, and finds right code right."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import bpcheck
from bpcheck.adapters.declaration import WORDS
from bpcheck.adapters.styles import STYLES
from bpcheck.cli.requests import asked_words

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "your-code.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ bpcheck check (.*)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_runs_on_right_code(command: str) -> None:
    words = shlex.split(command)
    operation, target, options = words[0], words[1], dict.fromkeys(words[2:])
    style = words[words.index("--style") + 1]
    declared = [words[i + 1] for i, word in enumerate(words) if word == "--with"]
    assert set(options) <= {"--style", "--with", style, *declared}
    # By their modules: a file's folder on the path would hide other modules of its name.
    module = target.removesuffix(".py").replace(".py:", ":").replace("/", ".")
    subject = bpcheck.adapters.load(
        module, operation=operation, style=style, words=asked_words(tuple(declared))
    )
    report = bpcheck.check(subject, count=5, largest=300)
    assert not [each.headline for each in report.judgements if each.verdict.is_defect]


def test_the_page_tells_every_style_and_every_word() -> None:
    for style in STYLES:
        assert style in PAGE
    for word in WORDS:
        assert f"`{word}`" in PAGE
