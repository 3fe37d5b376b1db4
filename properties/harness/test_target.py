"""From the text of a target to a subject, and what is said when there is none."""

from __future__ import annotations

from textwrap import dedent

import pytest

from bpcheck.adapters import STYLES, load
from bpcheck.errors import UsageError
from properties.harness.targets import PAIR, find, folder, refusal, write

__all__ = ["folder"]


@pytest.mark.parametrize("target", ["mine", "mine.py", "./mine.py"])
def test_a_module_is_found_by_name_and_by_file(target: str) -> None:
    write("mine.py", PAIR)
    subject = find(target)
    assert subject.name == target
    assert (subject.operation.name, subject.style) == ("max_pool1d", "NumPy")
    assert subject.vjp(None, 7) == (7,)


def test_a_module_in_a_package_is_found_by_name_and_by_file() -> None:
    write("course/__init__.py", "")
    write("course/shared.py", "DTYPES = ('float32',)")
    write("course/mine.py", f"from .shared import DTYPES\n{dedent(PAIR)}")
    assert find("course.mine").claims.dtypes == ("float32",)
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
    assert subject.claims.dtypes == ("float32", "float16")
    assert subject.claims.supports is not None
    assert subject.claims.supports({"stride": (1,)}, {})
    assert "does not claim conv2d: its operations are max_pool1d" in refusal(
        "mine", operation="conv2d"
    )


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("DTYPES = 'float32'", "give a tuple, such as"),
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
    with pytest.raises(UsageError, match="style 'tourch': no such style; did you mean torch") as e:
        load("mine", operation="conv2d", style="tourch")
    assert all(each in str(e.value) for each in STYLES)


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
    assert find("mine:pool", style="torch").claims.dtypes == ("bfloat16",)
    assert "does not claim conv1d" in refusal("mine:pool", style="torch", operation="conv1d")
    assert "is of type module" in refusal("mine", style="torch")


def test_dtypes_that_are_asked_for_are_claimed_unless_the_code_says_otherwise() -> None:
    write("mine.py", PAIR)
    write("says.py", f"DTYPES = ('float32',)\n{dedent(PAIR)}")
    given = {
        target: load(target, operation="max_pool1d", dtypes=("bfloat16",)).claims.dtypes
        for target in ("mine", "says")
    }
    assert given == {"mine": ("bfloat16",), "says": ("float32",)}
