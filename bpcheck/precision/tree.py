"""The order in which a kernel adds up: the summation tree of one result, revealed by probing.

P. Xie, Y. Gao, J. Liu and J. Xue, "FPRev: revealing the order of floating-point summation"
(USENIX ATC 2025). One term is a mass, another its negative, the others are units: what is left are
the units that were added after the two had met, for the mass swallows all that came before. So the
number of terms below the place where any two meet is known, and from those numbers the tree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

#: A term by its number, or a sum of such.
Tree = int | tuple["Tree", ...]

#: The number of terms below the place where two terms meet.
Meets = Callable[[int, int], int]


#: Accumulators that are looked for at most.
MOST_LANES = 256


class UnorderedError(Exception):
    """The same question had two answers."""


def reveal(terms: int, meets: Meets, *, seed: int = 0) -> Tree:
    """The tree of so many terms.

    The pivot is random: with the first one for a pivot a loop that runs backwards would take a
    question for each pair of terms.

    Raises
    ------
    UnorderedError
        If the answers fit no tree.

    Examples
    --------
    >>> reveal(4, lambda i, j: max(i, j) + 1)
    (((0, 1), 2), 3)
    """
    tree, below = _built(range(terms), meets, np.random.default_rng(seed))
    if below != terms:
        raise UnorderedError
    return tree


def _built(members: Sequence[int], meets: Meets, rng: np.random.Generator) -> tuple[Tree, int]:
    """The tree of these terms, and how many lie below its root."""
    if len(members) == 1:
        return members[0], 1
    pivot = members[int(rng.integers(len(members)))]
    groups: dict[int, list[int]] = {}
    for other in members:
        if other != pivot:
            groups.setdefault(meets(pivot, other), []).append(other)
    tree: Tree = pivot
    below = 1
    for size, group in sorted(groups.items()):
        if size != below + len(group):
            raise UnorderedError
        branch, width = _branch(group, size, meets, rng)
        # What meets where the group itself meets the others is one sum of many terms.
        many = branch if width == size and isinstance(branch, tuple) else (branch,)
        tree, below = _ordered((tree, *many)), size
    return tree, below


def _branch(
    group: Sequence[int], size: int, meets: Meets, rng: np.random.Generator
) -> tuple[Tree, int]:
    """The tree of a group that meets something at a place with so many terms below."""
    first, *others = group
    if others and all(meets(first, other) == size for other in others):
        return tuple(group), size
    return _built(group, meets, rng)


def _ordered(parts: tuple[Tree, ...]) -> Tree:
    """The parts of a sum by their first terms: addition commutes."""
    return tuple(sorted(parts, key=first_of))


def first_of(tree: Tree) -> int:
    """The least term below; parts are in order, so that it stands first."""
    while isinstance(tree, tuple):
        tree = tree[0]
    return tree


def word_of(tree: Tree, terms: int) -> str:
    """What the order is called: sequential, reversed, pairwise, in blocks, interleaved, or other.

    Examples
    --------
    >>> word_of((((0, 1), 2), 3), 4), word_of((0, (1, (2, 3))), 4), word_of(((0, 1), (2, 3)), 4)
    ('sequential', 'reversed', 'pairwise')
    >>> word_of(((((0, 1), 2), (3, 4, 5)), 6), 7)
    'other'
    """
    chain = _as_chain(tree)
    if chain is not None:
        # Of the first two nobody knows which came first.
        backwards = [*range(terms)[-2:], *range(terms)[-3::-1]]
        words = {tuple(range(terms)): "sequential", tuple(backwards): "reversed"}
        return words.get(tuple(chain), "other") if terms > 2 else "sequential"
    parts = [_as_chain(each) for each in _top(tree)]
    size = len(parts[0] or ())
    # Two blocks of two are two pairs.
    if (
        size > 1
        and len(parts) > 2
        and parts == [list(range(terms)[i : i + size]) for i in range(0, terms, size)]
    ):
        return f"blocks of {size}"
    if _is_pairwise(tree, terms):
        return "pairwise"
    skeleton, chains = _skeleton(tree)
    ways = len(chains)
    if ways <= MOST_LANES and chains == [list(range(terms)[i::ways]) for i in range(ways)]:
        lanes = range(ways)
        if skeleton in (_chain(lanes), _chain(lanes[::-1]), _halved(lanes), _folded(lanes)):
            return f"{ways} interleaved"
    return "other"


def _skeleton(tree: Tree) -> tuple[Tree, list[list[int]]]:
    """The tree with a number in the place of each chain, by their first terms; and the chains."""
    chains: list[list[int]] = []
    # What is done comes back in reverse, parts before sums: a loop may be deeper than calls are.
    todo: list[Tree] = [tree]
    order: list[tuple[int, list[int] | None]] = []
    while todo:
        part = todo.pop()
        chain = _as_chain(part)
        order.append((0 if isinstance(part, int) else len(part), chain))
        if chain is None and isinstance(part, tuple):
            todo += part
        elif chain is not None:
            chains.append(chain)
    chains.sort()
    number = {chain[0]: i for i, chain in enumerate(chains)}
    made: list[Tree] = []
    for width, chain in reversed(order):
        if chain is not None:
            made.append(number[chain[0]])
        else:
            made[-width:] = [_ordered(tuple(made[-width:]))]
    return made[0], chains


def _chain(parts: Sequence[Tree]) -> Tree:
    """One after the other."""
    total, *others = parts
    for each in others:
        total = _ordered((total, each))
    return total


def _halved(parts: Sequence[Tree]) -> Tree:
    """Neighbours in pairs, and those in pairs."""
    if len(parts) == 1:
        return parts[0]
    half = (len(parts) + 1) // 2
    return _ordered((_halved(parts[:half]), _halved(parts[half:])))


def _folded(parts: Sequence[Tree]) -> Tree:
    """The first half with the second, place by place, as vectors are."""
    while len(parts) > 1 and len(parts) % 2 == 0:
        half = len(parts) // 2
        parts = [_ordered((parts[i], parts[i + half])) for i in range(half)]
    return _chain(parts)


def _is_pairwise(tree: Tree, terms: int) -> bool:
    """Whether every sum is of two parts of neighbours, and no term is deeper than halving makes."""
    allowed = int(np.ceil(np.log2(terms))) + 1

    def spans(part: Tree, depth: int) -> tuple[int, int] | None:
        if isinstance(part, int):
            return (part, part) if depth <= allowed else None
        if len(part) != 2:
            return None
        one, other = (spans(each, depth + 1) for each in part)
        if one is None or other is None or one[1] + 1 != other[0]:
            return None
        return one[0], other[1]

    # Depth is bounded before anything is walked, or a long loop would be too deep to walk.
    return _depth(tree) <= allowed and spans(tree, 0) is not None


def _depth(tree: Tree) -> int:
    depth, level = 0, [tree]
    while True:
        level = [each for part in level if isinstance(part, tuple) for each in part]
        if not level:
            return depth
        depth += 1


def drawn(tree: Tree, *, most: int = 40, longest: int = 12) -> Iterator[str]:
    """The tree as lines: sums with what they add up indented below them; chains on one line.

    Examples
    --------
    >>> list(drawn((((0, 1), 2), 3)))
    ['0 + 1 + 2 + 3']
    >>> list(drawn(((0, 1), (2, 3))))
    ['+ of 2', '  0 + 1', '  2 + 3']
    """
    lines = 0
    stack: list[tuple[Tree, int]] = [(tree, 0)]
    while stack:
        part, depth = stack.pop()
        if lines == most:
            yield "..."
            return
        lines += 1
        chain = _as_chain(part)
        if chain is not None:
            yield "  " * depth + _listed(chain, longest)
            continue
        parts = _top(part)
        yield "  " * depth + f"+ of {len(parts)}"
        stack += [(each, depth + 1) for each in reversed(parts)]


def _as_chain(tree: Tree) -> list[int] | None:
    """The terms of a sum that adds one after the other, in that order; ``None`` for others."""
    ends: list[int] = []
    while isinstance(tree, tuple):
        if len(tree) != 2:
            return None
        inner, leaf = (tree[0], tree[1]) if isinstance(tree[1], int) else (tree[1], tree[0])
        if not isinstance(leaf, int):
            return None
        ends.append(leaf)
        tree = inner
    return [tree, *reversed(ends)]


def _listed(chain: Sequence[int], most: int) -> str:
    if len(chain) <= most:
        return " + ".join(map(str, chain))
    ends = f"{' + '.join(map(str, chain[: most // 2]))} + ... + {chain[-1]}"
    return f"{ends} ({len(chain)} terms)"


def _top(tree: Tree) -> list[Tree]:
    """What a chain of sums adds up one after the other, the first at its bottom."""
    parts: list[Tree] = []
    while isinstance(tree, tuple) and _as_chain(tree) is None:
        *inner, last = tree
        if len(inner) != 1:
            return [*inner, last, *reversed(parts)]
        parts.append(last)
        tree = inner[0]
    return [tree, *reversed(parts)]
