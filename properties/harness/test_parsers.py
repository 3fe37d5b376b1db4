"""Mutated input of every parser: an error of the project's own, or a value; never a traceback."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bpcheck.adapters import styles
from bpcheck.adapters.frameworks import FRAMEWORKS
from bpcheck.adapters.functional import Framework
from bpcheck.adapters.styles import STYLES
from bpcheck.cases import parse_case
from bpcheck.claims import claims_from
from bpcheck.cli.project import entries, executor_of
from bpcheck.cli.requests import asked_cases, asked_dtypes, asked_words
from bpcheck.errors import BpcheckError
from bpcheck.operations import operation_named, operation_names
from bpcheck.planning.listed import listed_cases
from bpcheck.precision import measure
from bpcheck.precision.baseline import dumps, loads
from bpcheck.subject import Subject
from properties.harness.depth import deep
from properties.harness.planting import reference

#: Of each parser.
MANY = settings(
    max_examples=deep(40, 50_000),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

#: What is put in: what numbers, quotes, nesting and encodings stumble over.
PUT = (
    *("0", "-1", "1", "9", "1" * 13, "1" * 5000, "1e400", "nan", "inf", "0x10", "1.5", "²", "٣"),
    *(" ", "\n", "\t", "\r", "\x00", "\x1b[31m", "\ud800", "é", "\u2028", "𝟙", "''", '"', "\\"),
    *("[", "]", "{", "}", "(", ")", "[" * 2000, "{" * 2000, "(" * 500, ":", "=", ",", ".", "#"),
    *("true", "null", "None", "x", "y_bar=", "seed=", "::", "/", "..", "_", "*", "%s", "{0}", "$"),
)


@st.composite
def mutated(draw: st.DrawFn, corpus: tuple[str, ...]) -> str:
    """One of the texts, cut, doubled and spoilt in a few places."""
    text = draw(st.sampled_from(corpus))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 9)))
        match draw(st.integers(0, 4)):
            case 0:
                text = text[:start] + text[end:]
            case 1:
                text = text[:end] + text[start:]
            case 2:
                text = text[:start] + draw(st.sampled_from(PUT)) + text[end:]
            case 3:
                other = draw(st.sampled_from(corpus))
                text = text[:start] + other[draw(st.integers(0, len(other))) :]
            case _:
                numbers = list(re.finditer(r"\d+", text))
                if numbers:
                    at = draw(st.sampled_from(numbers))
                    text = text[: at.start()] + draw(st.sampled_from(PUT)) + text[at.end() :]
    return text


CASES = (
    "conv2d n1ic64ih13iw13oc96kh2kw2sh2sw2 f32 exact c-order seed=7",
    "conv1d n2ic4iw9oc6kw3sw2pw1dw2g2b0 f64 wide x:fortran,y_bar:output seed=1",
    "conv3d n1ic1id3ih3iw3oc1kd2kh2kw2 bf16 real x:broadcast,w:sliced seed=3 y_bar=0,0,0,0,1",
    "max_pool2d n1ic1ih4iw4kh2kw2 f32 ties",
    "avg_pool1d n1ic1iw9kw2sw2ceil1cip0 f16 tiny",
    "network n5ic2ih8iw8oca3ka3ocb2kb2classes6labels7act3max1 f32 pruned c-order seed=1",
    "max_pool3d n1ic1id2ih2iw2kd1kh1kw1 f64 special x:negative",
)

DESCRIPTORS = (
    'mb2ic3ih224oc64oh112kh7sh2ph3n"stem"',
    "mb8ic64ih56oc64oh56kh3ph1",
    "mb1g2ic4iw9oc6kw3sw2pw1dw1",
    "mb1ic1id3ih3iw3oc1kd2kh2kw2",
    "n1ic64ih13iw13oc96kh2kw2sh2sw2  # a comment",
    "mb96ic64ih55oh27kh3sh2ph0n_alexnet",
    "_mb1_ic1_ih4_kh2_oh3",
)

TABLES = (
    (
        '[tool.bpcheck]\nexecutor = "dask:a"\n'
        '[tool.bpcheck.subjects]\nconv = { target = "a:b", operation = "conv2d" }\n'
    ),
    (
        '[tool.bpcheck.subjects.x]\ntarget = "a.py"\noperations = ["conv1d", "conv2d"]\n'
        'style = "pair"\nwith = { layout = "NHWC", ints = true }\ninterpret = false\n'
        'claims = { dtypes = ["float32"], empty = false, constant = 8, refuses = ["ValueError"] }\n'
    ),
    (
        '[tool.bpcheck.subjects.y.claims]\nnan = true\nlayouts = ["fortran"]\nnorm = "2-norm"\n'
        '[tool.bpcheck.subjects.y]\ntarget = "t"\noperation = 1\n'
    ),
)

WORDS = (
    "forward=f(x, w, b, {'stride': s, 'pad': p})",
    "backward=g(dout, cache)",
    "layout=NHWC",
    "weight_layout=HWIO",
    "weights=params['W'], params['b']",
    "grads=grads['W'].T, self.W.grad",
    "scaled=1/n",
    "padding=total",
    "bias_shape=1 1 1 O",
    "make=Conv(w, b, stride=s)",
    "dtypes=float32",
    "ints=true",
)


@pytest.fixture(scope="module")
def baseline() -> tuple[str, ...]:
    """Texts of small baselines."""
    found = reference("avg_pool1d")
    subject = Subject(found.forward, found.vjp, operation="avg_pool1d", name="pool")
    given_: Any = {"dtypes": ["float32"], "longest": 16, "cases": 2}
    one = measure(subject, results=["y"], kinds=["positive"], **given_)
    return (dumps([one]), dumps([measure(subject, results=["x_bar"], kinds=["wide"], **given_)]))


def never_fails(read: Callable[[], Any]) -> Any:
    """What it gives, if that is not an error of the project's own."""
    with contextlib.suppress(BpcheckError):
        return read()
    return None


@MANY
@given(text=mutated(CASES))
def test_a_case_text_is_a_case_that_is_written_and_read_again_or_an_error(text: str) -> None:
    case = never_fails(lambda: parse_case(text))
    assert case is None or parse_case(str(case)) == case


@MANY
@given(
    lines=st.lists(mutated((*DESCRIPTORS, *CASES)), min_size=1, max_size=2),
    operation=st.sampled_from(operation_names()),
)
def test_a_file_of_descriptors_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], operation: str
) -> None:
    file = _folder(tmp_path_factory) / "cases.txt"
    file.write_bytes("\n".join(lines).encode(errors="surrogatepass"))
    promise = operation_named(operation)
    found = never_fails(
        lambda: listed_cases(str(file), operation=promise, dtypes=["float32"], seed=1)
    )
    assert all(parse_case(str(each)) == each for each in found or ())


@MANY
@given(text=mutated(TABLES))
def test_a_table_of_subjects_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    file = _folder(tmp_path_factory) / "pyproject.toml"
    file.write_bytes(text.encode(errors="surrogatepass"))
    never_fails(lambda: entries(file))
    never_fails(lambda: executor_of(file))


@MANY
@given(data=st.data())
def test_a_baseline_is_read_and_written_again_or_refused(
    baseline: tuple[str, ...], data: st.DataObject
) -> None:
    text = data.draw(mutated(baseline))
    found = never_fails(lambda: loads(text, origin="b.json"))
    if found is not None:
        assert loads(dumps(found), origin="again") == found


CLAIMS = st.dictionaries(
    st.sampled_from(
        [
            *("dtypes", "accumulates", "exact", "constant", "norm", "ties", "supports", "refuses"),
            *("single_use", "empty", "layouts", "nan", "subnormals", "deterministic", "dilation"),
            *("batch_invariant", "square_kernels", "equal_strides", "needs_grad", "nonsense", ""),
        ]
    ),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.sampled_from([10**400, -(10**400), 2.5, float("nan"), float("inf"), 1j, b"x", ...])
        | st.sampled_from([ValueError, KeyError, BaseException, object, int, print, "float32"])
        | st.text(max_size=9)
        | st.sampled_from(["f32", "bfloat16", "2-norm", "torch", "fortran", "ValueError"]),
        lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=3), each),
        max_leaves=4,
    ),
    max_size=3,
)


@MANY
@given(claims=CLAIMS)
def test_claims_are_read_or_refused(claims: dict[str, Any]) -> None:
    found = never_fails(lambda: claims_from(claims, origin="here"))
    if found is not None:
        hash(found)


def kernel(x: Any, w: Any, b: Any, stride: int = 1, pad: int = 0) -> Any:
    return x, None


def none_is_loaded() -> Framework:
    """A framework in the place of those that are installed: what is declared is read alike."""
    return Framework("none", np.array, np.asarray, lambda *operands: (None, lambda y_bar: ()))


@MANY
@given(
    typed=st.lists(mutated(WORDS), max_size=3),
    style=st.sampled_from(sorted(STYLES)),
)
def test_a_declaration_is_read_or_refused(typed: list[str], style: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(styles, "FRAMEWORKS", dict.fromkeys(FRAMEWORKS, none_is_loaded))
        read(typed, style)


def read(typed: list[str], style: str) -> None:
    never_fails(
        lambda: STYLES[style](
            kernel,
            operation=operation_named("conv2d"),
            name="kernel",
            dtypes=("float64",),
            words=asked_words(tuple(typed)),
        )
    )


@MANY
@given(text=mutated(("12", "f32", "bfloat16", "resnet50", "cases.txt", "float64")))
def test_options_are_read_or_refused(text: str) -> None:
    subject = Subject(forward=kernel, vjp=kernel, operation="conv2d")
    never_fails(lambda: asked_cases(text, subject, dtypes=None, seed=0))
    never_fails(lambda: asked_dtypes((text,)))


_FOLDERS: list[Path] = []


def _folder(factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples."""
    if not _FOLDERS:
        _FOLDERS.append(factory.mktemp("parsers"))
    return _FOLDERS[0]
