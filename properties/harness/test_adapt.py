"""``bpcheck adapt`` finds the declaration by names, signatures and shapes, right code or wrong."""

from __future__ import annotations

import inspect
import textwrap
import tomllib
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import bpcheck
from bpcheck.adapters.candidates import candidates
from bpcheck.adapters.fitting import Candidate, best
from bpcheck.adapters.hints import hints
from bpcheck.cli import main
from bpcheck.cli.project import entries
from bpcheck.explain.faults.catalogue import FAMILIES
from bpcheck.imports import find
from bpcheck.operations import operation_named
from bpcheck.runner.conclude import NEVER_EMPTY, NEVER_TAKEN
from bpcheck.verdict import Verdict
from examples.your_code import coursera, cs231n, layers, stateless, torch_layers
from properties.harness.depth import deep
from properties.harness.planting import reference
from reference import avg_pool

CONV = operation_named("conv2d")


def fits(module: ModuleType, name: str, operation: str) -> Any:
    target = f"{module.__name__}:{name}"
    (options,) = candidates(getattr(module, name), target, operation_named(operation))
    return best(options, operation_named(operation))


@pytest.mark.parametrize(
    ("module", "name", "operation", "style", "words"),
    [
        (cs231n, "conv_forward_naive", "conv2d", "cs231n", {}),
        (cs231n, "max_pool_forward_naive", "max_pool2d", "cs231n", {}),
        (coursera, "conv_forward", "conv2d", "coursera", {}),
        (coursera, "pool_forward", "avg_pool2d", "coursera", {}),
        (layers, "Convolution", "conv2d", "saito", {}),
        (layers, "Trains", "conv2d", "layer", {}),
        (
            layers,
            "Own",
            "conv2d",
            "layer",
            {"weights": "params['W'], params['b']", "grads": "grads['W'], grads['b']"},
        ),
        (stateless, "conv1d", "conv1d", "stateless", {}),
        (torch_layers, "Conv", "conv2d", "torch", {}),
    ],
)
def test_what_fits_is_found(
    module: ModuleType, name: str, operation: str, style: str, words: dict[str, Any]
) -> None:
    fit = fits(module, name, operation)
    assert fit.is_whole
    assert (fit.candidate.style, dict(fit.candidate.words)) == (style, words)


def conv_forward(x: Any, w: Any, b: Any, stride: int = 1, pad: int = 0) -> Any:
    right = reference("conv2d")
    channels_first = (x.transpose(0, 3, 1, 2), w.transpose(3, 2, 0, 1), b)
    params = {"dilation": (1, 1), "groups": 1, "stride": (stride,) * 2, "padding": (pad // 2,) * 2}
    y, residuals = right.forward(*channels_first, **params)
    return y.transpose(0, 2, 3, 1), residuals


def backward_of(subject: bpcheck.Subject) -> Any:
    def conv_backward(dout: Any, cache: Any) -> Any:
        found = subject.vjp(cache, dout.transpose(0, 3, 1, 2))
        if len(found) != 3 or not all(isinstance(each, np.ndarray) for each in found):
            return found
        dx, dw, db = found
        return {"dx": dx.transpose(0, 2, 3, 1), "dw": dw.transpose(2, 3, 1, 0), "db": db}

    return conv_backward


def declaration_of(backward: Any) -> tuple[str, dict[str, Any]]:
    # A backward is looked for beside its forward.
    globals()["conv_backward"] = backward
    (options,) = candidates(conv_forward, "code:conv_forward", CONV)
    found = best([each for each in options if each.style == "pair"], CONV)
    return found.candidate.style, dict(found.candidate.words)


def test_a_wrong_kernel_gets_the_declaration_of_the_right_one() -> None:
    right = declaration_of(backward_of(reference("conv2d")))
    words = {"layout": "NHWC", "weight_layout": "HWIO", "padding": "total"}
    assert right == ("pair", words)
    planted = [
        fault
        for family in ("rotation", "channels", "stride", "crop_and_padding", "overlap", "bias")
        for fault in FAMILIES[family]
        if "conv2d" in fault.operations and "y" not in fault.results
    ]
    assert len(planted) >= 20
    for fault in planted[:: deep(12, 4)]:
        wrong = fault.plant(reference("conv2d"))
        assert declaration_of(backward_of(wrong)) == right, fault.name


def test_a_declaration_that_changes_numbers_is_suggested_and_never_chosen() -> None:
    def mean_backward(dout: Any, cache: Any) -> Any:
        dx, dw, db = cs231n.conv_backward_naive(dout, cache)
        return dx, dw / len(dout), db / len(dout)

    holder = SimpleNamespace(conv_forward=cs231n.conv_forward_naive, conv_backward=mean_backward)
    options = [
        Candidate("code", holder.conv_forward, "pair", {**words, "backward": "dout, cache"})
        for words in ({"forward": "x, w, b, {'stride': s, 'pad': p}"},)
    ]
    subject = bpcheck.adapters.pair(
        holder.conv_forward, mean_backward, operation="conv2d", preset="cs231n"
    )
    fit = best(options, CONV)
    assert "scaled" not in fit.candidate.words
    said = hints(SimpleNamespace(subject=subject, back=1), CONV)  # type: ignore[arg-type]
    assert said == [
        f"{name}_bar is torch's divided by N: declare scaled='1/n' if that is meant"
        for name in ("w", "b")
    ]


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    return result.exit_code, result.output


def test_what_adapt_prints_can_be_pasted_and_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, said = run("adapt", "examples.your_code.layers:Own", "conv2d")
    assert code == 0
    table = textwrap.dedent(said.partition("In pyproject.toml:")[2].partition("In Python:")[0])
    assert tomllib.loads(table)["tool"]["bpcheck"]["subjects"]["Own"]["style"] == "layer"
    (tmp_path / "pyproject.toml").write_text(table, encoding="utf-8")
    (entry,) = entries(tmp_path / "pyproject.toml")
    assert entry.words["grads"] == "grads['W'], grads['b']"
    python = said.partition("In Python:")[2].strip().split("\n")[0]
    subject = eval(python, {"bpcheck": bpcheck})  # noqa: S307 - what it printed
    assert subject.style == "layer (ints)"
    assert "declare accumulating=true if that is meant" in said
    monkeypatch.chdir(tmp_path)


def test_where_nothing_fits_it_says_what_it_found(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("def conv_forward(q): ...\ndef conv_backward(r): ...\n")
    code, said = run("adapt", str(tmp_path / "code.py"), "conv2d")
    assert code == 2
    assert "its parameter q means nothing to bpcheck; show the call" in said


def test_a_target_that_another_style_takes_is_refused_with_its_name() -> None:
    for target, style in (("cs231n", "pair"), ("layers:Own", "layer")):
        with pytest.raises(bpcheck.TargetError, match=f"--style {style}"):
            bpcheck.adapters.load(f"examples.your_code.{target}", operation="conv2d")


def test_the_operations_are_listed_and_short_names_are_understood() -> None:
    assert "conv1d  conv2d  conv3d  max_pool1d" in run()[1]
    for short, meant in (("conv", "conv2d"), ("maxpool", "max_pool2d"), ("conv_2d", "conv2d")):
        with pytest.raises(bpcheck.CaseError, match=f"did you mean {meant}"):
            operation_named(short)
    assert inspect.isfunction(find("examples.your_code.cs231n:conv_wrong", directory=Path.cwd()))


@pytest.mark.parametrize(("from_width", "expected"), [(1, (NEVER_TAKEN,)), (3, ())])
def test_code_that_raises_in_every_case_is_pointed_to_adapt(
    from_width: int, expected: tuple[str, ...]
) -> None:
    def pool(x: Any, *, kernel_size: Any, stride: Any) -> Any:
        if x.shape[2] >= from_width:
            return x / (stride + 1)
        return avg_pool.forward(x, kernel_size=kernel_size, stride=stride)

    cases = [bpcheck.parse_case(f"avg_pool1d n1ic1iw{width}kw2 f64 exact") for width in (2, 3, 4)]
    subject = bpcheck.Subject(pool, avg_pool.vjp, operation="avg_pool1d")
    report = bpcheck.check(subject, cases=cases)
    assert report.verdict is Verdict.RAISES
    assert report.notes == expected


def test_a_backward_that_raises_in_every_case_by_any_exception_is_pointed_to_adapt() -> None:
    def vjp(residuals: Any, y_bar: Any) -> Any:
        raise (TypeError if y_bar.shape[2] > 2 else ValueError)

    cases = [bpcheck.parse_case(f"avg_pool1d n1ic1iw{width}kw2 f64 exact") for width in (2, 4, 9)]
    subject = bpcheck.Subject(avg_pool.forward, vjp, operation="avg_pool1d")
    assert bpcheck.check(subject, cases=cases).notes == (NEVER_TAKEN,)


def test_code_that_raises_in_empty_batches_alone_is_told_the_claim() -> None:
    def vjp(residuals: Any, y_bar: Any) -> Any:
        if not y_bar.size:
            raise ValueError
        return avg_pool.vjp(residuals, y_bar)

    cases = [bpcheck.parse_case(f"avg_pool1d n{n}ic1iw4kw2 f64 exact") for n in (0, 1, 2)]
    subject = bpcheck.Subject(avg_pool.forward, vjp, operation="avg_pool1d")
    report = bpcheck.check(subject, cases=cases)
    assert report.verdict is Verdict.RAISES
    assert report.notes == (NEVER_EMPTY,)
