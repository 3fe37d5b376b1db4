"""``python -m bpcheck``: the command line."""

from bpcheck.cli import main

if __name__ == "__main__":
    main()
