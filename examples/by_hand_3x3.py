"""How the error gets back through a pool and a convolution: on a 3x3 image, to follow by hand.

Run it with ``python examples/by_hand_3x3.py``. Every step is computed twice, by the few lines below
and by torch's autograd, and all numbers are small integers: they must be equal, not close.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from examples.by_hand import Array, compare, correlate, say, show

# The sentences below quote the numbers that come of these two.
X = np.array([[2, 0, 1], [1, 3, 0], [0, 1, 1]])
W = np.array([[1, 2], [3, -1]])


def as_matrix(w: Array) -> Array:
    """The 2x2 convolution of a 3x3 image as a fully connected layer: (4 outputs, 9 inputs)."""
    matrix = np.zeros((2, 2, 3, 3), int)
    for i, j in np.ndindex(2, 2):
        matrix[i, j, i : i + 2, j : j + 2] = w
    return matrix.reshape(4, 9)


def autograd(delta: Array) -> tuple[Array, Array]:
    """The gradients of the image and of the kernel, by torch, from the error `delta` of y."""
    x, w = tensor(X), tensor(W)
    x_bar, w_bar = torch.autograd.grad(functional.conv2d(x, w), (x, w), tensor(delta))
    return x_bar[0, 0].numpy(), w_bar[0, 0].numpy()


def autograd_of_pool(pool: Callable[..., torch.Tensor], y: Array) -> Array:
    """The gradient of the pool's input, by torch, from the error 4 of its output."""
    pooled = tensor(y)
    (y_bar,) = torch.autograd.grad(pool(pooled, 2), pooled, torch.full((1, 1, 1, 1), 4.0).double())
    return y_bar[0, 0].numpy()


def tensor(array: Array) -> torch.Tensor:
    """A batch of one image with one channel."""
    return torch.tensor(array[None, None], dtype=torch.float64, requires_grad=True)


def go_forward() -> Array:
    y = correlate(X, W)
    print("FORWARD\n")
    say("The kernel w slides over the image x; each of its four places gives one number of y.")
    show({"x": X, "w": W, "y": y})
    say("""
        y[0,0] = 2·1 + 0·2 + 1·3 + 3·(-1) = 2, and so on. A mean pool makes one number of y:
        p = (2 + 11 + 6 + 5) / 4 = 6. Say the layers above send p the error 4: dL/dp = 4.
        Now back.
        """)
    return y


def mean_pool(y: Array) -> Array:
    print("STEP 1. Back through the mean pool: upsample\n")
    say("""
        p = y[0,0]/4 + y[0,1]/4 + y[1,0]/4 + y[1,1]/4, so each cell gets 4 · 1/4. That is all:
        a pool has no weights and no activation. (Were there an activation y = f(z) between
        the convolution and the pool, delta would now be multiplied by f'(z). Here f' = 1.)
        """)
    delta = np.full((2, 2), 4 // 4)
    show({"delta": delta})
    compare("delta = dL/dy", delta, autograd_of_pool(functional.avg_pool2d, y))
    return delta


def conv_explained(delta: Array) -> None:
    print("\nSTEP 2. Back through the convolution\n")
    say("""
        a) The chain rule. Who read the middle cell x[1,1]? All four outputs, each with another
        weight:   y[0,0] with w[1,1]   y[0,1] with w[1,0]   y[1,0] with w[0,1]   y[1,1] with w[0,0]
        So it gets 1·(-1) + 1·3 + 1·2 + 1·1 = 5. While delta is read forwards, w is read
        backwards. That is the rotation by 180 degrees: no trick, but who read whom.
        """)
    say("""
        b) All cells at once. Border cells were read by fewer outputs: pad delta with zeros, then
        slide the rotated kernel over it. This is called the full convolution.
        """)
    rotated, padded = W[::-1, ::-1], np.pad(delta, 1)
    x_bar = correlate(padded, rotated)
    show({"delta, zero-padded": padded, "w, rotated": rotated, "x_bar = dL/dx": x_bar})
    say("""
        c) As a matrix. The convolution is a fully connected layer y = M x from 9 cells to 4, with
        most weights 0 and the others shared: each row holds w where the kernel lay.
        """)
    matrix = as_matrix(W)
    show({"M": matrix})
    say("""
        Back through a fully connected layer goes the transposed matrix. Its middle row says
        again who read x[1,1]: y[0,0] with -1, y[0,1] with 3, y[1,0] with 2, y[1,1] with 1.
        """)
    product = (matrix.T @ delta.ravel())[:, None]
    show({"M transposed": matrix.T, "delta": delta.reshape(4, 1), "x_bar": product})
    compare("x_bar, from b", x_bar, autograd(delta)[0])
    compare("x_bar, from c", product.reshape(3, 3), autograd(delta)[0])
    print()
    say("""
        d) The kernel. Each weight stands in M four times. Each copy gets (its delta) · (its input),
        as in any fully connected layer, and what is shared adds up. w[0,0] multiplied x[0,0],
        x[0,1], x[1,0] and x[1,1], so it gets 1·2 + 1·0 + 1·1 + 1·3 = 6. For all of w: slide
        delta over the image.
        """)
    w_bar = correlate(X, delta)
    show({"x": X, "delta": delta, "w_bar = dL/dw": w_bar})
    compare("w_bar", w_bar, autograd(delta)[1])


def conv(delta: Array) -> None:
    rotated, padded = W[::-1, ::-1], np.pad(delta, 1)
    x_bar, w_bar = correlate(padded, rotated), correlate(X, delta)
    show({"delta, padded": padded, "w, rotated": rotated, "x_bar": x_bar, "w_bar": w_bar})
    x_theirs, w_theirs = autograd(delta)
    compare("x_bar", x_bar, x_theirs)
    compare("w_bar", w_bar, w_theirs)


def max_pool(y: Array) -> None:
    print("\nSTEP 4. Had it been a max pool: p = max(y) = y[0,1] = 11\n")
    say("""
        Move y[0,1] a little, and p moves as much; move another cell, and p stays. So the winner
        gets the whole error, and the others nothing. The forward must remember who won.
        """)
    delta = np.where(y == y.max(), 4, 0)
    show({"y": y, "delta": delta})
    compare("delta = dL/dy", delta, autograd_of_pool(functional.max_pool2d, y))
    print()
    say("""
        The convolution below does what it did before. A single 4 in delta puts 4·w where the
        kernel lay, upright again; and w_bar is 4 times the window of the image that it saw.
        """)
    conv(delta)


def main() -> None:
    y = go_forward()
    conv_explained(mean_pool(y))
    print("\nSTEP 3. The same with four different errors, as other layers would send them\n")
    say("x[1,1] gets 1·(-1) + 2·3 + 3·2 + 4·1 = 15; w[0,0] gets 1·2 + 2·0 + 3·1 + 4·3 = 17.")
    conv(np.array([[1, 2], [3, 4]]))
    max_pool(y)
    print("\nEvery step agrees with autograd.")


if __name__ == "__main__":
    main()
