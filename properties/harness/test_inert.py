"""Names, exceptions and output of subjects are shown inert wherever they are shown."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from bpcheck.cli import main
from bpcheck.inert import in_markdown, inert, one_line
from bpcheck.precision.compare import Comparison
from bpcheck.precision.summary import markdown

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="names of files as hostile as these are Unix's"
)

#: Colours, a bell, a reversed direction, a command of GitHub's, markup of rich and of Markdown.
HOSTILE = "\x1b[31mred\x07\u202e\r\n::error::[bold]no[/bold] **x** <b>|"

KERNEL = f"""
from reference import avg_pool

def forward(x, **params):
    raise ValueError({HOSTILE!r})

vjp = avg_pool.vjp
"""

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command: its exit code, and all that it says."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main([*words])
        said = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, said.out + said.err

    return call


def is_inert(text: str) -> bool:
    """Whether no terminal and no log obeys any of it."""
    obeyed = re.search(r"^\s*(::|##\[)", text, re.MULTILINE)
    return not obeyed and not set(text) & {"\x1b", "\x07", "\r", "\u202e"}


def test_hostile_text_of_an_exception_is_inert_in_every_command(run: Run, tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text(KERNEL, encoding="utf-8")
    for code, words in {
        1: ("check", "avg_pool1d", "kernel.py", "--cases", "2"),
        2: ("precision", "measure", "avg_pool1d", "kernel.py"),
    }.items():
        ended, said = run(*words)
        assert ended == code
        assert "\\x1b[31mred\\x07\\u202e" in said
        assert is_inert(said), said
    ended, said = run("replay", "avg_pool1d n1ic1iw3kw2", "kernel.py")
    assert ended == 1
    assert is_inert(said), said
    ended, said = run("adapt", "kernel.py", "avg_pool1d")
    assert is_inert(said), said


def test_hostile_text_of_an_import_or_of_a_name_is_inert(run: Run, tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text(f"raise ValueError({HOSTILE!r})\n", encoding="utf-8")
    code, said = run("check", "avg_pool1d", "kernel.py")
    assert code == 2
    assert is_inert(said), said
    name = HOSTILE.replace("/", "") + ".py"
    (tmp_path / name).write_text("from reference.avg_pool import forward, vjp\n", encoding="utf-8")
    code, said = run("check", "avg_pool1d", name, "--cases", "2")
    assert code == 0
    assert is_inert(said), said
    # No line of the report is the name's.
    assert said.startswith(" \\x1b[31mred\\x07\\u202e\\r\\n::error::[bold]no[bold]")
    code, said = run("check", HOSTILE, name)
    assert code == 2
    assert is_inert(said), said


def test_hostile_names_are_no_markup_in_a_summary() -> None:
    shown = in_markdown(HOSTILE)
    assert is_inert(shown)
    assert "\n" not in shown
    assert "\\*\\*x\\*\\* &lt;b&gt;\\|" in shown


def test_a_summary_shows_the_names_of_its_subjects_inert(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from types import SimpleNamespace
    from typing import Any, cast

    nothing: Any = SimpleNamespace(
        baseline=SimpleNamespace(title=HOSTILE),
        environment=(HOSTILE,),
        losses=(),
        gains=(),
        reordered=(),
    )
    nothing.current = SimpleNamespace(cells=())
    nothing.effect = 4.0
    monkeypatch.setattr("bpcheck.precision.summary.verdict", lambda each: each.baseline.title)
    text = markdown([cast("Comparison", nothing)])
    assert is_inert(text), text
    assert "**" not in text
    assert "<b>" not in text


TESTS = f"""
import bpcheck
from reference import avg_pool

def forward(x, **params):
    raise ValueError({HOSTILE!r})

test_pool = bpcheck.conformance(
    bpcheck.Subject(forward, avg_pool.vjp, operation="avg_pool1d", name={HOSTILE!r})
)
"""


def test_hostile_text_is_inert_in_pytest_and_in_its_junit_file(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_kernels=TESTS)
    done = pytester.runpytest_inprocess(
        *("-q", "-k", "contract-y", "--bpcheck-profile", "quick", "--junitxml", "junit.xml"),
        *("-p", "no:cacheprovider", "--color", "no"),
    )
    assert done.ret == 1
    said = "\n".join(done.outlines)
    assert "ValueError" in said
    assert is_inert(said), said
    tree = ET.parse(pytester.path / "junit.xml")  # noqa: S314 - pytest has just written it
    texts = [*tree.getroot().itertext(), *(v for e in tree.iter() for v in e.attrib.values())]
    assert any("ValueError" in each for each in texts)
    assert all(is_inert(each) for each in texts)


@pytest.mark.parametrize(
    "text", ["a\x1b]0;title\x07", "\n::warning::x", "a\n  ##[error]b", "\x9b1m"]
)
def test_inert_text_stays_inert(text: str) -> None:
    for shown in (inert(text), one_line(text), in_markdown(text)):
        assert is_inert(shown)
    assert inert(inert(text)) == inert(text)
