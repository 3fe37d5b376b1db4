"""Functions of JAX as subjects: run by `test_adapters_jax.py` in a process of its own.

Each new shape compiles, so that one geometry serves them all.
"""

from __future__ import annotations

import numpy as np

import bpcheck
from bpcheck.adapters import load
from bpcheck.imports.interpreters import interpret_loaded
from bpcheck.runner.one import judge

CASES = [
    bpcheck.parse_case(f"max_pool1d n2ic2iw7kw3sw2 f32 {values} seed={seed}")
    for seed, values in enumerate(("exact", "real", "ties"))
]


def defects(attribute: str) -> set[str]:
    subject = load(
        f"examples.your_code.jax_pool:{attribute}",
        operation="max_pool1d",
        style="jax",
        words={"layout": "NWC"},
    )
    report = bpcheck.check(subject, cases=CASES)
    return {each.result for each in report.judgements if each.verdict.is_defect}


def test_a_custom_vjp_is_judged_by_its_own_backward() -> None:
    assert defects("pool") == set()
    assert defects("pool_wrong") == {"x_bar"}


def test_kernels_of_pallas_run_in_its_interpreter() -> None:
    case = bpcheck.parse_case("avg_pool1d n1ic2iw5kw3sw2 f32 exact")
    for attribute, expected in (("pool", set()), ("pool_wrong", {"x_bar"})):
        subject = load(
            f"examples.your_code.pallas_pool:{attribute}", operation="avg_pool1d", style="jax"
        )
        interpret_loaded()
        judged = judge(subject, case, checks={"contract", "autograd"})
        assert {each.result for each in judged.rulings if each.verdict.is_defect} == expected


def test_any_callable_of_jax_is_a_subject_in_float64_and_bfloat16() -> None:
    import jax

    def conv(x: jax.Array, w: jax.Array, stride: tuple[int, ...]) -> jax.Array:
        return jax.lax.conv_general_dilated(x, w, stride, "VALID")

    subject = bpcheck.adapters.functional(conv, operation="conv1d", preset="jax")
    for dtype in ("f64", "bf16"):
        case = bpcheck.parse_case(f"conv1d n1ic2iw6oc3kw3bias0 {dtype} exact")
        report = bpcheck.check(subject.claiming(dtypes=(dtype,)), cases=[case])
        assert report.cases == 1
        assert not [each.headline for each in report.judgements if each.verdict.is_defect]


def test_what_jax_returns_is_a_copy_that_may_be_written() -> None:
    subject = bpcheck.adapters.functional(
        lambda x, k: x[:, :, ::k], operation="avg_pool1d", preset="jax"
    )
    y, _ = subject.forward(np.ones((1, 1, 4)), kernel_size=(2,), stride=(2,))
    y += 1
