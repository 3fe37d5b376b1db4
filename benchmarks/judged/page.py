"""The page docs/kernels-judged.md, from what was found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.judged.findings import REPRODUCED, Finding, explained
from benchmarks.judged.listed import PACKAGES

HEAD = """\
# Kernels that nobody here wrote

Triton kernels of packages on the index, forward and backward, judged in float32 without a GPU:

```console
$ tools/judged-kernels
```

makes an environment of its own with the packages, runs `python -m benchmarks.kernels_judged`
there, and that prints this page. Each kernel is called by a function of a few lines in
`benchmarks/judged/`, and is judged as one would type it:

```console
$ {command}
```

None was edited. What `--interpret` adds to Triton's interpreter stands in
[your-code.md](your-code.md)."""

LIMITS = """\
## What an interpreter cannot show

It runs one program of a grid after another, and each operation as one of NumPy's. So nothing
here speaks of

- **races**: programs that write one cell without an atomic operation, missing barriers, locks;
- **the device's numbers**: TF32 in `tl.dot`, approximations of `exp` and of division, fused
  multiply-adds, flushed subnormals. Functions of libdevice are computed by torch's;
- **configurations that were not run**: an autotuned kernel runs in its first one; who asks for
  the number of processors is told a small one; and code for one kind of device alone (TMA,
  Hopper, Blackwell, AMD) is not reached;
- **large sizes**: rows of more than some hundred elements, kernels that take several blocks for
  a row, offsets that overflow 32 bits;
- **memory**: registers, shared memory, alignment. Reading beyond an array is found only where
  what lies there changes a number, or where it ends the process;
- **the compiler**: what it makes of a kernel, such as the constant that an integer argument of 1
  becomes;
- **float16 and bfloat16**, in which these kernels are mostly used.

A kernel that agrees here agrees in the cases that were judged, which are small. One that does
not is wrong on a device as well where the cause lies in its formula, or in its Python: what is
shown above is of these two kinds alone. Each program runs without bpcheck, so that none of it is
the doing of what bpcheck adds to the interpreter."""


def printed(
    verdicts: Sequence[Any],
    versions: Mapping[str, str],
    stopped: Sequence[tuple[str, str, str]],
    reproduced: Mapping[str, tuple[str, str]],
) -> str:
    """The whole page, as Markdown."""
    first = verdicts[0].command if verdicts else ""
    parts = [
        HEAD.format(command=first),
        "\n".join(_table(verdicts, versions)),
        "\n".join(_told(reproduced)),
        "\n".join(_stopped(stopped, versions)),
        LIMITS,
    ]
    return "\n\n".join(parts)


def _table(verdicts: Sequence[Any], versions: Mapping[str, str]) -> Iterator[str]:
    agree = sum(not each.told and not each.stopped for each in verdicts)
    yield "## Verdicts"
    yield ""
    yield (
        f"{len(verdicts)} kernels of {len({each.kernel.package for each in verdicts})} packages; "
        f"{agree} agree in every case. Triton {versions['triton']}, torch {versions['torch']}."
    )
    yield ""
    yield "| package | kernel | operation | cases | verdict |"
    yield "| --- | --- | --- | ---: | --- |"
    for each in verdicts:
        package = PACKAGES[each.kernel.package]
        yield (
            f"| {package} {versions[package]} | `{each.kernel.called}` | {each.kernel.name} "
            f"| {each.cases} | {_verdict(each)} |"
        )


def _verdict(verdict: Any) -> str:
    if verdict.stopped:
        return f"stopped: {verdict.stopped}"
    if not verdict.told:
        return "agrees"
    words: dict[Finding | None, list[str]] = {}
    for each in verdict.told:
        words.setdefault(explained(verdict.kernel, each), []).append(each["judgement"])
    said = []
    for finding, judgements in words.items():
        known = f"[{finding.title}](#{finding.anchor})" if finding else "not looked into"
        said.append(f"{', '.join(dict.fromkeys(judgements))}: {known}")
    return "; ".join(said)


def _told(reproduced: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    from benchmarks.judged.findings import EXPLAINED

    yield "## What was told, and shown without bpcheck"
    yield ""
    yield (
        "Each program needs torch, Triton and the package, computes the same in float64 by "
        "torch, and was run with `TRITON_INTERPRET=1`; below it stands what it printed."
    )
    shown: set[str] = set()
    for finding in EXPLAINED:
        if not finding.program or finding.anchor in shown:
            continue
        shown.add(finding.anchor)
        source, output = reproduced[finding.program]
        yield from _one(finding, source, output)


def _one(finding: Finding, source: str, output: str) -> Iterator[str]:
    yield ""
    yield f"### {finding.title[0].upper() + finding.title[1:]}"
    yield ""
    yield finding.text
    yield ""
    yield "```python"
    yield source.strip()
    yield "```"
    yield ""
    yield "```text"
    yield output
    yield "```"


def _stopped(stopped: Sequence[tuple[str, str, str]], versions: Mapping[str, str]) -> Iterator[str]:
    yield "## What stopped others"
    yield ""
    yield "| package | what | what it says |"
    yield "| --- | --- | --- |"
    for package, what, said in stopped:
        # The place of a file, and advice on what to install, are of one machine.
        line = re.split(r" \(/| Install ", said)[0].strip().replace("|", "\\|")
        yield f"| {package} {versions[package]} | {what} | `{line}` |"


__all__ = ["REPRODUCED", "printed"]
