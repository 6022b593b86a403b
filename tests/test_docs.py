"""What the pages for people who carry on say is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from mocksrv.settings import SETTINGS

ROOT = Path(__file__).parents[1]
PAGES = ("CONTRIBUTING.md", *(f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md"))), "README.md")
LARGEST_PICTURE = 120_000  # bytes


@pytest.mark.parametrize("page", PAGES)
def test_files_that_a_page_names_are_there(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    named = re.findall(r"`((?:mocksrv|tests|docs|scenarios|requirements|bench)/[\w./-]*[\w/])`", text)
    missing = sorted({name for name in named if not (ROOT / name).exists()})
    assert not missing


@pytest.mark.parametrize("page", PAGES)
def test_pages_that_a_page_links_to_are_there(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
    missing = sorted({link for link in links if not (ROOT / page).parent.joinpath(link).exists()})
    assert not missing


def test_what_scaling_runs_can_be_said_to_serve() -> None:
    text = (ROOT / "docs/scaling.md").read_text("utf-8")
    blocks = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)]
    compose, deployment = blocks
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    settings = {setting.option: setting for setting in SETTINGS}
    for serve, *arguments in (compose["services"]["mocksrv"]["command"].split(), container["args"]):
        assert serve == "serve"
        for option, value in zip(arguments[::2], arguments[1::2], strict=True):
            settings[option].read(value)
    assert {each["name"] for each in container["env"]} <= {setting.variable for setting in SETTINGS}


def anchors(text: str) -> set[str]:
    """What links can lead to in a page: its headings, as code hosts spell them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_headings_that_a_page_links_to_are_there(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)", text)
    folder = (ROOT / page).parent
    missing = [
        f"{file}#{anchor}"
        for file, anchor in links
        if anchor not in anchors((folder / file).read_text("utf-8") if file else text)
    ]
    assert not missing


def test_every_page_is_found_from_the_first() -> None:
    first = (ROOT / "docs" / "README.md").read_text("utf-8")
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert pages <= set(re.findall(r"\]\(([\w-]+\.md)\)", first))


def test_the_commands_of_contributing_are_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    commands = set(re.findall(r"^    make ([\w-]+)", text, re.MULTILINE))
    assert commands
    assert commands <= targets
    modules = re.findall(r"`python -m (tests[\w.]+)`", text)
    assert modules
    assert all((ROOT / f"{module.replace('.', '/')}.py").exists() for module in modules)


def test_every_picture_is_shown_somewhere_and_small() -> None:
    texts = "".join((ROOT / page).read_text("utf-8") for page in PAGES)
    pictures = [*(ROOT / "docs" / "images").iterdir()]
    assert pictures
    for picture in pictures:
        assert f"images/{picture.name})" in texts
        assert picture.stat().st_size < LARGEST_PICTURE
