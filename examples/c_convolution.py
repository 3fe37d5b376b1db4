"""A convolution in C is compiled and checked, right and wrong.

Run it with ``python examples/c_convolution.py``; it needs a C compiler named ``cc``.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import bpcheck
from bpcheck.report import report_text

SOURCE = Path(__file__).parent / "your_code" / "conv.c"
SIZES = "n c h wd oc kh kw s p oh ow"


def built(folder: str) -> Path:
    library = Path(folder) / "libconv.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, SOURCE], check=True)  # noqa: S603, S607 - the user's own compiler
    return library


def subject(library: Path, backward: str) -> bpcheck.Subject:
    return bpcheck.adapters.ctypes(
        library,
        operation="conv2d",
        name=backward,
        dtype="float64",
        forward=f"conv_forward(x w b y {SIZES})",
        backward=f"{backward}(x w dy dx dw db {SIZES})",
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        library = built(folder)
        for backward in ("conv_backward", "conv_backward_wrong"):
            report = bpcheck.check(subject(library, backward), count=100)
            print(report_text(report).rstrip() + "\n")


if __name__ == "__main__":
    main()
