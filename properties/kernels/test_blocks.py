"""Layers too large for one block: what is worked on piece by piece is right in every piece.

No case of a plan is as large: of the mutants of `reference/` these layers find those that lose
what lies past a block of two million numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import pytest

from bpcheck import Subject
from bpcheck.cases import parse_case
from bpcheck.finding import Status
from bpcheck.runner.one import judge
from reference import unrolled

#: Layers of more numbers than a block, by what their blocks are.
LARGE = {
    "samples": "conv2d n3ic64ih56iw56oc2kh3kw3ph1pw1",
    "lines of a sample": "conv2d n1ic64ih96iw96oc2kh3kw3",
    "pieces of a line": "conv1d n1ic64iw20001oc2kw5",
    "planes of a volume": "conv3d n1ic8id24ih40iw40oc2kd3kh3kw3",
    "samples of depthwise layers": "conv2d n5ic256ih48iw48oc256kh3kw3g256",
    "samples of maxima": "max_pool2d n5ic64ih96iw96kh2kw2sh2sw2",
    "samples of averages": "avg_pool2d n5ic64ih96iw96kh2kw2sh2sw2",
}


def results(case: str, status: Status) -> set[str]:
    """The results of the kernel of `reference/` that autograd says so of, on exact values."""
    operation = case.split(maxsplit=1)[0]
    module = import_module(f"reference.{operation.rstrip('123d')}")
    subject = Subject(module.forward, module.vjp, operation=operation)
    # Further runs of layers as large would take a minute.
    judged = judge(subject, parse_case(f"{case} f64 exact c-order seed=1"), checks=("autograd",))
    return {each.result for each in judged.outcomes if each.status is status}


@pytest.mark.parametrize("case", LARGE.values(), ids=LARGE)
def test_every_block_is_right(case: str) -> None:
    assert results(case, Status.FAILED) == set()
    assert {"y", "x_bar"} <= results(case, Status.PASSED)


def test_lines_that_a_loop_over_blocks_leaves_out_show_in_large_layers_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = unrolled._blocks

    def first_alone(n: int, output: tuple[int, ...], cells: int) -> Iterator[tuple[slice, slice]]:
        yield next(whole(n, output, cells))

    monkeypatch.setattr(unrolled, "_blocks", first_alone)
    assert results("conv2d n3ic8ih8iw8oc2kh3kw3", Status.FAILED) == set()
    assert "w_bar" in results(LARGE["samples"], Status.FAILED)
    assert "w_bar" in results(LARGE["lines of a sample"], Status.FAILED)
