"""Exhausting a scope: every geometry once, in each every column of the Jacobian."""

from __future__ import annotations

import pickle
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from bpcheck import Subject, adapters, check
from bpcheck.cases import Case, parse_case
from bpcheck.checks.columns import AUTOGRAD, DIFFERENCES
from bpcheck.cli.app import main
from bpcheck.errors import UsageError
from bpcheck.finding import Status
from bpcheck.operations import operation_named, operation_names
from bpcheck.oracles.columns import apart, arrangements, in_digits, reading
from bpcheck.runner.one import judge
from bpcheck.verdict import Report, Verdict
from properties.harness import tiny_scope
from reference import avg_pool, conv, max_pool

KERNELS = {"conv": conv, "max": max_pool, "avg": avg_pool}
SCOPED = [name for name in operation_names() if operation_named(name).scopes]


def subject(vjp: Any = tiny_scope.vjp, forward: Any = tiny_scope.forward) -> Subject:
    return Subject(forward, vjp, operation=tiny_scope.pool, name="pool")


def exhaust(kernel: Subject, **options: Any) -> Report:
    return check(kernel, profile="exhaustive", scope="tiny", **options)


def test_the_small_scope_of_conv2d_has_67280_geometries_and_the_full_one_422576() -> None:
    small, full = operation_named("conv2d").scopes
    assert (small.count, full.count) == (67_280, 422_576)
    geometries = list(small.geometries())
    assert len(set(geometries)) == len(geometries) == small.count


@pytest.mark.parametrize("name", SCOPED)
def test_a_scope_gives_as_many_geometries_as_it_says_all_of_the_operation(name: str) -> None:
    operation = operation_named(name)
    for scope in operation.scopes:
        if scope.count > 60_000:
            continue
        assert sum(1 for _ in scope.geometries()) == scope.count
        for geometry in islice(scope.geometries(), 0, None, scope.count // 20):
            numbers = geometry.numbers()
            asked = {key: numbers[key] for key in operation.keys}
            assert operation.geometry(asked) == geometry


@pytest.mark.parametrize("name", SCOPED)
@pytest.mark.parametrize("style", ["reference", "torch"])
def test_right_kernels_have_every_column_right(name: str, style: str) -> None:
    import torch

    operation = operation_named(name)
    if style == "torch":
        right = adapters.torch(getattr(torch.nn.functional, name), operation=name)
    else:
        module = KERNELS[name.split("_", maxsplit=1)[0].rstrip("123d")]
        right = Subject(module.forward, module.vjp, operation=name)
    scope = operation.scopes[0]
    chosen = set(np.random.default_rng(0).integers(scope.count, size=12).tolist())
    geometries = [each for number, each in enumerate(scope.geometries()) if number in chosen]
    for seed, geometry in enumerate(geometries):
        judged = judge(right, Case(operation, geometry, values="jacobian", seed=seed))
        assert judged.rulings == ()
        assert judged.is_compared
        columns = [each for each in judged.outcomes if each.check in (AUTOGRAD, DIFFERENCES)]
        assert {each.status for each in columns if each.result != "y"} == {Status.PASSED}


def test_a_vjp_that_is_wrong_for_one_order_of_the_values_is_found_in_each_geometry() -> None:
    wrong = subject(tiny_scope.wrong_at_the_end, tiny_scope.remembering)
    for seed in range(5):
        text = f"max_pool1d n1ic1iw6kw6 f64 jacobian c-order seed={seed}"
        judged = judge(wrong, parse_case(text))
        assert [each.verdict for each in judged.rulings] == [Verdict.BACKWARD_WRONG]
        failed = {each.check for each in judged.outcomes if each.status is Status.FAILED}
        assert failed >= {AUTOGRAD, DIFFERENCES}
    # Of other values five in six do not show it.
    plain = parse_case("max_pool1d n1ic1iw6kw6 f64 exact c-order seed=1")
    assert judge(wrong, plain).rulings == ()


def test_a_whole_scope_agrees_in_so_many_geometries_of_so_many() -> None:
    report = exhaust(subject())
    assert report.agrees
    assert report.exhausted is not None
    assert report.cases == report.exhausted.done == report.exhausted.count == 108
    assert report.exhausted.proved == 108
    assert report.missing == ()


def test_what_a_subject_refuses_is_counted_apart() -> None:
    from bpcheck.report import report_text

    report = exhaust(subject(forward=tiny_scope.refusing))
    assert report.agrees
    assert report.unsupported > 0
    assert report.cases + report.unsupported == 108
    text = " ".join(report_text(report).split())
    assert f"AGREES in {report.cases} of 108 geometries of the scope tiny" in text
    assert f"Refused: {report.unsupported} geometries." in text


def test_where_columns_are_refused_nothing_is_said_to_be_proved() -> None:
    from bpcheck.report import report_text

    refusing = subject(tiny_scope.refusing_large_cotangents)
    some = exhaust(refusing, claims={"refuses": ["ValueError"]})
    assert some.agrees
    assert some.exhausted is not None
    assert 0 < some.exhausted.proved < some.cases == 108
    text = " ".join(report_text(some).split())
    assert f"AGREES in {some.exhausted.proved} of 108 geometries" in text
    assert f"In {108 - some.exhausted.proved} geometries more the subject refuses columns" in text


def test_an_interrupted_run_goes_on_where_it_was_and_ends_in_the_same_report(
    tmp_path: Path,
) -> None:
    wrong = subject(tiny_scope.wrong_at_the_end, tiny_scope.remembering)
    state = tmp_path / "state"
    begun = 0

    def interrupt(progress: Any) -> None:
        nonlocal begun
        begun += 1
        if begun == 60:
            raise KeyboardInterrupt

    first = exhaust(wrong, resume=state, on_progress=interrupt)
    assert not first.is_complete
    assert first.exhausted is not None
    assert 0 < first.exhausted.done < 60
    judged: list[str] = []
    second = exhaust(
        wrong,
        resume=state,
        on_progress=lambda each: judged.append(each.case) if each.phase == "checking" else None,
    )
    assert len(judged) == 108 - first.exhausted.done
    assert second == exhaust(wrong)
    assert second.verdict is Verdict.BACKWARD_WRONG


def test_a_file_of_another_run_or_of_no_run_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state"
    exhaust(subject(), resume=state)
    with pytest.raises(UsageError, match="is of another run"):
        exhaust(subject(), resume=state, seed=1)
    state.write_bytes(b"something else")
    with pytest.raises(UsageError, match="is no file of an earlier run"):
        exhaust(subject(), resume=state)


def test_a_file_that_would_call_something_is_refused(tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "harmed",))

    state = tmp_path / "state"
    state.write_bytes(b"bpcheck-resume 1\n" + pickle.dumps(Harm()))
    with pytest.raises(UsageError, match="does not belong there"):
        exhaust(subject(), resume=state)
    assert not (tmp_path / "harmed").exists()


def test_an_operation_without_an_address_cannot_be_taken_up_again(tmp_path: Path) -> None:
    nameless = Subject(tiny_scope.forward, tiny_scope.vjp, operation=tiny_scope.TinyPooling(1))
    assert exhaust(nameless).agrees
    with pytest.raises(UsageError, match="--resume"):
        exhaust(nameless, resume=tmp_path / "state")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scope": "small"}, "goes with --profile exhaustive alone"),
        ({"profile": "exhaustive", "count": 4}, "judges every geometry"),
        ({"profile": "exhaustive", "scope": "vast"}, "has the scopes tiny"),
        ({"profile": "exhaustive", "claims": {"exact": False}}, "claims exact=False"),
    ],
)
def test_options_that_make_no_sense_together_are_refused(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        check(subject(), **options)


def test_the_command_says_first_how_many_there_are_and_workers_change_nothing() -> None:
    address = "properties.harness.tiny_scope"
    words = ["check", f"{address}:pool", address, "--profile", "exhaustive", "--scope", "tiny"]
    one, two = (CliRunner().invoke(main, [*words, "--jobs", str(jobs)]) for jobs in (1, 2))
    assert one.exit_code == 0, one.output
    lines = one.output.splitlines()
    assert lines[0] == " 108 geometries of the scope tiny: few numbers"
    assert [line for line in lines if " s" not in line] == [
        line for line in two.output.splitlines() if " s" not in line
    ]


@pytest.mark.parametrize("bits", [53, 24, 8])
def test_each_output_is_sent_once_and_no_sum_of_digits_is_rounded(bits: int) -> None:
    rng = np.random.default_rng(0)
    every = list(in_digits((2, 3, 7), 3, bits, rng))
    assert (sum((each != 0).astype(int) for each in every) == 1).all()
    assert all(3 * np.abs(each).sum() < 2**bits for each in every)


def test_outputs_that_share_an_input_are_not_sent_together() -> None:
    reads = np.array([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]], dtype=bool)
    every = list(apart([reads], (3,), 6, np.random.default_rng(0)))
    assert (sum((each != 0).astype(int) for each in every) == 1).all()
    assert all((reads[each != 0].sum(axis=0) <= 1).all() for each in every)


@pytest.mark.parametrize("text", ["n2ic2ih4iw3kh3kw2sh1sw2ph1", "n1ic1ih4iw4kh2kw3dh2dw1"])
def test_every_cell_of_every_window_is_the_largest_once(text: str) -> None:
    case = parse_case(f"max_pool2d {text}")
    shape = case.operation.operand_shapes(case.geometry)["x"]
    reads = reading(case.operation.owners(case.geometry, "x"), int(np.prod(shape)))
    won = np.zeros_like(reads)
    for x in arrangements(reads, shape, np.random.default_rng(0)):
        winners = np.where(reads, x.reshape(-1), -np.inf).argmax(axis=1)
        won[np.arange(len(reads)), winners] = True
    assert (won == reads).all()
