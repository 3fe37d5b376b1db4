"""Right kernels in cases in which they were rejected once."""

from __future__ import annotations

import pytest

from benchmarks.material import kernel
from bpcheck.cases import parse_case
from bpcheck.runner.one import judge

CASES = [
    # The bound of a sum of 324 quotients in bfloat16 is infinite, and half of the cotangent is 0.
    ("bfloat16", "avg_pool3d n2ic4id8ih9iw14kd4kh9kw9 bf16 sparse c-order seed=2000386"),
    # The cotangent is the output, which is another one in each run.
    ("unordered", "conv1d n63ic4iw8oc4kw3sw2bias0 f32 real x:sliced,y_bar:output seed=8000363"),
    ("unordered", "conv2d n1ic98ih14iw14oc2kh1kw1sh3sw3ph1pw1dh3dw3 f64 real y_bar:output seed=6"),
]


@pytest.mark.parametrize(("kernels", "text"), CASES)
def test_a_right_kernel_has_no_defect(kernels: str, text: str) -> None:
    case = parse_case(text)
    judged = judge(kernel(kernels, case.operation.name), case)
    assert [each for each in judged.rulings if each.verdict.is_defect] == []
