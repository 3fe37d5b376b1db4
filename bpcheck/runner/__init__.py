"""The runner: runs checks over cases and reports."""

from bpcheck.runner.one import Replay, replay
from bpcheck.runner.run import Progress, check_subject

__all__ = ["Progress", "Replay", "check_subject", "replay"]
