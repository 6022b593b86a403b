"""Environments of their own, for what cannot be in one with MX's newest SDK.

``python -m tests.environments [NAME ...]`` makes those that are named, else all, below MOCKSRV_ENVIRONMENTS or in
.venv-own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import ROOT

FOLDER = Path(os.environ.get("MOCKSRV_ENVIRONMENTS") or ROOT / ".venv-own")
OLD_SDKS = [f"mx-platform-python-{version}" for version in ("0.9.0", "0.10.0", "0.20.0", "1.12.0")]


def locked(name: str) -> list[list[str | Path]]:
    """The calls of pip for this checkout and what requirements/NAME.txt locks."""
    files = [f"-r{ROOT / 'requirements' / each}.txt" for each in ("build", name)]
    return [["--no-deps", "--require-hashes", *files], ["--no-deps", "--no-build-isolation", "-e", ROOT]]


ENVIRONMENTS: dict[str, list[list[str | Path]]] = {  # name -> the arguments of each `pip install`
    "mcp": locked("mcp"),
    "frameworks": locked("frameworks"),
    **{sdk: [["==".join(sdk.rsplit("-", 1))]] for sdk in OLD_SDKS},
}


def python(name: str) -> Path:
    """The interpreter of an environment."""
    return FOLDER / name / "bin" / "python"


def needs(name: str) -> pytest.MarkDecorator:
    """Marks a test that is skipped where its environment is not."""
    reason = f"needs an environment of its own: run `python -m tests.environments {name}`"
    return pytest.mark.skipif(not python(name).exists(), reason=reason)


def make(name: str) -> None:
    """Makes an environment, or brings one that is there to what it should be."""
    subprocess.run([sys.executable, "-m", "venv", FOLDER / name], check=True)
    for arguments in ENVIRONMENTS[name]:
        subprocess.run([python(name), "-m", "pip", "install", "--quiet", *arguments], check=True)


if __name__ == "__main__":
    for each in sys.argv[1:] or ENVIRONMENTS:
        make(each)
