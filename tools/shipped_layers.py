"""Counts the convolutions and pools of the published models whose packages are installed.

Usage: python -m tools.shipped_layers TABLE [--models GLOB]

Writes the table to the file TABLE; bpcheck's own is bpcheck/operations/shipped.tsv. Each model of
published_models.py is built without weights on torch's meta device and runs there on one sample:
only shapes are computed. A package that is missing, a model that does not run there and one that
has no such layer are named on stderr: the table has nothing of them.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections import Counter
from collections.abc import Collection, Iterable
from contextlib import redirect_stdout
from fnmatch import fnmatchcase
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tools.published_models import SOURCES, Model
from tools.recorded_layers import Family, Layer, layers_of

_HEADER = """\
# {layers} distinct layers in {families} families: the convolutions and pools of {models} models.
# Source: {source}.
# Counted on one sample of each model's default input size, run on torch's meta device; pools that
# are given the size of their output (adaptive ones) are not counted. Made anew, from the packages
# that are installed, by: python -m tools.shipped_layers bpcheck/operations/shipped.tsv
# groups_or_flags: 1, dw (depthwise) or grouped; ceil (ceil_mode), exclude_pad (no
# count_include_pad), divisor (divisor_override).
# note: k=input, global: a kernel as large as its input; op: output_padding. A family with a note
# is counted apart from the one without.
# models: how many have the family; layers: how many distinct shapes of x, w and any b are in them.
"""


def table(models: Iterable[Collection[Layer]], source: str) -> str:
    """The text of the table: how many models have each family, in how many distinct layers.

    Parameters
    ----------
    models
        The distinct layers of each model that ran.
    source
        The packages that they come from, with their versions.
    """
    seen = list(models)
    having = Counter(family for layers in seen for family in {each.family for each in layers})
    distinct = Counter(layer.family for layer in frozenset[Layer]().union(*seen))
    rows = sorted(having, key=lambda each: (each.operation, -having[each], -distinct[each], each))
    header = _HEADER.format(
        layers=distinct.total(), families=len(rows), models=len(seen), source=source
    )
    lines = [
        (*Family._fields, "models", "layers"),
        *((*row, str(having[row]), str(distinct[row])) for row in rows),
    ]
    return header + "".join("\t".join(line) + "\n" for line in lines)


def main() -> None:
    """Write the table of all installed packages, and say what it has nothing of."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("table", type=Path, metavar="TABLE", help="the file to write")
    parser.add_argument("--models", default="*", metavar="GLOB", help="only models named so")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # The packages', of old names and of what meta lacks.
    seen, sources, without = [], [], 0
    for package, models in SOURCES.items():
        if find_spec(package.replace("-", "_")) is None:
            _say(f"MISSING: {package} is not installed, so no model of it is in the table")
            continue
        sources.append(f"{package} {version(package)}")
        for model in models():
            if fnmatchcase(model.name, options.models):
                layers = _seen(model)
                if layers:
                    seen.append(layers)
                else:
                    without += 1
    if not seen:
        sys.exit(f"{options.models}: no model named so was counted; {options.table} is as it was")
    options.table.write_text(table(seen, ", ".join(sources)), "utf-8")
    _say(f"{options.table}: {len(seen)} models; {without} are not in it, named above")


def _seen(model: Model) -> frozenset[Layer]:
    """The layers of a model; none, and a line on stderr, if it does not run or has none."""
    import torch

    try:
        # What packages print would read like this program's own output.
        with torch.no_grad(), redirect_stdout(sys.stderr):
            built = _built(model).eval()
            with torch.device("meta"):
                layers = layers_of(lambda: model.call(built))
    # Whatever a model raises is said, and the others are counted.
    except Exception as error:  # noqa: BLE001
        reason = str(error).partition("\n")[0]
        _say(f"FAILED: {model.name}: {type(error).__name__}: {reason}")
        return frozenset()
    if not layers:
        _say(f"NONE: {model.name} ran without a convolution or pool")
    return layers


def _built(model: Model) -> Any:
    import torch

    try:
        with torch.device("meta"):
            return model.build()
    except RuntimeError:
        # Some read numbers from tensors while they are built, which meta has not got.
        return model.build().to("meta")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - a program


if __name__ == "__main__":
    main()
