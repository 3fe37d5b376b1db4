"""Time and memory of the reference kernels against torch autograd, side by side in one run.

Run from the repository's root::

    python -m benchmarks.kernels [--turns 7] [--threads 2] [--layers WORD]

and it prints a Markdown table: forward + backward in float32, both with the same number of threads.

Time: the two take turns within one process, so that whatever else the machine does falls on both;
milliseconds are the median over the turns, and the ratio is that of one turn's ratio. Memory: each
runs alone in a fresh process, and what counts is the growth of the resident set above the operands
and the cotangent, at its peak; what torch and NumPy set up once is done before, by a run with a
batch of one.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MEGABYTE = 2**20
# Idle workers of OpenBLAS and OpenMP spin for a while before they sleep; without a pause they
# would take the processor from the implementation whose turn is next.
PAUSE_S = 0.03
TURN_S = 0.01


@dataclass(frozen=True, slots=True)
class Layer:
    """One line of the table."""

    name: str
    operation: str
    x: tuple[int, ...]
    w: tuple[int, ...] | None
    params: dict[str, Any] = field(default_factory=dict)


def _conv(
    name: str,
    c_in: int,
    size: int,
    c_out: int,
    kernel: int,
    stride: int,
    padding: int,
    groups: int = 1,
    batch: int = 8,
) -> Layer:
    params = {"stride": stride, "padding": padding, "dilation": 1, "groups": groups}
    w = (c_out, c_in // groups, kernel, kernel)
    return Layer(name, "conv", (batch, c_in, size, size), w, params)


def _pool(kind: str, kernel: int, padding: int) -> Layer:
    name = f"{kind} pool {kernel}x{kernel} / 2, 64 x 112x112"
    params = {"kernel_size": kernel, "stride": 2, "padding": padding}
    return Layer(name, f"{kind}_pool", (8, 64, 112, 112), None, params)


LAYERS = (
    _conv("ResNet-18 conv1: 3->64 k7 s2, 224x224", 3, 224, 64, 7, 2, 3),
    _conv("ResNet-18: 64->64 k3, 56x56", 64, 56, 64, 3, 1, 1),
    _conv("ResNet-18: 64->128 k3 s2, 56x56", 64, 56, 128, 3, 2, 1),
    _conv("ResNet-18: 64->128 k1 s2, 56x56", 64, 56, 128, 1, 2, 0),
    _conv("ResNet-18: 128->128 k3, 28x28", 128, 28, 128, 3, 1, 1),
    _conv("ResNet-18: 128->256 k3 s2, 28x28", 128, 28, 256, 3, 2, 1),
    _conv("ResNet-18: 128->256 k1 s2, 28x28", 128, 28, 256, 1, 2, 0),
    _conv("ResNet-18: 256->256 k3, 14x14", 256, 14, 256, 3, 1, 1),
    _conv("ResNet-18: 256->512 k3 s2, 14x14", 256, 14, 512, 3, 2, 1),
    _conv("ResNet-18: 256->512 k1 s2, 14x14", 256, 14, 512, 1, 2, 0),
    _conv("ResNet-18: 512->512 k3, 7x7", 512, 7, 512, 3, 1, 1),
    _conv("AlexNet conv1: 3->64 k11 s4, 224x224", 3, 224, 64, 11, 4, 2),
    _conv("depthwise: 64 k3, 56x56", 64, 56, 64, 3, 1, 1, groups=64),
    _conv("64->96 k2 s2, 13x13", 64, 13, 96, 2, 2, 0),
    _conv("64->96 k2 s2, 13x13, batch 1", 64, 13, 96, 2, 2, 0, batch=1),
    _pool("max", 2, 0),
    _pool("max", 3, 1),
    _pool("avg", 2, 0),
    _pool("avg", 3, 1),
)


def numpy_step(layer: Layer, batch: int) -> Callable[[], Any]:
    """Forward and vjp of a layer by the reference kernel, on made-up operands."""
    import numpy as np

    kernel = importlib.import_module(f"reference.{layer.operation}")
    rng = np.random.default_rng(0)

    def array(*shape: int) -> Any:
        return rng.standard_normal(shape, dtype=np.float32)

    operands = [array(batch, *layer.x[1:])]
    if layer.w is not None:
        operands += [array(*layer.w), array(layer.w[0])]
    one = kernel.forward(operands[0][:1], *operands[1:], **layer.params)[0]
    y_bar = array(batch, *one.shape[1:])

    def step() -> Any:
        y, residuals = kernel.forward(*operands, **layer.params)
        return y, kernel.vjp(residuals, y_bar)

    return step


def torch_step(layer: Layer, batch: int) -> Callable[[], Any]:
    """Forward and backward of a layer by torch autograd, on made-up operands."""
    import torch

    kernel = getattr(torch.nn.functional, f"{layer.operation}2d")
    generator = torch.Generator().manual_seed(0)

    def tensor(*shape: int) -> Any:
        return torch.randn(shape, generator=generator)

    operands = [tensor(batch, *layer.x[1:])]
    if layer.w is not None:
        operands += [tensor(*layer.w), tensor(layer.w[0])]
    y_bar = tensor(batch, *kernel(operands[0][:1], *operands[1:], **layer.params).shape[1:])
    for operand in operands:
        operand.requires_grad_()

    def step() -> Any:
        y = kernel(*operands, **layer.params)
        return y, torch.autograd.grad(y, operands, y_bar)

    return step


STEPS = {"numpy": numpy_step, "torch": torch_step}


def measure_time(layer: Layer, turns: int) -> dict[str, float]:
    """Median milliseconds of each implementation, and the median of the ratios of the turns."""
    steps = {name: make(layer, layer.x[0]) for name, make in STEPS.items()}
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(turns):
        for name, step in steps.items():
            time.sleep(PAUSE_S)
            once = _seconds(step, 1)  # also wakes the workers up
            seconds[name].append(_seconds(step, max(1, round(TURN_S / once))))
    pairs = zip(seconds["numpy"], seconds["torch"], strict=True)
    result = {name: 1e3 * statistics.median(each) for name, each in seconds.items()}
    return {**result, "ratio": statistics.median(ours / theirs for ours, theirs in pairs)}


def _seconds(step: Callable[[], Any], times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        step()
    return (time.perf_counter() - start) / times


def measure_memory(layer: Layer, implementation: str) -> float:
    """Megabytes by which the process grows at its peak while the layer runs once (Linux)."""
    make = STEPS[implementation]
    make(layer, 1)()
    step = make(layer, layer.x[0])
    # What the warm-up freed would else be taken again unseen.
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    before = _status("VmRSS")
    result = step()
    peak = _status("VmHWM")
    del result
    return (peak - before) / MEGABYTE


def _status(key: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {key}: memory is measured on Linux only")


def _in_fresh_process(threads: int, *arguments: str) -> Any:
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
    }
    command = [sys.executable, "-m", "benchmarks.kernels", "--worker", *arguments]
    run = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(run.stdout)


def _worker(layer: Layer, what: str, turns: int) -> None:
    if what == "time":
        print(json.dumps(measure_time(layer, turns)))
    else:
        print(json.dumps(measure_memory(layer, what)))


def _geometric_mean(values: list[float]) -> float:
    return math.exp(statistics.fmean(map(math.log, values)))


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--turns", type=int, default=7, help="turns of each layer")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--layers", default="", help="only layers whose name has this word")
    parser.add_argument("--worker", nargs=2, metavar=("LAYER", "WHAT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        number, what = options.worker
        _worker(LAYERS[int(number)], what, options.turns)
        return

    print(
        f"Forward + backward, float32, batch 8 where the layer does not say another, "
        f"{options.threads} threads each, median of {options.turns} turns.\n"
    )
    print("| layer | NumPy ms | torch ms | time ratio | NumPy MB | torch MB | memory ratio |")
    print("| --- | --: | --: | --: | --: | --: | --: |")
    times, memories = [], []
    turns = ["--turns", str(options.turns)]
    for number, layer in enumerate(LAYERS):
        if options.layers not in layer.name:
            continue
        timed = _in_fresh_process(options.threads, str(number), "time", *turns)
        ours, theirs = (
            _in_fresh_process(options.threads, str(number), name) for name in ("numpy", "torch")
        )
        times.append(timed["ratio"])
        memories.append(ours / theirs)
        print(
            f"| {layer.name} | {timed['numpy']:.2f} | {timed['torch']:.2f} | {times[-1]:.2f} | "
            f"{ours:.1f} | {theirs:.1f} | {memories[-1]:.2f} |",
            flush=True,
        )
    print(
        f"| **geometric mean** | | | **{_geometric_mean(times):.2f}** | | | "
        f"**{_geometric_mean(memories):.2f}** |"
    )
    print(f"| **largest** | | | **{max(times):.2f}** | | | **{max(memories):.2f}** |")


if __name__ == "__main__":
    main()
