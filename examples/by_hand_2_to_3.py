"""How the error gets back from 3 channels to 2: on a 3x3 image, to follow by hand.

Run it with ``python examples/by_hand_2_to_3.py``. Every step is computed twice, by the few lines
below and by torch's autograd, and all numbers are small integers: they must be equal, not close.
They are those that ``bpcheck explain`` draws for the case that is named below.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from bpcheck.cases import parse_case
from bpcheck.filling import fill
from examples.by_hand import Array, compare, correlate, say, show

CASE = "conv2d n1ic2ih3iw3oc3kh2kw2bias0 f64 small"


def autograd(x: Array, w: Array, delta: Array) -> tuple[Array, Array, Array]:
    """The output and both gradients, by torch."""
    images, kernels = (torch.tensor(each[None], dtype=torch.float64) for each in (x, w))
    kernels = kernels[0].requires_grad_()
    y = functional.conv2d(images.requires_grad_(), kernels)
    error = torch.tensor(delta[None], dtype=torch.float64)
    x_bar, w_bar = torch.autograd.grad(y, (images, kernels), error)
    return y[0].detach().numpy(), x_bar[0].numpy(), w_bar.numpy()


def forward(x: Array, w: Array) -> Array:
    print("FORWARD\n")
    say("""
        An image x of 2 channels, and y of 3. Each output channel o has a filter of its own, and
        each filter has a plane w[o,c] for each input channel c: 3 · 2 = 6 planes of 2x2.
        """)
    show({f"x[{c}]": x[c] for c in range(2)})
    for c in range(2):
        show({f"w[{o},{c}]": w[o, c] for o in range(3)})
    say(
        "Output channel o is what its planes give together: y[o] = w[o,0] on x[0] + w[o,1] on x[1]."
    )
    y = np.array([sum(correlate(x[c], w[o, c]) for c in range(2)) for o in range(3)])
    show({f"y[{o}]": y[o] for o in range(3)})
    return y


def to_the_image(x: Array, w: Array, delta: Array) -> Array:
    print("STEP 1. The error arrives: one plane for each OUTPUT channel\n")
    show({f"delta[{o}]": delta[o] for o in range(3)})
    say("""
        The image has 2 planes, and delta has 3. Which of the 3 goes back to x[1]? All of them:
        x[1] was read by y[0] through w[0,1], by y[1] through w[1,1] and by y[2] through w[2,1].
        """)
    print("STEP 2. Back to input channel 1: a full convolution for each output channel\n")
    say("""
        Each output channel sends its own error back through the plane by which it read x[1]:
        zeros around delta[o], and w[o,1] rotated slides over it, as in the one-channel image.
        """)
    sent = []
    for o in range(3):
        padded, rotated = np.pad(delta[o], 1), w[o, 1][::-1, ::-1]
        sent.append(correlate(padded, rotated))
        show({f"delta[{o}], padded": padded, f"w[{o},1], rotated": rotated, "sends": sent[o]})
    print("STEP 3. What they send adds up: this is the sum that the formula leaves out\n")
    show({"from 0": sent[0], "from 1": sent[1], "from 2": sent[2], "x_bar[1]": np.sum(sent, 0)})
    at = " + ".join(str(each[1, 1]) if each[1, 1] >= 0 else f"({each[1, 1]})" for each in sent)
    total = sum(each[1, 1] for each in sent)
    say(f"""
        The middle cell, x[1][1,1], gets {at} = {total}. No up, since nothing was pooled; no f',
        since no activation lies between. Channel 0 gets the same through w[0,0], w[1,0], w[2,0]:
        """)
    x_bar = np.array(
        [
            sum(correlate(np.pad(delta[o], 1), w[o, c][::-1, ::-1]) for o in range(3))
            for c in range(2)
        ]
    )
    show({f"x_bar[{c}]": x_bar[c] for c in range(2)})
    return x_bar


def to_the_kernel(x: Array, delta: Array) -> Array:
    print("\nSTEP 4. The kernel: no sum over channels, one plane for each pair of them\n")
    say("""
        w[o,c] met x[c] and delta[o] alone, so it gets x[c] with delta[o] slid over it, nothing
        else: 6 planes from 2 and 3. No rotation.
        """)
    w_bar = np.array([[correlate(x[c], delta[o]) for c in range(2)] for o in range(3)])
    for c in range(2):
        show({f"w_bar[{o},{c}]": w_bar[o, c] for o in range(3)})
    return w_bar


def main() -> None:
    arrays = fill(parse_case(CASE))
    x, w = (arrays.operands[name].astype(int) for name in ("x", "w"))
    x, delta = x[0], arrays.y_bar[0].astype(int)
    y_theirs, x_theirs, w_theirs = autograd(x, w, delta)
    compare_y = forward(x, w)
    compare("y", compare_y, y_theirs)
    print()
    compare("x_bar, both channels", to_the_image(x, w, delta), x_theirs)
    compare("w_bar, all six planes", to_the_kernel(x, delta), w_theirs)
    print("\nEvery step agrees with autograd.")


if __name__ == "__main__":
    main()
