"""The table of shipped layers is whole, and the program that makes it sees every kind of layer."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from tools.recorded_layers import Family, Layer, layers_of
from tools.shipped_layers import table

_IMAGE = torch.zeros(1, 4, 8, 8, device="meta")
_SOUND = torch.zeros(1, 4, 16, device="meta")
_VOLUME = torch.zeros(1, 4, 6, 6, 6, device="meta")
_CONV = partial(nn.Conv2d, 4, 8, device="meta")


def _rows(text: str) -> tuple[str, list[Mapping[str, str]]]:
    """The header of a table in one line, and its rows."""
    lines = text.splitlines()
    header = [line.removeprefix("# ") for line in lines if line.startswith("#")]
    return " ".join(header), list(csv.DictReader(lines[len(header) :], delimiter="\t"))


def _only(layers: frozenset[Layer]) -> Family:
    (layer,) = layers
    return layer.family


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (_CONV(3, padding=1), Family("conv2d", "3x3", "1x1", "1x1", "1x1", "1", "")),
        (_CONV(3, 2, 2, 2), Family("conv2d", "3x3", "2x2", "2x2", "2x2", "1", "")),
        (_CONV(3, groups=4), Family("conv2d", "3x3", "1x1", "0x0", "1x1", "dw", "")),
        (_CONV(3, groups=2), Family("conv2d", "3x3", "1x1", "0x0", "1x1", "grouped", "")),
        (_CONV(3, padding="same"), Family("conv2d", "3x3", "1x1", "same", "1x1", "1", "")),
        (_CONV(3, padding="valid"), Family("conv2d", "3x3", "1x1", "0x0", "1x1", "1", "")),
        (_CONV((1, 5)), Family("conv2d", "1x5", "1x1", "0x0", "1x1", "1", "")),
        (_CONV(8), Family("conv2d", "8x8", "1x1", "0x0", "1x1", "1", "k=input")),
        (nn.MaxPool2d(3, 2, 1), Family("max_pool2d", "3x3", "2x2", "1x1", "1x1", "", "")),
        (
            nn.MaxPool2d(2, return_indices=True),
            Family("max_pool2d", "2x2", "2x2", "0x0", "1x1", "", ""),
        ),
        (
            nn.AvgPool2d(3, 2, 1, count_include_pad=False),
            Family("avg_pool2d", "3x3", "2x2", "1x1", "", "exclude_pad", ""),
        ),
        (nn.AvgPool2d(8), Family("avg_pool2d", "8x8", "8x8", "0x0", "", "", "global")),
        (
            nn.ConvTranspose2d(4, 8, 3, 2, 1, 1, device="meta"),
            Family("conv_transpose2d", "3x3", "2x2", "1x1", "1x1", "1", "op1x1"),
        ),
    ],
    ids=str,
)
def test_a_module_is_recorded_with_its_params(layer: nn.Module, expected: Family) -> None:
    assert _only(layers_of(lambda: layer(_IMAGE))) == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda: functional.max_pool2d(_IMAGE, 3, stride=2, ceil_mode=True),
            Family("max_pool2d", "3x3", "2x2", "0x0", "1x1", "ceil", ""),
        ),
        (
            lambda: torch.max_pool2d(_IMAGE, (3, 2)),
            Family("max_pool2d", "3x2", "3x2", "0x0", "1x1", "", ""),
        ),
        (
            lambda: functional.avg_pool2d(_IMAGE, 2, None, 0, True, False),  # noqa: FBT003 - torch's
            Family("avg_pool2d", "2x2", "2x2", "0x0", "", "ceil exclude_pad", ""),
        ),
        (
            lambda: functional.avg_pool3d(_VOLUME, 2, divisor_override=3),
            Family("avg_pool3d", "2x2x2", "2x2x2", "0x0x0", "", "divisor", ""),
        ),
        (
            lambda: functional.conv1d(_SOUND, torch.zeros(4, 1, 5, device="meta"), groups=4),
            Family("conv1d", "5", "1", "0", "1", "dw", ""),
        ),
    ],
    ids=["ceil", "torch's own", "flags by position", "divisor", "depthwise"],
)
def test_a_function_is_recorded_with_its_arguments(
    call: Callable[[], object], expected: Family
) -> None:
    assert _only(layers_of(call)) == expected


def test_layers_of_one_family_are_distinct_by_the_shapes_of_their_operands_alone() -> None:
    conv = partial(nn.Conv2d, 4, kernel_size=3, padding=1, device="meta")
    # The first two differ in nothing but their values.
    net = nn.Sequential(conv(out_channels=4), conv(out_channels=4), conv(out_channels=8))
    layers = layers_of(lambda: (net(_IMAGE), conv(out_channels=8, bias=False)(_IMAGE)))
    assert len({layer.family for layer in layers}) == 1
    assert {layer.shapes for layer in layers} == {
        ((1, 4, 8, 8), (4, 4, 3, 3), (4,)),
        ((1, 4, 8, 8), (8, 4, 3, 3), (8,)),
        ((1, 4, 8, 8), (8, 4, 3, 3)),
    }


def test_a_table_counts_models_and_distinct_layers_most_models_first() -> None:
    pool, conv = nn.MaxPool2d(2), _CONV(3, padding=1)
    small = layers_of(lambda: conv(_IMAGE[..., :4, :4]))
    both = layers_of(lambda: pool(conv(_IMAGE)))
    flat = layers_of(lambda: _CONV(1)(_IMAGE))
    header, rows = _rows(table([flat, small, both], "toys 1.0"))
    assert header.startswith("4 distinct layers in 3 families")
    assert "of 3 models" in header
    assert "Source: toys 1.0." in header
    counted = [(row["operation"], row["kernel"], row["models"], row["layers"]) for row in rows]
    assert counted == [
        ("conv2d", "3x3", "2", "2"),
        ("conv2d", "1x1", "1", "1"),
        ("max_pool2d", "2x2", "1", "1"),
    ]


def test_the_program_writes_no_table_of_nothing(tmp_path: Path) -> None:
    kept = tmp_path / "kept.tsv"
    kept.write_text("as it was", "utf-8")
    finished = subprocess.run(
        [sys.executable, "-m", "tools.shipped_layers", kept, "--models", "no such model"],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert finished.returncode == 1
    assert "no model named so was counted" in finished.stderr
    assert kept.read_text("utf-8") == "as it was"


def _number(row: Mapping[str, str], column: str) -> tuple[int, ...]:
    return tuple(int(each) for each in row[column].split("x"))


def test_the_shipped_table_is_whole() -> None:
    text = files("bpcheck").joinpath("operations", "shipped.tsv").read_text("utf-8")
    header, rows = _rows(text)
    stated = re.match(r"(\d+) distinct layers in (\d+) families: .* of (\d+) models\.", header)
    assert stated is not None
    layers, families, models = map(int, stated.groups())
    assert len(rows) == families == 177
    assert sum(int(row["layers"]) for row in rows) == layers == 12_162
    assert all(1 <= int(row["models"]) <= models == 1459 for row in rows)
    assert all(int(row["layers"]) >= 1 for row in rows)
    assert len({tuple(row[column] for column in Family._fields) for row in rows}) == families


def test_every_row_of_the_shipped_table_is_a_layer_that_can_be() -> None:
    text = files("bpcheck").joinpath("operations", "shipped.tsv").read_text("utf-8")
    for row in _rows(text)[1]:
        axes = int(row["operation"][-2])
        sizes = [_number(row, "kernel"), _number(row, "stride")]
        if not row["operation"].startswith("avg"):
            sizes.append(_number(row, "dilation"))
        assert all(len(each) == axes and min(each) >= 1 for each in sizes), row
        if row["padding"] != "same":
            padding = _number(row, "padding")
            assert len(padding) == axes, row
            assert min(padding) >= 0, row
        if row["operation"].startswith("conv"):
            assert row["groups_or_flags"] in {"1", "dw", "grouped"}, row
        else:
            assert set(row["groups_or_flags"].split()) <= {"ceil", "exclude_pad"}, row


def test_the_shipped_table_is_sorted_by_operation_and_models() -> None:
    text = files("bpcheck").joinpath("operations", "shipped.tsv").read_text("utf-8")
    order: list[Any] = [(row["operation"], -int(row["models"])) for row in _rows(text)[1]]
    assert order == sorted(order)
