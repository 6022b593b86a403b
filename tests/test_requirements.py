"""The locked versions in requirements/: complete, with hashes, naming no registry, and what pyproject.toml asks for."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.cli.running import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
RUN = PROJECT["project"]["dependencies"]
ASKED = {
    "run": RUN + EXTRAS["postgres"],
    "test": RUN + EXTRAS["test"],
    "lint": RUN + EXTRAS["lint"] + EXTRAS["postgres"],
    "mcp": RUN + EXTRAS["mcp"],
    "frameworks": RUN + PROJECT["dependency-groups"]["frameworks"],
    "build": PROJECT["dependency-groups"]["build"],
    "conformance": PROJECT["dependency-groups"]["conformance"],
}
PIN = re.compile(r"([a-z0-9._-]+)==(\S+)(?: ; [^\\]+)? (?:\\\n    --hash=sha256:[0-9a-f]{64} ?)+\n")


def text(name: str) -> str:
    """A file of requirements/ without its comments."""
    lines = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("#"))


def locked(name: str) -> dict[str, str]:
    """Project -> version."""
    return {found[1]: found[2] for found in PIN.finditer(text(name))}


def test_there_is_a_file_for_each_use_and_no_other() -> None:
    assert sorted(file.stem for file in (ROOT / "requirements").iterdir()) == sorted(ASKED)


@pytest.mark.parametrize("name", ASKED)
def test_every_line_is_one_version_with_its_hashes(name: str) -> None:
    assert locked(name)
    assert PIN.sub("", text(name)) == ""


@pytest.mark.parametrize("name", ASKED)
def test_no_registry_is_named(name: str) -> None:
    assert (
        re.findall(r"\w+://|--\w*(?:index|find)\w*", (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")) == []
    )


@pytest.mark.parametrize("name", ASKED)
def test_they_are_what_the_project_asks_for(name: str) -> None:
    versions = locked(name)
    wanted = [Requirement(line) for line in ASKED[name]]
    missing = [str(each) for each in wanted if versions.get(canonicalize_name(each.name), "") not in each.specifier]
    assert missing == [], "make lock"


@pytest.mark.parametrize("name", ["test", "lint"])
def test_the_versions_that_are_tested_are_those_that_run(name: str) -> None:
    versions = locked(name)
    assert {project: versions.get(project) for project in locked("run")} == locked("run")
