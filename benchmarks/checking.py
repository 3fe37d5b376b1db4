"""What checking costs, beside torch.autograd.gradcheck and beside the layer itself, in one run.

    python -m benchmarks.checking            # the tables of docs/benchmarks.md; about two minutes
    python -m benchmarks.checking --no-slow  # without gradcheck's slow mode, which needs 7 GB

Every measurement is a process of its own with one thread, so that peak memory is that of one method
alone; times are those of the processor, which other programs on the machine disturb least.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LAYER = "conv2d n1ic64ih13iw13oc96kh2kw2sh2sw2 f64 exact c-order seed=1"

#: Layers of middling size: what a network is mostly made of.
MID_SIZE = (
    "conv2d n1ic64ih56iw56oc64kh3kw3ph1pw1 f64 exact c-order seed=1",
    "conv2d n1ic128ih28iw28oc128kh3kw3ph1pw1 f64 exact c-order seed=1",
    "conv2d n1ic256ih14iw14oc256kh3kw3ph1pw1 f64 exact c-order seed=1",
    "conv2d n4ic64ih13iw13oc96kh2kw2sh2sw2 f64 exact c-order seed=1",
    "max_pool2d n4ic64ih56iw56kh3kw3sh2sw2ph1pw1 f64 exact c-order seed=1",
    "avg_pool2d n4ic64ih56iw56kh2kw2sh2sw2 f64 exact c-order seed=1",
)

#: The parts of a case that the goal names: data, subject, both oracles, comparison.
CASE_CHECKS = ("contract", "autograd", "finite differences")


def certify() -> Callable[[], Any]:
    """One exact probe of every gradient of the layer by integer steps of its own forward."""
    from bpcheck.cases import parse_case
    from bpcheck.runner.one import judge

    subject, case = reference_subject("conv2d"), parse_case(LAYER)

    def run() -> None:
        judged = judge(subject, case, checks=("finite differences",))
        if judged.rulings or not judged.outcomes:
            raise SystemExit(f"the reference kernel was not certified: {judged}")

    return run


def gradcheck(*, fast: bool) -> Callable[[], Any]:
    """torch.autograd.gradcheck of the same kernel, as an autograd.Function."""
    import numpy as np
    import torch

    from reference import conv

    params: dict[str, Any] = {"stride": (2, 2), "padding": (0, 0), "dilation": (1, 1), "groups": 1}

    class Reference(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *operands: Any) -> Any:
            arrays = [operand.detach().numpy() for operand in operands]
            y, ctx.residuals = conv.forward(arrays[0], arrays[1], arrays[2], **params)
            return torch.from_numpy(y)

        @staticmethod
        def backward(ctx: Any, *cotangents: Any) -> Any:
            y_bar = np.ascontiguousarray(cotangents[0].detach().numpy())
            return tuple(torch.from_numpy(grad) for grad in conv.vjp(ctx.residuals, y_bar))

    generator = torch.Generator().manual_seed(0)
    shapes = ((1, 64, 13, 13), (96, 64, 2, 2), (96,))
    operands = tuple(
        torch.randn(shape, dtype=torch.float64, generator=generator).requires_grad_()
        for shape in shapes
    )

    def run() -> None:
        if not torch.autograd.gradcheck(Reference.apply, operands, fast_mode=fast):
            raise SystemExit("gradcheck does not pass the reference kernel")

    return run


METHODS: dict[str, Callable[[], Callable[[], Any]]] = {
    "bpcheck, exact probe": certify,
    "gradcheck, fast mode": lambda: gradcheck(fast=True),
    "gradcheck, slow mode": lambda: gradcheck(fast=False),
}


def reference_subject(operation: str) -> Any:
    """The reference kernel of an operation."""
    from importlib import import_module

    from bpcheck import Subject

    module = import_module(f"reference.{operation[:-2]}")
    return Subject(forward=module.forward, vjp=module.vjp, operation=operation)


def measure(method: str, repeats: int) -> dict[str, float]:
    """Median seconds of one call, and the peak memory that the calls added, in bytes."""
    run = METHODS[method]()
    if repeats > 1:
        run()
    before = peak_memory()
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        seconds.append(time.process_time() - start)
    return {"seconds": statistics.median(seconds), "memory": peak_memory() - before}


def peak_memory() -> int:
    """Largest resident size of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def in_process(*arguments: str) -> Any:
    """The result of a measurement in a fresh process."""
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [sys.executable, "-m", "benchmarks.checking", *arguments]
    root = Path(__file__).parent.parent
    environment = {**os.environ, **one_thread}
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=root, env=environment
    )
    return json.loads(done.stdout.splitlines()[-1])


def print_certification(*, slow: bool) -> None:
    """The table of the 64 -> 96 layer."""
    methods = [name for name in METHODS if slow or "slow" not in name]
    found = {
        name: in_process("--measure", name, "--repeats", "1" if "slow" in name else "50")
        for name in methods
    }
    own = found["bpcheck, exact probe"]
    print("| method | time | ratio to bpcheck | extra memory | ratio to bpcheck |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, each in found.items():
        # A method that fits into memory which is there already adds nothing: count a page.
        memory, smallest = max(each["memory"], 4096), max(own["memory"], 4096)
        print(
            f"| {name} | {each['seconds'] * 1e3:,.1f} ms | {each['seconds'] / own['seconds']:,.1f} "
            f"| {memory / 2**20:,.1f} MiB | {memory / smallest:,.0f} |"
        )


def measure_case(text: str, repeats: int) -> dict[str, float]:
    """Median of the ratio of a whole case to torch's bare forward and backward, paired."""
    import torch

    from bpcheck.cases import parse_case
    from bpcheck.filling import fill
    from bpcheck.operations.torch_vjp import torch_vjp
    from bpcheck.runner.memory import keep_freed_memory
    from bpcheck.runner.one import judge

    torch.set_num_threads(1)
    # As the command line does, for torch's part as for all.
    keep_freed_memory()
    case = parse_case(text)
    subject, arrays, params = reference_subject(case.operation.name), fill(case), case.params
    tensors = {name: torch.from_numpy(array) for name, array in arrays.operands.items()}
    y_bar = torch.from_numpy(arrays.y_bar)

    def bare() -> None:
        leaves = {name: tensor.detach().requires_grad_() for name, tensor in tensors.items()}
        y = case.operation.torch_forward(leaves, params)
        torch.autograd.grad(y, tuple(leaves.values()), y_bar)

    def whole() -> None:
        judge(subject, case, checks=CASE_CHECKS)

    torch_vjp(case.operation.torch_forward, arrays.operands, arrays.y_bar, params)
    pairs = []
    for _ in range(repeats):
        start = time.process_time()
        bare()
        middle = time.process_time()
        whole()
        pairs.append((middle - start, time.process_time() - middle))
    return {
        "bare": statistics.median(pair[0] for pair in pairs),
        "whole": statistics.median(pair[1] for pair in pairs),
        "ratio": statistics.median(pair[1] / pair[0] for pair in pairs),
    }


def print_cases() -> None:
    """The table of whole cases on layers of middling size."""
    print("| case | torch forward + backward | whole case | ratio |")
    print("| --- | ---: | ---: | ---: |")
    ratios = []
    for text in MID_SIZE:
        each = in_process("--case", text, "--repeats", "15")
        ratios.append(each["ratio"])
        short = " ".join(text.split()[:2])
        print(
            f"| `{short}` | {each['bare'] * 1e3:,.1f} ms | {each['whole'] * 1e3:,.1f} ms "
            f"| {each['ratio']:.1f} |"
        )
    print(f"\nGeometric mean of the ratios: {statistics.geometric_mean(ratios):.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--no-slow", action="store_true", help="leave out gradcheck's slow mode")
    parser.add_argument("--measure", choices=METHODS, help=argparse.SUPPRESS)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--repeats", type=int, default=1, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure, arguments.repeats)))
    elif arguments.case:
        print(json.dumps(measure_case(arguments.case, arguments.repeats)))
    else:
        print("## Certifying the layer 64 -> 96, 13x13 -> 6x6, for x, w and b\n")
        print_certification(slow=not arguments.no_slow)
        print("\n## One whole case beside the bare layer, float64, one thread\n")
        print_cases()


if __name__ == "__main__":
    main()
