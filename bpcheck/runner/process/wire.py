"""What travels between a run and its workers, as bytes: values, without what they have computed."""

from __future__ import annotations

import io
import pickle
import tempfile
from dataclasses import fields, is_dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

#: Messages above this lie in a file: whoever sends must never wait for one who waits to send.
_LARGE = 16_384

#: What tells a message from the path of one.
_ITSELF, _ITS_PATH = b"m", b"p"


class _Bare(pickle.Pickler):
    """Leaves out what frozen values keep beside their fields: it can be computed again."""

    def reducer_override(self, obj: Any) -> Any:
        kept = getattr(obj, "__dict__", None)
        if not kept or isinstance(obj, type) or not is_dataclass(obj):
            return NotImplemented
        names = [each.name for each in fields(obj)]
        # Who says how it travels, as an operation does by its address, is asked.
        if len(kept) == len(names) or type(obj).__reduce__ is not object.__reduce__:
            return NotImplemented
        return object.__new__, (type(obj),), {name: kept[name] for name in names if name in kept}


def dumps(value: Any) -> bytes:
    """A value as bytes.

    Examples
    --------
    >>> from bpcheck.cases import parse_case
    >>> case = parse_case("avg_pool1d n1ic1iw9999kw2")
    >>> _ = case.shapes, case.terms
    >>> len(dumps(case)) < 1000, pickle.loads(dumps(case)) == case
    (True, True)
    """
    buffer = io.BytesIO()
    _Bare(buffer, pickle.HIGHEST_PROTOCOL).dump(value)
    return buffer.getvalue()


def send(connection: Connection, value: Any, folder: str) -> None:
    """Send a value to whoever receives it with `receive`."""
    data = dumps(value)
    if len(data) <= _LARGE:
        connection.send_bytes(_ITSELF + data)
        return
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        file.write(data)
    connection.send_bytes(_ITS_PATH + file.name.encode())


def receive(connection: Connection) -> Any:
    """The next value that was sent."""
    data = connection.recv_bytes()
    if data[:1] == _ITSELF:
        return pickle.loads(data[1:])  # noqa: S301 - our own process has sent it
    path = Path(data[1:].decode())
    data = path.read_bytes()
    path.unlink()
    return pickle.loads(data)  # noqa: S301 - our own process has sent it
