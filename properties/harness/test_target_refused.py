"""What is said of a target that is no subject."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from bpcheck.adapters import load
from bpcheck.errors import TargetError
from properties.harness.targets import PAIR, find, folder, refusal, write

__all__ = ["folder"]


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
    assert (
        "That looks like what --style layer takes;  bpcheck adapt mine:Conv max_pool1d" in message
    )
    write("other.py", "class Conv:\n    def apply(self): pass\n    def bwd(self): pass\n")
    assert "vjp(residuals, y_bar) -> (x_bar, ...)" in refusal("other:Conv")


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


@pytest.mark.parametrize("style", ["numpy", "pair", "stateless", "layer", "tensor", "torch"])
def test_a_target_whose_attributes_raise_when_they_are_looked_at_is_refused(style: str) -> None:
    # A vector has no matrix transpose, and says so to whoever asks.
    write("mine.py", "import numpy\n\nvector = numpy.zeros(3)\n")
    with pytest.raises(TargetError, match="mine:vector"):
        load("mine:vector", operation="conv2d", style=style)
