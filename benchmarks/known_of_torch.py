"""Cases in which torch is known to err or to crash: docs/found-in-torch.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bpcheck.cases import Case


def is_known_of_torch(case: Case) -> bool:
    """Whether torch is known to err or to crash in such a case."""
    if not case.operation.is_safe_in_torch(case.geometry):
        return True
    known = KNOWN.get(case.operation.name)
    return known is not None and known(case)


def _of_max_pool3d(case: Case) -> bool:
    return case.values == "special" and "x" in case.layouts


def _of_conv1d(case: Case) -> bool:
    layouts, geometry = case.layouts, case.geometry
    if layouts.get("w", "c-order") == "c-order":
        return False
    (window,) = geometry.windows
    if geometry.oc == 1 and window.i == 1 and "x" in layouts:
        return True
    return geometry.g > 1 and window.d > 1 and bool((window.positions < 0).all())


def _of_conv2d(case: Case) -> bool:
    geometry, laid_out = case.geometry, {"x", "w"} & set(case.layouts)
    if case.dtype == "bfloat16" and case.values == "special":
        # NaN of one channel reaches its neighbour in a depthwise layer.
        return bool(geometry.g == geometry.ic > 1)
    if case.dtype == "bfloat16" and laid_out:
        # One window, as wide as the image and its stride: y is another one, channels last.
        wide = (w.k == w.i == w.s and w.k % 8 == 0 and w.k > 8 for w in geometry.windows)
        if all(wide):
            return True
    down, along = geometry.windows
    if case.dtype == "float32" and laid_out and geometry.ic < _LANES:
        # The weights' gradient of 1x1 layers that skip the last row or column writes beyond it.
        skips = any(not (w.positions == w.i - 1).any() for w in geometry.windows)
        if down.k == along.k == 1 and skips:
            return True
    # Lines of one column each, of a single channel that lies last: other memory is read.
    is_line = along.out == 1 < down.out and down.s == 1 < along.s
    return bool(laid_out and is_line and geometry.ic == 1 and geometry.n > 1)


def _of_conv3d(case: Case) -> bool:
    return case.geometry.ic == 1 and case.geometry.n > 1 and "x" in case.layouts


#: Input channels from which oneDNN's strided 1x1 kernels stay within their arrays.
_LANES = 7

#: By the name of the operation.
KNOWN: Mapping[str, Callable[[Case], bool]] = {
    "conv1d": _of_conv1d,
    "conv2d": _of_conv2d,
    "conv3d": _of_conv3d,
    "max_pool3d": _of_max_pool3d,
}
