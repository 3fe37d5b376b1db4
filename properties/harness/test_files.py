"""Every file is written whole or not at all; two writers of one baseline lose nothing."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import bpcheck.adapters
from bpcheck import files
from bpcheck.cli import main
from bpcheck.errors import BpcheckError
from bpcheck.precision import Measurement, load, measure, save
from bpcheck.precision.baseline import add

ROOT = Path(__file__).parents[2]

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in a directory of its own: its exit code, and what it says of an error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)

    def call(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main([*words])
        said = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, said.out + said.err

    return call


@pytest.fixture(scope="module")
def measurement() -> Measurement:
    """A small one."""
    from torch.nn.functional import avg_pool1d

    subject = bpcheck.adapters.torch(avg_pool1d, operation="avg_pool1d")
    return measure(subject, dtypes=["float32"], results=["y"], longest=16, cases=20)


def fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    # What a file system says that finds out late, as most do.
    monkeypatch.setattr(os, "fsync", full)


CHECK = ("check", "avg_pool1d", "reference.avg_pool", "--cases", "2")
MEASURE = ("avg_pool1d", "reference.avg_pool", "--longest", "16", "--dtype", "f32", "--cases", "20")


@pytest.mark.parametrize(
    ("words", "file"),
    [
        ((*CHECK, "--json", "r.json"), "r.json"),
        (("precision", "measure", *MEASURE, "--plot", "p.svg"), "p.svg"),
        (("precision", "record", *MEASURE, "--force", "--output", "b.json"), "b.json"),
    ],
    ids=["report", "plot", "baseline"],
)
def test_a_full_disk_leaves_the_old_file_and_says_so(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], file: str
) -> None:
    if "--plot" in words:
        pytest.importorskip("matplotlib")
    (tmp_path / file).write_text("old", encoding="utf-8")
    fill_the_disk(monkeypatch)
    code, said = run(*words)
    assert code == 2
    assert f"{file}: cannot be written (No space left on device)" in said
    assert (tmp_path / file).read_text(encoding="utf-8") == "old"
    assert [each.name for each in tmp_path.iterdir()] == [file]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is full")
def test_a_device_that_is_full_says_so(run: Run) -> None:
    code, said = run(*CHECK, "--json", "/dev/full")
    assert code == 2
    assert "cannot be written (No space left on device)" in said


def test_a_summary_that_finds_no_room_is_as_it_was(tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    files.append_whole(summary, "one\n")
    files.append_whole(summary, "two\n")
    assert summary.read_text(encoding="utf-8") == "one\ntwo\n"
    with pytest.raises(BpcheckError, match="cannot be written"):
        files.append_whole(tmp_path / "nowhere" / "summary.md", "one\n", option="SUMMARY")


WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from bpcheck.precision import load
from bpcheck.precision.baseline import add

(one,) = load(Path("one.json"))
for number in range(8):
    add(Path("all.json"), [replace(one, name=f"{sys.argv[1]}{number}")], seen=())
"""


def test_two_writers_of_one_baseline_lose_nothing(tmp_path: Path, measurement: Measurement) -> None:
    save(tmp_path / "one.json", [measurement])
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, name],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for name in "ab"
    ]
    assert [each.wait(100) for each in writers] == [0, 0]
    names = {each.name for each in load(tmp_path / "all.json")}
    assert names == {f"{name}{number}" for name in "ab" for number in range(8)}
    assert sorted(each.name for each in tmp_path.iterdir()) == ["all.json", "one.json"]


def test_who_was_overtaken_by_another_writer_of_the_same_subject_is_told(
    tmp_path: Path, measurement: Measurement
) -> None:
    file = tmp_path / "b.json"
    other = replace(measurement, target="another")
    save(file, [other])
    with pytest.raises(BpcheckError, match=r"has recorded .* meanwhile, which is kept"):
        add(file, [measurement], seen=())
    assert load(file) == (other,)
    add(file, [measurement], seen=(other,))
    assert load(file)[0].target != "another"
    add(file, [other], seen=(), replaces=True)
    assert load(file) == (other,)


def test_who_waits_too_long_for_another_writer_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_PATIENCE", 0.1)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with files.locked(tmp_path / "b.json"):
            held.set()
            done.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(30)
    try:
        with (
            pytest.raises(BpcheckError, match="another process has been writing it"),
            files.locked(tmp_path / "b.json"),
        ):
            raise AssertionError
    finally:
        done.set()
        holder.join()


MOVES = """
import os
from reference.avg_pool import vjp
from reference import avg_pool
os.chdir("/")

def forward(x, **params):
    os.chdir("/")
    return avg_pool.forward(x, **params)
"""


@pytest.mark.parametrize("where", [(), ("--in-process",)])
def test_paths_are_those_of_where_the_command_began(
    run: Run, tmp_path: Path, where: tuple[str, ...]
) -> None:
    (tmp_path / "moves.py").write_text(MOVES, encoding="utf-8")
    code, _ = run("check", "avg_pool1d", "moves.py", "--cases", "2", "--json", "r.json", *where)
    assert code == 1
    assert (tmp_path / "r.json").is_file()
    words: Any = ("--longest", "16", "--dtype", "f32", "--cases", "20", *where)
    code, said = run("precision", "record", "avg_pool1d", "moves.py", *words)
    assert code == 0, said
    assert (tmp_path / "precision-baseline.json").is_file()
