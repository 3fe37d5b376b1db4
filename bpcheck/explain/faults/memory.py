"""Memory: borders that are never written, and results that lie in the memory of inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.conditions import has_samples, is_gapped
from bpcheck.explain.faults.fault import AVG_POOL, EVERY, VALUES, Fault
from bpcheck.explain.faults.kernels import plane_cells
from bpcheck.explain.faults.placing import right
from bpcheck.explain.faults.run import Run, planted, rewired
from bpcheck.subject import Subject


def _unread(run: Run) -> Array:
    """Which cells of the plane no window reads."""
    image = run.operands["x"].shape[2:]
    mask = np.ones(int(np.prod(image)), dtype=bool)
    read = plane_cells(right(run.windows), image)
    mask[read[read >= 0]] = False
    return mask.reshape(image)


def _border(value: float) -> Callable[[Run, Array, Any], Array]:
    def spoil(run: Run, y_bar: Array, bar: Any) -> Array:
        return np.where(_unread(run), np.asarray(value, bar.dtype), bar)

    return spoil


def _recycled(right_kernel: Subject) -> Subject:
    def vjp(run: Run, y_bar: Array) -> Any:
        # Allocated first: it gets the memory that was freed last.
        written = np.empty(run.operands["x"].shape, run.y.dtype)
        x_bar, *rest = run.right.vjp(run.residuals, y_bar)
        np.copyto(written, x_bar, where=~_unread(run))
        return (written, *rest)

    return rewired(right_kernel, forward=lambda run: (run.y, run), vjp=vjp)


def _is_one_cell(case: Case) -> bool:
    return has_samples(case) and all(
        window.k == window.s == 1 and window.low == 0 for window in case.geometry.windows
    )


def _cotangent_itself(run: Run, y_bar: Array, bar: Any) -> Any:
    alike = bar.shape == y_bar.shape and np.array_equal(bar, y_bar)
    return y_bar if alike else bar


def _input_itself(run: Run) -> Any:
    x = run.operands["x"]
    alike = x.shape == run.y.shape and np.array_equal(x, run.y)
    return x if alike else run.y


FAULTS: tuple[Fault, ...] = (
    Fault(
        name="x-bar-border-unwritten",
        what="cells of x_bar that no window reads are never written: they hold what was there",
        operations=EVERY,
        results=("x_bar",),
        condition="cells that no window reads",
        shows=is_gapped,
        plant=planted(x_bar=_border(13.0)),
        caught_by=VALUES,
        source="https://github.com/intel/torch-xpu-ops/pull/4734",
    ),
    Fault(
        name="x-bar-border-of-recycled-memory",
        what="x_bar is allocated empty, and cells that no window reads are never written",
        operations=EVERY,
        results=("x_bar",),
        condition="cells that no window reads, in memory that was used before",
        shows=is_gapped,
        plant=_recycled,
        caught_by=("finite",),
        source="https://github.com/pytorch/pytorch/pull/189233",
    ),
    Fault(
        name="x-bar-is-the-cotangent",
        what="x_bar of a window of one cell is the cotangent itself, not a copy",
        operations=("max_pool1d", "max_pool2d", "max_pool3d", *AVG_POOL),
        results=("x_bar",),
        condition="windows of one cell",
        shows=_is_one_cell,
        plant=planted(x_bar=_cotangent_itself),
        caught_by=("own memory",),
        source="https://github.com/Oneflow-Inc/oneflow/issues/8248",
    ),
    Fault(
        name="y-is-the-input",
        what="y of a window of one cell is x itself, not a copy",
        operations=("max_pool1d", "max_pool2d", "max_pool3d", *AVG_POOL),
        results=("y",),
        condition="windows of one cell",
        shows=_is_one_cell,
        plant=planted(y=_input_itself),
        caught_by=("own memory",),
        source="https://github.com/pytorch/torchdynamo/pull/962",
    ),
)
