"""Writes the output that the README shows anew: what its commands print now.

Usage: python tools/readme.py
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"

#: A kernel in its file, and the command that checks it with what it prints.
_KERNEL = re.compile(
    r"^```python\n# (?P<file>layers\.py)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE
)
_SHOWN = re.compile(
    r"^```console\n\$ (?P<command>bpcheck check avg_pool1d [^\n]*)\n(?P<output>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


def renewed(readme: str) -> str:
    """The text of the README with the output that its command prints now.

    Times differ from run to run; those that are there stay.
    """
    kernel, shown = _KERNEL.search(readme), _SHOWN.search(readme)
    if kernel is None or shown is None:
        raise ValueError(
            "README.md: a kernel in layers.py and a command that checks it must be there"
        )
    with tempfile.TemporaryDirectory() as directory:
        # As a reader copies it: its first line says which file it is.
        source = f"# {kernel['file']}\n{kernel['code']}"
        Path(directory, kernel["file"]).write_text(source, "utf-8")
        output = _run(shown["command"], directory)
    start, end = shown.span("output")
    return readme[:start] + _with_times_of(shown["output"], output) + readme[end:]


def _run(command: str, directory: str) -> str:
    arguments = shlex.split(command)[1:]
    finished = subprocess.run(  # noqa: S603 - the README's own command
        [sys.executable, "-m", "bpcheck", *arguments],
        cwd=directory,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env={"PYTHONIOENCODING": "utf-8", "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
    )
    return "".join(f"{line.rstrip()}\n" for line in finished.stdout.splitlines())


def _with_times_of(shown: str, output: str) -> str:
    time = re.compile(r"(?<= · )(\d+ min )?[\d.]+ m?s$", re.MULTILINE)
    before = time.search(shown)
    return output if before is None else time.sub(before[0], output)


if __name__ == "__main__":
    README.write_text(renewed(README.read_text("utf-8")), "utf-8")
