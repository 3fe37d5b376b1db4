"""Targets and inputs that work against the harness: what is wrong with them is told."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from bpcheck import Subject
from bpcheck.adapters.protocol import protocol_subject
from bpcheck.calls import call
from bpcheck.cases import parse_case
from bpcheck.checks.claims import unclaimed
from bpcheck.cli.requests import asked_cases
from bpcheck.errors import CaseError, TargetError, UsageError
from bpcheck.planning.listed import listed_cases

CONV = Subject(forward=print, vjp=print, operation="conv2d", name="mine")
CASE = "conv2d n1ic1ih2iw2oc1kh2kw2"


def raising(params: dict[str, Any], shapes: dict[str, Any]) -> bool:
    return bool(params["colour"])


def undecided(params: dict[str, Any], shapes: dict[str, Any]) -> Any:
    import numpy as np

    return np.array([True, False])


def refusing(params: dict[str, Any], shapes: dict[str, Any]) -> bool:
    raise NotImplementedError("later")


@pytest.mark.parametrize(
    ("supports", "said"),
    [
        (raising, "mine: supports raised KeyError: 'colour' (properties"),
        (lambda params: True, "mine: supports raised TypeError: "),
        (undecided, "mine: supports raised ValueError: The truth value of an array"),
        (refusing, "mine: supports raised later"),
    ],
)
def test_a_claim_that_raises_is_an_error_of_the_target(supports: Any, said: str) -> None:
    subject = Subject(CONV.forward, CONV.vjp, operation="conv2d", name="mine", supports=supports)
    with pytest.raises(TargetError, match="must return whether the case is claimed") as caught:
        unclaimed(subject, parse_case(CASE))
    assert said in str(caught.value)


def test_what_is_printed_is_known_even_if_the_output_is_closed() -> None:
    def closes() -> int:
        sys.stdout.write("here\n")
        sys.stdout.close()
        return 1

    assert (call(closes).value, call(closes).printed) == (1, "here\n")


def test_an_attribute_that_cannot_be_looked_up_is_named() -> None:
    class Lazy:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError(f"no {name} yet")

    with pytest.raises(TargetError, match=r"mine: its forward cannot be looked up\n.*no forward"):
        protocol_subject(Lazy(), operation=CONV.operation, name="mine")


def test_a_class_that_exits_is_refused() -> None:
    class Exits:
        forward = vjp = print

        def __init__(self) -> None:
            sys.exit(0)

    with pytest.raises(TargetError, match="cannot be made without arguments"):
        protocol_subject(Exits, operation=CONV.operation, name="mine")


@pytest.mark.parametrize("typed", ["9" * 29, "9" * 5000, "-" + "9" * 29])
def test_more_cases_than_can_be_are_refused(typed: str) -> None:
    with pytest.raises(UsageError, match="a number of at most 12 digits was expected"):
        asked_cases(typed, CONV, dtypes=None, seed=0)


def test_a_file_of_cases_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "cases.bin"
    file.write_bytes(b"\x00\xff\xfe")
    with pytest.raises(UsageError, match="a text file with one case a line was expected"):
        listed_cases(str(file), operation=CONV.operation, dtypes=["float64"])


def test_a_case_that_no_memory_holds_is_refused() -> None:
    with pytest.raises(CaseError, match=r"x would have \d{20} cells; at most"):
        parse_case("conv2d n99999999999ic99999999ih2iw2oc1kh2kw2")
