"""Code as people write it becomes a subject by one line of declaration, right or wrong."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import bpcheck
from bpcheck.adapters import load
from bpcheck.cli import main
from bpcheck.errors import TargetError, UsageError
from bpcheck.report import report_text
from examples.your_code import coursera, cs231n, layers, stateless

#: Style, target, operation and declaration of code that is right.
RIGHT: list[tuple[str, str, str, dict[str, Any]]] = [
    ("cs231n", "cs231n", "conv2d", {}),
    ("cs231n", "cs231n:max_pool_forward_naive", "max_pool2d", {}),
    ("coursera", "coursera", "conv2d", {}),
    ("coursera", "coursera", "avg_pool2d", {}),
    ("saito", "layers:Convolution", "conv2d", {}),
    (
        "layer",
        "layers:Own",
        "conv2d",
        {
            "weights": "params['W'], params['b']",
            "grads": "grads['W'], grads['b']",
            "accumulating": "true",
            "dtypes": "float64",
            "empty": "false",
        },
    ),
    ("layer", "layers:Trains", "conv2d", {}),
    (
        "stateless",
        "stateless:conv1d",
        "conv1d",
        {"backward": "conv1d_backward(dout, x, w, stride, padding) -> dx, dw, db"},
    ),
    (
        "stateless",
        "stateless:conv1d",
        "conv1d",
        {
            "backward": "gradx(w, dout, x_shape, stride, padding) -> dx; "
            "gradw(x, dout, w_shape, stride, padding) -> dw; gradb -> db",
        },
    ),
]

RIGHT += [
    ("tensor", "engine:max_pool1d", "max_pool1d", {}),
    ("torch", "torch_layers:Conv", "conv2d", {}),
    # A problem file of KernelBench's shape: its ModelNew is what is checked.
    ("torch", "torch_layers", "conv2d", {}),
]

#: The same of code that is wrong, with the results in which that shows.
WRONG: list[tuple[str, str, str, dict[str, Any], set[str]]] = [
    ("cs231n", "cs231n", "conv2d", {"backward": "conv_wrong(dout, cache)"}, {"w_bar"}),
    ("coursera", "coursera", "conv2d", {"backward": "wrong"}, {"w_bar"}),
    # The course's own mask gives every cell that equals the maximum the whole cotangent.
    ("coursera", "coursera", "max_pool2d", {}, {"x_bar"}),
    ("layer", "layers:TrainsFirst", "conv2d", {}, {"x_bar"}),
    ("tensor", "engine:mean_of_max", "max_pool1d", {}, {"x_bar"}),
    ("torch", "torch_layers:ConvWrong", "conv2d", {}, {"w_bar"}),
    (
        "stateless",
        "stateless:conv1d",
        "conv1d",
        {
            "backward": "gradx_wrong(w, dout, x_shape, stride, padding) -> dx; "
            "gradw(x, dout, w_shape, stride, padding) -> dw; gradb(dout) -> db",
        },
        {"x_bar"},
    ),
]


def report_of(
    style: str, target: str, operation: str, words: Mapping[str, Any], count: int = 16
) -> bpcheck.Report:
    subject = load(f"examples.your_code.{target}", operation=operation, style=style, words=words)
    # In float64 torch's convolutions take a path of its own; those of oneDNN may crash
    # (docs/found-in-torch.md), and would take the process of the tests with them.
    dtypes = ("float64",) if style == "torch" else None
    return bpcheck.check(subject, count=count, largest=1_000, dtypes=dtypes)


@pytest.mark.parametrize(("style", "target", "operation", "words"), RIGHT)
def test_right_code_agrees(style: str, target: str, operation: str, words: dict[str, Any]) -> None:
    report = report_of(style, target, operation, words)
    defects = [each.headline for each in report.judgements if each.verdict.is_defect]
    assert defects == []
    assert report.cases >= 16


@pytest.mark.verdicts
@pytest.mark.parametrize(("style", "target", "operation", "words", "results"), WRONG)
def test_wrong_code_is_found_in_the_results_that_are_wrong(
    style: str, target: str, operation: str, words: dict[str, Any], results: set[str]
) -> None:
    report = report_of(style, target, operation, words)
    assert {each.result for each in report.judgements if each.verdict.is_defect} == results


def test_what_a_declaration_leaves_out_is_not_claimed_and_said() -> None:
    report = report_of("cs231n", "cs231n", "conv2d", {})
    said = report_text(report)
    for each in ("unequal strides", "dilation", "groups", "no bias"):
        assert each in " ".join(said.split())


def test_from_python_the_functions_and_classes_themselves_are_named() -> None:
    conv = cs231n.conv_forward_naive, cs231n.conv_backward_naive
    every = [
        bpcheck.adapters.pair(*conv, operation="conv2d", preset="cs231n"),
        bpcheck.adapters.pair(
            *conv,
            operation="conv2d",
            call="x, w, b, {'stride': s, 'pad': p}",
            back="dout, cache",
        ),
        bpcheck.adapters.pair(
            coursera.pool_forward,
            coursera.pool_backward,
            operation="avg_pool2d",
            preset="coursera",
        ),
        bpcheck.adapters.layer(layers.Convolution, operation="conv2d", empty=False),
        bpcheck.adapters.layer(
            layers.Convolution,
            operation="conv2d",
            make=lambda w, b, s: layers.Convolution(w, b, stride=s),
            without_bias="never",
        ),
        bpcheck.adapters.stateless(
            stateless.conv1d,
            stateless.gradx,
            stateless.gradw,
            stateless.gradb,
            operation="conv1d",
            without_bias="shorter",
        ),
    ]
    for subject in every:
        report = bpcheck.check(subject, count=8, largest=500)
        assert not [each.headline for each in report.judgements if each.verdict.is_defect]


def test_a_conformance_test_takes_an_adapted_subject() -> None:
    subject = bpcheck.adapters.layer(layers.Convolution, operation="conv2d")
    test = bpcheck.conformance(subject)
    assert test.bpcheck_subject.style == "layer (ints)"  # type: ignore[attr-defined]


def test_an_operand_that_code_changes_is_seen_in_any_layout() -> None:
    def forward(A: Any, f: int, stride: int) -> Any:
        return A[:, :: stride if f else 1].copy(), A

    def backward(dout: Any, cache: Any) -> Any:
        cache += 1
        return np.zeros_like(cache)

    subject = bpcheck.adapters.pair(
        forward, backward, operation="max_pool1d", layout="NWC", call="x, f, stride"
    )
    x = np.ones((1, 2, 3))
    _, residuals = subject.forward(x, kernel_size=(1,), stride=(1,))
    subject.vjp(residuals, np.ones((1, 2, 3)))
    assert (x == 2).all()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"layuot": "NHWC"}, "style pair has no option 'layuot'; did you mean layout?"),
        ({"layout": "NHXC"}, "layout='NHXC': the axes are N, C, H, W, each at most once"),
        ({"ints": "perhaps"}, "ints='perhaps': true or false was expected"),
        ({"forward": "x +"}, "show the call as it is written"),
        ({"forward": "x, w, b, what"}, "what means nothing to bpcheck"),
        ({"forward": "x, [i for i in w]"}, "ListComp cannot stand in a declaration"),
        ({"forward": "x, w, b -> cache"}, "it must say which result is y"),
        ({"backward": "conv_backward_naive(dout, cache) -> a, c"}, "none of them names a gradient"),
        ({"scaled": "2"}, "1/n is what can be declared"),
    ],
)
def test_a_declaration_that_makes_no_sense_is_refused_with_the_reason(
    words: dict[str, str], message: str
) -> None:
    words = {"forward": "x, w, b, {'stride': s, 'pad': p}", **words}
    with pytest.raises(UsageError) as caught:
        load("examples.your_code.cs231n", operation="conv2d", style="pair", words=words)
    assert message in str(caught.value)


def test_a_dictionary_of_params_is_not_guessed() -> None:
    with pytest.raises(TargetError, match="its conv_param holds several params; say which"):
        load("examples.your_code.cs231n", operation="conv2d", style="pair")


def command(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    return done.exit_code, " ".join(done.output.split())


def test_from_a_shell_a_style_and_its_words_are_options_that_a_replay_repeats() -> None:
    style = ("--style", "cs231n", "--with", "backward=conv_wrong(dout, cache)")
    target = "examples.your_code.cs231n"
    code, said = command(*("check", "conv2d", target, *style, "--cases", "12", "--largest", "500"))
    assert code == 1
    assert "✗ w_bar: backward wrong" in said
    assert f"{target} --style cs231n --with 'backward=conv_wrong(dout, cache)'" in said
    case = "conv2d n1ic1ih1iw3oc1kh1kw1sh2sw2 f64 small y_bar=0,0,0,1"
    assert command("replay", case, target, *style)[0] == 1
    assert command("replay", case, target, "--style", "cs231n")[0] == 0
    assert (
        "write key=value, such as --with layout=NHWC"
        in command("check", "conv2d", target, "--with", "layout")[1]
    )


def test_in_pyproject_the_words_are_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = (
        '[tool.bpcheck.subjects.own]\ntarget = "examples.your_code.layers:Own"\n'
        'operation = "conv2d"\nstyle = "layer"\n'
        "with = { weights = \"params['W'], params['b']\", grads = \"grads['W'], grads['b']\", "
        'accumulating = true, dtypes = ["float64"], empty = false }\n'
    )
    (tmp_path / "pyproject.toml").write_text(table, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    code, said = command("check", "--cases", "8", "--largest", "500")
    assert code == 0, said
    assert "layer (ints, accumulating)" in said


def test_a_subject_that_an_adapter_made_travels_to_other_processes() -> None:
    for style, target, operation, words in RIGHT[:5]:
        subject = load(
            f"examples.your_code.{target}", operation=operation, style=style, words=words
        )
        assert pickle.loads(pickle.dumps(subject)).style == subject.style  # noqa: S301 - our own
