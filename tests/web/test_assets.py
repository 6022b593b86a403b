"""What the pages load is small."""

from __future__ import annotations

from pathlib import Path

import mocksrv

MOST = 120_000  # bytes of all pages together, unzipped


def test_all_styles_and_scripts_together_are_small() -> None:
    files = [file for folder in Path(mocksrv.__path__[0]).rglob("static") for file in folder.iterdir()]
    assert {file.suffix for file in files} == {".css", ".js"}
    assert sum(file.stat().st_size for file in files) <= MOST
