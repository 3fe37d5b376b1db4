"""What an operation of a user's own lacks, raises or contradicts is said, with what to do."""

from __future__ import annotations

import pickle
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import bpcheck
from bpcheck.errors import NoAddressError, OperationError
from bpcheck.operations import operation_named
from bpcheck.report import report_text, to_json
from bpcheck.runner import check_subject
from properties.harness.own import (
    AS_DATACLASS,
    MODULE,
    OPERATION,
    command,
    folder,
    operation,
    pickled,
    process,
    subject,
    written,
)

__all__ = ["folder", "written"]

REMEDY = "make it a global of a module that can be imported, such as running_sum = RunningSum(...)"


def homeless(kernel: str = "Wrong") -> bpcheck.Subject:
    """A subject of an operation that was made in a function."""
    found = subject(kernel)
    nowhere = type(found.operation)()
    return bpcheck.Subject(found.forward, found.vjp, operation=nowhere, name=kernel)


def test_without_an_address_it_is_checked_here_and_its_report_says_why_it_cannot_be_replayed() -> (
    None
):
    assert check_subject(homeless("Right"), count=40).agrees
    report = check_subject(homeless(), count=40)
    assert report.verdict is bpcheck.Verdict.BACKWARD_WRONG
    assert report.operation == "running_sum"
    for target in (None, "mymodule:Wrong"):
        said = " ".join(report_text(report, target=target).split())
        assert (
            f"no replay running_sum has no address, so no other process can find it: {REMEDY}"
            in (said)
        )
        assert "bpcheck replay" not in said
    assert to_json(report).count(f"has no address, so no other process can find it: {REMEDY}") == 2


def test_a_text_of_it_leads_to_nothing_and_says_how_to_name_one_of_your_own() -> None:
    with pytest.raises(bpcheck.CaseError, match="module:attribute names one of your own"):
        bpcheck.parse_case("running_sum n1len2")
    result = command("replay", "running_sum n1len2", "mymodule:Wrong")
    assert result.exit_code == 2
    assert "module:attribute names one of your own" in result.stderr


def test_workers_are_a_usage_error_before_anything_is_run() -> None:
    called: list[Any] = []
    with pytest.raises(bpcheck.UsageError, match="jobs=2: running_sum has no address") as caught:
        check_subject(homeless(), count=40, jobs=2, on_progress=called.append)
    assert REMEDY in str(caught.value)
    assert not called


def test_threads_of_this_process_serve_it_too() -> None:
    with ThreadPoolExecutor(1) as executor:
        report = check_subject(homeless(), count=20, executor=executor)
    assert report.verdict is bpcheck.Verdict.BACKWARD_WRONG


def test_an_executor_that_sends_it_to_other_processes_says_what_is_missing() -> None:
    # Its kernel can be pickled; the operation cannot.
    with ProcessPoolExecutor(1) as executor, pytest.raises(NoAddressError, match="has no address"):
        check_subject(homeless(), count=20, executor=executor)


def test_pickling_it_says_what_is_missing() -> None:
    with pytest.raises(pickle.PicklingError, match="has no address"):
        pickle.dumps(homeless().operation)


def test_it_has_an_address_from_the_moment_a_module_has_a_name_for_it() -> None:
    own = type(operation())()
    assert (own.address, str(own)) == (None, "running_sum")
    before = hash(own)
    vars(sys.modules["mymodule"])["late"] = own
    assert (own.address, hash(own)) == ("mymodule:late", before)
    assert pickled(own) is own


def test_a_global_that_was_something_else_before_is_an_address_too() -> None:
    own = type(operation())()
    module = vars(sys.modules["mymodule"])
    module["late"] = None
    assert own.address is None
    module["late"] = own
    assert pickled(own) is own
    assert own.address == "mymodule:late"


def test_one_that_lies_deeper_is_found_by_what_was_typed() -> None:
    Path("deep.py").write_text(MODULE + "\nclass Of:\n    kind = RunningSum()\n")
    own = operation_named("deep:Of.kind")
    assert own.address == "deep:Of.kind"
    assert pickled(own) is own


#: In the place of a line of the module, another one; and what is then said of it.
BROKEN = {
    "draws what it does not take": (
        "return Signals(integers(1, 4)",
        "raise KeyError('draws')\n        return Signals(integers(1, 4)",
        "KeyError: 'draws'",
    ),
    "raises in torch": (
        "terms = operands",
        "terms = operands['x'] * operands",
        "mymodule.py, line 70: KeyError: 'x'",
    ),
    "raises in rare cases": (
        'EdgeClass("length", "1", lambda g: g.length == 1)',
        'EdgeClass("length", "1", lambda g: 1 / (g.length - 17) > 0)',
        "ZeroDivisionError",
    ),
    "forgets a number": (', "rev": int(self.reverse)}', "}", "it must give a number for each"),
    "turns around": (
        'bool(full["rev"]))',
        'not full["rev"])',
        "a case that is written and read again would be another one",
    ),
    "forgets a result": (
        ', "gain_bar": n * length}',
        "}",
        "give a number for y, signal_bar, gain_bar",
    ),
    "promises another shape": (
        "return (geometry.n, geometry.length)",
        "return (geometry.length, geometry.n, 1)",
        "output_shape() promise",
    ),
    "geometry without hash": (
        "@dataclass(frozen=True)\nclass Signals",
        "@dataclass\nclass Signals",
        "Signals has no hash; make it a frozen dataclass",
    ),
}


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("name", BROKEN)
def test_an_operation_that_is_broken_is_told_by_its_line_or_by_its_promise(
    written: Path, name: str, jobs: str
) -> None:
    before, after, said = BROKEN[name]
    assert MODULE.count(before) == 1
    (written / "mymodule.py").write_text(MODULE.replace(before, after), encoding="utf-8")
    result = command("check", OPERATION, "mymodule:Right", "--cases", "300", "--jobs", jobs)
    assert result.exit_code == 2, result.output
    assert f"{OPERATION}: " in result.stderr
    assert said in result.stderr.replace("\n    ", " ")
    assert "bug in bpcheck" not in result.stderr


def test_from_python_its_own_error_comes_out_with_its_own_type(written: Path) -> None:
    before, after, _ = BROKEN["draws what it does not take"]
    (written / "mymodule.py").write_text(MODULE.replace(before, after), encoding="utf-8")
    with pytest.raises(KeyError, match="draws"):
        check_subject(subject("Right"), count=10)


def test_what_is_raised_elsewhere_is_not_laid_at_its_door() -> None:
    def stop(_: object) -> None:
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        check_subject(subject("Right"), count=10, on_progress=stop)


@pytest.mark.parametrize("options", ["frozen=True", "eq=False", "frozen=True, slots=True"])
def test_a_dataclass_may_be_one(written: Path, options: str) -> None:
    text = AS_DATACLASS.replace("{}\nclass", f"@dataclass({options})\nclass")
    (written / "mymodule.py").write_text(text, encoding="utf-8")
    own = operation()
    assert own.address == OPERATION
    assert pickled(own) is own
    assert check_subject(subject("Right"), count=40, jobs=2).agrees


def test_a_dataclass_without_a_hash_is_told_how_to_have_one(written: Path) -> None:
    text = AS_DATACLASS.replace("{}\nclass", "@dataclass\nclass")
    (written / "mymodule.py").write_text(text, encoding="utf-8")
    result = command("check", OPERATION, "mymodule:Right")
    assert result.exit_code == 2
    assert "RunningSum has no hash, since it compares by its fields; write @dataclass(fr" in (
        result.stderr
    )


def test_a_contradiction_is_told_from_python_too(written: Path) -> None:
    before, after, said = BROKEN["forgets a result"]
    (written / "mymodule.py").write_text(MODULE.replace(before, after), encoding="utf-8")
    with pytest.raises(OperationError, match=said):
        check_subject(subject("Right"), count=10)


def test_a_module_that_is_not_there_is_told_by_name() -> None:
    done = process("-m", "bpcheck", "check", "nowhere:running_sum", "mymodule:Right")
    assert done.returncode == 2
    assert "there is no module nowhere" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_no_operation_is_told_with_its_type() -> None:
    result = command("check", "mymodule:RunningSum", "mymodule:Right")
    assert result.exit_code == 2
    assert "name an instance of a class that derives from" in result.stderr
