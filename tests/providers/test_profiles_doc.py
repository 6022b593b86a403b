"""The tables of docs/profiles.md say what the schema of data profiles says.

``python -m tests.providers.test_profiles_doc`` writes them anew.
"""

from __future__ import annotations

import re
from pathlib import Path

from mocksrv.providers.profiles.library import BUNDLED
from mocksrv.providers.profiles.reading import SCHEMA
from tests.schema_tables import filled

DOCUMENT = Path(__file__).parents[2] / "docs" / "profiles.md"


def test_the_tables_are_what_the_schema_says() -> None:
    text = DOCUMENT.read_text("utf-8")
    assert filled(text, SCHEMA) == text
    shown = set(re.findall(r"<!-- keys (\w+) -->", text))
    assert shown == {"file", "account", "person", "reward", "rule", "line", "holding", "deck", "card", "settle"}


def test_every_bundled_profile_is_named() -> None:
    listed = re.findall(
        r"^\| `([\w-]+)` \| [^|]+ \|$", DOCUMENT.read_text("utf-8").partition("## Your own")[0], re.MULTILINE
    )
    assert sorted(listed) == sorted(path.stem for path in BUNDLED.glob("*.yaml"))


if __name__ == "__main__":
    DOCUMENT.write_text(filled(DOCUMENT.read_text("utf-8"), SCHEMA), "utf-8")
