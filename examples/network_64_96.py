"""The error's way down a network with 64 and 96 channels, one printed step at a time.

Run it with ``python examples/network_64_96.py``. Torch runs the forward; each step backward is
written out in NumPy, and compared with what torch's autograd kept at the same place.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap

import numpy as np
import torch
from torch.nn import functional

from examples.steps import Array, Error, U, compare, say
from reference import conv

LABEL, CLASSES = 3, 10
SHAPES = {
    "x": (1, 3, 28, 28),
    "w1": (64, 3, 3, 3),
    "w2": (96, 64, 2, 2),
    "w3": (CLASSES, 96 * 3 * 3),
}


@dataclass(frozen=True, slots=True)
class Network:
    """Every tensor by name, with the gradient that autograd kept for it; and the same as arrays."""

    tensors: dict[str, torch.Tensor]
    arrays: dict[str, Array]
    loss: float


def go_forward() -> Network:
    rng = np.random.default_rng(0)
    t = {}
    for name, shape in SHAPES.items():
        scale = 1 if name == "x" else np.sqrt(np.prod(shape[1:]))
        t[name] = torch.from_numpy(rng.standard_normal(shape) / scale).requires_grad_()
    t["z1"] = functional.conv2d(t["x"], t["w1"])
    t["a1"] = torch.tanh(t["z1"])
    t["p1"] = functional.avg_pool2d(t["a1"], 2)
    t["z2"] = functional.conv2d(t["p1"], t["w2"], stride=2)
    t["a2"] = torch.tanh(t["z2"])
    t["p2"] = functional.avg_pool2d(t["a2"], 2)
    t["logits"] = t["p2"].flatten(1) @ t["w3"].T
    for tensor in t.values():
        tensor.retain_grad()
    loss = functional.cross_entropy(t["logits"], torch.tensor([LABEL]))
    torch.autograd.backward(loss)
    arrays = {name: tensor.detach().numpy() for name, tensor in t.items()}
    return Network(t, arrays, float(loss.detach()))


def upsample(error: Array) -> Array:
    """The error of a 2x2 mean pool's input: each cell of a window gets a quarter."""
    return np.kron(error, np.full((2, 2), 0.25))


def full_convolution(delta: Array, w: Array, *, stride: int, size: int) -> Array:
    """The error of a convolution's input (1, c_in, size, size) from that of its output."""
    c_out, _, k, _ = w.shape
    # 1. Neighbours in delta lie `stride` cells apart in the input: put zeros between them.
    length = (delta.shape[-1] - 1) * stride + 1
    spread = np.zeros((1, c_out, length, length))
    spread[:, :, ::stride, ::stride] = delta
    # 2. Put zeros around it, so that the kernel may stick out over the border.
    padded = np.pad(spread, ((0, 0), (0, 0), (k - 1, k - 1), (k - 1, k - 1)))
    # 3. Rotate each plane of the kernel, and exchange the channel axes.
    rotated = w[:, :, ::-1, ::-1].swapaxes(0, 1)
    # 4. Then it is an ordinary convolution with stride 1, the same that the forward has.
    full, _ = conv.forward(padded, rotated)
    # 5. Rows and columns that no window read get nothing.
    rest = size - full.shape[-1]
    return np.pad(full, ((0, 0), (0, 0), (0, rest), (0, rest)))


def kernel_gradient(x: Array, delta: Array, *, stride: int, k: int) -> Array:
    """One number for each pair of channels and each offset: input times error, summed."""
    out = delta.shape[-1]
    w_bar = np.empty((delta.shape[1], x.shape[1], k, k))
    for i, j in np.ndindex(k, k):
        read = x[0, :, i : i + stride * out : stride, j : j + stride * out : stride]
        w_bar[:, :, i, j] = np.tensordot(delta[0], read, axes=((1, 2), (1, 2)))
    return w_bar


def to_the_logits(net: Network) -> Error:
    print("STEP 1. Softmax and cross-entropy\n")
    say("dL/dlogits = softmax(logits) - onehot(label): what was predicted minus what is right.")
    logits = net.arrays["logits"]
    odds = np.exp(logits - logits.max())
    value = odds / odds.sum() - np.eye(CLASSES)[[LABEL]]
    # Either result has: exp and log, right to 2 units in the last place; n additions, a quotient, a
    # subtraction; and exponents e off by u |e|, which moves exp(e) by that fraction of it.
    roundings = CLASSES + 10 + 3 * np.ptp(logits)
    error = Error(value, np.full(value.shape, 2 * roundings * U))
    compare("logits", error, net.tensors["logits"])
    return error


def to_the_second_pool(net: Network, error: Error) -> Error:
    print("STEP 2. The fully connected layer\n")
    say("""
        dL/dp2 = w3 transposed · dL/dlogits: back through the same connections. The 864 numbers
        take the shape 96 x 3 x 3 again, which changes none of them.
        """)
    w3, shape = net.arrays["w3"], net.arrays["p2"].shape
    error = error.through(
        lambda e: (e @ w3).reshape(shape), lambda e: (e @ np.abs(w3)).reshape(shape), terms=CLASSES
    )
    compare("p2", error, net.tensors["p2"])
    return error


def through_the_pool(net: Network, error: Error, block: str) -> Error:
    error = error.through(upsample, upsample, terms=1)
    compare(f"a{block}", error, net.tensors[f"a{block}"])
    return error


def through_the_activation(net: Network, error: Error, block: str) -> Error:
    # 1 - a² is off by at most 2 u, of a number that is at most 1; the product by one more.
    slope = 1 - net.arrays[f"a{block}"] ** 2
    error = error.through(lambda e: slope * e, lambda e: e, terms=3)
    compare(f"z{block}", error, net.tensors[f"z{block}"])
    return error


def to_the_second_conv(net: Network, error: Error) -> Error:
    print("STEP 3. The second mean pool: upsample\n")
    say("Each of the 4 cells of a window gets a quarter of its error. No weights, no f'.")
    error = through_the_pool(net, error, "2")
    print("STEP 4. The activation: the only place where f' comes in\n")
    say("""
        dL/dz2 = f'(z2) · dL/da2, cell by cell; for tanh, f'(z2) = 1 - a2². (Where a convolution
        feeds a pool directly, f' = 1: its delta is the upsampled error as it is.)
        """)
    return through_the_activation(net, error, "2")


def to_the_first_pool(net: Network, error: Error) -> Error:
    w2, delta = net.arrays["w2"], error.value
    print("STEP 5. The second convolution: from 96 channels back to 64\n")
    say("""
        The textbook has one channel, and says: convolve the delta with the rotated kernel. Here
        the delta has 96 planes, and the kernel is (96, 64, 2, 2). Let us try:
        """)
    try:
        conv.forward(delta, w2[:, :, ::-1, ::-1])
    except ValueError as refusal:
        say("\n".join(wrap(f"    ValueError: {refusal}", 84, subsequent_indent=" " * 8)))
    say("""
        Each of the kernel's 96 filters has 64 planes, and cannot slide over 96. The formula
        does not even make sense, because it leaves out a sum. Who read channel c of p1? All 96
        output channels o, each with a plane of its own, w2[o, c]. So c gets 96 full convolutions:

            dL/dp1[c]  =  sum over o of  rot180(w2[o, c]) * delta[o]

        All c together: a convolution with 96 inputs and 64 outputs, whose kernel is w2 with the
        channel axes exchanged, (96, 64, 2, 2) -> (64, 96, 2, 2), and each plane rotated.

        And the stride is 2: neighbours in delta lie two cells apart in p1, so zeros go between.

            delta           96 x  6 x  6
            zeros between   96 x 11 x 11    6 cells and 5 zeros
            zeros around    96 x 13 x 13    kernel size less 1 on each side
            convolved       64 x 12 x 12    with the kernel (64, 96, 2, 2)
            p1              64 x 13 x 13    its last row and column were read by no window: 0
        """)
    error_below = error.through(
        lambda e: full_convolution(e, w2, stride=2, size=13),
        lambda e: full_convolution(e, np.abs(w2), stride=2, size=13),
        terms=96,
    )
    x_bar = error_below.value
    if x_bar[:, :, 12].any() or x_bar[:, :, :, 12].any():
        raise SystemExit("the last row and column got something")
    by_hand = sum(w2[o, 5, 0, 1] * delta[0, o, 2, 3] for o in range(96))
    say(f"""
        One number by hand. Cell (4, 7) lies in window (2, 3) alone, at the offset (0, 1) of it:
            sum over o of  w2[o, 5, 0, 1] · delta[o, 2, 3]  =  {by_hand:+.12f}
            dL/dp1[5, 4, 7] of the convolution above        =  {x_bar[0, 5, 4, 7]:+.12f}
        """)
    compare("p1", error_below, net.tensors["p1"])
    say("""
        The kernel's own gradient needs no rotation. w2[o, c, i, j] multiplied 36 cells of p1[c],
        every second one from (i, j) on, and gave them to the 36 cells of z2[o]. So it gets the sum
        of p1 · delta over them. One number for each pair of channels and each offset:
        """)
    p1 = net.arrays["p1"]
    of_w2 = error.through(
        lambda e: kernel_gradient(p1, e, stride=2, k=2),
        lambda e: kernel_gradient(np.abs(p1), e, stride=2, k=2),
        terms=36,
    )
    compare("w2", of_w2, net.tensors["w2"])
    return error_below


def to_the_image(net: Network, error: Error) -> None:
    print("STEP 6. The first mean pool and the first activation: steps 3 and 4 again\n")
    error = through_the_activation(net, through_the_pool(net, error, "1"), "1")
    print("STEP 7. The first convolution: step 5 again, from 64 channels to 3, with stride 1\n")
    x, w1 = net.arrays["x"], net.arrays["w1"]
    of_x = error.through(
        lambda e: full_convolution(e, w1, stride=1, size=28),
        lambda e: full_convolution(e, np.abs(w1), stride=1, size=28),
        terms=64 * 9,
    )
    of_w1 = error.through(
        lambda e: kernel_gradient(x, e, stride=1, k=3),
        lambda e: kernel_gradient(np.abs(x), e, stride=1, k=3),
        terms=26 * 26,
    )
    compare("x", of_x, net.tensors["x"])
    compare("w1", of_w1, net.tensors["w1"])


def main() -> None:
    net = go_forward()
    print("THE NETWORK\n")
    say(f"""
        x         3 x 28 x 28   an image
        z1       64 x 26 x 26   conv, kernel w1 (64, 3, 3, 3)
        a1       64 x 26 x 26   tanh(z1)
        p1       64 x 13 x 13   mean pool 2x2
        z2       96 x  6 x  6   conv, kernel w2 (96, 64, 2, 2), stride 2, valid: 13 = 6 · 2 + 1
        a2       96 x  6 x  6   tanh(z2)
        p2       96 x  3 x  3   mean pool 2x2
        logits   10             fully connected, w3 (10, 864)
        L        {net.loss:.6f}       softmax and cross-entropy; the right class is {LABEL}

        Below, dL/dz is the error of z, which textbooks call the delta of that layer.
        """)
    error = to_the_second_pool(net, to_the_logits(net))
    to_the_image(net, to_the_first_pool(net, to_the_second_conv(net, error)))
    print("Every step agrees with autograd.")


if __name__ == "__main__":
    main()
