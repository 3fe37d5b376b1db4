"""Spatial dimensions as the descriptor spells them, and windows drawn for each of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import permutations
from typing import TypeVar

from bpcheck.errors import CaseError
from bpcheck.operations.promises import Integers
from bpcheck.operations.windowed.window import Window

T = TypeVar("T")

#: The letters of the spatial dimensions, by rank: width alone, height and width, depth first.
LETTERS = {1: "w", 2: "hw", 3: "dhw"}

#: How many other params are tried in search of some that the operation allows.
TRIES = 6

#: Largest kernel size drawn, by rank, so that three dimensions stay affordable.
MAX_KERNEL = {1: 7, 2: 5, 3: 3}


def keys(prefix: str, rank: int, default: int | None) -> dict[str, int | None]:
    """Descriptor keys of one spatial number, such as ``kh`` and ``kw``, with their default."""
    return {prefix + letter: default for letter in LETTERS[rank]}


def axes(result: str, rank: int) -> str:
    """A letter for each axis of a result.

    >>> axes("y", 2), axes("w_bar", 1), axes("b_bar", 3)
    ('NCHW', 'OIW', 'O')
    """
    if result == "b_bar":
        return "O"
    return ("OI" if result == "w_bar" else "NC") + LETTERS[rank].upper()


def shape_probes(channels: Mapping[str, int], rank: int, *, dilates: bool) -> list[dict[str, int]]:
    """Numbers of small geometries whose lengths all differ, the plain one first."""

    def spelled_out(**given: Sequence[int]) -> dict[str, int]:
        whole = {"k": (2,) * rank, "s": (1,) * rank, "i": (9, 11, 13)[:rank], **given}
        spatial = [spell(prefix, numbers) for prefix, numbers in whole.items()]
        return {"n": 2, **channels, **{key: n for each in spatial for key, n in each.items()}}

    every = [spelled_out(), spelled_out(s=(2,) * rank), spelled_out(p=(1,) * rank)]
    every += [spelled_out(d=(2,) * rank)] if dilates else []
    if rank > 1:
        every += [spelled_out(k=(2, 3, 4)[:rank]), spelled_out(s=(1, 2, 3)[:rank])]
    return every


def values(numbers: Mapping[str, int], prefix: str, rank: int) -> tuple[int, ...]:
    """The spatial numbers of one prefix, in the order of the dimensions."""
    return tuple(numbers[prefix + letter] for letter in LETTERS[rank])


def spell(prefix: str, numbers: Sequence[int]) -> dict[str, int]:
    """The inverse of `values`."""
    return dict(zip((prefix + letter for letter in LETTERS[len(numbers)]), numbers, strict=True))


def windows(
    numbers: Mapping[str, int], rank: int, *, same: bool = False, ceil: bool = False
) -> tuple[Window, ...]:
    """The window of each dimension; dilation is 1 where `numbers` has none.

    Raises
    ------
    CaseError
        With the descriptor's own keys: ``kh=0`` where the window says ``k=0``.
    """
    found = []
    for letter in LETTERS[rank]:
        own = {prefix: numbers.get(prefix + letter, 1) for prefix in "ikspd"}
        try:
            found.append(Window(**own, same=same, ceil=ceil))
        except CaseError as error:
            named = re.sub(r"\b([ikspd])(?==)", rf"\1{letter}", str(error))
            raise CaseError(named) from None
    return tuple(found)


def spelled(windows: Sequence[Window]) -> dict[str, int]:
    """The inverse of `windows`: the numbers by their keys."""
    spatial: dict[str, int] = {}
    for prefix in "ikspd":
        spatial |= spell(prefix, [getattr(window, prefix) for window in windows])
    return spatial


def key_groups(keys: Collection[str], rank: int) -> tuple[tuple[str, ...], ...]:
    """The numbers of one prefix, the numbers of channels, and each other key alone.

    Examples
    --------
    >>> key_groups(("n", "ic", "ih", "iw", "kh", "kw", "ceil"), 2)
    (('n',), ('ic',), ('ih', 'iw'), ('kh', 'kw'), ('ceil',))
    """
    spatial = {prefix + letter: prefix for prefix in "ikspd" for letter in LETTERS[rank]}
    groups: dict[str, list[str]] = {}
    for key in keys:
        name = "channels" if key in ("g", "ic", "oc") else spatial.get(key, key)
        groups.setdefault(name, []).append(key)
    return tuple(tuple(group) for group in groups.values())


def other_params(
    keys: Collection[str], numbers: Mapping[str, int], rank: int, integers: Integers
) -> Iterator[dict[str, int]]:
    """`numbers` with one other param, a few times: stride, padding, dilation, or a flag of pooling.

    Not every choice is allowed by the operation.
    """
    own = {key: number for key, number in numbers.items() if key in keys}
    flags = [key for key in ("ceil", "cip", "div") if key in keys]
    for _ in range(TRIES):
        letter = LETTERS[rank][integers(0, rank - 1)]
        spatial = [each + letter for each in "dsp" if each + letter in keys]
        key = choose(integers, [*spatial, *flags])
        if key in ("ceil", "cip"):
            yield {**own, key: 1 - own[key]}
            continue
        least = 0 if key[0] == "p" or key == "div" else 1
        number = choose(integers, (least, least + 1, least + 2))
        if number != own[key]:
            yield {**own, key: number}


def without_padding(numbers: Mapping[str, int], rank: int) -> Iterator[dict[str, int]]:
    """`numbers` with cells of the input in the place of padding: in all dimensions, then in one."""
    padded = [letter for letter in LETTERS[rank] if numbers["p" + letter]]
    for letters in ([padded] if len(padded) > 1 else []) + [[letter] for letter in padded]:
        changed = dict(numbers)
        for letter in letters:
            changed["i" + letter] += 2 * changed["p" + letter]
            changed["p" + letter] = 0
        yield changed


def of_the_same_output(numbers: Mapping[str, int], rank: int) -> Iterator[dict[str, int]]:
    """`numbers` with windows of a cell, of stride 1, or both, over just the input that these need.

    As many windows as before, in all dimensions, then in one.
    """
    # A window that fits around the input by the word 'same' has the size of the input anyway.
    letters = [] if numbers.get("same") else LETTERS[rank]
    for some in ([letters] if len(letters) > 1 else []) + [[letter] for letter in letters]:
        for plain in (("k", "s"), ("k",), ("s",)):
            changed = dict(numbers)
            for letter in some:
                changed |= _of_as_many_windows(numbers, letter, plain)
            if changed != numbers:
                yield changed


def turned(numbers: Mapping[str, int], rank: int) -> Iterator[dict[str, int]]:
    """`numbers` with the dimensions in each order that puts smaller numbers first.

    Examples
    --------
    >>> list(turned({"n": 2, "ih": 3, "iw": 1, "kh": 1, "kw": 1}, 2))
    [{'n': 2, 'ih': 1, 'iw': 3, 'kh': 1, 'kw': 1}]
    """
    spatial = {
        prefix: values(numbers, prefix, rank)
        for prefix in "ikspd"
        if prefix + LETTERS[rank][0] in numbers
    }
    for order in permutations(range(rank)):
        other = {prefix: [old[axis] for axis in order] for prefix, old in spatial.items()}
        changed = dict(numbers)
        for prefix, new in other.items():
            changed |= spell(prefix, new)
        if [changed[key] for key in numbers] < list(numbers.values()):
            yield changed


def _of_as_many_windows(
    numbers: Mapping[str, int], letter: str, plain: tuple[str, ...]
) -> dict[str, int]:
    """What changes in one dimension where these numbers become 1, and padding goes with kernels."""
    i, k, s, p = (numbers[name + letter] for name in "iksp")
    d = numbers.get("d" + letter, 1)
    out = (i + 2 * p - d * (k - 1) - 1) // s + 1
    changed = {name + letter: 1 for name in plain}
    if "k" in plain:
        k, p = 1, 0
        changed["p" + letter] = 0
    if "s" in plain:
        s = 1
    return {**changed, "i" + letter: max(1, (out - 1) * s + d * (k - 1) + 1 - 2 * p)}


def choose(integers: Integers, options: Sequence[T]) -> T:
    """One of `options`, the first being the simplest."""
    return options[integers(0, len(options) - 1)]


def alike(integers: Integers, windows: Sequence[Window]) -> tuple[Window, ...]:
    """`windows`, or the first of them in every dimension: square shapes must occur too."""
    return (windows[0],) * len(windows) if integers(0, 2) == 1 else tuple(windows)


def sizes(integers: Integers, *, k: int, s: int, p: int, d: int, rank: int, ceil: bool) -> Window:
    """The window of these params over an input drawn so that every remainder occurs."""
    out = integers(1, 3 if rank == 3 else 6)
    rest = integers(0, s - 1)
    i = max(1, (out - 1) * s + d * (k - 1) + 1 + rest - 2 * p)
    return Window(i=i, k=k, s=s, p=p, d=d, ceil=ceil)
