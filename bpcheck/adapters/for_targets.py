"""What a text names, as subjects: `load` and `ctypes` of `bpcheck.adapters`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bpcheck.adapters.native import native_subject
from bpcheck.adapters.styles import STYLES
from bpcheck.adapters.target import NOTHING, load_with
from bpcheck.claims import DEFAULT_DTYPES
from bpcheck.imports.interpreters import NOTE, interpret_loaded
from bpcheck.imports.interpreters import interpret as start_interpreters
from bpcheck.operations import Operation, as_operation
from bpcheck.subject import Subject


def load(
    target: str,
    *,
    operation: Operation | str,
    style: str = "numpy",
    words: Mapping[str, Any] = NOTHING,
    dtypes: tuple[str, ...] = DEFAULT_DTYPES,
    directory: Path | None = None,
    interpret: bool = False,
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
    words
        What is declared of the code: the options of its style, by name.
    dtypes
        What a target that has no ``DTYPES`` is taken to claim, by NumPy name.
    directory
        Where modules and files are looked for first; by default the current directory.
    interpret
        Whether kernels of Triton, Numba-CUDA and Pallas run in their interpreters, from now on in
        the whole process; that they pass there does not show that they pass on the device.

    Raises
    ------
    TargetError
        If it cannot be imported or is no subject; the message says where and what to do.
    UsageError
        If there is no such style, or Triton or Numba was imported without its interpreter.

    Examples
    --------
    >>> load("torch.nn.functional:conv2d", operation="conv2d", style="torch").name
    'torch.nn.functional:conv2d'
    """
    if interpret:
        # First of all: torch imports Triton where it takes an operation apart.
        start_interpreters()
    subject = load_with(
        STYLES,
        target,
        operation=as_operation(operation),
        style=style,
        words=words,
        dtypes=dtypes,
        directory=directory,
    )
    if interpret:
        interpret_loaded()
        subject = replace(subject, style=f"{subject.style}, {NOTE}")
    return subject


def ctypes(
    library: str | Path, *, operation: Operation | str, name: str | None = None, **words: Any
) -> Subject:
    """Functions of a shared library, from C or C++, as a subject.

    Parameters
    ----------
    library
        The path of the library.
    operation, name
        As for `pair`.
    words
        ``forward`` and ``backward``: the functions with the names of what they take, in order, as
        ``"conv_forward(x w b y n c h wd oc kh kw s p)"``. Arrays are pointers to contiguous memory
        in the code's order of axes; ``y``, ``dx``, ``dw`` and ``db`` are written by the code, and
        hold NaN before, or 0 where it is ``accumulating``. Anything else is an ``int``, or what
        ``int`` says (``"int64_t"``). ``dtype`` says what the arrays hold. And those of
        `bpcheck.adapters.declaration.Declaration`.

    Raises
    ------
    UsageError
        For a word that is missing or cannot be understood.
    TargetError
        If the library cannot be loaded, or has no such function.
    """
    return native_subject(
        str(library),
        operation=as_operation(operation),
        name=name or Path(library).name,
        words=words,
    )
