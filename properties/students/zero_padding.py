"""Mistake: a max pool pads with zeros, which win where all else is negative."""

import numpy as np


class MaxPool:
    def forward(self, x, *, kernel_size, stride, padding):
        (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, padding
        n, c, h, w = x.shape
        xp = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)), mode="constant")
        oh = (h + 2 * ph - kh) // sh + 1
        ow = (w + 2 * pw - kw) // sw + 1
        y = np.empty((n, c, oh, ow), x.dtype)
        arg = np.empty((n, c, oh, ow), int)
        for i in range(oh):
            for j in range(ow):
                patch = xp[:, :, i * sh : i * sh + kh, j * sw : j * sw + kw].reshape(n, c, kh * kw)
                arg[:, :, i, j] = patch.argmax(axis=2)
                y[:, :, i, j] = patch.max(axis=2)
        return y, (x.shape, xp.shape, arg, kernel_size, stride, padding)

    def vjp(self, cache, dy):
        (n, c, h, w), padded, arg, (kh, kw), (sh, sw), (ph, pw) = cache
        dxp = np.zeros(padded, dy.dtype)
        ns, cs = np.ogrid[:n, :c]
        for i in range(dy.shape[2]):
            for j in range(dy.shape[3]):
                row, column = np.divmod(arg[:, :, i, j], kw)
                dxp[ns, cs, i * sh + row, j * sw + column] += dy[:, :, i, j]
        return (dxp[:, :, ph : ph + h, pw : pw + w],)
