"""Where a defect shows: the class that its cases share and the others lack."""

from __future__ import annotations

from collections.abc import Mapping

#: Fewer failing cases share some class by accident.
_ENOUGH = 3


def where_it_fails(
    failing: int,
    failing_by_class: Mapping[str, int],
    judged: int,
    judged_by_class: Mapping[str, int],
    failing_by_layer: Mapping[tuple[str, str], int] | None = None,
    judged_by_layer: Mapping[tuple[str, str], int] | None = None,
) -> str:
    """The class that holds all failing cases and the fewest others; ``""`` if none tells.

    A class tells if it holds every failing case, and cases fail in it at least twice as often as
    they do overall. A family with a residue is named where nearly all cases of it fail, a value
    or two hiding the defect at most, and not all of any class or family.

    Examples
    --------
    >>> where_it_fails(5, {"stride > 1": 5, "bias yes": 4}, 100, {"stride > 1": 6, "bias yes": 80})
    'stride > 1'
    >>> where_it_fails(
    ...     3,
    ...     {"family 3x3": 3},
    ...     100,
    ...     {"family 3x3": 6},
    ...     {("family 3x3", "width 1 mod 2"): 3},
    ...     {("family 3x3", "width 1 mod 2"): 3},
    ... )
    '3x3, odd width'
    """
    if failing < _ENOUGH:
        return ""
    shared = [name for name, count in failing_by_class.items() if count == failing]
    telling = [name for name in shared if 2 * judged_by_class[name] <= judged]
    best = min(telling, key=lambda name: (judged_by_class[name], name), default="")
    if best and judged_by_class[best] == failing:
        return _worded(best)
    layers = [
        layer
        for layer, count in (failing_by_layer or {}).items()
        if count == failing and 3 * (judged_by_layer or {}).get(layer, 0) <= 4 * failing
    ]
    if layers:
        # Of several that fit, what fewest numbers lie behind: an odd width rather than 7 mod 8.
        family, residue = min(layers, key=lambda layer: (_modulus(layer[1]), len(layer[1]), layer))
        return f"{_worded(family)}, {_worded(residue)}"
    return _worded(best)


def _modulus(residue: str) -> int:
    return int(residue.rpartition(" ")[2])


def _worded(name: str) -> str:
    """``odd width`` for ``width 1 mod 2``, and a family without that word before it."""
    factor, _, rest = name.partition(" 1 mod 2")
    if not rest and factor != name:
        return f"odd {factor}"
    factor, _, rest = name.partition(" 0 mod 2")
    if not rest and factor != name:
        return f"even {factor}"
    return name.removeprefix("family ")
