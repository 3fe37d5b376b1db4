"""The sizes that a layer of a family may have: as small as its window and its residues allow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache

from bpcheck.operations.families import Size
from bpcheck.operations.residues import SIZES, residue_names, residues_of
from bpcheck.operations.windowed.window import Window

#: Numbers of channels and samples: those that have all the residues, and smaller ones that have
#: some of them too, for families whose windows leave no room for 63.
_COUNTS = (1, 2, 3, 5, 6, 7, 12, 15, *SIZES[2:])

#: How far the search for an input or an output of a certain residue goes, in cells.
_FARTHEST = 300

#: Outputs of a depthwise layer for each of its channels.
MULTIPLIERS = (1, 2, 3)

#: Groups that are neither one nor as many as there are channels.
_GROUPS = (2, 3, 4, 5, 8, 16)

#: Layers that read an image have a path of their own, as three channels fill no vector: what such
#: sizes are called, and the least filters that they have.
OF_IMAGES, _FILTERS = "colours in", 8

#: The factors of residues by the letter of the axis.
_AXES = {"w": "width", "h": "height"}


@cache
def axis_sizes(window: Window, letter: str, *, least: int = 1) -> tuple[Size, ...]:
    """Input sizes of one axis in which every tap of the window reads a real cell somewhere.

    They have all the residues, and for the last axis those of its output too; `window` gives the
    other numbers, and `least` the smallest input that the operation allows.
    """
    first = least_input(window, least)
    if letter not in _AXES:
        return tuple(_axis_size(_resized(window, i), letter) for i in (first, first + 1, first + 2))
    own = _AXES[letter]
    wanted = {*range(first, first + 8), *_telling(own, range(first, first + _FARTHEST))}
    if letter == "w":
        inputs: dict[int, int] = {}
        wanted |= {inputs[out] for out in _telling("output width", _outputs(window, inputs, first))}
    return tuple(_axis_size(_resized(window, i), letter) for i in sorted(wanted))


def _outputs(window: Window, inputs: dict[int, int], first: int) -> Iterator[int]:
    """The output sizes that occur, in the order of the inputs; `inputs` gets the smallest of each.

    They are made one by one, since few are needed where the stride is 1.
    """
    for i in range(first, first + _FARTHEST):
        out = _resized(window, i).out
        if out not in inputs:
            inputs[out] = i
            yield out


def _telling(factor: str, numbers: Iterable[int]) -> Iterator[int]:
    """Those of the numbers that have a residue which none before them has."""
    left = set(residue_names(factor))
    for number in numbers:
        found = residues_of(factor, number) & left
        if found:
            left -= found
            yield number
        if not left:
            return


@cache
def least_input(window: Window, least: int = 1) -> int:
    """The smallest input of which every tap of the window reads a cell in some position.

    Examples
    --------
    >>> least_input(Window(i=99, k=3, p=1)), least_input(Window(i=99, k=3, p=36, d=36))
    (2, 37)
    """
    i = max(least, _shortest(window))
    while not (_resized(window, i).positions >= 0).any(axis=0).all():
        i += 1
    return i


def sides_beyond(letters: str, numbers: Mapping[str, int], beyond: Sequence[int]) -> dict[str, int]:
    """Inputs of all axes: the least of which every tap reads a cell, and so many cells more."""
    same, ceil = bool(numbers.get("same")), bool(numbers.get("ceil"))
    return {
        f"i{letter}": more + least_input(window_of(numbers, letter, same=same, ceil=ceil))
        for letter, more in zip(letters, beyond, strict=False)
    }


def short_sides(letters: str, numbers: Mapping[str, int], turn: int) -> dict[str, int]:
    """The shortest inputs, where they are so short that some tap reads padding alone.

    Of all axes for which that is so, of the first, or of the last, by `turn`; empty if for none.

    Examples
    --------
    >>> layer = {"kh": 3, "kw": 3, "ph": 1, "pw": 1}
    >>> [short_sides("hw", layer, turn) for turn in range(3)]
    [{'ih': 1, 'iw': 1}, {'ih': 1}, {'iw': 1}]
    >>> short_sides("w", {"kw": 3}, 0)
    {}
    """
    same, ceil = bool(numbers.get("same")), bool(numbers.get("ceil"))
    windows = {letter: window_of(numbers, letter, same=same, ceil=ceil) for letter in letters}
    short = {
        letter: least
        for letter, window in windows.items()
        if (least := _shortest(window)) < least_input(window)
    }
    axes = list(short)
    return {f"i{letter}": short[letter] for letter in (axes, axes[:1], axes[-1:])[turn % 3]}


def _shortest(window: Window) -> int:
    """The smallest input into which the window fits, with its padding."""
    return max(1, window.span - window.low - window.high)


def _resized(window: Window, i: int) -> Window:
    return Window(i, window.k, window.s, window.p, window.d, same=window.same, ceil=window.ceil)


def _axis_size(window: Window, letter: str) -> Size:
    classes = residues_of(_AXES[letter], window.i) if letter in _AXES else frozenset()
    if window.s > 1 and not window.same:
        # The windows end where the input does, or leave some of it.
        classes |= {f"{_AXES.get(letter, 'depth')} {'rest' if window.remainder else 'no rest'}"}
    if letter == "w":
        classes |= residues_of("output width", window.out)
    return Size({f"i{letter}": window.i}, window.out, classes)


@cache
def sample_sizes() -> tuple[Size, ...]:
    """Numbers of samples."""
    return tuple(Size({"n": n}, n, residues_of("samples", n)) for n in _COUNTS)


@cache
def bias_sizes() -> tuple[Size, ...]:
    """With a bias and without; twice as often with one where nothing depends on it."""
    with_one = Size({"bias": 1}, 1, frozenset(("bias yes",)))
    return (with_one, with_one, Size({"bias": 0}, 1, frozenset(("bias none",))))


@cache
def channel_sizes() -> tuple[Size, ...]:
    """Numbers of channels that a pool keeps."""
    return tuple(Size({"ic": c}, c, residues_of("channels", c)) for c in _COUNTS)


@cache
def conv_channel_sizes(groups: str) -> tuple[Size, ...]:
    """Input and output channels in one group, in as many as there are channels, or in several."""
    if groups == "1":
        found = {
            (1, ic, oc)
            for ic in _COUNTS
            for oc in (ic, 2 * ic, 1, 2, 3, 4, 5, 7, 8, 15, 16, 32, 63, 64)
        }
    elif groups == "dw":
        channels = (2, 3, 4, 5, 7, 8, 15, 16, 17, 32, 33, 63, 64, 65)
        found = {(c, c, c * multiplier) for c in channels for multiplier in MULTIPLIERS}
    else:
        found = {
            (g, g * own, g * out)
            for g in _GROUPS
            for own in (2, 3, 4, 7, 8, 16)
            for out in (own, 2 * own, 1, 3, 4)
        } | {(9, 63, 63), (9, 63, 126)}
    return tuple(_channel_size(*each, groups) for each in sorted(found) if _divides(*each))


def _divides(g: int, ic: int, oc: int) -> bool:
    return ic % g == 0 and oc % g == 0


def _channel_size(g: int, ic: int, oc: int, groups: str) -> Size:
    classes = residues_of("input channels", ic) | residues_of("output channels", oc)
    classes |= {relation(ic, oc, groups)}
    if groups == "1" and ic == len("RGB") and oc >= _FILTERS:
        classes |= {OF_IMAGES}
    return Size({"g": g, "ic": ic, "oc": oc}, oc * ic // g, classes)


def relation(ic: int, oc: int, groups: str) -> str:
    """How output channels relate to input channels: kernels may have a path of their own for it."""
    if groups == "dw":
        return f"{oc // ic} outputs a channel"
    if ic == oc:
        return "channels equal"
    return "channels doubled" if oc == 2 * ic else "channels unequal"


def window_of(numbers: Mapping[str, int], letter: str, *, same: bool, ceil: bool) -> Window:
    """The window of one axis over an input that is large enough for it."""
    k, s, p, d = (numbers.get(f"{key}{letter}", 1 if key in "sd" else 0) for key in "kspd")
    return Window(d * (k - 1) + 1, k, s, 0 if same else p, d, same=same, ceil=ceil)
