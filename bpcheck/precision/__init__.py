"""Precision: measuring the rounding error of a right kernel, and holding it against a baseline.

from pathlib import Path
from bpcheck import precision

now = precision.measure(subject)                       # a Measurement
precision.save(Path("precision-baseline.json"), [now])
(before,) = precision.load(Path("precision-baseline.json"))
comparison = precision.compare(before, precision.measure(subject))
comparison.losses                                      # empty, unless precision was lost
"""

from bpcheck.precision.baseline import dumps, load, loads, save
from bpcheck.precision.baseline_schema import BaselineError
from bpcheck.precision.compare import Change, Comparison, Outcome, compare
from bpcheck.precision.ladder import Cell, Settings
from bpcheck.precision.measure import Measurement, measure
from bpcheck.precision.metrics import CellMetrics

__all__ = [
    "BaselineError",
    "Cell",
    "CellMetrics",
    "Change",
    "Comparison",
    "Measurement",
    "Outcome",
    "Settings",
    "compare",
    "dumps",
    "load",
    "loads",
    "measure",
    "save",
]
