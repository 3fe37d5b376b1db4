import pytest

from benchmarks import detection
from benchmarks.false_alarms import ask_rivals_about_right, judge_right, tasks, tasks_for_rivals
from benchmarks.hunting import Asked, Found, ask_rivals, columns, hunt
from benchmarks.loops import loops
from benchmarks.material import KERNELS, kernel, operation_for, planned, representative
from benchmarks.rivals import Question, Rival, question, rivals
from bpcheck.explain.faults import fault_named


def test_bpcheck_finds_a_fault_within_a_few_cases() -> None:
    found = hunt("w-bar-rotated", "conv1d")
    assert 0 < found.cases < 20
    assert "w_bar backward wrong" in found.case
    assert "autograd" in found.checks


def test_every_rival_tells_a_rotated_kernel_from_the_right_one() -> None:
    asked = ask_rivals("w-bar-rotated")
    assert set(asked.killed) == set(columns())
    assert all(asked.killed.values())


def test_gradcheck_does_not_see_a_clamped_cotangent_because_its_own_are_never_negative() -> None:
    killed = ask_rivals("cotangent-clamped-at-zero").killed
    assert not killed["gradcheck slow"]
    assert not killed["gradcheck fast"]
    assert killed["Autograd's rule"]


def test_a_fault_that_a_dtype_cannot_show_has_no_case() -> None:
    assert representative(fault_named("operands-in-tf32"), "float64") is None


@pytest.mark.parametrize("operation", ["conv1d", "conv2d", "max_pool2d", "avg_pool2d"])
def test_the_loops_are_right(operation: str) -> None:
    assert judge_right("loops", operation, 12, 3).alarms == ()


def test_loops_decline_what_would_take_them_long() -> None:
    cases = list(planned(loops("conv2d"), count=5))
    assert all(case.geometry.ic < 64 for case in cases)


@pytest.mark.parametrize("each", rivals(), ids=lambda each: each.name)
def test_rivals_pass_a_right_kernel_on_real_values(each: Rival) -> None:
    case = representative(fault_named("w-bar-rotated"), "float64")
    assert case is not None
    assert each.passes(kernel("reference", "conv2d"), case)


@pytest.mark.parametrize("each", rivals(), ids=lambda each: each.name)
def test_raising_is_finding_something(each: Rival) -> None:
    case = representative(fault_named("raises-for-strides"), "float64")
    assert case is not None
    wrong = fault_named("raises-for-strides").plant(kernel("reference", case.operation.name))
    assert not each.passes(wrong, case)


def test_a_question_leaves_absent_operands_out() -> None:
    fault = fault_named("b-bar-where-there-is-no-bias")
    case = representative(fault, "float64")
    assert case is not None
    asked: Question = question(kernel("reference", case.operation.name), case)
    y, residuals = asked.forward(*asked.operands)
    assert len(asked.operands) == 2
    assert len(asked.vjp(residuals, asked.y_bar)) == 2
    assert y.shape == case.shapes["y"]


def test_ties_are_false_alarms_of_gradcheck_and_none_of_bpcheck() -> None:
    asked = ask_rivals_about_right("loops", "max_pool1d", "ties", "float64", 12, 1)
    assert asked.cases == 12
    assert asked.alarms["gradcheck slow"] > 0
    assert judge_right("loops", "max_pool1d", 15, 1).alarms == ()


def test_tasks_add_up_to_what_was_asked_for() -> None:
    for kernels in KERNELS:
        counts = sum(count for _, _, count, _ in tasks(kernels, 20_000))
        # A few more, for those that torch is not asked.
        assert 20_000 <= counts < 20_500
        assert 20_000 <= sum(each[-2] for each in tasks_for_rivals(kernels, 20_000)) < 20_100


def test_tables_count_each_family(capsys: pytest.CaptureFixture[str]) -> None:
    fault = fault_named("w-bar-rotated")
    found = [Found(fault.name, operation_for(fault), 3, 0.5), Found("x", "conv2d", 0, 9.0)]
    detection.print_kills(
        {"rotation": [fault]}, found[:1], [Asked(fault.name, dict.fromkeys(columns(), False))]
    )
    detection.print_cost(found)
    said = capsys.readouterr().out
    assert "| rotation | 1 | 1 | 0 |" in said
    assert "Found by bpcheck alone: 1." in said
    assert "MISSED: x in conv2d" in said
