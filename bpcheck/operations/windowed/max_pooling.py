"""Max pooling in one, two and three dimensions, as `torch.nn.functional.max_pool1d` and so on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bpcheck.arithmetic import Array, Format, gamma
from bpcheck.operations.formed import Formed
from bpcheck.operations.promises import EdgeClass, Integers, Lattice, Params, Product
from bpcheck.operations.step import Step
from bpcheck.operations.torch_vjp import torch_vjp
from bpcheck.operations.windowed import classes, dimensions, narrowing
from bpcheck.operations.windowed.extremes import choose_extreme, draw_extreme
from bpcheck.operations.windowed.nan_windows import are_maxima, are_shares, read_by
from bpcheck.operations.windowed.pool_formed import max_formed
from bpcheck.operations.windowed.pool_steps import max_steps
from bpcheck.operations.windowed.pooling import PoolGeometry, Pooling
from bpcheck.operations.windowed.relatives import choose_relative
from bpcheck.operations.windowed.subgradients import is_subgradient


class MaxPooling(Pooling):
    """The largest value of each window; padding never wins, the first of equal values does."""

    value_kinds = (
        "exact",
        "small",
        "ties",
        "negative",
        "special",
        "wide",
        "sparse",
        "tiny",
        "huge",
        "real",
        "jacobian",
    )
    orders_special = True

    def __init__(self, rank: int):
        super().__init__("max", rank, own_keys=dimensions.keys("d", rank, 1))
        self.neutral = {
            "stride": lambda params: bool(params["stride"] == params["kernel_size"]),
            "padding": lambda params: set(params["padding"]) == {0},
            "dilation": lambda params: set(params["dilation"]) == {1},
            "ceil_mode": lambda params: not params["ceil_mode"],
        }
        self.neutral_numbers = narrowing.neutral_numbers(
            rank,
            tiles=True,
            others={"ceil_mode": {"ceil": 0}},
            dilates=True,
        )
        self.restrictions = narrowing.restrictions(rank, dilates=True)

    def draw(self, integers: Integers) -> Any:
        if choose_extreme(integers):
            return draw_extreme(self.extremes, integers)
        near = self.draw_relative(integers) if choose_relative(integers) else None
        if near is not None:
            return near
        n, channels, windows = self.draw_shape(integers, dilate=True)
        return PoolGeometry(n=n, ic=channels, windows=windows)

    def params(self, geometry: PoolGeometry) -> Params:
        windows = geometry.windows
        return {
            "kernel_size": tuple(window.k for window in windows),
            "stride": tuple(window.s for window in windows),
            "padding": tuple(window.p for window in windows),
            "dilation": tuple(window.d for window in windows),
            "ceil_mode": geometry.ceil,
        }

    def torch_forward(self, operands: Mapping[str, Any], params: Params) -> Any:
        import torch

        return getattr(torch.nn.functional, self.name)(operands["x"], **params)

    def formed(
        self,
        geometry: PoolGeometry,
        result: str,
        index: tuple[int, ...],
        arrays: Mapping[str, Array],
    ) -> Formed:
        return max_formed(geometry, result, index, arrays["x"])

    def steps(
        self,
        geometry: PoolGeometry,
        result: str,
        index: tuple[int, ...],
        arrays: Mapping[str, Array],
    ) -> Iterator[Step]:
        return max_steps(geometry, result, index, arrays)

    def lattice(self, geometry: PoolGeometry) -> Lattice:
        return Lattice(
            products=(
                Product("y", 1, ("x",)),
                Product("x_bar", self.terms(geometry)["x_bar"], ("y_bar",)),
            ),
            distinct=tuple(window.span for window in geometry.windows),
        )

    def absolute_sums(self, arrays: Mapping[str, Array], params: Params) -> dict[str, Array]:
        # Absolute values would change the winners; only the cotangent is summed.
        operands = {"x": arrays["x"]}
        sums = torch_vjp(self.torch_forward, operands, abs(arrays["y_bar"]), params)
        return sums | {"y": abs(sums["y"])}

    def is_valid_subgradient(
        self,
        geometry: PoolGeometry,
        operands: Mapping[str, Array],
        y_bar: Array,
        results: Mapping[str, Array],
        form: Format,
    ) -> bool:
        """Whether every window shares its cotangent out among its own winners."""
        x, y, x_bar = operands["x"], results["y"], results["x_bar"]
        # The subject's own rounding, and that of adding its shares up in float64.
        slack = gamma(self.terms(geometry)["x_bar"] + 4, form.unit_roundoff)
        slack += gamma(x.size + y.size, 2.0**-53)
        return is_subgradient(geometry.windows, x, y, y_bar, x_bar, slack=slack, floor=form.tiniest)

    def is_nan_convention(
        self,
        geometry: PoolGeometry,
        operands: Mapping[str, Array],
        y_bar: Array,
        results: Mapping[str, Array],
        form: Format,
    ) -> bool:
        """Whether windows without NaN are right, and those with one what a convention makes.

        Of ``y`` alone, where there is no gradient.
        """
        read = read_by(geometry.windows, operands["x"])
        if "x_bar" not in results:
            return are_maxima(read, results["y"])
        slack = gamma(self.terms(geometry)["x_bar"] + 4, form.unit_roundoff)
        slack += gamma(operands["x"].size + y_bar.size, 2.0**-53)
        return are_maxima(read, results["y"]) and are_shares(
            read, y_bar, results["x_bar"], slack=slack, floor=form.tiniest, y=results["y"]
        )

    def is_smooth(self, geometry: PoolGeometry) -> bool:
        return False

    @property
    def edge_classes(self) -> tuple[EdgeClass, ...]:
        return (*super().edge_classes, *classes.dilation_classes(self.rank))
