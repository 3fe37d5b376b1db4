"""``python -m bpcheck``: the command line."""

from bpcheck.cli import run

if __name__ == "__main__":
    run()
