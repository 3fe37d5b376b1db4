"""Which functions of torch.nn.functional are operations by themselves, and what the others ask for.

    python -m benchmarks.functionals

Each is handed over as `bpcheck check torch.nn.functional:NAME ...` would do it.
"""

from __future__ import annotations

import re
import warnings
from typing import Any

from torch.nn import functional

from bpcheck.errors import BpcheckError
from bpcheck.operations.declared.guessed import operation_of


def names() -> list[str]:
    """The public functions on real tensors."""
    found = [each for each in dir(functional) if each.islower() and not each.startswith("_")]
    return [each for each in found if callable(getattr(functional, each)) and _is_of_tensors(each)]


#: What stands in that module and is no function of tensors.
_HELPERS = ("assert_int_or_pair", "boolean_dispatch", "handle_torch_function")


def _is_of_tensors(name: str) -> bool:
    function: Any = getattr(functional, name)
    if name in _HELPERS or "torch_function" in name or name.endswith("_with_indices"):
        return False
    # Those that change their operand are the others' twins.
    return not name.endswith("_") and getattr(function, "__module__", "") not in ("typing", "torch")


def said_of(name: str) -> str:
    """``smooth`` and so on where it is one, else what must be declared."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return str(operation_of(getattr(functional, name), f"torch.nn.functional:{name}").found)
    except BpcheckError as error:
        asked = re.search(r"say what (.*?) are, in a module", str(error))
        return f"declare {asked.group(1)}" if asked else str(error).splitlines()[0][:100]


def main() -> None:
    """Print the table, those that are operations by themselves first."""
    found = {name: said_of(name) for name in names()}
    rows = sorted(found.items(), key=lambda row: (row[1].startswith("declare"), row[1], row[0]))
    print("| function | |\n|---|---|")
    for name, said in rows:
        print(f"| `{name}` | {said} |")
    alone = sum(not said.startswith("declare") for said in found.values())
    print(f"\n{alone} of {len(found)} need no declaration.")


if __name__ == "__main__":
    main()
