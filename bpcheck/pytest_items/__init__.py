"""The items of conformance tests: one for each check and result, and what each tells.

Nothing of it is loaded before a conformance test is collected: see `bpcheck.pytest_plugin`.
"""
