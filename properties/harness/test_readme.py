"""What the README shows is what a reader gets."""

from __future__ import annotations

from tools.readme import README, renewed


def test_the_readme_shows_what_its_command_prints() -> None:
    shown = README.read_text("utf-8")
    assert renewed(shown) == shown, "bpcheck prints something else now: run make readme"
