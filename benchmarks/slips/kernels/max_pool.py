"""A max pool that keeps the index of each winner."""

import numpy as np


def forward(x, *, kernel_size, stride):
    kh, kw = kernel_size
    sh, sw = stride
    n, c, height, width = x.shape
    oh = (height - kh) // sh + 1
    ow = (width - kw) // sw + 1
    y = np.empty((n, c, oh, ow), x.dtype)
    winner = np.empty((n, c, oh, ow), np.int64)
    for i in range(oh):
        for j in range(ow):
            window = x[:, :, i * sh : i * sh + kh, j * sw : j * sw + kw].reshape(n, c, kh * kw)
            best = window.argmax(axis=2)
            winner[:, :, i, j] = best
            y[:, :, i, j] = np.take_along_axis(window, best[:, :, None], axis=2)[:, :, 0]
    return y, (x.shape, winner, kernel_size, stride)


def vjp(residuals, y_bar):
    shape, winner, kernel_size, stride = residuals
    kh, kw = kernel_size
    sh, sw = stride
    n, c, height, width = shape
    x_bar = np.zeros((n * c, height * width), y_bar.dtype)
    planes = np.arange(n * c)
    for i in range(y_bar.shape[2]):
        for j in range(y_bar.shape[3]):
            best = winner[:, :, i, j].reshape(-1)
            row = i * sh + best // kw
            column = j * sw + best % kw
            cell = row * width + column
            x_bar[planes, cell] += y_bar[:, :, i, j].reshape(-1)
    return (x_bar.reshape(n, c, height, width),)
