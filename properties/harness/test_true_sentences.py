"""What a report says of wrong kernels is true, and what it may not say is absent, at every door."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from properties.harness.depth import deep
from properties.harness.doors import DOORS, Given
from properties.harness.targets import folder

__all__ = ["folder"]


@dataclass(frozen=True)
class Told:
    """A kernel, what is said of it, and what is not."""

    kernel: Given
    says: tuple[str, ...]
    never: tuple[str, ...] = ()
    exit_code: int = 1


#: It knows equal strides only. A cotangent of another shape than its y's would raise.
MALFORMED = """
    import numpy as np
    from numpy.lib.stride_tricks import sliding_window_view as win

    def forward(x, *, kernel_size, stride):
        (k,), s = kernel_size[:1], stride[0]
        y = win(x, kernel_size, axis=(2, 3))[:, :, ::s, ::s].mean((-1, -2)).astype(x.dtype)
        return y, (x.shape, y.shape, kernel_size, s)

    def vjp(residuals, g):
        shape, expected, (kh, kw), s = residuals
        if g.shape != expected:
            raise RuntimeError("called with a y_bar of another shape")
        x_bar = np.zeros(shape, g.dtype)
        for i in range(g.shape[2]):
            for j in range(g.shape[3]):
                x_bar[..., i*s:i*s+kh, j*s:j*s+kw] += g[:, :, i:i+1, j:j+1] / (kh * kw)
        return (x_bar,)
"""

#: No gradient can be compared, beside a wrong forward.
BARE = """
    from reference import conv

    def forward(x, w, b, **params):
        y, residuals = conv.forward(x, w, b, **params)
        return 2 * y, residuals

    def vjp(residuals, y_bar):
        return conv.vjp(residuals, y_bar)[0]
"""

#: A convention, whatever it touches, beside a defect.
FLUSHING = """
    import numpy as np
    from reference import conv

    def flushed(a):
        return None if a is None else np.where(abs(a) < np.finfo(a.dtype).tiny, a.dtype.type(0), a)

    def forward(x, w, b, **params):
        y, residuals = conv.forward(flushed(x), flushed(w), flushed(b), **params)
        return flushed(y), residuals

    def vjp(residuals, y_bar):
        x_bar, w_bar, b_bar = map(flushed, conv.vjp(residuals, flushed(y_bar)))
        w_bar[..., 0] = 0
        return x_bar, w_bar, b_bar
"""

#: An unlikely mistake with w_bar alone; once per sample it is twice where there are two.
TIMES = """
    from reference.conv import forward, vjp as right

    def vjp(residuals, y_bar):
        x_bar, w_bar, b_bar = right(residuals, y_bar)
        return x_bar, w_bar * max(len(y_bar), 1), b_bar
"""

ZEROS = """
    import numpy as np
    from reference.conv import forward, vjp as right

    def vjp(residuals, y_bar):
        return tuple(None if bar is None else 0 * bar for bar in right(residuals, y_bar))
"""

MOSTLY = """
    from reference.conv import forward, vjp as right

    DTYPES = ("float32",)

    def vjp(residuals, y_bar):
        x_bar, w_bar, b_bar = right(residuals, y_bar)
        return x_bar, w_bar * (2 if len(y_bar) == 2 else 17), b_bar
"""

#: It raises in further runs alone, which a batch in another order is; and otherwise elsewhere.
RAISING = """
    from reference import conv
    from reference.conv import vjp

    def forward(x, w, b, **params):
        if x.size and x.flat[0] < 0:
            raise ValueError("a negative sample first")
        if len(x) == 1:
            raise KeyError("one sample")
        return conv.forward(x, w, b, **params)
"""

WIDE = """
    import numpy as np
    from reference import avg_pool
    from reference.avg_pool import forward

    def vjp(residuals, y_bar):
        return (avg_pool.vjp(residuals, y_bar)[0].astype(np.float64),)
"""

#: Equals all get the gradient, as ``x == max`` makes it, and the overlap is overwritten.
TIES = """
    import numpy as np
    from reference import max_pool

    def forward(x, *, kernel_size, stride):
        y, _ = max_pool.forward(x, kernel_size=kernel_size, stride=stride)
        return y, (x, *kernel_size, *stride)

    def vjp(residuals, g):
        x, k, s = residuals
        x_bar = np.zeros_like(x)
        for i in range(g.shape[-1]):
            window = (..., slice(i * s, i * s + k))
            x_bar[window] = (x[window] == x[window].max(-1, keepdims=True)) * g[..., i : i + 1]
        return (x_bar,)
"""

#: What crops a padded x_bar leaves nothing at p = 0.
CROPPED = """
    from reference import avg_pool

    def forward(x, *, kernel_size, stride, padding):
        y, residuals = avg_pool.forward(x, kernel_size=kernel_size, stride=stride, padding=padding)
        return y, (residuals, padding)

    def vjp(residuals, y_bar):
        inner, (p,) = residuals
        (x_bar,) = avg_pool.vjp(inner, y_bar)
        return (x_bar if p else x_bar[..., p:-p],)
"""

PAIR = """
    from reference import avg_pool

    def forward(x, *, kernel_size, stride, padding):
        y, residuals = avg_pool.forward(x, kernel_size=kernel_size, stride=stride, padding=padding)
        return y, (residuals, stride[0] > 1 and padding[0] > 0)

    def vjp(residuals, y_bar):
        (x_bar,) = avg_pool.vjp(residuals[0], y_bar)
        return (x_bar + 1 if residuals[1] else x_bar,)
"""

#: A pool that adds up its overlapping windows in the narrow type, as torch's own do.
OVERLAPPING = """
    import numpy as np
    from numpy.lib.stride_tricks import sliding_window_view

    DTYPES = ("float16",)

    def forward(x, *, kernel_size, stride):
        (k,) = kernel_size
        assert stride == (1,)
        return sliding_window_view(x, k, -1).max(-1), (x, k)

    def vjp(residuals, y_bar):
        x, k = residuals
        x_bar = np.zeros_like(x)
        for i in range(y_bar.shape[-1]):
            won = x[..., i : i + k].argmax(-1)[..., None] + i
            given = np.take_along_axis(x_bar, won, -1) + y_bar[..., i, None]
            np.put_along_axis(x_bar, won, given, -1)
        return (x_bar,)
"""

#: The same mistake for the weights and for the bias, where x is an image that needs no gradient.
FROZEN = """
    import torch
    from torch.nn.functional import conv1d

    class Mine(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w, b, *params):
            ctx.save_for_backward(x, w, b)
            ctx.params = params
            return conv1d(x, w, b, *params)

        @staticmethod
        def backward(ctx, y_bar):
            if not ctx.needs_input_grad[0]:
                return (None,) * 7
            with torch.enable_grad():
                held = [e if e is None else e.detach().requires_grad_() for e in ctx.saved_tensors]
                y = conv1d(*held, *ctx.params)
            bars = iter(torch.autograd.grad(y, [e for e in held if e is not None], y_bar))
            return (*(None if e is None else next(bars) for e in held), *(None,) * 4)

    mine = Mine.apply
"""

CONV = tuple(f"conv1d n{n}ic2iw{w}oc3kw2 f64 exact" for n, w in ((2, 4), (2, 5), (2, 6)))

SENTENCES = {
    "a malformed y": Told(
        Given(
            MALFORMED,
            "avg_pool2d",
            tuple(
                f"avg_pool2d n1ic2ih6iw7kh2kw2{strides} f64 {values}"
                for strides in ("", "sh2sw2", "sh1sw2", "sh2sw1", "sh3sw2")
                for values in ("exact", "real")
            ),
        ),
        ("y: contract broken", "y has shape"),
        ("backward wrong", "BACKWARD WRONG", "forward is right", "called with", "x_bar: "),
    ),
    "a bare array beside a wrong forward": Told(
        Given(BARE, "conv1d", CONV),
        ("y: forward wrong", "no gradient could be compared: vjp returned an array of float64"),
        ("the backward does not", "the backward is right", "backward differs"),
    ),
    "a convention beside a defect": Told(
        Given(FLUSHING, "conv1d", ("conv1d n2ic2iw7oc3kw2 f32 tiny", *CONV)),
        ("w_bar: backward wrong", ": flushes subnormals"),
    ),
    "a mistake that explains too little": Told(
        Given(MOSTLY, "conv1d", tuple(f"conv1d n{n}ic2iw5oc3kw2 f32 exact" for n in (1, 2, 3))),
        ("w_bar: backward wrong", " f32 "),
        ("looks like", " f64 "),
    ),
    "once per sample": Told(
        Given(TIMES, "conv1d", CONV),
        ("w_bar: backward wrong", "w_bar of the whole batch is added once for every sample"),
        ("is twice",),
    ),
    "nothing but zeros": Told(
        Given(ZEROS, "conv1d", tuple(f"conv1d n1ic1iw{w}oc1kw2 f64 exact" for w in (3, 4, 5))),
        ("every gradient is 0",),
        ("channel is 0",),
    ),
    "exceptions of further runs": Told(
        Given(RAISING, "conv1d", ("conv1d n3ic1iw4oc2kw2 f64 exact", "conv1d n1ic1iw4oc2kw2 f64")),
        ("ValueError: a negative sample first (", "KeyError: 'one sample'", "mine.py:"),
        ("is missing when",),
    ),
    "a wider dtype": Told(
        Given(WIDE, "avg_pool1d", ("avg_pool1d n2ic2iw9kw3sw2 f32 exact",)),
        ("x_bar: returns a wider dtype", "DTYPES = "),
        exit_code=0,
    ),
    "ties beside an overlap": Told(
        Given(
            TIES,
            "max_pool1d",
            tuple(
                f"max_pool1d n2ic2iw{w}kw3sw{s} f64 {values}"
                for w in (7,)
                for s in (1, 2, 3)
                for values in ("exact", "ties")
            ),
            seeds=3,
        ),
        (
            "windows that overlap overwrite each other's part of x_bar",
            "every cell that equals the maximum",
        ),
    ),
    "a crop of nothing": Told(
        Given(
            CROPPED,
            "avg_pool1d",
            tuple(f"avg_pool1d n2ic2iw{w}kw2pw{p} f64 exact" for w in (5, 6) for p in (0, 1)),
        ),
        ("x_bar: contract broken", "where padding 0", "looks like"),
        ("backward wrong",),
    ),
    "a pair of conditions": Told(
        Given(
            PAIR,
            "avg_pool1d",
            tuple(f"avg_pool1d n1ic2iw7kw2sw{s}pw{p} f64 exact" for s in (1, 2) for p in (0, 1)),
        ),
        ("x_bar: backward wrong where ", "stride > 1", "padding > 0"),
    ),
    "narrow sums of a pool": Told(
        Given(OVERLAPPING, "max_pool1d", ("max_pool1d n2ic3iw60kw25sw1 f16 real",)),
        ("x_bar: adds up in the narrow type",),
        ("values tie", "winner"),
        exit_code=0,
    ),
    "an input that needs no gradient": Told(
        Given(
            FROZEN, "conv1d", ("conv1d n2ic2iw7oc3kw2 f64 exact",), style="torch", attribute="mine"
        ),
        (
            "w_bar: depends on which gradients are needed",
            "w_bar is None where only w and b need a gradient, and not where all operands do",
            "b_bar",
        ),
        ("x_bar: ",),
    ),
}


#: Each at every door; in a run that is not thorough, at one of them by turns.
TRIED = [
    (name, door)
    for i, name in enumerate(SENTENCES)
    for j, door in enumerate(DOORS)
    if deep(i % len(DOORS) == j, many=True)
]


@pytest.mark.parametrize(("name", "door"), TRIED)
def test_every_door_says_what_is_true_and_nothing_else(
    name: str, door: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = SENTENCES[name]
    exit_code, said = DOORS[door](told.kernel, {}, pytester, monkeypatch)
    assert exit_code == told.exit_code, said
    for text in told.says:
        assert text in said
    for text in told.never:
        assert text not in said
