"""An operation of a user's own is checked, replayed, pickled and reported like a built-in one."""

from __future__ import annotations

import copy
import json
import pickle
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

import bpcheck
from bpcheck import Case
from bpcheck.report import report_text, to_json
from bpcheck.runner import check_subject
from properties.harness.own import (
    MODULE,
    OPERATION,
    ROOT,
    command,
    folder,
    operation,
    pickled,
    process,
    subject,
    written,
)

__all__ = ["folder", "written"]

#: Enough cases to meet the wrong direction in, and few enough for a test.
FEW = ("--cases", "40", "--no-repair")


def test_a_right_kernel_agrees_in_a_whole_quick_run_in_every_dtype() -> None:
    every = ("float64", "float32", "float16", "bfloat16")
    report = check_subject(subject("Right", dtypes=every), profile="quick")
    assert report.verdict is bpcheck.Verdict.AGREES, report_text(report)
    assert report.operation == OPERATION
    assert not report.missing
    assert {"direction backwards", "signal fortran", "values huge"} <= set(report.coverage)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_sums_too_long_for_a_narrow_dtype_are_thinned_whatever_the_operands_are_called(
    written: Path, dtype: str
) -> None:
    long = MODULE.replace("integers(1, 40)", "integers(200, 300)")
    (written / "mymodule.py").write_text(long, encoding="utf-8")
    report = check_subject(subject("Right", dtypes=(dtype,)), count=24)
    assert report.agrees, report_text(report)
    assert report.table["autograd"]["gain_bar"].passed
    assert report.table["finite differences"]["gain_bar"].passed
    wrong = check_subject(subject("Wrong", dtypes=(dtype,)), count=12)
    assert wrong.verdict is bpcheck.Verdict.BACKWARD_WRONG


def test_a_wrong_kernel_is_wrong_on_the_smallest_case_that_shows_it() -> None:
    report = check_subject(subject("Wrong"), count=80)
    assert report.verdict is bpcheck.Verdict.BACKWARD_WRONG
    assert {each.result for each in report.judgements} == {"signal_bar", "gain_bar"}
    (first, *_) = report.judgements
    assert first.smallest == f"{OPERATION} n1len2rev1 f64 small c-order seed=0 y_bar=0,0"
    assert first.where == "direction backwards and length many"
    # No fault of the catalogue is one of it.
    assert first.looks_like == first.reproduction == first.why_no_replay == ""


@pytest.mark.parametrize(("kernel", "code"), [("Right", 0), ("Wrong", 1)])
def test_workers_change_nothing_of_its_report(kernel: str, code: int) -> None:
    for jobs in ("1", "2"):
        options = ("--jobs", jobs, "--json", f"{jobs}.json", *FEW)
        arguments = ("check", OPERATION, f"mymodule:{kernel}", *options)
        done = command(*arguments)
        assert done.exit_code == code, done.output
    assert Path("1.json").read_text() == Path("2.json").read_text()
    (report,) = json.loads(Path("1.json").read_text())["reports"]
    assert report["operation"] == OPERATION
    assert all(each["smallest_case"].startswith(OPERATION) for each in report["judgements"])


def in_a_process(*arguments: str) -> tuple[int, str]:
    done = process("-m", "bpcheck", *arguments)
    return done.returncode, done.stdout


def in_this_one(*arguments: str) -> tuple[int, str]:
    done = command(*arguments)
    return done.exit_code, done.stdout


@pytest.mark.parametrize(
    ("named", "target", "run"),
    [
        (OPERATION, "mymodule:Wrong", in_a_process),
        ("operations/sums.py:running_sum", "mymodule.py:Wrong", in_this_one),
        ("operations/sums.py:RunningSum.instance", "mymodule:Wrong", in_this_one),
    ],
)
def test_the_command_that_replays_it_is_told_and_works(
    written: Path, named: str, target: str, run: Callable[..., tuple[int, str]]
) -> None:
    elsewhere = written / "operations" / "sums.py"
    elsewhere.parent.mkdir()
    text = (written / "mymodule.py").read_text(encoding="utf-8")
    elsewhere.write_text(f"{text}\nRunningSum.instance = RunningSum()\n", encoding="utf-8")
    code, said = run("check", named, target, "--jobs", "2", *FEW)
    assert code == 1, said
    line = next(line for line in said.splitlines() if " replay " in line)
    replay = shlex.split(line.partition("bpcheck ")[2])
    assert replay[0] == "replay"
    assert replay[1].startswith(f"{named} n1len2rev1 ")
    code, said = run(*replay)
    assert code == 1, said
    assert "BACKWARD WRONG. signal_bar" in said
    assert run(*replay[:2], "mymodule:Right")[0] == 0


def test_a_project_may_name_it() -> None:
    entry = f'sum = {{ target = "mymodule:Wrong", operation = "{OPERATION}" }}'
    Path("pyproject.toml").write_text(f"[tool.bpcheck.subjects]\n{entry}\n", encoding="utf-8")
    result = command("check", *FEW)
    assert result.exit_code == 1
    assert f"mymodule:Wrong · {OPERATION}" in result.stdout


def test_a_file_of_cases_holds_its_texts_and_its_descriptors() -> None:
    Path("cases.txt").write_text(f"{OPERATION} n2len3 f32\nn1len4rev1\nconv1d n1ic1iw3oc1kw2\n")
    result = command("check", OPERATION, "mymodule:Right", "--cases", "cases.txt", "--dtype", "f32")
    assert result.exit_code == 0, result.output
    assert "4 cases" in result.stdout


def test_a_descriptor_of_benchdnn_is_refused_since_it_has_no_windows() -> None:
    Path("cases.txt").write_text("mb2ic3ih8oc4oh6kh3\n")
    result = command("check", OPERATION, "mymodule:Right", "--cases", "cases.txt")
    assert result.exit_code == 2
    assert f"{OPERATION} has no windows" in result.stderr
    assert "its keys are n len rev" in result.stderr


def test_conformance_has_an_item_for_each_of_its_results(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makepyfile(
        mymodule=MODULE,
        test_sums="""
        import bpcheck, mymodule
        def of(kernel):
            return bpcheck.Subject(kernel.forward, kernel.vjp, operation=mymodule.running_sum)
        wrong = of(mymodule.Wrong())
        test_right = bpcheck.conformance(of(mymodule.Right()))
        test_wrong = bpcheck.conformance(wrong)
        """,
    )
    result = pytester.runpytest_subprocess(
        "-p", "no:cacheprovider", "--bpcheck-profile", "quick", "--bpcheck-no-repair", "-rf"
    )
    failed = [line for line in result.outlines if line.startswith("FAILED")]
    assert any("test_wrong[autograd-signal_bar]" in line for line in failed)
    assert all("test_wrong[" in line for line in failed)
    assert all("-y]" not in line for line in failed)
    result.stdout.fnmatch_lines([f"*replay*'{OPERATION} n1len2rev1 *' test_sums.py:wrong"])


def test_cases_subjects_and_reports_are_pickled_and_found_again() -> None:
    case = Case(operation(), operation().geometry({"len": 3, "rev": 1}), dtype="float32")
    found = subject("Wrong")
    report = check_subject(found, count=10)
    again = pickled((case, found, report))
    assert again[0] == case
    assert hash(again[0]) == hash(case)
    assert again[0].operation is again[1].operation is operation()
    assert again[2] == report
    assert to_json(again[2]) == to_json(report)


def test_another_process_finds_what_was_pickled_here(written: Path) -> None:
    case = Case(operation(), operation().geometry({"len": 3}))
    (written / "case.pickle").write_bytes(pickle.dumps(case))
    program = "import pickle; print(pickle.load(open('case.pickle', 'rb')))"
    assert process("-c", program).stdout == f"{case}\n"


def test_it_is_a_value_that_compares_by_its_address() -> None:
    own = operation()
    assert own == pickled(own) == copy.deepcopy(own)
    assert {own: 1}[copy.copy(own)] == 1
    assert own != bpcheck.parse_case("conv1d n1ic1iw3oc1kw2").operation
    assert own != type(own)()
    assert str(own) == OPERATION


def test_a_script_that_defines_it_runs_once_and_its_workers_find_it(written: Path) -> None:
    script = (written / "mymodule.py").read_text(encoding="utf-8")
    assert script.count('profile="quick"') == 1
    script = script.replace('profile="quick"', "count=40")
    Path("script.py").write_text(f"{script}\nprint('the end')\n", encoding="utf-8")
    done = process("script.py")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.count("the end") == 1
    assert "Right · script:running_sum" in done.stdout
    assert "AGREES in 40 cases" in done.stdout
    assert "BACKWARD WRONG. 1 defect" in done.stdout
    assert process("-m", "script").stdout == done.stdout
