"""The geometry of a declared operation in a case text: ``c=7 batch=2,3 eps=1e-05``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bpcheck.errors import CaseError
from bpcheck.operations.declared.declaration import Declaration
from bpcheck.operations.declared.sizes import leading_keys, leading_shape


def written(declared: Declaration, numbers: Mapping[str, int]) -> Iterator[str]:
    """The parts of the text, each a name and what it is; one at least."""
    if not (declared.axes or declared.leading or any(each.levels for each in declared.params)):
        # A function of single numbers has nothing else to say.
        yield f"draws={numbers.get('draws', 0)}"
        return
    for axis in declared.axes:
        yield f"{axis}={numbers[axis]}"
    for group in declared.leading:
        shape = leading_shape(group, numbers)
        yield f"{group}={','.join(map(str, shape)) or '-'}"
    for param in declared.params:
        if param.levels:
            yield f"{param.name}={param.written(numbers)}"
    for each in declared.operands:
        if each.is_optional and not numbers[f"has_{each.name}"]:
            yield f"{each.name}=none"
    if numbers.get("draws"):
        yield f"draws={numbers['draws']}"


def numbers_of(declared: Declaration, texts: Mapping[str, str], *, called: str) -> dict[str, int]:
    """The numbers that such parts say; `CaseError` where they say none."""
    optional = [each.name for each in declared.operands if each.is_optional]
    numbers = {f"has_{name}": 1 for name in optional}
    params = {param.name: param for param in declared.params if param.levels}
    for name, text in texts.items():
        if name in params:
            numbers |= params[name].read(text)
        elif name in declared.leading:
            numbers |= _read_leading(name, text)
        elif name in optional and text == "none":
            numbers[f"has_{name}"] = 0
        elif name == "draws" and text == "0":
            continue
        elif name in declared.axes or (name == "draws" and declared.constants):
            numbers[name] = _read_size(name, text)
        else:
            known = (*declared.axes, *declared.leading, *params, *optional)
            raise CaseError(f"{name}={text}: {called} has {', '.join(known)}")
    return numbers


def _read_leading(group: str, text: str) -> dict[str, int]:
    sizes = [] if text == "-" else [_read_size(group, part) for part in text.split(",")]
    count, *keys = leading_keys(group)
    if len(sizes) > len(keys):
        raise CaseError(f"{group}={text}: there are up to {len(keys)} leading axes")
    return {count: len(sizes), **dict(zip(keys, sizes, strict=False))}


def _read_size(name: str, text: str) -> int:
    if not text.isdecimal() or len(text) > 12:
        raise CaseError(f"{name}={text}: a whole number of at most 12 digits was expected")
    return int(text)
