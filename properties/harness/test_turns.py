"""The costlier checks take turns: which cases they fall to follows from the seed alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from bpcheck.cases import parse_case
from bpcheck.cases.numbers import SEEDS_APART
from bpcheck.checks.orders import order_of
from bpcheck.checks.turns import EARLY, TURNS, has_turn, takes_turn, turn_of
from bpcheck.planning.profiles import PROFILES

CASE = parse_case("conv2d n1ic2ih4iw4oc3kh2kw2 f64 exact c-order seed=0")


def test_every_one_of_the_first_cases_has_a_turn_of_the_costlier_checks() -> None:
    cases = [replace(CASE, seed=seed) for seed in range(EARLY)]
    assert all(any(takes_turn(each, turn) for turn in range(TURNS)) for each in cases)


@pytest.mark.parametrize("of_plan", [0, 1, 12])
def test_a_default_run_asks_each_of_them_in_hundreds_of_cases(of_plan: int) -> None:
    """Of the later cases one in three has a turn, all turns and orders alike."""
    first = of_plan * SEEDS_APART
    cases = [replace(CASE, seed=first + made) for made in range(PROFILES["default"].cases)]
    later = [each for each in cases[EARLY:] if has_turn(each)]
    assert 0.3 < len(later) / len(cases[EARLY:]) < 0.37
    asked = Counter(turn_of(each) for each in cases if has_turn(each))
    assert min(asked[turn] for turn in range(TURNS)) > 350
    orders = Counter(order_of(each) for each in cases if takes_turn(each, 0))
    assert len(orders) == 3
    assert min(orders.values()) > 110


@pytest.mark.parametrize("every", [2, 3, 4, 5, 20])
def test_turns_go_round_whatever_else_a_plan_gives_each_next_case(every: int) -> None:
    """Dtypes, value kinds and sources go by the remainder of the case's number."""
    cases = [replace(CASE, seed=seed) for seed in range(EARLY, PROFILES["default"].cases)]
    asked = Counter((turn_of(each), each.seed % every) for each in cases if has_turn(each))
    assert len(asked) == TURNS * every
    assert max(asked.values()) < 2.5 * min(asked.values())
