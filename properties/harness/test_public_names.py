"""What bpcheck names stays where it is, costs nothing until it is used, and moves are listed."""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import bpcheck
from properties.harness.own import process

ROOT = Path(__file__).parents[2]

HEAVY = {"click", "hypothesis", "ml_dtypes", "numpy", "pytest", "rich", "scipy", "torch"}

MOVES = [
    [re.findall(r"`(bpcheck\.[\w.]+)`", cell) for cell in line.split("|")[1:3]]
    for line in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| `bpcheck.")
]


def resolved(path: str) -> Any:
    """The module, or what lies in it, at a dotted path; `LookupError` if there is nothing."""
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for name in parts[length:]:
            # A field of a dataclass that has no default is an attribute of its values alone.
            if name in getattr(found, "__dataclass_fields__", {}):
                return found
            if not hasattr(found, name):
                raise LookupError(path)
            found = getattr(found, name)
        return found
    raise LookupError(path)


#: Each name as the first that is asked for: what others have loaded of bpcheck is forgotten. One
#: process for all of them, as torch is what takes its time.
FIRST = """
import sys
import bpcheck

for name in bpcheck.__all__:
    for module in [each for each in sys.modules if each.partition(".")[0] == "bpcheck"]:
        del sys.modules[module]
    try:
        exec(f"import bpcheck; assert bpcheck.{name} is not None; from bpcheck import {name}", {})
    except Exception as error:
        print(f"{name}: {error!r}")
"""


def test_every_name_is_found_when_it_is_first_used() -> None:
    done = process("-c", FIRST)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_every_name_is_imported_by_a_star_and_listed() -> None:
    names: dict[str, object] = {}
    exec("from bpcheck import *", names)  # noqa: S102 - a star may stand in a module alone
    assert set(bpcheck.__all__) <= set(names)
    assert dir(bpcheck) == sorted(bpcheck.__all__)


def test_importing_bpcheck_imports_nothing_heavy_and_none_of_its_rooms() -> None:
    program = "import json, sys; import bpcheck; print(json.dumps(list(sys.modules)))"
    modules = set(json.loads(process("-c", program).stdout))
    assert modules & HEAVY == set()
    assert {each for each in modules if each.startswith("bpcheck")} == {"bpcheck"}


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nowhere'"):
        _ = bpcheck.nowhere


@pytest.mark.parametrize(("before", "now"), MOVES)
def test_what_the_changelog_says_has_moved_is_there_and_no_longer_here(
    before: list[str], now: list[str]
) -> None:
    assert before
    assert now
    for path in now:
        assert resolved(path) is not None
    for path in before:
        with pytest.raises(LookupError):
            resolved(path)


def test_the_changelog_lists_moves() -> None:
    assert len(MOVES) > 20
