"""Violations by somebody who had not read the rows, each with what bpcheck first said of it.

Collected from public reports and from practice, frozen, and judged by bpcheck as it then was,
before their author opened a check. `first` is that result and does not change.
"""

from __future__ import annotations

from benchmarks.contract_strangers.stranger import Stranger
from benchmarks.contract_strangers.table import STRANGERS

__all__ = ["STRANGERS", "Stranger"]
