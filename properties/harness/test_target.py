"""From the text of a target to a subject, and what is said when there is none."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from bpcheck.adapters import STYLES, load
from bpcheck.errors import TargetError, UsageError
from bpcheck.subject import Subject

PAIR = """
    def forward(x, **params):
        return x, None

    def vjp(residuals, y_bar):
        return (y_bar,)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty current directory, whose modules nobody else sees."""
    monkeypatch.chdir(tmp_path)
    path, modules = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(
            sys.modules[name].__file__
        ):
            del sys.modules[name]


def write(name: str, text: str) -> None:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text), encoding="utf-8")


def find(target: str, *, operation: str = "max_pool1d", style: str = "numpy") -> Subject:
    return load(target, operation=operation, style=style)


def refusal(target: str, *, operation: str = "max_pool1d", style: str = "numpy") -> str:
    """What is said of a target that is no subject."""
    with pytest.raises(TargetError) as caught:
        load(target, operation=operation, style=style)
    message = str(caught.value)
    assert "Traceback" not in message
    assert "bpcheck/" not in message
    return message


@pytest.mark.parametrize("target", ["mine", "mine.py", "./mine.py"])
def test_a_module_is_found_by_name_and_by_file(target: str) -> None:
    write("mine.py", PAIR)
    subject = find(target)
    assert subject.name == target
    assert (subject.operation, subject.style) == ("max_pool1d", "NumPy")
    assert subject.vjp(None, 7) == (7,)


def test_a_module_in_a_package_is_found_by_name_and_by_file() -> None:
    write("course/__init__.py", "")
    write("course/shared.py", "DTYPES = ('float32',)")
    write("course/mine.py", f"from .shared import DTYPES\n{dedent(PAIR)}")
    assert find("course.mine").dtypes == ("float32",)
    assert find("course/mine.py").forward is find("course.mine").forward


def test_a_file_in_another_directory_finds_its_neighbours() -> None:
    write("homework/shared.py", "def twice(x): return 2 * x")
    write("homework/mine.py", f"from shared import twice\n{dedent(PAIR)}")
    assert find("homework/mine.py").vjp(None, 7) == (7,)


def test_a_file_whose_name_is_taken_by_a_module_is_found_all_the_same() -> None:
    write("json.py", PAIR)
    assert find("json.py").vjp(None, 7) == (7,)


def test_two_files_of_one_name_are_not_mixed_up() -> None:
    write("one/mine.py", PAIR)
    write("two/mine.py", PAIR.replace("(y_bar,)", "(-y_bar,)"))
    assert [find(f"{each}/mine.py").vjp(None, 7) for each in ("one", "two")] == [(7,), (-7,)]


@pytest.mark.parametrize("attribute", ["Pool", "pool", "Pool.inner", "spaces"])
def test_a_class_an_instance_and_a_namespace_are_found(attribute: str) -> None:
    write(
        "mine.py",
        """
        from types import SimpleNamespace

        class Pool:
            def __init__(self, sign=1):
                self.sign = sign

            def forward(self, x, **params):
                return x, None

            def vjp(self, residuals, y_bar):
                return (self.sign * y_bar,)

            class inner:
                @staticmethod
                def forward(x, **params):
                    return x, None

                @staticmethod
                def vjp(residuals, y_bar):
                    return (y_bar,)

                def __init__(self, never):
                    raise AssertionError

        pool = Pool()
        spaces = SimpleNamespace(forward=pool.forward, vjp=pool.vjp)
        """,
    )
    assert find(f"mine:{attribute}").vjp(None, 7) == (7,)
    assert find(f"mine.py:{attribute}").name == f"mine.py:{attribute}"


def test_what_the_code_claims_is_taken_over() -> None:
    claims = """
    import numpy as np
    DTYPES = (np.float32, "f16")
    OPERATIONS = ["max_pool1d"]
    def supports(params, shapes): return params["stride"] == (1,)
    """
    write("mine.py", dedent(claims) + dedent(PAIR))
    subject = find("mine")
    assert subject.dtypes == ("float32", "float16")
    assert subject.supports is not None
    assert subject.supports({"stride": (1,)}, {})
    assert "does not claim conv2d: its OPERATIONS are ['max_pool1d']" in refusal(
        "mine", operation="conv2d"
    )


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("DTYPES = 'float32'", "give a tuple of names"),
        ("DTYPES = ('float12',)", "'float12' is not a dtype that can be checked; choose from"),
        ("DTYPES = ()", "no dtype"),
        ("supports = True", "supports is True; it must be a function"),
    ],
)
def test_a_claim_that_cannot_be_understood_is_refused(claim: str, expected: str) -> None:
    write("mine.py", f"{claim}\n{dedent(PAIR)}")
    assert expected in refusal("mine")


def test_a_ready_subject_is_taken_as_it_is() -> None:
    write(
        "mine.py",
        """
        from bpcheck.subject import Subject
        pool = Subject(forward=print, vjp=print, operation="max_pool1d", name="my pool")
        """,
    )
    assert find("mine:pool").name == "my pool"
    message = refusal("mine:pool", operation="conv2d")
    assert "mine:pool is a Subject of max_pool1d, and conv2d was asked for" in message


def test_an_unknown_style_lists_those_there_are() -> None:
    with pytest.raises(UsageError, match="style 'cs231n': no such style; there are numpy, torch"):
        load("mine", operation="conv2d", style="cs231n")
    assert set(STYLES) == {"numpy", "torch"}


@pytest.mark.parametrize("target", ["", " ", "mine:", ":pool"])
def test_a_target_that_lacks_a_part_is_refused(target: str) -> None:
    assert "write module, module:attribute or path/file.py:attribute" in refusal(target)


def test_a_module_that_is_not_there_gives_names_like_it() -> None:
    write("layers.py", PAIR)
    message = refusal("layer")
    assert "there is no module layer: did you mean layers?" in message
    assert str(Path.cwd()) in message


def test_a_file_that_is_not_there_gives_names_like_it() -> None:
    write("homework/layers.py", PAIR)
    assert "no such file; did you mean layers.py?" in refusal("homework/layer.py")
    assert "the Python files in" in refusal("homework/zzz.py:Conv")
    assert "there is no directory nowhere" in refusal("nowhere/layers.py")


def test_a_path_without_its_suffix_and_a_directory_are_explained() -> None:
    write("homework/layers.py", PAIR)
    assert "such as homework/layers.py" in refusal("homework/layers")
    write("folder.py/mine.py", PAIR)
    assert "folder.py is a directory; name a file in it" in refusal("folder.py")


def test_a_dot_in_place_of_the_colon_is_explained() -> None:
    write("layers.py", "class Conv: pass")
    assert "for a class or object in it write layers:Conv" in refusal("layers.Conv")


def test_an_import_that_fails_is_told_with_its_file_and_line() -> None:
    write("deeper.py", "import numpy\n\nnumpy.zeros('seven')\n")
    write("mine.py", "import deeper\n")
    message = refusal("mine")
    assert message.startswith("mine cannot be imported")
    assert "deeper.py, line 3: TypeError" in message
    assert "numpy.zeros('seven')" in message


def test_a_missing_dependency_is_not_mistaken_for_a_missing_target() -> None:
    write("mine.py", "x = 1\nimport no_such_package\n")
    for target in ("mine", "mine.py"):
        message = refusal(target)
        assert "mine.py, line 2: ModuleNotFoundError: No module named 'no_such_package'" in message
        assert "Install no_such_package" in message


def test_a_syntax_error_is_told_with_its_line_and_place() -> None:
    write("mine.py", "x = 1\nif x:\n    y = = 2\n")
    for target in ("mine", "mine.py"):
        assert "mine.py, line 3: SyntaxError: invalid syntax\n        y = = 2\n            ^" in (
            refusal(target)
        )


def test_a_module_that_exits_does_not_end_bpcheck() -> None:
    write("mine.py", "import sys\nsys.exit(0)\n")
    for target in ("mine", "mine.py"):
        message = refusal(target)
        assert "mine.py, line 2: SystemExit: 0" in message
        assert "__main__" in message


def test_a_failed_import_can_be_tried_again() -> None:
    write("mine.py", "raise RuntimeError('first')\n")
    assert "RuntimeError: first" in refusal("mine.py")
    write("mine.py", PAIR)
    assert find("mine.py").vjp(None, 7) == (7,)


def test_what_a_module_prints_is_not_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    write("mine.py", f"print('hello')\n{dedent(PAIR)}")
    find("mine")
    assert capsys.readouterr().out == "hello\n"


def test_a_missing_attribute_gives_names_like_it() -> None:
    write("mine.py", "class ConvLayer: pass\nclass Pool: inner = 3\n")
    assert "mine has no attribute 'ConvLyer'; did you mean ConvLayer?" in refusal("mine:ConvLyer")
    assert "it has ConvLayer, Pool" in refusal("mine:Zzz")
    assert "mine:Pool has no attribute 'iner'; did you mean inner?" in refusal("mine:Pool.iner")


def test_a_missing_vjp_lists_what_is_there() -> None:
    write("mine.py", "class Conv:\n    def forward(self): pass\n    def backward(self): pass\n")
    message = refusal("mine:Conv")
    assert "mine:Conv has no vjp: a target gives forward and vjp" in message
    assert "What it has: backward, forward" in message
    assert "vjp(residuals, y_bar) -> (x_bar, ...)" in message


def test_a_module_of_layers_names_the_layer() -> None:
    write(
        "mine.py",
        """
        class Conv:
            def forward(self, x): ...
            def vjp(self, residuals, y_bar): ...
        """,
    )
    assert "Did you mean mine:Conv?" in refusal("mine")


def test_a_function_and_an_empty_module_are_no_target() -> None:
    write("mine.py", PAIR)
    assert "mine:forward is one function: a target gives two" in refusal("mine:forward")
    write("empty.py", "")
    assert "It has no functions at all" in refusal("empty")


def test_a_vjp_that_is_no_function_is_refused() -> None:
    write("mine.py", f"{dedent(PAIR)}\nvjp = 3\n")
    assert "mine: vjp is of type int; it must be a function" in refusal("mine")


def test_a_class_that_needs_arguments_is_explained() -> None:
    write(
        "mine.py",
        """
        class Conv:
            def __init__(self, channels):
                self.channels = channels
            def forward(self, x): ...
            def vjp(self, residuals, y_bar): ...

        class Fails(Conv):
            def __init__(self):
                raise ValueError("no weights")
        """,
    )
    message = refusal("mine:Conv")
    assert "the class cannot be made without arguments" in message
    assert "missing 1 required positional argument: 'channels'" in message
    assert "mine.py, line 10: ValueError: no weights" in refusal("mine:Fails")


def test_torch_code_given_as_numpy_code_points_to_the_style() -> None:
    write(
        "mine.py",
        """
        import torch

        class Conv(torch.autograd.Function):
            pass

        layer = torch.nn.ReLU()
        """,
    )
    assert "add --style torch" in refusal("mine:Conv")
    assert "add --style torch" in refusal("mine:layer")
    assert "needs --style torch" in refusal("torch.nn.functional:max_pool1d")


def test_torch_code_is_found_with_what_it_claims() -> None:
    subject = find("torch.nn.functional:max_pool1d", style="torch")
    assert (subject.name, subject.style) == ("torch.nn.functional:max_pool1d", "torch")
    write(
        "mine.py",
        """
        import torch
        def pool(x, **params): return torch.nn.functional.max_pool1d(x, **params)
        pool.DTYPES = (torch.bfloat16,)
        pool.OPERATIONS = ("max_pool1d",)
        """,
    )
    assert find("mine:pool", style="torch").dtypes == ("bfloat16",)
    assert "does not claim conv1d" in refusal("mine:pool", style="torch", operation="conv1d")
    assert "is of type module" in refusal("mine", style="torch")


def test_dtypes_that_are_asked_for_are_claimed_unless_the_code_says_otherwise() -> None:
    write("mine.py", PAIR)
    write("says.py", f"DTYPES = ('float32',)\n{dedent(PAIR)}")
    given = {
        target: load(target, operation="max_pool1d", dtypes=("bfloat16",)).dtypes
        for target in ("mine", "says")
    }
    assert given == {"mine": ("bfloat16",), "says": ("float32",)}
