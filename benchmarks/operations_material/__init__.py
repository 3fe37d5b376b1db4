"""Right and wrong kernels of operations that are no convolution and no pool, with their sources.

Each file has one operation or two that belong together: a right kernel, and wrong ones that make a
mistake which somebody made. They were collected from public reports before anything was there to
find them. `OPERATIONS` and `FAULTS` list them all by name.
"""

from __future__ import annotations

from benchmarks.operations_material import (
    activations,
    attention,
    batch_norm,
    conv_transpose,
    cross_entropy,
    dropout,
    embedding,
    folding,
    group_norm,
    layer_norm,
    linear,
    pools,
    rms_norm,
    rotary,
    softmax,
    upsample,
)
from benchmarks.operations_material.base import Fault, Operation

__all__ = ["FAULTS", "OPERATIONS", "Fault", "Operation"]

OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        layer_norm.OPERATION,
        rms_norm.OPERATION,
        batch_norm.OPERATION,
        group_norm.OPERATION,
        softmax.SOFTMAX,
        softmax.LOG_SOFTMAX,
        cross_entropy.OPERATION,
        attention.OPERATION,
        dropout.OPERATION,
        activations.GELU,
        activations.SILU,
        activations.SIGMOID,
        activations.TANH,
        activations.SWIGLU,
        rotary.OPERATION,
        linear.LINEAR,
        linear.MATMUL,
        embedding.OPERATION,
        conv_transpose.OPERATION,
        pools.AVG,
        pools.MAX,
        folding.UNFOLD,
        folding.FOLD,
        upsample.NEAREST,
        upsample.LINEAR,
    )
}

_EACH: tuple[Fault, ...] = (
    *layer_norm.FAULTS,
    *rms_norm.FAULTS,
    *batch_norm.FAULTS,
    *group_norm.FAULTS,
    *softmax.FAULTS,
    *cross_entropy.FAULTS,
    *attention.FAULTS,
    *dropout.FAULTS,
    *activations.FAULTS,
    *rotary.FAULTS,
    *linear.FAULTS,
    *embedding.FAULTS,
    *conv_transpose.FAULTS,
    *pools.FAULTS,
    *folding.FAULTS,
    *upsample.FAULTS,
)

FAULTS: dict[str, Fault] = {fault.name: fault for fault in _EACH}
