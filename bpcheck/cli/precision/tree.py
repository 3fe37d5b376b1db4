"""``bpcheck precision tree``: the order in which one element of a result is added up."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from bpcheck.cases import parse_case
from bpcheck.cli import exits
from bpcheck.cli.output import stdout
from bpcheck.cli.project import Entry
from bpcheck.cli.safety import Safety, placed_entry
from bpcheck.errors import UsageError
from bpcheck.precision.probing import revealed
from bpcheck.runner.memory import require_room


def run_tree(
    target: str,
    text: str,
    *,
    style: str,
    result: str,
    index: str | None,
    threads: int,
    safety: Safety,
) -> int:
    """Print the tree and the word; 0.

    Raises
    ------
    BpcheckError
        For a case, a result, an index or a target that there is not, and for what is no sum.
    """
    case = parse_case(text)
    require_room([case])
    if result not in case.operation.results(case.geometry):
        there = ", ".join(case.operation.results(case.geometry))
        raise UsageError(f"--result {result}: the case has {there}")
    place = None if index is None else _place(index)
    entry = Entry(target, str(case.operation), style)
    with placed_entry(
        entry,
        Path.cwd(),
        dtypes=(case.dtype,),
        in_process=safety.is_in_process(),
        safety=safety,
    ) as site:
        found, order, differ = site.do(revealed, case, result, place, threads)
    console = stdout()
    at = ",".join(map(str, found))
    said = [f"{result}[{at}] of {target} adds up {order.terms} terms: {order.word}", *order.lines]
    said += [f"another tree {each}" for each in differ]
    if differ:
        said.append("that is why its bits depend on it")
    for line in said:
        console.print(Text(f" {line}"), soft_wrap=True)
    return exits.AGREES


def _place(index: str) -> tuple[int, ...]:
    try:
        return tuple(int(each) for each in index.split(","))
    except ValueError:
        raise UsageError(f"--index {index}: numbers with commas were expected, 0,1,2") from None
