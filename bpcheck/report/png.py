"""A picture as PNG, which matplotlib draws."""

from __future__ import annotations

import io

from bpcheck.errors import UsageError
from bpcheck.report.sketch import Sketch

#: As in the light style of pages.
_COLOURS = {"more": "#0b6bcb", "less": "#c26401", "odd": "#b3201f", "same": "#ffffff"}


def to_png(sketch: Sketch) -> bytes:
    """The picture as the bytes of a PNG file.

    Raises
    ------
    UsageError
        If matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.patches import Rectangle
    except ImportError:
        raise UsageError(
            "--picture: PNG files need matplotlib, which the extra plots installs "
            "(pip install 'bpcheck[plots]'); or name a .svg"
        ) from None
    margin = 12
    wide, high = sketch.width + 2 * margin, sketch.height + 2 * margin
    figure = Figure(figsize=(wide / 96, high / 96), dpi=192)
    axes = figure.add_axes((0, 0, 1, 1), frameon=False)
    axes.set(xlim=(-margin, wide - margin), ylim=(high - margin, -margin), xticks=[], yticks=[])
    for box in sorted(sketch.boxes, key=lambda each: each.is_marked):
        place, size = (box.x + 1, box.y + 1), (box.width - 2, box.height - 2)
        fill = (_COLOURS[box.colour], box.strength)
        edge, line = ("#0b57d0", 2.2) if box.is_marked else ("#ccd2d9", 0.8)
        axes.add_patch(Rectangle(place, *size, facecolor=fill, edgecolor=edge, linewidth=line))
        axes.text(
            box.x + box.width / 2, box.y + 17, box.text, size=8.5, ha="center", family="monospace"
        )
    sizes = {"title": 11, "said": 9, "name": 8.5}
    for label in sketch.labels:
        weight = "bold" if label.kind == "title" else "normal"
        family = "monospace" if label.kind == "name" else "sans-serif"
        # A dollar would begin a formula.
        text = label.text.replace("$", r"\$")
        axes.text(label.x, label.y, text, size=sizes[label.kind], weight=weight, family=family)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()
