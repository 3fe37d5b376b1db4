"""Arrays of other libraries, by DLPack and the array API: whoever makes them, none is named."""

from __future__ import annotations

from typing import Any

import numpy as np

#: DLPack's number of the CPU.
_CPU = 1


def as_numpy(value: Any) -> Any:
    """A copy as a NumPy array, of what gives its memory by DLPack; anything else as it is.

    Examples
    --------
    >>> import torch
    >>> as_numpy(torch.ones(2)), as_numpy("no array")
    (array([1., 1.], dtype=float32), 'no array')
    """
    if isinstance(value, np.ndarray) or not hasattr(value, "__dlpack__"):
        return value
    if hasattr(value, "detach"):
        value = value.detach()
    device = value.__dlpack_device__()[0]
    if int(device) != _CPU and hasattr(value, "to_device"):
        value = value.to_device("cpu")
    elif int(device) != _CPU:
        value = value.get() if hasattr(value, "get") else value.cpu()
    return value.copy() if isinstance(value, np.ndarray) else np.array(np.from_dlpack(value))
