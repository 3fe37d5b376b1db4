"""Images taken for square: loops over as many columns as rows, or as many rows as columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.conditions import is_read
from bpcheck.explain.faults.fault import CONV, EVERY, Fault, of_rank_2_up
from bpcheck.explain.faults.run import Run, planted

#: Which axis is cut, and by the length of which.
LOOPS = {"columns-as-many-as-rows": (-1, -2), "rows-as-many-as-columns": (-2, -1)}

TOLD = {
    "columns-as-many-as-rows": "takes the image for square, with as many columns as rows: windows "
    "beyond are left out",
    "rows-as-many-as-columns": "takes the image for square, with as many rows as columns: windows "
    "beyond are left out",
}


def _cut(y_bar: Array, axis: int, by: int) -> Array:
    kept = y_bar.copy()
    rest = [slice(None)] * y_bar.ndim
    rest[axis] = slice(y_bar.shape[by], None)
    kept[tuple(rest)] = 0
    return np.ascontiguousarray(kept)


def _leaves_out(axis: int, by: int) -> Callable[[Case], bool]:
    def shows(case: Case) -> bool:
        windows = case.geometry.windows
        lost = windows[axis].positions[windows[by].out :]
        return is_read(case) and bool((lost >= 0).any())

    return shows


def _faults() -> Iterator[Fault]:
    for name, (axis, by) in LOOPS.items():
        for result, operations in (("x_bar", EVERY), ("w_bar", CONV)):

            def spoil(
                run: Run,
                y_bar: Array,
                bar: Array,
                *,
                result: str = result,
                axis: int = axis,
                by: int = by,
            ) -> Array:
                return run.bars(_cut(y_bar, axis, by))[result]

            yield Fault(
                name=f"{result.replace('_', '-')}-{name}",
                what=f"{result} {TOLD[name]}",
                operations=of_rank_2_up(operations),
                results=(result,),
                condition="another number of columns than of rows",
                shows=_leaves_out(axis, by),
                plant=planted(bars={result: spoil}),
                source="https://github.com/princeton-vl/CornerNet/issues/186"
                if result == "x_bar"
                else "https://github.com/Maratyszcza/NNPACK/issues/15",
            )


FAULTS: tuple[Fault, ...] = tuple(_faults())
