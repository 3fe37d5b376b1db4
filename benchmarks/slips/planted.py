"""Sixty slips: in which kernel, what stands there, and what was written instead.

They were written before anything was measured on them, and none was used to choose which changes
of a line are tried. Of each the text occurs once in the vjp, so that it has one line.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Slip:
    """One slip, in the backward pass of a kernel."""

    kernel: str
    operation: str
    right: str
    wrong: str


_LOOP = (
    ("top, left = i * sh, j * sw", "top, left = i * sw, j * sh"),
    ("top, left = i * sh, j * sw", "top, left = i, j"),
    ("top, left = i * sh, j * sw", "top, left = i * sh, j * sh"),
    (
        "patch = padded[:, :, top : top + kh, left : left + kw]",
        "patch = padded[:, :, top : top + kw, left : left + kh]",
    ),
    ("share = dy[:, k, i, j].reshape(-1, 1, 1, 1)", "share = dy[:, k, j, i].reshape(-1, 1, 1, 1)"),
    ("share = dy[:, k, i, j].reshape(-1, 1, 1, 1)", "share = dy[:, 0, i, j].reshape(-1, 1, 1, 1)"),
    ("left : left + kw] += share * w[k]", "left : left + kw] = share * w[k]"),
    ("left : left + kw] += share * w[k]", "left : left + kw] += share * w[k, :, ::-1, ::-1]"),
    ("left : left + kw] += share * w[k]", "left : left + kw] -= share * w[k]"),
    ("dw[k] += (share * patch).sum(axis=0)", "dw[k] = (share * patch).sum(axis=0)"),
    ("dw[k] += (share * patch).sum(axis=0)", "dw[k] += (share * patch).mean(axis=0)"),
    (
        "dx = d_padded[:, :, ph : ph + height, pw : pw + width]",
        "dx = d_padded[:, :, pw : pw + height, ph : ph + width]",
    ),
    (
        "dx = d_padded[:, :, ph : ph + height, pw : pw + width]",
        "dx = d_padded[:, :, :height, :width]",
    ),
    (
        "db = None if b is None else dy.sum(axis=(0, 2, 3))",
        "db = None if b is None else dy[0].sum(axis=(1, 2))",
    ),
    ("for j in range(dy.shape[3]):", "for j in range(dy.shape[2]):"),
)

_TAP = (
    ("kh, kw = w.shape[2:]", "kw, kh = w.shape[2:]"),
    ("oh, ow = g.shape[2:]", "ow, oh = g.shape[2:]"),
    (
        "rows = _slices(u, stride[0], dilation[0], oh)",
        "rows = _slices(u, stride[1], dilation[0], oh)",
    ),
    (
        "rows = _slices(u, stride[0], dilation[0], oh)",
        "rows = _slices(u, stride[0], dilation[1], oh)",
    ),
    (
        "rows = _slices(u, stride[0], dilation[0], oh)",
        "rows = _slices(u, dilation[0], stride[0], oh)",
    ),
    (
        "columns = _slices(v, stride[1], dilation[1], ow)",
        "columns = _slices(v, stride[1], dilation[1], oh)",
    ),
    (
        "columns = _slices(v, stride[1], dilation[1], ow)",
        "columns = _slices(kw - 1 - v, stride[1], dilation[1], ow)",
    ),
    ("columns = _slices(v, stride[1], dilation[1], ow)", "columns = _slices(v, stride[1], 1, ow)"),
    (
        'np.einsum("nohw,oc->nchw", g, w[:, :, u, v])',
        'np.einsum("nohw,oc->nchw", g, w[:, :, v, u])',
    ),
    ("x_bar[:, :, rows, columns] += np", "x_bar[:, :, rows, columns] = np"),
    ("w_bar[:, :, u, v] = np", "w_bar[:, :, v, u] = np"),
    (
        'np.einsum("nohw,nchw->oc", g, xp[:, :, rows, columns])',
        'np.einsum("nohw,nchw->oc", g, xp[:, :, rows, columns]) / len(g)',
    ),
    (
        "bottom, right = xp.shape[2] - ph, xp.shape[3] - pw",
        "bottom, right = xp.shape[2] - ph - 1, xp.shape[3] - pw",
    ),
    ("ph, pw = padding\n    bottom", "pw, ph = padding\n    bottom"),
    (
        "b_bar = None if b is None else g.sum(axis=(0, 2, 3))",
        "b_bar = None if b is None else g.mean(axis=(0, 2, 3))",
    ),
)

_MAX = (
    ("kh, kw = kernel_size", "kw, kh = kernel_size"),
    ("sh, sw = stride", "sw, sh = stride"),
    ("row = i * sh + best // kw", "row = i * sh + best // kh"),
    ("row = i * sh + best // kw", "row = i + best // kw"),
    ("row = i * sh + best // kw", "row = i * sh + best % kw"),
    ("row = i * sh + best // kw", "row = j * sh + best // kw"),
    ("column = j * sw + best % kw", "column = j * sw + best % kh"),
    ("column = j * sw + best % kw", "column = j * sh + best % kw"),
    ("column = j * sw + best % kw", "column = j * sw"),
    ("cell = row * width + column", "cell = row * height + column"),
    ("cell = row * width + column", "cell = column * width + row"),
    (
        "x_bar[planes, cell] += y_bar[:, :, i, j].reshape(-1)",
        "x_bar[planes, cell] = y_bar[:, :, i, j].reshape(-1)",
    ),
    (
        "x_bar[planes, cell] += y_bar[:, :, i, j].reshape(-1)",
        "x_bar[planes, cell] += y_bar[:, :, i, j].reshape(-1) / (kh * kw)",
    ),
    ("best = winner[:, :, i, j].reshape(-1)", "best = winner[:, :, 0, j].reshape(-1)"),
    ("for i in range(y_bar.shape[2]):", "for i in range(1, y_bar.shape[2]):"),
)

_AVG = (
    ("oh, ow = y_bar.shape[2:]", "ow, oh = y_bar.shape[2:]"),
    ("share = y_bar / (kh * kw)", "share = y_bar / (kh * kh)"),
    ("share = y_bar / (kh * kw)", "share = y_bar / kh * kw"),
    ("share = y_bar / (kh * kw)", "share = y_bar / (sh * sw)"),
    ("share = y_bar / (kh * kw)", "share = y_bar / (kh + kw)"),
    ("share = y_bar / (kh * kw)", "share = y_bar"),
    ("last_row = u + sh * (oh - 1) + 1", "last_row = u + sh * (oh - 1)"),
    ("last_row = u + sh * (oh - 1) + 1", "last_row = u + sw * (oh - 1) + 1"),
    ("last_column = v + sw * (ow - 1) + 1", "last_column = u + sw * (ow - 1) + 1"),
    ("last_column = v + sw * (ow - 1) + 1", "last_column = v + sw * (oh - 1) + 1"),
    ("for v in range(kw):\n            last", "for v in range(kh):\n            last"),
    ("v:last_column:sw] += share", "v:last_column:sw] = share"),
    ("v:last_column:sw] += share", "v:last_column:sh] += share"),
    (
        "return (x_bar[:, :, ph : ph + height, pw : pw + width],)",
        "return (x_bar[:, :, ph : ph + height, ph : ph + width],)",
    ),
    (
        "return (x_bar[:, :, ph : ph + height, pw : pw + width],)",
        "return (x_bar[:, :, 1 : 1 + height, pw : pw + width],)",
    ),
)

SLIPS: tuple[Slip, ...] = tuple(
    Slip(kernel, operation, right, wrong)
    for kernel, operation, slips in (
        ("loop_conv", "conv2d", _LOOP),
        ("tap_conv", "conv2d", _TAP),
        ("max_pool", "max_pool2d", _MAX),
        ("avg_pool", "avg_pool2d", _AVG),
    )
    for right, wrong in slips
)
