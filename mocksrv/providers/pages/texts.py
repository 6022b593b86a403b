"""What pages say, in the languages that there are files for: ``texts/LOCALE.yaml``, flat, a sentence by key."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from mocksrv.engine import yamlnodes

ENGLISH = "en"
KIT = Path(__file__).with_name("texts")


class Texts:
    """What pages say in one language. What it has no words for is said in English."""

    def __init__(self, locale: str, texts: Mapping[str, str]) -> None:
        self.locale = locale  # a file's name: en, es, fr-ca
        self._texts = texts

    def __call__(self, key: str, **values: Any) -> str:
        """The sentence of a key, with ``{name}`` replaced by values. Raises KeyError."""
        text = self._texts[key]
        return text.format_map(values) if values else text

    def __contains__(self, key: str) -> bool:
        return key in self._texts


def texts_of(folder: Path, locale: str | None) -> Texts:
    """The texts of a folder and of the kit in the folder's language that fits a locale best (``es-419`` is ``es``),
    else in English. ``locale`` may also be an ``Accept-Language`` header.
    """
    there = {path.stem for path in folder.glob("*.yaml")}
    for asked in (locale or "").split(","):
        name = asked.partition(";")[0].strip().lower().replace("_", "-")
        found = next((each for each in (name, name.partition("-")[0]) if each in there), None)
        found = found or next((each for each in sorted(there) if name and each.startswith(f"{name}-")), None)
        if found:
            return _read(folder, found)
    return _read(folder, ENGLISH)


@cache
def _read(folder: Path, locale: str) -> Texts:
    files = (KIT / f"{ENGLISH}.yaml", folder / f"{ENGLISH}.yaml", KIT / f"{locale}.yaml", folder / f"{locale}.yaml")
    texts: dict[str, str] = {}
    for file in files:
        if file.is_file():
            texts |= yamlnodes.load(file)
    return Texts(locale, texts)
