"""What a module's code is built on: frameworks, and libraries of arrays, by what it imports."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

import numpy as np

from bpcheck.calls import call

#: Frameworks by the names under which modules import them.
IMPORTED = {
    "jax": ("jax", "jnp"),
    "tensorflow": ("tensorflow", "tf"),
    "paddle": ("paddle",),
    "mlx": ("mlx", "mx"),
    "tinygrad": ("tinygrad",),
    "mindspore": ("mindspore",),
    "chainer": ("chainer",),
    "autograd": ("autograd", "anp"),
    "torch": ("torch",),
}


def framework_of(value: Any) -> str:
    """The framework whose own object a function is, such as a ``custom_vjp``; ``""`` for none.

    Examples
    --------
    >>> import torch
    >>> framework_of(torch.ops.aten.gelu), framework_of(framework_of)
    ('torch', '')
    """
    root = type(value).__module__.partition(".")[0].removesuffix("lib")
    return root if root in IMPORTED and not inspect.isclass(value) else ""


def makers_of_arrays(holder: Any) -> list[str]:
    """What makes arrays, not NumPy's, in the modules and functions that a module has imported.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import torch
    >>> makers_of_arrays(SimpleNamespace(np=np, xp=torch))
    ['torch.asarray']
    """
    made = {}
    for name, value in vars(holder).items():
        if isinstance(value, ModuleType):
            made[f"{value.__name__}.asarray"] = getattr(value, "asarray", None)
        elif name in {"asarray", "array"}:
            made[f"{getattr(value, '__module__', '')}.{name}"] = value
    return [each for each, maker in made.items() if callable(maker) and _makes_its_own(maker)]


def _makes_its_own(maker: Any) -> bool:
    found = call(maker, np.ones(1))
    own = found.value if found.returned else None
    return hasattr(own, "__dlpack__") and not isinstance(own, np.ndarray)
