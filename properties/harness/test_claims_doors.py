"""Claims have one vocabulary: each means the same through every door, and so does each mistake."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import bpcheck
from bpcheck import Claims, Subject
from bpcheck.adapters.claims import claims_of
from bpcheck.cases.layouts import LAYOUTS
from bpcheck.claims import ClaimWords
from bpcheck.claims.readers import LAYOUT_NAMES, READERS
from bpcheck.cli.project import entries
from bpcheck.cli.requests import loaded
from bpcheck.errors import ClaimError
from properties.harness.targets import PAIR, folder, write

__all__ = ["folder"]

POOL = Subject(forward=print, vjp=print, operation="max_pool1d", name="mine")

#: Another value than the default for every claim, and how it is kept.
OTHERS: dict[str, tuple[Any, Any]] = {
    "dtypes": (["f16", "float32", "f16"], ("float16", "float32")),
    "operations": (["max_pool1d", "max_pool2d"], ("max_pool1d", "max_pool2d")),
    "exact": (False, False),
    "norm": ("1-norm", "1-norm"),
    "constant": (8, 8.0),
    "torch_ties": (True, True),
    "accumulates": ("f32", "float32"),
    "refuses": (["ValueError", "layers.Refusal"], ("ValueError", "layers.Refusal")),
    "single_use": (True, True),
    "empty": (False, False),
    "layouts": (["fortran"], ("c-order", "fortran")),
    "nan": (False, False),
    "subnormals": (False, False),
    "deterministic": (True, True),
    "batch_invariant": (True, True),
    "square_kernels": (True, True),
    "equal_strides": (True, True),
    "dilation": (False, False),
    "needs_grad": (False, False),
    "double_backward": (True, True),
    "forward_mode": (True, True),
    "vmap": (True, True),
    "compiled": (True, True),
    "in_place": (False, False),
}


def by_attribute(words: Mapping[str, Any]) -> Claims:
    spelled = {word if word == "supports" else word.upper(): each for word, each in words.items()}
    return claims_of(SimpleNamespace(**spelled), origin="mine")


def by_keyword(words: Mapping[str, Any]) -> Claims:
    given: Any = words
    return Subject(print, print, operation="max_pool1d", name="mine", **given).claims


def by_value(words: Mapping[str, Any]) -> Claims:
    try:
        return Claims(**words)
    except TypeError as error:  # as for every function of Python
        raise ClaimError(str(error)) from None


def by_claiming(words: Mapping[str, Any]) -> Claims:
    return POOL.claiming(words).claims


def by_test(words: Mapping[str, Any]) -> Claims:
    test: Any = bpcheck.conformance(POOL, claims=words)
    found: Claims = test.bpcheck_subject.claims
    return found


def by_project(words: Mapping[str, Any]) -> Claims:
    write("mine.py", PAIR)
    # What TOML and JSON write alike.
    pairs = ", ".join(f"{word} = {json.dumps(value)}" for word, value in words.items())
    line = f'mine = {{ target = "mine", operation = "max_pool1d", claims = {{ {pairs} }} }}'
    file = Path("pyproject.toml")
    file.write_text(f"[tool.bpcheck.subjects]\n{line}\n", encoding="utf-8")
    (entry,) = entries(file)
    return loaded(entry, Path.cwd(), dtypes=None).claims


Door = Callable[[Mapping[str, Any]], Claims]
NAMED: list[Door] = [by_attribute, by_keyword, by_claiming, by_test, by_project]
every_door = pytest.mark.parametrize("door", [*NAMED, by_value])


@every_door
@pytest.mark.parametrize("word", OTHERS)
def test_a_claim_means_the_same_through_every_door(word: str, door: Door) -> None:
    given, kept = OTHERS[word]
    assert door({word: given}) == Claims(**{word: kept})
    assert getattr(Claims(), word) != kept


@pytest.mark.parametrize("door", [each for each in [*NAMED, by_value] if each is not by_project])
def test_a_function_that_supports_is_kept_as_it_is(door: Door) -> None:
    def supports(params: Any, shapes: Any) -> bool:
        return True

    assert door({"supports": supports}).supports is supports


@every_door
@pytest.mark.parametrize(
    ("word", "value", "said"),
    [
        ("dtypes", "float32", "is 'float32'; give a tuple, such as ('float32',)"),
        ("dtypes", ["int8"], "'int8' is not a dtype that can be checked; choose from float64"),
        ("dtypes", [], "holds no dtype; choose from"),
        ("operations", "max_pool1d", "is 'max_pool1d'; give a tuple"),
        ("operations", [3], "holds 3; give names of operations"),
        ("supports", "yes", "it must be a function supports(params, shapes) -> bool"),
        ("exact", "no", "is 'no'; True or False was expected"),
        ("exact", 0, "is 0; True or False was expected"),
        ("norm", "l2", "is 'l2'; there are 2-norm, 1-norm, max-norm"),
        ("constant", 0, "is 0; a number above 0 was expected"),
        ("constant", True, "is True; a number above 0 was expected"),
        ("accumulates", "f12", "'f12' is not a dtype that can be checked"),
        ("refuses", "ValueError", "is 'ValueError'; give a tuple, such as (ValueError,)"),
        ("refuses", ["Exception"], "holds Exception: every mistake would be a refusal"),
        ("refuses", ["SystemExit"], "holds 'SystemExit'; give exception types or their names"),
        ("refuses", ["int"], "holds 'int'; give exception types or their names"),
        ("refuses", ["no name"], "holds 'no name'; give exception types or their names"),
        ("layouts", ["fortan"], "'fortan' is no layout; there are c-order, fortran"),
        ("empty", "", "is ''; True or False was expected"),
        ("nan", 1.5, "is 1.5; True or False was expected"),
    ],
)
def test_a_value_that_a_claim_cannot_have_is_refused(
    word: str, value: Any, said: str, door: Door
) -> None:
    with pytest.raises(ClaimError) as caught:
        door({word: value})
    message = str(caught.value)
    assert said in message
    assert word in message.lower()
    assert door is by_value or "mine" in message


@pytest.mark.parametrize("door", [each for each in NAMED if each is not by_attribute])
def test_a_word_that_is_no_claim_is_refused_with_the_nearest_that_is(door: Door) -> None:
    with pytest.raises(ClaimError, match="'emtpy' is no claim; did you mean empty"):
        door({"emtpy": False})
    with pytest.raises(ClaimError, match="'EMPTY' is no claim; did you mean empty"):
        door({"EMPTY": False})
    with pytest.raises(ClaimError, match="'colour' is no claim; there are dtypes, operations"):
        door({"colour": "red"})


def test_the_project_says_where_a_claim_stands() -> None:
    with pytest.raises(ClaimError, match=r"pyproject\.toml: tool\.bpcheck\.subjects\.mine: claims"):
        by_project({"empty": "no"})


def test_types_are_taken_as_names_are() -> None:
    claims = Claims(dtypes=(np.float32, ml_dtypes.bfloat16), refuses=(ValueError,))  # type: ignore[arg-type]
    assert claims.dtypes == ("float32", "bfloat16")
    assert claims.refuses == (ValueError,)
    with pytest.raises(ClaimError, match="refuses holds <class 'KeyboardInterrupt'>"):
        Claims(refuses=(KeyboardInterrupt,))  # type: ignore[arg-type]


def test_words_add_to_claims_and_a_value_replaces_them() -> None:
    subject = POOL.claiming(empty=False)
    assert subject.claiming({"nan": False}).claims == Claims(empty=False, nan=False)
    assert subject.claiming(Claims(nan=False)).claims == Claims(nan=False)
    assert subject.claiming(Claims(nan=False), dilation=False).claims.dilation is False
    assert subject.claiming() is subject


def test_a_subject_of_an_operation_that_it_does_not_claim_is_refused() -> None:
    with pytest.raises(ClaimError, match="mine does not claim max_pool1d: its operations are conv"):
        POOL.claiming(operations=("conv2d",))
    assert POOL.claiming(operations=("conv2d", "max_pool1d")).claims.operations


def test_the_words_are_the_fields_and_the_layouts_those_there_are() -> None:
    words = [field.name for field in fields(Claims)]
    assert list(ClaimWords.__annotations__) == words
    assert list(READERS) == words
    assert set(OTHERS) | {"supports"} == set(words)
    assert set(LAYOUTS) == set(LAYOUT_NAMES)


def rows() -> dict[str, list[str]]:
    """The cells of the documented table, by the word of the claim."""
    page = (Path(__file__).parents[2] / "docs" / "claims.md").read_text("utf-8")
    lines = [line for line in page.splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {own[0].strip("`"): own[1:] for own in cells}


def test_the_documented_claims_are_those_there_are() -> None:
    assert list(rows()) == [field.name for field in fields(Claims)]
    for field in fields(Claims):
        if isinstance(field.default, bool):
            assert rows()[field.name][1] == ("yes" if field.default else "no")


@pytest.mark.parametrize("word", OTHERS)
def test_the_documented_ways_to_make_a_claim_are_one(word: str) -> None:
    attribute, keyword, project, test = (cell.strip("`") for cell in rows()[word][2:])
    found: dict[str, Any] = {}
    exec(attribute, {}, found)  # noqa: S102 - our own page
    stated = [
        claims_of(SimpleNamespace(**found), origin="page"),
        Claims(**eval(f"dict({keyword})")),  # noqa: S307
        Claims(**tomllib.loads(project)),
        Claims(**eval(f"{{{test}}}")),  # noqa: S307
    ]
    named = [[str(each) for each in _plain(claims)] for claims in stated]
    assert all(each == named[0] for each in named)
    assert stated[0] != Claims()


def _plain(claims: Claims) -> list[Any]:
    """The values of all claims, exceptions by their names."""
    values = {field.name: getattr(claims, field.name) for field in fields(claims)}
    values["refuses"] = [getattr(each, "__name__", each) for each in claims.refuses]
    return list(values.values())
