"""Where a defect shows: the class that its cases share and the others lack."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

#: Fewer failing cases share some class by accident.
_ENOUGH = 3

#: The chance with which some class may hold all failing cases by accident, all classes together.
_CHANCE = 0.01

#: A class that holds most of all cases is no place, unless it is hit exactly.
_MOST = 0.75

#: From the name of a class to whether it may be a place; asked of as few as possible.
MayBe = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Place:
    """A class that holds all failing cases, and how many were judged there; no name, no place."""

    name: str = ""
    judged: int = 0


def where_it_fails(
    failing: int,
    failing_by_class: Mapping[str, int],
    judged: int,
    judged_by_class: Mapping[str, int],
    failing_by_layer: Mapping[tuple[str, str], int] | None = None,
    judged_by_layer: Mapping[tuple[str, str], int] | None = None,
    *,
    may_be: MayBe = lambda name: True,
) -> Place:
    """The class that holds all failing cases and the fewest others; none if none tells.

    A class tells if all cases in it fail, or if so many failing ones would not lie in it by chance.
    A family with a residue is named where nearly all cases of it fail, a value or two hiding the
    defect at most, and not all of any class or family.

    Examples
    --------
    >>> where_it_fails(5, {"stride > 1": 5, "bias yes": 4}, 100, {"stride > 1": 6, "bias yes": 80})
    Place(name='stride > 1', judged=6)
    >>> where_it_fails(39, {"padding 0": 39}, 50, {"padding 0": 39})
    Place(name='padding 0', judged=39)
    >>> where_it_fails(
    ...     3,
    ...     {"family 3x3": 3},
    ...     100,
    ...     {"family 3x3": 6},
    ...     {("family 3x3", "width 1 mod 2"): 3},
    ...     {("family 3x3", "width 1 mod 2"): 3},
    ... ).name
    '3x3, odd width'
    """
    if failing < _ENOUGH or failing == judged:
        return Place()
    shared = [name for name, count in failing_by_class.items() if count == failing]
    telling = [
        name
        for name in shared
        if judged_by_class[name] == failing
        or _is_no_accident(failing, judged_by_class[name] / judged, len(judged_by_class))
    ]
    ordered = sorted(telling, key=lambda name: (judged_by_class[name], name))
    best = next((name for name in ordered if may_be(name)), "")
    if best and judged_by_class[best] == failing:
        return Place(worded(best), judged_by_class[best])
    layers = {
        layer: (judged_by_layer or {}).get(layer, 0)
        for layer, count in (failing_by_layer or {}).items()
        if count == failing and 3 * (judged_by_layer or {}).get(layer, 0) <= 4 * failing
    }
    if layers:
        # Of several that fit, what fewest numbers lie behind: an odd width rather than 7 mod 8.
        layer = min(layers, key=lambda layer: (_modulus(layer[1]), len(layer[1]), layer))
        return Place(f"{worded(layer[0])}, {worded(layer[1])}", layers[layer])
    return Place(worded(best), judged_by_class[best]) if best else Place()


def _is_no_accident(failing: int, share: float, classes: int) -> bool:
    """Whether `failing` cases lie in a class of this share by more than chance."""
    return bool(share <= _MOST and classes * share**failing <= _CHANCE)


def _modulus(residue: str) -> int:
    return int(residue.rpartition(" ")[2])


def worded(name: str) -> str:
    """A class as a sentence reads it, and a family without that word before it.

    >>> worded("width 1 mod 2"), worded("windows several along the width")
    ('odd width', 'several windows along the width')
    """
    factor, _, rest = name.partition(" 1 mod 2")
    if not rest and factor != name:
        return f"odd {factor}"
    factor, _, rest = name.partition(" 0 mod 2")
    if not rest and factor != name:
        return f"even {factor}"
    counted, several, rest = name.partition(" several")
    return f"several {counted}{rest}" if several else name.removeprefix("family ")
