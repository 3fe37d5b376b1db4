"""The order of a sum is revealed by probing, and called by its name."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from torch.nn import functional

import bpcheck
from bpcheck import adapters
from bpcheck.cases import parse_case
from bpcheck.cli.app import main
from bpcheck.errors import UsageError
from bpcheck.precision.probing import Order, Probe, order_of, revealed
from bpcheck.precision.tree import reveal, word_of

Sum = Callable[[Any], Any]


def one_by_one(terms: Any) -> Any:
    total = terms.dtype.type(0)
    for each in terms:
        total = terms.dtype.type(total + each)
    return total


def backwards(terms: Any) -> Any:
    return one_by_one(terms[::-1])


def in_pairs(terms: Any) -> Any:
    half = len(terms) // 2
    if not half:
        return terms[0]
    return terms.dtype.type(in_pairs(terms[:half]) + in_pairs(terms[half:]))


def in_blocks(terms: Any) -> Any:
    return one_by_one(np.array([one_by_one(terms[i : i + 5]) for i in range(0, len(terms), 5)]))


def in_lanes(terms: Any) -> Any:
    return one_by_one(np.array([one_by_one(terms[i::3]) for i in range(3)]))


def compensated(terms: Any) -> Any:
    number = terms.dtype.type
    total = lost = number(0)
    for each in terms:
        y = number(each - lost)
        new = number(total + y)
        lost = number(number(new - total) - y)
        total = new
    return total


def inside_out(terms: Any) -> Any:
    return one_by_one(sorted_from_the_middle(terms))


def sorted_from_the_middle(terms: Any) -> Any:
    return terms[np.argsort(np.abs(np.arange(len(terms)) - len(terms) // 2), kind="stable")]


def anyhow(terms: Any) -> Any:
    return one_by_one(np.random.default_rng().permutation(terms))


SUMS: dict[str, Sum] = {
    "sequential": one_by_one,
    "reversed": backwards,
    "pairwise": in_pairs,
    "blocks of 5": in_blocks,
    "3 interleaved": in_lanes,
    "sequential or compensated": compensated,
    "other": inside_out,
    "unordered": anyhow,
}


def subject_of(add: Sum) -> bpcheck.Subject:
    """A convolution with one window, added up so."""

    def forward(x: Any, w: Any, b: Any, **params: Any) -> Any:
        products = (x[:, None] * w[None]).reshape(len(x), len(w), -1)
        y = [[add(each) for each in sample] for sample in products]
        return np.array(y, x.dtype)[..., None], None

    return bpcheck.Subject(forward, print, operation="conv1d")


def order(add: Sum, dtype: str, terms: int = 24) -> Order:
    case = parse_case(f"conv1d n1ic1iw{terms}oc1kw{terms}bias0 {dtype} exact")
    return order_of(Probe(subject_of(add), case, "y"))


@pytest.mark.parametrize("dtype", ["f64", "f32", "f16", "bf16"])
@pytest.mark.parametrize("word", SUMS)
def test_each_order_has_its_word(word: str, dtype: str) -> None:
    found = order(SUMS[word], dtype)
    assert (found.word, found.terms) == (word, 24)
    assert bool(found.lines) == (word != "unordered")


@pytest.mark.parametrize("word", SUMS)
def test_no_other_order_has_that_word(word: str) -> None:
    others = {order(add, "f32", terms=16).word for name, add in SUMS.items() if name != word}
    assert word not in others


def test_a_loop_that_runs_backwards_takes_no_question_for_each_pair_of_terms() -> None:
    asked = 0

    def meets(one: int, other: int) -> int:
        nonlocal asked
        asked += 1
        return 4_096 - min(one, other)

    began = time.perf_counter()
    tree = reveal(4_096, meets)
    assert word_of(tree, 4_096) == "reversed"
    assert asked < 6 * 4_096
    assert time.perf_counter() - began < 10


def test_a_sum_of_many_terms_at_once_is_one() -> None:
    assert reveal(4, lambda one, other: 4) == (0, 1, 2, 3)


def test_a_batch_that_changes_the_order_is_told() -> None:
    def forward(x: Any, w: Any, b: Any, **params: Any) -> Any:
        add = one_by_one if len(x) == 1 else backwards
        return subject_of(add).forward(x, w, b, **params)

    subject = bpcheck.Subject(forward, print, operation="conv1d")
    case = parse_case("conv1d n1ic1iw8oc1kw8bias0 f32 exact")
    _, own, differ = revealed(subject, lambda news: None, case, "y", None, 1)
    assert own.word == "sequential"
    assert differ == ("in a batch of 33: reversed",)


@pytest.mark.parametrize("result", ["y", "x_bar", "w_bar", "b_bar"])
def test_every_result_of_torch_can_be_asked(result: str) -> None:
    subject = adapters.torch(functional.conv2d, operation="conv2d")
    case = parse_case("conv2d n2ic2ih5iw5oc3kh3kw3 f32 exact")
    found = order_of(Probe(subject, case, result))
    assert found.terms == {"y": 18, "x_bar": 27, "w_bar": 18, "b_bar": 18}[result]
    assert found.lines


def test_what_is_no_sum_of_one_array_is_refused() -> None:
    subject = adapters.torch(functional.conv1d, operation="conv1d")
    case = parse_case("conv1d n1ic1iw4oc1kw2 f32 exact")
    with pytest.raises(UsageError, match=r"index \(9, 9, 9\): y has the shape \(1, 1, 3\)"):
        order_of(Probe(subject, case, "y", (9, 9, 9)))


def shell(*words: str) -> Any:
    return CliRunner().invoke(main, ["precision", "tree", "--in-process", *words])


def test_the_shell_prints_the_tree_and_the_word() -> None:
    case = "avg_pool1d n1ic1iw4kw4 f64 exact"
    done = shell("reference.avg_pool", case)
    assert done.exit_code == 0, done.output
    said: Sequence[str] = [line.strip() for line in done.output.splitlines()]
    assert said[0].startswith("y[0,0,0] of reference.avg_pool adds up 4 terms: ")
    assert re.search(r"\d \+ \d", " ".join(said[1:]))


def test_the_shell_refuses_what_there_is_not() -> None:
    case = "avg_pool1d n1ic1iw4kw4 f64 exact"
    assert (
        "--result w_bar: the case has y, x_bar"
        in str(shell("reference.avg_pool", case, "--result", "w_bar").exception)
        or shell("reference.avg_pool", case, "--result", "w_bar").exit_code == 2
    )
    assert shell("reference.avg_pool", case, "--index", "a").exit_code == 2
