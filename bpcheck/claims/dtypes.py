"""NumPy's name of a dtype, however somebody writes it."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcheck.arithmetic import FORMATS

_SHORT = {each.short: name for name, each in FORMATS.items()}


def dtype_name(value: Any) -> str | None:
    """NumPy's name of a dtype given by name, short name, NumPy dtype or torch dtype.

    Examples
    --------
    >>> dtype_name("f32"), dtype_name(np.float64), dtype_name("int8")
    ('float32', 'float64', None)
    """
    if isinstance(value, str):
        name = value
    elif type(value).__module__ == "torch":
        name = str(value).removeprefix("torch.")
    else:
        try:
            name = np.dtype(value).name
        except Exception:  # noqa: BLE001 - NumPy looks into whatever it is given
            return None
    name = _SHORT.get(name, name)
    return name if name in FORMATS else None
