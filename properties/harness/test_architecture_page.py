"""The page on the architecture says what the code is: its stages, and the way of one case."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "bpcheck"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")

MOST_FILES, MOST_STEPS_UP = 10, 3


def section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def rows(title: str) -> list[list[str]]:
    """The cells of the table in a section, without its heading."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]


def layers() -> list[tuple[str, ...]]:
    """The stages of the import contract, the highest first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (contract,) = (each for each in contracts if each["type"] == "layers")
    return [tuple(re.findall(r"\w+", layer)) for layer in contract["layers"]]


def height(file: str) -> int:
    stage = Path(file).parts[0].removesuffix(".py")
    heights = {name: -place for place, names in enumerate(layers()) for name in names}
    return heights[stage]


STATIONS = [re.findall(r"`([^`]+)`", row[1])[0] for row in rows("One case")]
ARROWS = ["↑" in row[0] for row in rows("One case")]


def module_file(module: str) -> Path | None:
    place = ROOT.joinpath(*module.split("."))
    return next(
        (each for each in (place.with_suffix(".py"), place / "__init__.py") if each.is_file()), None
    )


def imported(file: Path) -> Iterator[Path]:
    """The files of the package that a file imports, and those that the names come from."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            named = [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            named = [(str(node.module), alias.name) for alias in node.names]
        else:
            continue
        for module, name in named:
            if module.partition(".")[0] == "bpcheck":
                yield from _of_name(module, name)


def _of_name(module: str, name: str) -> Iterator[Path]:
    """The file of a name: a module itself, or where its package imports it from."""
    submodule = module_file(f"{module}.{name}") if name else None
    if submodule is not None:
        yield submodule
        return
    file = module_file(module)
    assert file is not None, module
    yield file
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and name in (alias.name for alias in node.names):
            yield from _of_name(str(node.module), name)


def test_the_way_of_one_case_has_at_most_ten_files_and_three_steps_up() -> None:
    assert 2 < len(STATIONS) == len(set(STATIONS)) <= MOST_FILES
    up = [height(after) > height(before) for before, after in pairwise(STATIONS)]
    assert sum(up) <= MOST_STEPS_UP
    assert [False, *up] == ARROWS


def test_it_goes_from_a_plan_to_the_verdict() -> None:
    assert STATIONS[0].startswith("planning/")
    assert STATIONS[-1].startswith("verdict/")


@pytest.mark.parametrize("file", [*STATIONS, *re.findall(r"`(runner/\w+\.py)`", PAGE)])
def test_each_file_on_the_page_is_there(file: str) -> None:
    assert (PACKAGE / file).is_file()


@pytest.mark.parametrize(("before", "after"), list(pairwise(STATIONS)))
def test_each_step_is_an_import_between_the_two_files(before: str, after: str) -> None:
    one, other = PACKAGE / before, PACKAGE / after
    if height(after) < height(before):
        assert other in set(imported(one))
    elif height(after) > height(before):
        assert one in set(imported(other))
    else:
        assert other in set(imported(one)) or one in set(imported(other))


def test_an_import_is_found_in_functions_and_through_a_package() -> None:
    found = set(imported(PACKAGE / "runner" / "one.py"))
    assert {PACKAGE / "cases" / "case.py", PACKAGE / "checks" / "trial.py"} <= found
    assert PACKAGE / "checks" / "differences.py" not in found
    assert PACKAGE / "runner" / "run.py" in set(imported(PACKAGE / "testing.py"))


def test_the_stages_on_the_page_are_those_of_the_import_contract() -> None:
    named = [tuple(re.findall(r"`(\w+)`", row[0])) for row in rows("The stages of the harness")]
    assert named == layers()
