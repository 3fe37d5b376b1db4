"""Numbers of a sliding window that a kernel's blocks, buffers and indices are made for."""

from __future__ import annotations

from math import prod
from typing import Any

from bpcheck.operations.promises import Measure


def _cells(g: Any, number: str) -> int:
    return prod(getattr(window, number) for window in g.windows)


def _shared(channels: str) -> tuple[Measure, ...]:
    """What all sliding windows have; `channels` is what those of the input are called."""
    return (
        Measure("samples", lambda g: g.n),
        Measure(channels, lambda g: g.ic),
        Measure("cells of the window", lambda g: _cells(g, "k")),
        Measure("positions of the window", lambda g: _cells(g, "out")),
        Measure("cells of a plane", lambda g: _cells(g, "i")),
        Measure("elements of x", lambda g: g.n * g.ic * _cells(g, "i")),
    )


def pool_measures() -> tuple[Measure, ...]:
    """Those of a pool."""
    return (
        *_shared("channels"),
        Measure("elements of y", lambda g: g.n * g.ic * _cells(g, "out")),
    )


def conv_measures() -> tuple[Measure, ...]:
    """Those of a convolution."""
    return (
        *_shared("input channels"),
        Measure("output channels", lambda g: g.oc),
        Measure("groups", lambda g: g.g),
        Measure("elements of w", lambda g: g.oc * g.ic // g.g * _cells(g, "k")),
        Measure("elements of y", lambda g: g.n * g.oc * _cells(g, "out")),
    )
