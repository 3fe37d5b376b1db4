"""The runner: runs checks over cases and reports."""

from bpcheck.runner.one import Replay, replay
from bpcheck.runner.run import check_subject
from bpcheck.runner.work import Progress

__all__ = ["Progress", "Replay", "check_subject", "replay"]
