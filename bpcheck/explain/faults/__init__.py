"""Known mistakes, each a transformation that makes a right kernel wrong."""

from bpcheck.explain.faults.catalogue import FAMILIES, FAULTS, fault_named, faults_of
from bpcheck.explain.faults.fault import Fault

__all__ = ["FAMILIES", "FAULTS", "Fault", "fault_named", "faults_of"]
