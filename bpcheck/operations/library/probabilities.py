"""Probabilities of classes, and the loss that they give."""

from __future__ import annotations

from typing import Any

from bpcheck.operations.declared import labels, operation, positive

__all__ = ["cross_entropy", "log_softmax", "softmax"]

#: Numbers of classes, or lengths of rows of scores.
CLASSES = range(1, 2049)


@operation("x: *batch c", sizes={"c": CLASSES}, params={"dim": [-1]})
def softmax(x: Any, *, dim: int = -1) -> Any:
    """``exp(x)`` in parts of its sum."""
    return x.softmax(dim)


@operation("x: *batch c", sizes={"c": CLASSES}, params={"dim": [-1]})
def log_softmax(x: Any, *, dim: int = -1) -> Any:
    """``x`` less the logarithm of the sum of ``exp(x)``."""
    return x.log_softmax(dim)


# A score that is masked is minus infinity.
softmax.masked = log_softmax.masked = ("x",)


@operation(
    "logits: n c, target: n, weight: c?",
    # Samples past a block of threads.
    sizes={"n": range(1, 514), "c": CLASSES},
    params={
        "ignore_index": [-100, 0],
        "reduction": ["mean", "sum", "none"],
        "label_smoothing": [0.0, 0.1],
    },
    draw={"target": labels, "weight": positive},
    constant=("target", "weight"),
)
def cross_entropy(
    logits: Any,
    target: Any,
    weight: Any,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """Minus the logarithm of the probability of each label."""
    from torch.nn import functional

    return functional.cross_entropy(
        logits,
        target,
        weight,
        ignore_index=ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )
