"""Importing a module by name or by file, with errors that point into the user's own code."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from bpcheck.errors import TargetError
from bpcheck.files import is_file, is_folder
from bpcheck.imports.errors import explain, shorten

#: How names of shared libraries end.
_LIBRARIES = (".so", ".dylib", ".dll")


def import_file(path: Path) -> ModuleType:
    """The module in a file, imported as part of its package if it lies in one.

    Raises
    ------
    TargetError
        If there is no such file, or importing it fails.
    """
    if not is_file(path):
        raise TargetError(_no_file(path))
    path = path.resolve()
    root, name = _root_and_name(path)
    _make_importable(root)
    loaded = sys.modules.get(name)
    if loaded is not None and getattr(loaded, "__file__", None) == str(path):
        return loaded
    if loaded is not None or "." in name:
        spec = importlib.util.find_spec(name) if "." in name else None
        if spec is not None and spec.origin == str(path):
            return _import(name, shown=shorten(str(path)))
        name = f"bpcheck_target_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise TargetError(f"{path}: not a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickle look a class's module up by name.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - user code
        del sys.modules[name]
        raise TargetError(_failed(shorten(str(path)), error)) from None
    return module


def import_named(name: str, *, directory: Path) -> ModuleType:
    """The module of that dotted name, with `directory` importable as under ``python -m``.

    Raises
    ------
    TargetError
        If there is no such module, or importing it fails.
    """
    # With a path it is no name, and with none the import system asks it for a module's function.
    if Path(name).suffix in _LIBRARIES and is_file(directory / name):
        raise TargetError(_is_library(name))
    _make_importable(directory)
    return _import(name, shown=name)


def _import(name: str, *, shown: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and f"{name}.".startswith(f"{error.name}."):
            raise TargetError(_no_module(name, error.name)) from None
        raise TargetError(_failed(shown, error)) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - user code
        raise TargetError(_failed(shown, error)) from None


def _make_importable(directory: Path) -> None:
    entry = str(directory.resolve())
    if entry not in sys.path:
        sys.path.insert(0, entry)
    # A file may be newer than what the import system remembers of its directory.
    importlib.invalidate_caches()


def _root_and_name(path: Path) -> tuple[Path, str]:
    """The directory that holds the outermost package of a file, and its dotted name from there."""
    root, name = path.parent, path.stem
    while (root / "__init__.py").is_file() and root.name.isidentifier():
        root, name = root.parent, f"{root.name}.{name}"
    return root, name.removesuffix(".__init__")


def _failed(shown: str, error: BaseException) -> str:
    if isinstance(error, SystemExit):
        remedy = "Put what runs as a script under  if __name__ == '__main__':"
    elif isinstance(error, ModuleNotFoundError):
        remedy = f"Install {error.name}, or mend the import."
    elif "does not define module export function" in str(error):
        return _is_library(shown)
    else:
        remedy = "Mend that first; bpcheck can only check code that imports."
    return f"{shown} cannot be imported\n{explain(error)}\n{remedy}"


def _is_library(shown: str) -> str:
    """A library of C is no module of Python, which is nothing to mend."""
    return (
        f"{shown} is a shared library and no module of Python: --style ctypes takes it, with a "
        'line for what each function takes: --with dtype=float32 --with "forward=NAME(x w y ...)" '
        '--with "backward=NAME(x w dy dx dw ...)" (docs/your-code.md)'
    )


def _no_file(path: Path) -> str:
    if is_folder(path):
        return f"{path} is a directory; name a file in it, such as {path / 'layers.py'}:Conv"
    if not is_folder(path.parent):
        return f"{path}: there is no directory {path.parent}"
    there = sorted(each.name for each in path.parent.glob("*.py"))
    close = difflib.get_close_matches(path.name, there, n=3, cutoff=0.5)
    if close:
        return f"{path}: no such file; did you mean {' or '.join(close)}?"
    where = path.parent.resolve()
    return f"{path}: no such file; the Python files in {where} are {', '.join(there) or 'none'}"


def _no_module(name: str, missing: str) -> str:
    """Why `name` is not there: `missing` is the first part of it that could not be found."""
    parent = missing.rpartition(".")[0]
    if parent and not hasattr(sys.modules.get(parent), "__path__"):
        rest = name[len(parent) + 1 :]
        return (
            f"there is no module {name}: {parent} is a module, not a package; "
            f"for a class or object in it write {parent}:{rest}"
        )
    as_file = Path(name if name.endswith(".py") else f"{name.replace('.', '/')}.py")
    if "/" in name or "\\" in name:
        as_file = Path(f"{name}.py")
        return f"{name} is not the name of a module; for a file write its path, such as {as_file}"
    close = difflib.get_close_matches(missing.rpartition(".")[2], _neighbours(parent), n=3)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    return (
        f"there is no module {missing}: {hint}Python looked in the current directory "
        f"({Path.cwd()}) and among the installed packages; for a file anywhere else "
        f"write path/to/{as_file.name}"
    )


def _neighbours(parent: str) -> list[str]:
    """Names of the modules that lie where one was looked for."""
    folders = list(getattr(sys.modules.get(parent), "__path__", [])) if parent else [Path.cwd()]
    return [
        each.stem
        for folder in folders
        for each in Path(folder).glob("*")
        if each.stem.isidentifier() and (each.suffix == ".py" or each.is_dir())
    ]
