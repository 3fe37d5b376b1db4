"""Options that several commands share: what a target is, where it runs, and what it may take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

#: What a target is, below the help of the commands that take one.
TARGET = """
TARGET is module, module:attribute or path/file.py:attribute. It gives
forward(*operands, **params) -> (y, residuals) and vjp(residuals, y_bar) -> gradients on NumPy
arrays; with --style torch it is one differentiable function on torch tensors, or an
autograd.Function.
"""

in_process = click.option(
    "--in-process",
    is_flag=True,
    help="Run TARGET in this process, as a debugger needs it; a crash ends the run then.",
)
call_timeout = click.option(
    "--call-timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="What one call of TARGET may take; ten times that for the first of a shape.",
)
memory = click.option(
    "--memory",
    type=click.FloatRange(min=0, min_open=True),
    metavar="GIB",
    help="Memory that a worker may hold. [default: nine tenths of what is free, over the jobs]",
)

style = click.option(
    "--style",
    default="numpy",
    show_default=True,
    metavar="STYLE",
    help="Kind of code that TARGET is: numpy, torch, pair, layer, jax, ... (docs/your-code.md).",
)

words = click.option(
    "--with",
    "words",
    multiple=True,
    metavar="KEY=VALUE",
    help="What the code does differently, as an option of its style, such as layout=NHWC; may be "
    "repeated.",
)

declared = click.option(
    "--with",
    "declared",
    multiple=True,
    metavar="KEY=VALUE",
    help="As for bpcheck check.",
)

claim = click.option(
    "--claim",
    "claims",
    multiple=True,
    metavar="KEY=VALUE",
    help="What the subject claims, over what its code says, such as empty=no or "
    "dtypes=f32,f64; exact=no for a transform; may be repeated (docs/claims.md).",
)

interpret = click.option(
    "--interpret",
    is_flag=True,
    help="Run kernels of Triton and Numba-CUDA in their interpreters, without a GPU; that they "
    "pass there does not show that they pass on the device.",
)


def of_one_case(command: Callable[..., Any]) -> Callable[..., Any]:
    """All options of a command that takes one case and a target."""
    every = (style, in_process, call_timeout, memory, declared, claim, interpret)
    for option in reversed(every):
        command = option(command)
    return command
