"""Other shapes of code as subjects: a `forward`/`vjp` pair on NumPy arrays, a torch callable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bpcheck.adapters.claims import claims_of
from bpcheck.adapters.pair import pair_subject
from bpcheck.adapters.target import Adapter, load_with
from bpcheck.claims import DEFAULT_DTYPES
from bpcheck.operations import Operation, as_operation
from bpcheck.subject import Subject

__all__ = ["STYLES", "load", "torch"]


def torch(
    fn: Any,
    *,
    operation: Operation | str,
    name: str | None = None,
    device: str = "cpu",
    dtypes: Sequence[Any] | None = None,
) -> Subject:
    """A differentiable torch callable as a subject.

    Parameters
    ----------
    fn
        A function on tensors, ``fn(*operands, **params) -> y``, a module object that is called so,
        or an `autograd.Function`. Params are passed by the names of `torch.nn.functional` where
        `fn` has any of them, else by position in its order.
    operation
        What `fn` promises to compute: an operation, or its name, such as ``"conv2d"``.
    name
        How reports call it; by default its own name.
    device
        Where it runs. Arrays share their memory with its tensors on the CPU.
    dtypes
        The dtypes that it claims: names, or torch's or NumPy's dtypes.

    Returns
    -------
    Subject
        Its vjp gives the gradients as the backward returned them: where `fn` is one
        `autograd.Function`, a wrong dtype or shape is not mended by torch's engine.

    Raises
    ------
    TargetError
        If `fn` cannot be called on tensors, or the device or a dtype is not there.

    Examples
    --------
    >>> import numpy as np
    >>> from torch.nn import functional
    >>> subject = torch(functional.avg_pool1d, operation="avg_pool1d")
    >>> y, residuals = subject.forward(np.ones((1, 1, 4)), kernel_size=(2,), stride=(2,))
    >>> subject.vjp(residuals, np.array([[[2.0, 6.0]]]))
    (array([[[1., 1., 3., 3.]]]),)
    """
    from bpcheck.adapters.torch_callable import torch_subject

    return torch_subject(
        fn, operation=as_operation(operation), name=name, device=device, dtypes=dtypes
    )


def _torch_target(
    target: Any, *, operation: Operation, name: str, dtypes: tuple[str, ...] = DEFAULT_DTYPES
) -> Subject:
    from bpcheck.adapters.torch_callable import unwrapped

    claims = claims_of(unwrapped(target), origin=name, dtypes=dtypes)
    return torch(target, operation=operation, name=name).claiming(claims)


#: For each style of code, what makes a subject of it.
STYLES: Mapping[str, Adapter] = MappingProxyType(
    {
        "numpy": pair_subject,
        "torch": _torch_target,
    }
)


def load(
    target: str,
    *,
    operation: Operation | str,
    style: str = "numpy",
    dtypes: tuple[str, ...] = DEFAULT_DTYPES,
    directory: Path | None = None,
) -> Subject:
    """The subject that a target names.

    Parameters
    ----------
    target
        ``module``, ``module:attribute``, ``path/file.py`` or ``path/file.py:attribute``. It gives
        ``forward`` and ``vjp`` (a module, an object, or a class made without arguments), or is a
        `Subject`; in the style ``"torch"`` it is the function itself.
    operation
        What it promises to compute, or the name of that.
    style
        The kind of code: a key of `STYLES`.
    dtypes
        What a target that has no ``DTYPES`` is taken to claim, by NumPy name.
    directory
        Where modules and files are looked for first; by default the current directory.

    Raises
    ------
    TargetError
        If it cannot be imported or is no subject; the message says where and what to do.
    UsageError
        If there is no such style.

    Examples
    --------
    >>> load("torch.nn.functional:conv2d", operation="conv2d", style="torch").name
    'torch.nn.functional:conv2d'
    """
    return load_with(
        STYLES,
        target,
        operation=as_operation(operation),
        style=style,
        dtypes=dtypes,
        directory=directory,
    )
