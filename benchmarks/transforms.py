"""Right transforms, declared as such: by Fourier, by an integral image and by a running sum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bpcheck.subject import Subject
from properties.harness.transform_kernels import (
    fft_forward,
    fft_vjp,
    integral_forward,
    integral_vjp,
    running_forward,
    running_vjp,
)


def transform(operation: str) -> Subject:
    """The one that there is for an operation."""
    kernels: dict[str, tuple[Callable[..., Any], Callable[..., Any], str]] = {
        "conv1d": (fft_forward, fft_vjp, "2-norm"),
        "avg_pool2d": (integral_forward, integral_vjp, "1-norm"),
        "avg_pool1d": (running_forward, running_vjp, "1-norm"),
    }
    forward, vjp, norm = kernels[operation]
    return Subject(forward, vjp, operation=operation, exact=False, norm=norm)
