"""``bpcheck precision``: measuring rounding errors, and comparing them with a baseline."""
