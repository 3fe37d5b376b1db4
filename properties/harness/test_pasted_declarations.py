"""What ``bpcheck adapt`` prints, pasted as it is: pyproject.toml and Python judge by it.

Each kind of docs/your-code.md is code of examples/your_code, with one mistake put in for the wrong
version.
"""

from __future__ import annotations

import shutil
import subprocess
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

import bpcheck
from bpcheck.cases import parse_case
from bpcheck.cli.adapt import adapted
from bpcheck.cli.project import entries
from bpcheck.cli.requests import loaded
from bpcheck.imports import find
from bpcheck.runner.one import judge
from bpcheck.subject import Subject

CODE = Path(__file__).parents[2] / "examples" / "your_code"


@dataclass(frozen=True)
class Kind:
    """Code of one kind: its file and name, and the text that a mistake changes.

    `case` is one in which the mistake shows; `also` is what makes the file one of this kind.
    """

    file: str
    name: str
    mistake: tuple[str, str]
    case: str
    also: tuple[str, str] = ("", "")


OVERLAP_1D, OVERLAP_2D = "n1ic1iw4kw3", "n1ic1ih4iw4kh3kw3"
CONV_2D = "conv2d n2ic2ih5iw5oc3kh3kw3sh2sw2 f64 exact seed=1"
CONV_1D = "conv1d n2ic2iw6oc3kw3sw2 f64 exact seed=1"

KINDS = {
    "cs231n": Kind(
        "cs231n.py", "conv_forward_naive", ('step=cache[3]["stride"]', "step=1"), CONV_2D
    ),
    "cs231n, a pool": Kind(
        "cs231n.py",
        "max_pool_forward_naive",
        (
            "np.add.at(dx, (n, c, top + row, left + column), ",
            "dx[n, c, top + row, left + column] = (",
        ),
        f"max_pool2d {OVERLAP_2D} f64 exact seed=1",
    ),
    "coursera": Kind("coursera.py", "conv_forward", ("db += dZ", "db -= dZ"), CONV_2D),
    "coursera, a pool": Kind(
        "coursera.py",
        "pool_forward",
        ("+= da / (f * f)", "= da / (f * f)"),
        f"avg_pool2d {OVERLAP_2D} f64 exact",
    ),
    "saito": Kind("layers.py", "Convolution", ("right] += col", "right] = col"), CONV_2D),
    "a layer with dictionaries": Kind(
        "layers.py", "Own", ("get(name, 0) + getattr", "get(name, 0) - getattr"), CONV_2D
    ),
    "a layer that updates itself": Kind(
        "layers.py", "Trains", ("self.W - learning_rate", "self.W + learning_rate"), CONV_2D
    ),
    "stateless": Kind("stateless.py", "conv1d", ("stride] += np", "stride] = np"), CONV_1D),
    "a function for each gradient": Kind(
        "stateless.py",
        "conv1d",
        ("dout.sum(axis=(0, 2))", "dout.max(axis=(0, 2))"),
        CONV_1D,
        also=("def conv1d_backward", "def _all"),
    ),
    "an engine": Kind(
        "engine.py",
        "max_pool1d",
        ("np.add.at(x.grad, (n, c, winners), ", "x.grad[n, c, winners] = ("),
        f"max_pool1d {OVERLAP_1D} f64 exact seed=1",
    ),
    "an engine whose backward is passed nothing": Kind(
        "engine.py",
        "max_pool1d",
        ("np.add.at(x.grad, (n, c, winners), ", "x.grad[n, c, winners] = ("),
        f"max_pool1d {OVERLAP_1D} f64 exact seed=1",
        also=(
            "gradient: Array) -> None:\n        self.grad = self.grad + gradient\n",
            ") -> None:\n",
        ),
    ),
    "a module of torch": Kind(
        "torch_layers.py",
        "Conv",
        ("            conv2d_weight(x, w.shape", "            -conv2d_weight(x, w.shape"),
        CONV_2D,
    ),
    "a problem of KernelBench": Kind(
        "torch_layers.py",
        "ModelNew",
        ("            conv2d_weight(x, w.shape", "            -conv2d_weight(x, w.shape"),
        "conv2d n2ic2ih5iw5oc3kh3kw3sh2sw2bias0 f64 exact seed=1",
    ),
}


def pasted(target: str, operation: str, folder: Path) -> tuple[str, dict[str, Subject]]:
    """The declaration that is printed, and the subjects that come of it."""
    lines, is_found = adapted(find(target, directory=folder), target, operation, folder)
    said = "\n".join(lines)
    assert is_found, said
    _, _, rest = said.partition("In pyproject.toml:\n")
    table, _, rest = rest.partition("In Python:\n")
    (folder / "pyproject.toml").write_text(textwrap.dedent(table), encoding="utf-8")
    (entry,) = entries(folder / "pyproject.toml")
    python = rest.strip().partition("\n")[0]
    test = bpcheck.conformance(eval(python, {"bpcheck": bpcheck}))  # noqa: S307
    own: Subject = test.bpcheck_subject  # type: ignore[attr-defined]
    return table, {"pyproject.toml": loaded(entry, folder, dtypes=None), "pytest": own}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_pasted_declaration_judges_right_code_and_wrong(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (CODE / kind.file).read_text(encoding="utf-8")
    if kind.also[0]:
        assert kind.also[0] in text
        text = text.replace(*kind.also)
    assert kind.mistake[0] in text
    case = parse_case(kind.case)
    tables = set()
    for version, source in (("right", text), ("wrong", text.replace(*kind.mistake))):
        folder = tmp_path / version
        folder.mkdir()
        monkeypatch.chdir(folder)
        # Of a name of its own each: Python keeps a module that it has imported.
        (folder / f"{version}_{kind.file}").write_text(source, encoding="utf-8")
        target = f"{version}_{kind.file}:{kind.name}"
        table, subjects = pasted(target, str(case.operation), folder)
        tables.add(table.replace(target, ""))
        for door, subject in subjects.items():
            rulings = judge(subject, case).rulings
            assert bool(rulings) == (version == "wrong"), (door, rulings)
    assert len(tables) == 1


POOL = """
import numpy as np


def ahead(x, k, s):
    return np.lib.stride_tricks.sliding_window_view(x, k, axis=2)[:, :, ::s].mean(-1)


def behind(shape, dout, k, s):
    dx = np.zeros(shape, dout.dtype)
    for i in range(dout.shape[2]):
        dx[:, :, i * s : i * s + k] += dout[:, :, i, None] / k
    return dx


class Pool:
    def __init__(self, window, step):
        self.window, self.step = window, step

    def forward(self, x):
        self.kept = x.shape, self.window, self.step
        return ahead(x, self.window, self.step)

    def backward(self, dout):
        shape, k, s = self.kept
        return behind(shape, dout, k, s)


class OfDictionary(Pool):
    def __init__(self, params):
        super().__init__(params["size"], params["stride"])


class WithoutConstructor:
    def forward(self, x, kernel_size, stride):
        self.kept = x.shape, kernel_size, stride
        return ahead(x, kernel_size, stride)

    backward = Pool.backward


class OfPasses:
    __init__ = Pool.__init__
    forward_pass = Pool.forward

    def backward_pass(self, accum_grad):
        return Pool.backward(self, accum_grad)


class WithCache(Pool):
    def forward(self, x):
        return super().forward(x), self.kept

    def backward(self, dout, cache):
        shape, k, s = cache
        return behind(shape, dout, k, s)


class Static:
    @staticmethod
    def forward(x, kernel_size, stride):
        return ahead(x, kernel_size, stride), (x.shape, kernel_size, stride)

    @staticmethod
    def backward(dout, cache):
        shape, k, s = cache
        return behind(shape, dout, k, s)


class OfTuples(Pool):
    def backward(self, dout):
        return (super().backward(dout),)
"""


@pytest.mark.parametrize(
    "name",
    ["Pool", "OfDictionary", "WithoutConstructor", "OfPasses", "WithCache", "Static", "OfTuples"],
)
def test_a_pool_of_ones_own_is_judged_by_what_was_pasted(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    case = parse_case(f"avg_pool1d {OVERLAP_1D} f64 exact")
    for version, mark in (("right", "+="), ("wrong", "=")):
        module = f"{version}_pools.py"
        Path(module).write_text(POOL.replace("+=", mark), encoding="utf-8")
        _, subjects = pasted(f"{module}:{name}", "avg_pool1d", tmp_path)
        for door, subject in subjects.items():
            found = {str(each.verdict) for each in judge(subject, case).rulings}
            assert found == ({"backward wrong"} if version == "wrong" else set()), door


@pytest.mark.skipif(shutil.which("cc") is None, reason="no compiler of C is installed")
def test_a_library_of_c_is_judged_in_pyproject_and_pytest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    library = tmp_path / "libconv.so"
    compiled = ["cc", "-shared", "-fPIC", "-o", str(library), str(CODE / "conv.c")]
    subprocess.run(compiled, check=True)
    case = parse_case(CONV_2D)
    for function, is_wrong in (("conv_backward", False), ("conv_backward_wrong", True)):
        words = {
            "dtype": "float64",
            "forward": "conv_forward(x w b y n c h wd oc kh kw s p oh ow)",
            "backward": f"{function}(x w dy dx dw db n c h wd oc kh kw s p oh ow)",
        }
        listed = ", ".join(f'{word} = "{value}"' for word, value in words.items())
        (tmp_path / "pyproject.toml").write_text(
            "[tool.bpcheck.subjects.conv]\ntarget = './libconv.so'\noperation = 'conv2d'\n"
            f"style = 'ctypes'\nwith = {{ {listed} }}\n"
        )
        (entry,) = entries(tmp_path / "pyproject.toml")
        own = bpcheck.adapters.ctypes(library, operation="conv2d", **words)
        for subject in (loaded(entry, tmp_path, dtypes=None), own):
            assert bool(judge(subject, case).rulings) == is_wrong
