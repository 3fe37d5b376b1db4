"""Pictures of rounding errors: error against length, and its history, with matplotlib."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bpcheck.arithmetic import FORMATS
from bpcheck.files import write_whole
from bpcheck.precision.history import Revision, levels
from bpcheck.precision.ladder import Cell
from bpcheck.precision.measure import Measurement

#: A colour for each data kind, told apart by colour-blind readers too (M. Okabe and K. Ito, 2008).
_COLOURS: Mapping[str, str] = MappingProxyType(
    {"zero-mean": "#0072b2", "positive": "#d55e00", "wide": "#009e73", "cancelling": "#cc79a7"}
)
_MARKERS: Mapping[str, str] = MappingProxyType(
    {"zero-mean": "o", "positive": "s", "wide": "^", "cancelling": "D"}
)

#: Lower end of the vertical axis: errors of exact results have no place on a logarithmic one.
_LEAST = 1e-3


def draw_all(
    path: Path, measurements: Sequence[Measurement], baselines: Sequence[Measurement] = ()
) -> tuple[Path, ...]:
    """One picture for each measurement, its baseline beside it; the files.

    Where there are several, the operation is added to the name of each file.
    """
    drawn = []
    for each in measurements:
        before = next(
            (b for b in baselines if (b.operation, b.name) == (each.operation, each.name)), None
        )
        one = len(measurements) == 1
        # The address of a user's own operation is no name of a file.
        name = re.sub(r"[^\w.-]+", "-", str(each.operation))
        file = path if one else path.with_stem(f"{path.stem}-{name}")
        draw(file, each, before)
        drawn.append(file)
    return tuple(drawn)


def draw(path: Path, measurement: Measurement, baseline: Measurement | None = None) -> None:
    """Draw the largest error against the number of terms: a panel for each dtype and result."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    dtypes = list(dict.fromkeys(cell.dtype for cell in measurement.cells))
    results = list(dict.fromkeys(cell.result for cell in measurement.cells))
    figure = Figure(
        figsize=(max(7.0, 1.2 + 3.1 * len(results)), 1.5 + 2.5 * max(1, len(dtypes))),
        layout="constrained",
    )
    FigureCanvasAgg(figure)
    axes = figure.subplots(max(1, len(dtypes)), max(1, len(results)), squeeze=False, sharey="row")
    for row, dtype in zip(axes, dtypes, strict=False):
        for axis, result in zip(row, results, strict=False):
            _panel(axis, measurement, baseline, dtype, result)
        row[0].set_ylabel(f"{dtype}\nlargest error / (u Σ|ab|)")
    for axis in axes[-1]:
        axis.set_xlabel("terms n")
    beside = ", the baseline dashed" if baseline is not None else ""
    small = any(max(each.max) < _LEAST for each in measurement.cells.values())
    floor = f"\nerrors below {_LEAST:g} are drawn there" if small else ""
    title = f"{measurement.title}: rounding error against length{beside}{floor}"
    figure.suptitle(title, fontsize=10, parse_math=False)
    handles = [_line(_COLOURS[kind], _MARKERS[kind], kind) for kind in measurement.settings.kinds]
    if baseline is not None:
        handles.append(_line("#888888", "", "baseline", linestyle="--"))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    _write(figure, path)


def _write(figure: Any, path: Path) -> None:
    """Write a picture whole or not at all."""
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=130, format=path.suffix.lower().removeprefix(".") or None)
    write_whole(path, drawn.getvalue(), option="--plot")


def _line(colour: str, marker: str, label: str, linestyle: Any = "-") -> Any:
    from matplotlib.lines import Line2D

    return Line2D(
        [], [], color=colour, marker=marker, markersize=4, linestyle=linestyle, label=label
    )


def _panel(
    axis: Any, measurement: Measurement, baseline: Measurement | None, dtype: str, result: str
) -> None:
    axis.set_xscale("log", base=2)
    axis.set_yscale("log")
    axis.set_title(f"{result}, u = $2^{{-{FORMATS[dtype].bits}}}$", fontsize=9)
    axis.tick_params(labelsize=8)
    axis.grid(visible=True, which="major", color="#e5e5e5", linewidth=0.6)
    cells = [c for c in measurement.cells if (c.dtype, c.result) == (dtype, result)]
    if not cells:
        axis.text(0.5, 0.5, "no sums to measure", ha="center", transform=axis.transAxes, fontsize=8)
        return
    ends = [min(cell.terms for cell in cells), max(cell.terms for cell in cells)]
    for power, label in ((0.0, "u"), (0.5, "√n u"), (1.0, "n u")):
        line = [end**power for end in ends]
        axis.plot(ends, line, color="#888888", linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
        axis.annotate(
            label,
            (ends[1], line[1]),
            (4, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
            color="#666666",
            annotation_clip=False,
        )
    axis.set_xlim(ends[0] / 1.5, ends[1] * 4)
    for kind in measurement.settings.kinds:
        own = [cell for cell in cells if cell.kind == kind]
        style = {"color": _COLOURS[kind], "marker": _MARKERS[kind], "markersize": 3.5}
        if baseline is not None:
            axis.plot(
                *_series(baseline, own),
                **style,
                linewidth=2.4,
                linestyle="--",
                alpha=0.35,
                zorder=2,
            )
        axis.plot(*_series(measurement, own), **style, linewidth=1.3, zorder=3)


def _series(measurement: Measurement, cells: Sequence[Cell]) -> tuple[list[int], list[float]]:
    """Lengths and largest errors of the cells that a measurement has."""
    held = [cell for cell in cells if cell in measurement.cells]
    largest = [max(_LEAST, *measurement.cells[cell].max) for cell in held]
    return [cell.terms for cell in held], largest


def draw_history(path: Path, revisions: Sequence[Revision]) -> None:
    """Draw the error level of every subject, dtype and result over the commits of its baseline."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    series: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for place, revision in enumerate(revisions):
        for measurement in revision.measurements:
            for (dtype, result), level in levels(measurement).items():
                lines = series.setdefault(measurement.title, {})
                lines.setdefault(f"{result} {FORMATS[dtype].short}", []).append((place, level))
    figure = Figure(figsize=(9, 1.4 + 2.6 * max(1, len(series))), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(max(1, len(series)), 1, squeeze=False, sharex=True)[:, 0]
    for axis, (title, lines) in zip(axes, series.items(), strict=False):
        for index, (label, points) in enumerate(lines.items()):
            axis.plot(
                *zip(*points, strict=True),
                marker="os^Dvx*"[index % 7],
                markersize=4,
                linewidth=1.2,
                label=label,
                color=f"C{index % 10}",
                linestyle=("-", "--")[index // 10 % 2],
            )
        axis.set_yscale("log")
        axis.set_title(title, fontsize=10, parse_math=False)
        axis.set_ylabel("median rms error / (u Σ|ab|)", fontsize=8)
        axis.grid(visible=True, color="#e5e5e5", linewidth=0.6)
        axis.legend(
            fontsize=7, ncols=2, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False
        )
    axes[-1].set_xticks(
        range(len(revisions)),
        [f"{each.commit[:7]}\n{each.date}" for each in revisions],
        fontsize=7,
        rotation=45 if len(revisions) > 8 else 0,
    )
    _write(figure, path)
