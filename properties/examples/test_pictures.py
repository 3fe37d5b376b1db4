"""The pictures that a page shows are what the commands below them draw, and no others are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.pictures import DOCS, pictures

PAGE = DOCS / "how-the-error-travels.md"


def test_every_picture_is_what_its_command_draws() -> None:
    drawn = dict(pictures(PAGE.read_text("utf-8")))
    assert len(drawn) >= 8
    for file, picture in drawn.items():
        assert file.read_text("utf-8") == picture, f"{file.name}: python tools/pictures.py"
    assert set(drawn) == set((DOCS / "pictures").iterdir())


def test_a_picture_without_its_command_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no command below it"):
        list(pictures("![a](pictures/a.svg)\n\ntext\n"))
    other = "`bpcheck explain 'avg_pool1d n1ic1iw2kw2' --picture docs/pictures/b.svg`"
    with pytest.raises(ValueError, match="draws another file"):
        list(pictures(f"![a](pictures/a.svg)\n\n{other}\n"))
