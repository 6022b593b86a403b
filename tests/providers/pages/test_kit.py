"""The page kit: languages, logos, and what is escaped."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mocksrv.engine import yamlnodes
from mocksrv.providers.pages.logos import logo
from mocksrv.providers.pages.page import KIT, environment, origin_of
from mocksrv.providers.pages.texts import texts_of
from mocksrv.server import Parts

FOLDERS = sorted(path for path in KIT.parent.glob("**/texts") if path.is_dir())


@pytest.mark.parametrize(
    ("asked", "locale"),
    [
        (None, "en"),
        ("", "en"),
        ("es", "es"),
        ("es-MX", "es"),
        ("fr-ca", "fr-ca"),
        ("fr_CA", "fr-ca"),
        ("fr", "fr-ca"),
        ("de-DE, es;q=0.8, en;q=0.5", "es"),
        ("xx", "en"),
        ("../en", "en"),
    ],
)
def test_the_language_that_fits_best(asked: str | None, locale: str) -> None:
    assert texts_of(KIT / "texts", asked).locale == locale


def test_a_provider_speaks_the_languages_that_it_has(tmp_path: Path) -> None:
    (tmp_path / "en.yaml").write_text("greeting: Welcome")
    assert (texts_of(tmp_path, "es").locale, texts_of(tmp_path, "es")("back")) == ("en", "Back")
    (tmp_path / "es.yaml").write_text("greeting: Bienvenidos")
    assert texts_of(tmp_path, "es")("back") == "Atrás"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.parent.parent.name)
def test_every_language_says_the_same_things_with_the_same_values(folder: Path) -> None:
    english = yamlnodes.load(folder / "en.yaml")
    for other in (yamlnodes.load(file) for file in folder.glob("*.yaml")):
        assert other.keys() == english.keys()
        for key, text in english.items():
            assert sorted(re.findall(r"\{\w+\}", other[key])) == sorted(re.findall(r"\{\w+\}", text)), key
            assert other[key].strip()


def test_a_logo_is_drawn_from_name_and_code() -> None:
    drawn = logo("MX Bank", "mxbank")
    assert ">MB</text>" in drawn
    assert drawn == logo("MX Bank", "mxbank")
    assert {logo("A", f"code{n}") for n in range(9)} != {logo("A", "code1")}
    assert "<script" not in logo("<script> x", '"><script>')


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        (None, "*"),
        ("", "*"),
        ("https://app.example/path?q", "https://app.example"),
        ("https://app.example?q", "https://app.example"),
        ("http://127.0.0.1:1/own", "*"),
        ("capacitor://localhost", "capacitor://localhost"),
    ],
)
def test_the_origin_of_the_host(url: str | None, origin: str) -> None:
    assert origin_of(url, but="http://127.0.0.1:1/") == origin


def test_whatever_a_page_is_given_is_escaped() -> None:
    nasty = "</script><img src=x onerror=alert(1)>\"'"
    html = (
        environment(KIT)
        .get_template("message.html")
        .render(
            t=texts_of(KIT / "texts", "en"),
            scheme="light",
            messages=f'[{{"post":"{nasty}"}}]',
            target="*",
            line=None,
            static="/_pages",
            heading=nasty,
            text=nasty,
        )
    )
    assert "<img" not in html
    assert "<script>" not in html


def test_styles_and_scripts_are_served(make_server: Callable[..., Parts]) -> None:
    client = make_server().app.test_client()
    for file in ("kit/page.css", "kit/page.js"):
        answer = client.get(f"/_pages/{file}")
        assert answer.status_code == 200, file
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        again = client.get(f"/sandbox/other/_pages/{file}", headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304
    for wrong in ("kit/../page.py", "kit/%2e%2e/page.py", "../page.css", "nobody/page.css"):
        assert client.get(f"/_pages/{wrong}").status_code == 404, wrong
