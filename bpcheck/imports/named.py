"""From the text of a target, such as ``module:attribute``, to the object that it names."""

from __future__ import annotations

import difflib
from pathlib import Path
from types import ModuleType
from typing import Any

from bpcheck.errors import TargetError
from bpcheck.imports.errors import explain
from bpcheck.imports.modules import import_file, import_named


def find(target: str, *, directory: Path) -> Any:
    """The object that `target` names; files and modules are looked for in `directory`.

    Raises
    ------
    TargetError
        If there is none, or importing its module fails.
    """
    where, colon, attributes = split(target)
    if not where or (colon and not attributes):
        raise TargetError(
            f"target {target!r}: write module, module:attribute or path/file.py:attribute"
        )
    if where.endswith(".py"):
        found: Any = import_file(_from(directory, where))
    else:
        found = import_named(where, directory=directory)
    path = where
    for attribute in attributes.split(".") if attributes else ():
        found = _attribute(found, attribute, path)
        path = f"{path}{'.' if ':' in path else ':'}{attribute}"
    return found


def split(target: str) -> tuple[str, str, str]:
    r"""The module or file, the colon, and the attribute.

    Examples
    --------
    >>> split("student/layers.py:Conv.fast")
    ('student/layers.py', ':', 'Conv.fast')
    >>> split(r"C:\layers.py")
    ('C:\\layers.py', '', '')
    """
    where, colon, attributes = target.strip().rpartition(":")
    if not colon or attributes.endswith(".py"):
        return target.strip(), "", ""
    return where, colon, attributes


def _from(directory: Path, where: str) -> Path:
    path = Path(where).expanduser()
    # Messages show the path as it was typed.
    return path if directory == Path.cwd() else directory / path


def _attribute(holder: Any, name: str, path: str) -> Any:
    try:
        return getattr(holder, name)
    except AttributeError:
        pass
    except Exception as error:  # noqa: BLE001 - user code
        raise TargetError(f"{path}: reading {name} fails\n{explain(error)}") from None
    public = [each for each in dir(holder) if not each.startswith("_")]
    close = difflib.get_close_matches(name, public, n=3, cutoff=0.5)
    if close:
        remedy = f"did you mean {' or '.join(close)}?"
    else:
        own = [each for each in public if not isinstance(getattr(holder, each, None), ModuleType)]
        listed = ", ".join(own[:12]) + (", ..." if len(own) > 12 else "")
        remedy = f"it has {listed or 'nothing public'}"
    raise TargetError(f"{path} has no attribute {name!r}; {remedy}")
