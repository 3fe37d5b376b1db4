"""The command line: ``bpcheck check`` and ``bpcheck replay``."""

from bpcheck.cli.app import main

__all__ = ["main"]
