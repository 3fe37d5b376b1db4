"""Engines: whatever judges the cases, and whatever becomes of it, the report is the same."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bpcheck import Subject, UsageError, check
from bpcheck.cli.app import main
from bpcheck.report import to_json
from bpcheck.runner import Progress
from bpcheck.runner.engine import crew as crew_module
from bpcheck.runner.engine.engine import Engine, EngineError
from bpcheck.runner.engine.named import engine_named
from bpcheck.runner.engine.order import Order
from bpcheck.runner.run import check_subject
from properties.harness.engines import CRASHING, WRONG, Failing, one_process

pytestmark = pytest.mark.skipif(os.name != "posix", reason="elsewhere a subject has no process")

HERE = Path(__file__).parents[2]
#: More than two workers are given ahead of the first answer.
COUNT = 32


@cache
def alone(subject: Subject) -> str:
    """What is reported where no engine is."""
    return to_json(check_subject(subject, count=COUNT, in_process=False))


def reported(
    subject: Subject, engine: Any, on_progress: Callable[[Progress], None] | None = None
) -> str:
    return to_json(check_subject(subject, count=COUNT, executor=engine, on_progress=on_progress))


class Once:
    """Does something in the middle of a run."""

    def __init__(self, do: Callable[[], object], *, after: int = 1):
        self._do, self._after = do, after
        self.is_done = False

    def __call__(self, progress: Progress) -> None:
        if progress.phase == "checking" and progress.done >= self._after and not self.is_done:
            self.is_done = True
            self._do()


def hosts_of_this_process() -> list[str]:
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    pids = children.read_text().split() if children.exists() else []
    commands = [Path(f"/proc/{pid}/cmdline").read_text() for pid in pids]
    return [each for each in commands if "engine.host" in each]


@pytest.fixture
def in_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no process can be had, a subject runs in the engine's."""

    def order(**given: Any) -> Order:
        return Order(**given, is_apart=False)

    monkeypatch.setattr(crew_module, "Order", order)


def test_a_crash_costs_no_thread_of_an_executor_and_is_told_as_without_one() -> None:
    with ThreadPoolExecutor(1) as executor:
        assert reported(CRASHING, executor) == alone(CRASHING)
    assert '"crashed"' in alone(CRASHING)
    assert not hosts_of_this_process()


def test_an_executor_whose_process_was_killed_is_made_again() -> None:
    engine = Engine(one_process(), make=one_process)
    first = engine.executor
    assert isinstance(first, ProcessPoolExecutor)

    def kill() -> None:
        os.kill(next(iter(first._processes)), signal.SIGKILL)

    killing = Once(kill)
    assert reported(WRONG, engine, killing) == alone(WRONG)
    assert killing.is_done
    assert engine.executor is not first
    engine.executor.shutdown(cancel_futures=True)


@pytest.mark.usefixtures("in_the_engine")
def test_where_an_engine_ends_for_good_the_rest_is_judged_here_and_that_is_said() -> None:
    said: list[str] = []
    engine = Engine(Failing(1), name="the cluster", workers=1, say=said.append)
    assert reported(WRONG, engine) == alone(WRONG)
    (line,) = said
    assert line.startswith("the cluster does no more work (it lost the same cases 5 times: OSError")


@pytest.mark.usefixtures("in_the_engine")
def test_an_engine_that_does_nothing_more_is_asked_why(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(Failing):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
            future = super().submit(fn, *args, **kwargs)
            return future if self._left > 7 else type(future)()

    monkeypatch.setattr(crew_module, "PATIENCE", 0.2)
    said: list[str] = []
    engine = Engine(Silent(9), workers=1, why_idle=lambda: "nobody is there", say=said.append)
    assert reported(WRONG, engine) == alone(WRONG)
    assert said == [
        "the executor does no more work (nobody is there); the rest is judged here, alone."
    ]


def test_an_engine_that_never_worked_is_an_error() -> None:
    with pytest.raises(EngineError, match=r"does no work .*the cable is out"):
        reported(WRONG, Failing(0))


def test_a_subject_that_cannot_be_sent_is_run_in_the_threads_of_an_executor() -> None:
    def vjp(residuals: Any, y_bar: Any) -> Any:
        return WRONG.vjp(residuals, y_bar)

    here = Subject(WRONG.forward, vjp, operation="avg_pool1d")
    with ThreadPoolExecutor(1) as executor:
        through = check(here, count=8, executor=executor)
    assert to_json(through) == to_json(check(here, count=8))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dusk", "write dask:ADDRESS"),
        ("dask:", "the address is missing|needs distributed"),
        ("properties.harness.engines:A_NUMBER", "it is int 7; a concurrent.futures.Executor"),
        ("properties.harness.engines:alone", "has no attribute 'alone'"),
        ("os:getcwd", "it is str '.*; a concurrent.futures.Executor"),
        ("os:abspath", "has no attribute"),
        ("math:sqrt", "calling it fails"),
    ],
)
def test_what_is_no_engine_is_told_with_what_was_expected(text: str, message: str) -> None:
    result = CliRunner().invoke(
        main, ["check", "avg_pool1d", "reference.avg_pool", "--executor", text]
    )
    assert result.exit_code == 2
    assert re.search(message, result.stderr), result.stderr


def test_an_executor_and_the_process_of_the_command_exclude_each_other() -> None:
    words = ["avg_pool1d", "reference.avg_pool", "--executor", "mpi", "--in-process"]
    result = CliRunner().invoke(main, ["check", *words])
    assert result.exit_code == 2
    assert "leave out --in-process" in result.stderr


def test_mpi_without_mpi4py_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    monkeypatch.setitem(sys.modules, "mpi4py.futures", None)
    with (
        pytest.raises(UsageError, match=r"install bpcheck\[mpi\]"),
        engine_named("mpi", directory=HERE, say=print),
    ):
        pass


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A real Dask cluster of two workers on this machine, as its client."""
    distributed = pytest.importorskip(
        "distributed", reason="the extra dask is not installed: pip install bpcheck[dask]"
    )
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


@pytest.mark.filterwarnings("default")
def test_neither_a_killed_dask_worker_nor_crashes_change_the_report(cluster: Any) -> None:
    before = set(cluster.run(os.getpid).values())
    victim = min(before)
    killing = Once(lambda: os.kill(victim, signal.SIGKILL))
    address = cluster.scheduler.address
    with engine_named(f"dask:{address}", directory=HERE, say=pytest.fail) as engine:
        assert engine.workers == 2
        assert reported(CRASHING, engine, killing) == alone(CRASHING)
    assert killing.is_done
    cluster.wait_for_workers(2, timeout=30)
    # The subject crashed in the other one's time too, and cost it nothing.
    assert before - set(cluster.run(os.getpid).values()) == {victim}


@pytest.mark.filterwarnings("default")
def test_the_command_writes_the_same_file(cluster: Any, tmp_path: Path) -> None:
    written = []
    for words in (["--jobs", "1"], ["--executor", f"dask:{cluster.scheduler.address}"]):
        file = tmp_path / f"{words[0]}.json"
        given = ["avg_pool1d", "reference.avg_pool", "--cases", "8", "--json", str(file), *words]
        assert CliRunner().invoke(main, ["check", *given]).exit_code == 0
        written.append(file.read_bytes())
    assert written[0] == written[1]


def test_mpi_gives_the_same_report() -> None:
    mpi = pytest.importorskip(
        "mpi4py", reason="the extra mpi is not installed", exc_type=ImportError
    )
    assert mpi
    with engine_named("mpi", directory=HERE, workers=1, say=pytest.fail) as engine:
        assert reported(WRONG, engine) == alone(WRONG)


def test_a_project_names_its_engine_and_the_command_line_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table = "[tool.bpcheck]\nexecutor = {}\n[tool.bpcheck.subjects.pool]\n{}"
    pool = 'target = "reference.avg_pool"\noperation = "avg_pool1d"\n'

    def run(executor: str, *words: str) -> tuple[int, str]:
        (tmp_path / "pyproject.toml").write_text(table.format(executor, pool), encoding="utf-8")
        done = CliRunner().invoke(main, ["check", "--cases", "4", *words], catch_exceptions=False)
        return done.exit_code, done.output

    assert run('"nothing"')[0] == 2
    assert "executor 'nothing': write dask:ADDRESS" in run('"nothing"')[1]
    assert run("7")[0] == 2
    assert "tool.bpcheck.executor is 7; a text was expected" in run("7")[1]
    one = "properties.harness.engines:one_process"
    assert run('"nothing"', "--executor", one)[0] == 0
    assert run(f'"{one}"')[0] == 0
    # A debugger needs this process.
    assert run('"nothing"', "--in-process")[0] == 0


FEW = """
import bpcheck.runner

whole = bpcheck.runner.check_subject
bpcheck.runner.check_subject = lambda *args, **given: whole(*args, **given, count=4)
"""

TEST = """
import bpcheck
from properties.harness.engines import WRONG

test_pool = bpcheck.conformance(WRONG)
"""


def test_pytest_judges_in_an_engine_by_option_or_by_its_configuration(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(test_kernels=TEST, conftest=FEW)
    named = "properties.harness.engines:{}"
    engine = f"bpcheck_executor = {named.format('one_process')}"
    pytester.makeini(f"[pytest]\npythonpath = {HERE}\n{engine}\nbpcheck_largest = 300")
    few = ("-p", "no:cacheprovider", "--bpcheck-no-repair", "-k", "contract-y or autograd-x_bar")
    judged = pytester.runpytest_subprocess(*few).parseoutcomes()
    assert (judged["passed"], judged["failed"]) == (1, 1)
    failing = pytester.runpytest_subprocess(*few, "--bpcheck-executor", named.format("FAILING"))
    failing.stdout.fnmatch_lines(["*the cable is out*"])
