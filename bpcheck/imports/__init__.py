"""The user's own code by name: importing it, finding what it names, telling its errors by line."""

from bpcheck.imports.errors import explain, is_users, is_users_file, shorten
from bpcheck.imports.named import find, split

__all__ = ["explain", "find", "is_users", "is_users_file", "shorten", "split"]
