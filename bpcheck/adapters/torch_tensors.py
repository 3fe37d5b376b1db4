"""NumPy arrays as torch tensors and back, sharing memory wherever torch can."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from bpcheck.arithmetic import FORMATS, Array


@dataclass(frozen=True, slots=True)
class Shared:
    """A tensor made from an array, and whether both lie in the same memory."""

    array: Array
    tensor: torch.Tensor
    is_shared: bool

    def write_back(self) -> None:
        """Carry a change of the tensor over to the array, so that the array's owner sees it."""
        if not self.is_shared and self.array.flags.writeable:
            np.copyto(self.array, to_array(self.tensor))


def to_tensor(array: Array, device: torch.device) -> Shared:
    """The array as a tensor of the same dtype and, where torch has them, the same strides.

    Memory is shared on the CPU, so that code which overwrites its input is seen to. Torch knows
    neither negative strides nor foreign byte orders, and trusts alignment: such arrays are copied.
    """
    plain = array
    if any(s < 0 for s in array.strides) or not (array.dtype.isnative and array.flags.aligned):
        plain = array.astype(array.dtype.newbyteorder("="))
    bits = plain.view(np.int16) if array.dtype.name == "bfloat16" else plain
    tensor = torch.from_numpy(bits if bits.flags.writeable else np.asarray(_Writable(bits)))
    if bits is not plain:
        tensor = tensor.view(torch.bfloat16)
    return Shared(array, tensor.to(device), plain is array and device.type == "cpu")


def constant(array: Array | None, like: torch.Tensor) -> torch.Tensor | None:
    """An operand without a gradient, beside one that has: labels stay whole numbers."""
    if array is None:
        return None
    kind = to_tensor(np.array(array), like.device).tensor
    return kind.to(like.dtype) if kind.is_floating_point() else kind


class _Writable:
    """The memory of a read-only array without its flag, which torch can only warn about."""

    def __init__(self, array: Array):
        address, _ = array.__array_interface__["data"]
        self.__array_interface__ = {**array.__array_interface__, "data": (address, False)}
        self._owner = array


def to_array(value: Any) -> Any:
    """A tensor as a NumPy array; anything else as it is, for the caller to complain about."""
    if not isinstance(value, torch.Tensor):
        return value
    plain = value.detach().resolve_conj().resolve_neg().cpu()
    if plain.dtype == torch.bfloat16:
        return plain.view(torch.int16).numpy().view(FORMATS["bfloat16"].dtype)
    return plain.numpy()
