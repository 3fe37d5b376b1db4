"""Kernels with one wrong fast path, for a layer that everybody runs, are found in a quick run."""

from __future__ import annotations

from itertools import islice
from textwrap import dedent

import pytest

from bpcheck.adapters import load
from bpcheck.planning.plan import Plan
from bpcheck.planning.profiles import PROFILES
from bpcheck.runner.one import judge
from properties.harness.doors import DOORS, Given
from properties.harness.targets import folder, write

__all__ = ["folder"]

#: For which layers a path is wrong, and which gradient is.
PATHS = {
    "the last column of 3x3 layers of odd width": (
        "w.shape[2:] == (3, 3) and plain and x.shape[3] % 2 == 1",
        "x_bar[..., -1] = 0",
    ),
    "the last input channel of pointwise layers with an even number": (
        "w.shape[2:] == (1, 1) and set(stride) == {1} and x.shape[1] % 2 == 0",
        "w_bar[:, -1] = 0",
    ),
    "the last column of depthwise 3x3": (
        "w.shape[2:] == (3, 3) and groups == x.shape[1] > 1",
        "x_bar[..., -1] = 0",
    ),
    "a stem of 7x7 with stride 2": (
        "w.shape[2:] == (7, 7) and (set(stride), set(padding), groups) == ({2}, {3}, 1)",
        "w_bar[..., 0, 0] = 0",
    ),
    "patches of 16": (
        "w.shape[2:] == (16, 16) and (*stride, *dilation, *padding) == (16, 16, 1, 1, 0, 0)",
        "x_bar[..., 0, :] = 0",
    ),
    "a kernel beyond the unrolled ones": ("max(w.shape[2:]) > 15", "w_bar[..., -1, -1] = 0"),
    "more channels than a buffer holds": ("x.shape[1] > 200", "w_bar[:, 200:] = 0"),
    "3x3 layers of more than a block of channels": (
        "w.shape[2:] == (3, 3) and plain and x.shape[1] > 128",
        "w_bar[:, 128:] = 0",
    ),
    "pointwise layers of more than a block of filters": (
        "w.shape[2:] == (1, 1) and set(stride) == {1} and len(w) > 128",
        "x_bar[:, -1] = 0",
    ),
    "planes of 7x7": ("x.shape[2:] == (7, 7) and plain", "x_bar[..., -1] = 0"),
    "an odd number of channels in pointwise layers that lie channels-last": (
        "w.shape[2:] == (1, 1) and x.shape[1] in (3, 5, 7) and x.strides[1] == x.itemsize",
        "x_bar[:, -1] = 0",
    ),
}

KERNEL = """
    from reference import conv

    class Kernel:
        @staticmethod
        def forward(x, w, b=None, *, stride, padding, dilation, groups):
            y, residuals = conv.forward(
                x, w, b, stride=stride, padding=padding, dilation=dilation, groups=groups
            )
            plain = (stride, padding, dilation, groups) == ((1, 1), (1, 1), (1, 1), 1)
            return y, (residuals, [{conditions}])

        @staticmethod
        def vjp(residuals, y_bar):
            inner, is_wrong = residuals
            x_bar, w_bar, b_bar = (
                None if each is None else each.copy() for each in conv.vjp(inner, y_bar)
            )
            {spoils}
            return x_bar, w_bar, b_bar
"""


def text_of(*paths: str) -> str:
    """A module with a kernel that has these paths."""
    conditions = ", ".join(f"bool({PATHS[path][0]})" for path in paths)
    spoils = "\n        ".join(
        f"if is_wrong[{i}]: {PATHS[path][1]}" for i, path in enumerate(paths)
    )
    return dedent(KERNEL).format(conditions=conditions, spoils=spoils)


#: Those of the first three paths are what a wrong kernel was seen to pass by, on every seed.
SEEDED = [(path, seed) for path in list(PATHS)[:3] for seed in (0, 1, 2)]


@pytest.mark.parametrize(("path", "seed"), [*SEEDED, *((path, 0) for path in list(PATHS)[3:])])
def test_it_is_found_on_every_seed(path: str, seed: int) -> None:
    write("fast.py", text_of(path))
    kernel = load("fast.py:Kernel", operation="conv2d")
    quick = PROFILES["quick"]
    plan = Plan(kernel.operation, profile=quick, dtypes=kernel.claims.dtypes, seed=seed)
    cases = islice(plan, plan.total)
    # One check of those that see it: what a plan has to do is to meet the layer.
    rulings = (each for case in cases for each in judge(kernel, case, checks=["autograd"]).rulings)
    assert any(each.verdict.is_defect for each in rulings)


#: Kernels with one or two of them, and what is said of the layers that they are wrong for.
LAYERS = {
    "3x3 and pointwise": (
        (
            "the last column of 3x3 layers of odd width",
            "the last input channel of pointwise layers with an even number",
        ),
        (
            "x_bar: backward wrong where 3x3, stride 1, padding 1, odd",
            "w_bar: backward wrong where even input channels and kernel 1 and stride 1",
        ),
    ),
    "depthwise": (
        ("the last column of depthwise 3x3",),
        ("x_bar: backward wrong where groups of one input channel and kernel 3",),
    ),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", LAYERS)
def test_every_door_says_for_which_layers(
    name: str, door: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, wrong_where = LAYERS[name]
    kernel = text_of(*paths) + "\nforward, vjp, DTYPES = Kernel.forward, Kernel.vjp, ('float32',)\n"
    exit_code, said = DOORS[door](
        Given(kernel, "conv2d", count=60, largest=65_536), {}, pytester, monkeypatch
    )
    assert exit_code == 1, said
    for text in wrong_where:
        assert text in said
