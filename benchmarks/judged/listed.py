"""Which kernels of which packages are judged, as what, and what stops others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kernel:
    """One kernel: the function of `benchmarks.judged` that calls it, and its own name.

    `name` is that of the function and of the operation; `called` is what the package calls it;
    `cases` and `largest` keep a run short where its kernel takes more steps.
    """

    package: str
    name: str
    called: str
    cases: int = 30
    largest: int = 300


#: The distributions by the module of `benchmarks.judged` that calls them.
PACKAGES = {
    "liger": "liger-kernel",
    "fla": "fla-core",
    "torchnorm": "torchnorm",
    "trinix": "trinix",
}

KERNELS = (
    Kernel("liger", "rms_norm", "LigerRMSNormFunction"),
    Kernel("liger", "layer_norm", "LigerLayerNormFunction"),
    Kernel("liger", "group_norm", "LigerGroupNormFunction"),
    Kernel("liger", "added_rms_norm_and_sum", "LigerFusedAddRMSNormFunction"),
    Kernel("liger", "poly_norm", "LigerPolyNormFunction"),
    Kernel("liger", "softmax", "LigerSoftmaxFunction"),
    Kernel("liger", "sparsemax", "LigerSparsemaxFunction"),
    Kernel("liger", "swiglu", "LigerSiLUMulFunction"),
    Kernel("liger", "geglu", "LigerGELUMulFunction"),
    Kernel("liger", "relu_squared", "LigerReLUSquaredFunction"),
    Kernel("liger", "cross_entropy", "LigerCrossEntropyFunction"),
    Kernel("liger", "linear_cross_entropy", "LigerFusedLinearCrossEntropyFunction"),
    Kernel("liger", "kl_div", "LigerKLDivLossFunction"),
    Kernel("liger", "jsd", "LigerJSDFunction"),
    Kernel("liger", "total_variation", "LigerTVDLossFunction"),
    Kernel("liger", "rotary", "LigerRopeFunction"),
    Kernel("fla", "rms_norm", "modules.norm.layernorm.rms_norm"),
    Kernel("fla", "layer_norm", "modules.norm.layernorm.layer_norm"),
    Kernel("fla", "added_rms_norm_and_sum", "modules.norm.layernorm.rms_norm(prenorm=True)"),
    Kernel("fla", "gated_rms_norm", "modules.norm.fused_norm_gate.rms_norm_gated"),
    Kernel("fla", "l2_norm", "modules.norm.l2norm.l2norm"),
    Kernel("fla", "sigmoid", "modules.activations.ops.SigmoidFunction"),
    Kernel("fla", "silu", "modules.activations.ops.SwishFunction"),
    Kernel("fla", "logsigmoid", "modules.activations.ops.logsigmoid"),
    Kernel("fla", "swiglu", "modules.activations.ops.SwiGLUFunction"),
    Kernel("fla", "sigmoid_glu", "modules.activations.ops.SigmoidGLUFunction"),
    Kernel("fla", "cross_entropy", "modules.fused_cross_entropy.ops.cross_entropy_loss"),
    Kernel(
        "fla",
        "linear_cross_entropy",
        "modules.fused_linear_cross_entropy.ops.fused_linear_cross_entropy_loss",
    ),
    Kernel("fla", "rotary", "modules.rotary.ops.rotary_embedding"),
    Kernel("fla", "short_convolution", "modules.causal_conv1d.causal_conv1d"),
    Kernel("fla", "token_shift", "modules.token_shift.token_shift"),
    Kernel("fla", "mean_pooling", "ops.utils.pooling.mean_pooling"),
    Kernel("torchnorm", "rms_norm", "fused_rms_norm"),
    Kernel("torchnorm", "layer_norm", "fused_layer_norm"),
    Kernel("torchnorm", "added_rms_norm_and_sum", "fused_add_rms_norm"),
    Kernel("trinix", "rms_norm", "TritonRMSNormFunction"),
    Kernel("trinix", "layer_norm", "TritonLayerNormFunction"),
    Kernel("trinix", "halves_swiglu", "TritonSwiGLUFunction"),
    Kernel("trinix", "halves_geglu", "TritonGeGLUFunction"),
    Kernel("trinix", "halves_reglu", "TritonReGLUFunction"),
    Kernel("trinix", "mish", "TritonMishFunction"),
    Kernel("trinix", "quick_gelu", "TritonQuickGELUFunction"),
    Kernel("trinix", "relu_squared", "TritonSquaredReLUFunction"),
    Kernel("trinix", "rotary", "TritonRoPEFunction"),
)

#: What does not get as far as a verdict: the distribution, what of it, and the lines that show why.
STOPPED = (
    (
        "liger-kernel",
        "LigerDyTFunction",
        """
import torch
from liger_kernel.ops.dyt import LigerDyTFunction as F
x, a = torch.randn(2, 4, requires_grad=True), torch.ones(1, requires_grad=True)
F.apply(x, a, torch.ones(4), torch.ones(4)).sum().backward()
""",
    ),
    (
        "crossentropy-triton",
        "CrossEntropyFunction",
        """
import torch
from crossentropy_triton.crossentropy_tl import CrossEntropyFunction as F
F.apply(torch.randn(1, 3, 4), torch.ones(1, 3, dtype=torch.int64))
""",
    ),
    (
        "adasplash",
        "triton_entmax",
        """
import torch
from adasplash.triton_entmax_v2 import triton_entmax
triton_entmax(torch.randn(2, 4))
""",
    ),
    (
        "cut-cross-entropy",
        "linear_cross_entropy",
        """
import torch
from cut_cross_entropy import linear_cross_entropy as f
x, w = (torch.randn(n, 32, requires_grad=True) for n in (4, 8))
f(x, w, torch.arange(4)).backward()
""",
    ),
    ("triton-sigmoid", "all of it", "import triton_sigmoid"),
    (
        "stackkernels",
        "all of it: its files are empty",
        "from stackkernels.torch.norm import rms_norm",
    ),
)
