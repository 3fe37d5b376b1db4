"""What kernels were told, looked into one by one: a defect with a program that shows it, or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent / "reproduced"


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause: what of which kernels it explains, and the program that shows it.

    `told` are the judgements of `kernels` (as `package:name`), or how they begin, that come of it;
    `program` is a file of `reproduced/`, and is empty where what was told is no defect: the title
    says why.
    """

    kernels: tuple[str, ...]
    told: tuple[str, ...]
    title: str
    text: str = ""
    program: str = ""

    @property
    def anchor(self) -> str:
        """Where the page has it."""
        kept = "".join(each for each in self.title.lower() if each.isalnum() or each in " -_")
        return kept.replace(" ", "-")


EXPLAINED: tuple[Finding, ...] = (
    Finding(
        ("liger:group_norm",),
        ("forward wrong",),
        "the variance of Liger-Kernel's group norm cancels",
        "It is the mean of squares less the square of the mean, in float32: of numbers that are "
        "far from 0 beside their spread nothing is left of it, or less than 0. The slopes of "
        "the forward suffer first, where all numbers of a group are equal.",
        "liger_group_norm",
    ),
    Finding(
        ("liger:swiglu", "liger:geglu"),
        ("changes its input", "shares memory", "keeps state", "reads memory by layout"),
        "Liger-Kernel's GLUs write their gradients over their operands",
        "So that what else needs the operands in its own backward finds gradients in their place, "
        "and torch, which does not see the write, gives no error; nor is an operand that is "
        "passed twice sent back rightly, nor does a second backward work. It is done on purpose, "
        "to save memory.",
        "liger_in_place",
    ),
    Finding(
        ("liger:cross_entropy",),
        ("reads memory by layout",),
        "Liger-Kernel's cross-entropy returns its logits as their gradient",
        "Where logits are not stored row by row, the forward copies them, and asks the copy "
        "whether a gradient is needed. Inside of a Function a copy never says so: no gradient is "
        "computed, and what is returned are the logits themselves.",
        "liger_cross_entropy",
    ),
    Finding(
        ("liger:linear_cross_entropy",),
        ("keeps state", "shares memory"),
        "a second backward of Liger-Kernel's fused linear loss is wrong",
        "The gradients that the forward keeps are multiplied in place by the one that arrives, "
        "each time.",
        "liger_second_backward",
    ),
    Finding(
        ("fla:linear_cross_entropy",),
        ("keeps state", "shares memory"),
        "a second backward of flash-linear-attention's fused linear loss is wrong",
        "As that of Liger-Kernel, which it says it is made after.",
        "fla_second_backward",
    ),
    Finding(
        ("liger:rotary",),
        ("changes its input",),
        "Liger-Kernel's rotary embedding writes over the gradient that it is given",
        "Torch hands one gradient to all terms of a sum, as that of a residual connection is. Who "
        "comes after the embedding gets it turned.",
        "liger_rope",
    ),
    Finding(
        ("fla:logsigmoid",),
        ("forward and backward both wrong", "forward wrong", "backward wrong"),
        "flash-linear-attention's log-sigmoid loses small results",
        "It is `log(1 + exp(-x))` in the place of `log1p`, and its slope `1 - sigmoid(x)` in that "
        "of `sigmoid(-x)`: from 10 on digits are lost, from 17 on all of them. The error is below "
        "1e-7, so that it counts only where a small result does.",
        "fla_logsigmoid",
    ),
    Finding(
        ("fla:l2_norm",),
        ("raises",),
        "flash-linear-attention's L2 norm refuses one cell of a larger array",
        "Torch calls an array with a single cell contiguous, whatever its strides are, so that "
        "nothing copies it; what `empty_like` makes of it has these strides, and an assertion "
        "asks for 1. A matter of rows of one column alone.",
        "fla_l2norm",
    ),
    Finding(
        ("torchnorm:added_rms_norm_and_sum",),
        ("forward wrong", "backward wrong", "forward and backward both wrong"),
        "torchnorm's sum is one of bfloat16, and its gradient is dropped",
        "Of a float32 sum only 8 bits are kept, for the backward as well; and the gradient of the "
        "sum, which is the residual stream of a model, does not reach the operands.",
        "torchnorm_added",
    ),
    Finding(
        ("torchnorm:rms_norm", "torchnorm:layer_norm", "torchnorm:added_rms_norm_and_sum"),
        ("reads memory by layout", "not finite"),
        "torchnorm's norms read weights and biases as if each stood beside the next",
        "Of `x` a copy is made where that is not so; of the others none.",
        "torchnorm_strides",
    ),
    Finding(
        ("trinix:halves_geglu", "trinix:mish"),
        ("forward and backward both wrong", "forward wrong", "backward wrong", "not finite"),
        "trinix's GEGLU and Mish are NaN for large numbers",
        "Their tanh is a quotient of exponentials, which is infinity over infinity from 10.1 on "
        "(GEGLU) and from 44.4 on (Mish). Far below 0 Mish is 0, since it is made of "
        "`log(1 + exp(x))` in the place of `log1p`.",
        "trinix_overflow",
    ),
    Finding(
        ("trinix:layer_norm", "trinix:rms_norm", "trinix:halves_reglu"),
        ("reads memory by layout", "not finite"),
        "trinix's norms and ReGLU read arrays as if they were stored row by row",
        "The layer norm and the ReGLU take the distance of the rows of `x` as it is, and that of "
        "the columns for 1; so does the ReGLU with the gradient that it is given, which of "
        "`y.sum()` is one number, seen as many, and is read beyond its end. Weights and biases "
        "are read so by both norms.",
        "trinix_layouts",
    ),
    Finding(
        ("trinix:rotary",),
        ("reads memory by layout", "crashed", "backward wrong"),
        "trinix's rotary embedding takes the strides of what it reads for those of what it writes",
        "Of an operand that is a part of a larger array, or of a gradient that is expanded, the "
        "result has others: cells are left unwritten, and hold what was there before; and what "
        "lies beyond the array is written, by which processes ended. Elements of a head are taken "
        "to stand beside each other.",
        "trinix_rope",
    ),
)

#: The programs, by name.
REPRODUCED: Mapping[str, Path] = {
    each.program: _HERE / f"{each.program}.py" for each in EXPLAINED if each.program
}


def explained(kernel: Any, judgement: Mapping[str, Any]) -> Finding | None:
    """What explains one judgement of a kernel; ``None`` where nobody has looked into it."""
    name = f"{kernel.package}:{kernel.name}"
    return next(
        (
            each
            for each in EXPLAINED
            if name in each.kernels and judgement["judgement"].startswith(each.told)
        ),
        None,
    )
