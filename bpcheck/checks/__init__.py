"""The checks: each a function from a trial to one outcome for each result."""

from __future__ import annotations

from types import MappingProxyType

from bpcheck.checks import (
    autograd,
    contract,
    differences,
    layouts,
    line,
    linearity,
    oracle,
    rounding,
    state,
    symmetry,
)
from bpcheck.checks.check import Check, Juror
from bpcheck.checks.trial import Trial

__all__ = ["CHECKS", "CHECK_NAMES", "Check", "Juror", "Trial"]

#: The checks by name, in the order in which they run: the contract before the numbers.
CHECKS: MappingProxyType[str, Check] = MappingProxyType(
    {
        check.name: check
        for check in (
            Check(contract.NAME, contract.check_contract),
            Check(autograd.NAME, autograd.check_autograd, Juror.AUTOGRAD),
            Check(differences.NAME, differences.check_differences, Juror.DIFFERENCES),
            Check(layouts.NAME, layouts.check_layouts),
            Check(state.NAME, state.check_state),
            Check(linearity.NAME, linearity.check_linearity),
            Check(symmetry.NAME, symmetry.check_symmetry),
            Check(oracle.NAME, oracle.check_oracle),
            Check(line.TAYLOR, line.check_taylor, Juror.DIFFERENCES),
            Check(rounding.NAME, rounding.check_rounding, Juror.AUTOGRAD),
        )
    }
)

CHECK_NAMES: tuple[str, ...] = tuple(CHECKS)
