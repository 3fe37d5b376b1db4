"""The checks: each a function from a trial to one outcome for each result."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType

from bpcheck.checks import (
    autograd,
    batch,
    batches,
    columns,
    contract,
    differences,
    finite,
    layouts,
    line,
    memory,
    oracle,
    orders,
    repeat,
    reused,
    rounding,
    scaled,
    second_step,
    second_vjp,
    split,
    symmetry,
    ten_runs,
    unchanged,
)
from bpcheck.checks.check import Check, Juror
from bpcheck.checks.jax_rows import rows as jax_rows
from bpcheck.checks.tensors import (
    compiled,
    double_backward,
    forward_mode,
    modes,
    needs_grad,
    operator,
    saved,
    second_backward,
    training_step,
    undefined,
    vmapped,
)
from bpcheck.checks.tensors.asked import ROWS
from bpcheck.checks.trial import Trial
from bpcheck.operations.promises import SAMPLES
from bpcheck.subject import Subject

__all__ = [
    "CHECKS",
    "CHECK_NAMES",
    "OF_COMPILED",
    "OF_FIRST_RUN",
    "OF_JAX",
    "OF_OPERATORS",
    "ON_TENSORS",
    "Check",
    "Juror",
    "Trial",
    "names_for",
]


def _against_autograd(name: str) -> Check:
    return Check(name, partial(autograd.check_autograd, name=name), Juror.AUTOGRAD)


#: The checks by name, in the order in which they run: the contract before the numbers.
CHECKS: MappingProxyType[str, Check] = MappingProxyType(
    {
        check.name: check
        for check in (
            Check(contract.NAME, contract.check_contract),
            Check(finite.NAME, finite.check_finite),
            Check(unchanged.NAME, unchanged.check_unchanged),
            Check(repeat.NAME, repeat.check_repeat),
            # One comparison in five rows: each kind of values fails for another reason.
            _against_autograd(autograd.NAME),
            _against_autograd(autograd.TIES),
            _against_autograd(autograd.SPECIAL),
            _against_autograd(autograd.EXTREME),
            _against_autograd(autograd.EMPTY),
            Check(differences.NAME, differences.check_differences, Juror.DIFFERENCES),
            Check(columns.AUTOGRAD, columns.check_by_autograd, Juror.AUTOGRAD),
            Check(columns.DIFFERENCES, columns.check_by_differences, Juror.DIFFERENCES),
            Check(layouts.NAME, layouts.check_layouts),
            *(Check(name, partial(orders.check_order, name=name)) for name in orders.ORDERS),
            Check(second_vjp.NAME, second_vjp.check_second_vjp),
            Check(reused.NAME, reused.check_reused),
            # Of classes of layers alone.
            Check(second_step.NAME, second_step.check_second_step),
            Check(memory.NAME, memory.check_memory),
            Check(scaled.NAME, scaled.check_scaled),
            Check(split.NAME, split.check_split),
            Check(SAMPLES, symmetry.check_samples),
            Check(symmetry.CHANNELS, symmetry.check_channels),
            Check(batch.NAME, batch.check_batch),
            Check(batches.NAME, batches.check_batches),
            Check(ten_runs.NAME, ten_runs.check_ten_runs),
            Check(oracle.NAME, oracle.check_oracle),
            Check(line.TAYLOR, line.check_taylor, Juror.DIFFERENCES),
            Check(rounding.NAME, rounding.check_rounding, Juror.AUTOGRAD),
            # Of code on tensors alone.
            Check(needs_grad.NAME, needs_grad.check_needs_grad),
            Check(second_backward.NAME, second_backward.check_second_backward),
            Check(undefined.NAME, undefined.check_undefined),
            Check(double_backward.NAME, double_backward.check_double_backward),
            Check(forward_mode.NAME, forward_mode.check_forward_mode),
            Check(vmapped.NAME, vmapped.check_vmap),
            Check(saved.NAME, saved.check_saved),
            Check(modes.NAME, modes.check_modes),
            Check(training_step.NAME, training_step.check_step),
            Check(compiled.NAME, compiled.check_compiled),
            # Of functions of JAX alone.
            *(Check(name, partial(jax_rows.check_jax, name=name)) for name in jax_rows.ROWS),
            *(Check(name, partial(operator.check_operator, name=name)) for name in operator.TESTS),
        )
    }
)

CHECK_NAMES: tuple[str, ...] = tuple(CHECKS)

#: The rows that ask something of code on tensors alone, and of registered operators alone.
ON_TENSORS, OF_OPERATORS = frozenset(ROWS), frozenset(operator.TESTS)


#: The row of classes of layers alone.
OF_LAYERS = frozenset({second_step.NAME})

#: The row of modules alone.
OF_MODULES = frozenset({training_step.NAME})

#: The row of what is compiled, where that is claimed.
OF_COMPILED = frozenset({compiled.NAME})

#: The rows that ask something of functions of JAX alone.
OF_JAX = frozenset(jax_rows.ROWS)

#: Those that look at the first run of a case, and make no other where it is right.
OF_FIRST_RUN = frozenset(
    {
        contract.NAME,
        finite.NAME,
        unchanged.NAME,
        autograd.NAME,
        autograd.TIES,
        autograd.SPECIAL,
        autograd.EXTREME,
        autograd.EMPTY,
        rounding.NAME,
    }
)

#: The rows of runs that exhaust a scope: no plan draws the values that they ask for.
OF_SCOPES = frozenset({columns.AUTOGRAD, columns.DIFFERENCES})


def names_for(subject: Subject) -> tuple[str, ...]:
    """The checks that can say something of a subject, by its kind of code, in a planned run."""
    code = subject.tensors
    left_out = (
        OF_SCOPES
        | (ON_TENSORS if code is None else frozenset[str]())
        | (frozenset[str]() if subject.style.startswith("jax") else OF_JAX)
        | (OF_LAYERS if subject.one_instance is None else frozenset[str]())
        | (OF_COMPILED if code is None or not subject.claims.compiled else frozenset[str]())
        | (OF_MODULES if code is None or code.evaluating() is None else frozenset[str]())
        | (OF_OPERATORS if code is None or code.operator is None else frozenset[str]())
    )
    return tuple(name for name in CHECK_NAMES if name not in left_out)
