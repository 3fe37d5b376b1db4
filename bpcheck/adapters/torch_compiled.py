"""What `torch.compile` is told before it compiles a subject: several vjps follow, of all shapes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

#: More shapes than a run has: beyond its limit, dynamo runs the function as it is, uncompiled, and
#: what was judged would not be what was meant.
_RECOMPILATIONS = 100_000

_SETTINGS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "torch._functorch.config": {"donated_buffer": False},
        "torch._dynamo.config": {
            "recompile_limit": _RECOMPILATIONS,
            "accumulated_recompile_limit": _RECOMPILATIONS,
            # Their names before torch 2.7.
            "cache_size_limit": _RECOMPILATIONS,
            "accumulated_cache_size_limit": _RECOMPILATIONS,
        },
    }
)


def keep_compiling() -> None:
    """Have functions that are compiled from now on keep their buffers, and compile every shape.

    Compiled backwards free what they need after the first vjp otherwise, and refuse a second one;
    each vjp of a forward is asked for more than once. Nothing happens where nothing is compiled.
    """
    if "torch._dynamo" in sys.modules:
        _set_once()


@cache
def _set_once() -> None:
    for module, settings in _SETTINGS.items():
        config: Any = sys.modules.get(module)
        for name, value in settings.items():
            if hasattr(config, name):
                setattr(config, name, value)
