"""The command line: ``bpcheck check``, ``bpcheck replay`` and ``bpcheck precision``."""

from bpcheck.cli.app import main, run

__all__ = ["main", "run"]
