"""Operations that are declared by a function of torch's, each in a few lines."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType

from bpcheck.operations.base import Operation

#: In which module each is declared.
_MODULES: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        "transposed": ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
        "products": ("linear", "matmul", "embedding"),
        "normalization": ("layer_norm", "rms_norm", "group_norm", "batch_norm"),
        "probabilities": ("softmax", "log_softmax", "cross_entropy"),
        "attention": ("scaled_dot_product_attention", "rotary"),
        "activations": ("relu", "gelu", "silu", "sigmoid", "tanh", "swiglu"),
        "planes": (
            "adaptive_avg_pool2d",
            "adaptive_max_pool2d",
            "lp_pool2d",
            "max_unpool2d",
            "fold",
            "unfold",
            "upsample_nearest2d",
            "upsample_bilinear2d",
        ),
    }
)

_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def library_names() -> tuple[str, ...]:
    """Names of all of them.

    >>> library_names()[:2]
    ('conv_transpose1d', 'conv_transpose2d')
    """
    return tuple(_HOMES)


def from_library(name: str) -> Operation | None:
    """The operation of that name, or ``None``.

    >>> from_library("softmax").operands
    ('x',)
    """
    if name not in _HOMES:
        return None
    found: Operation = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    found.address = name
    return found
