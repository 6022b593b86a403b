"""``mocksrv institutions``: list and new."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from mocksrv.cli import main


def run(*words: str, status: int = 0) -> str:
    """What a command prints."""
    done = CliRunner().invoke(main, words, prog_name="mocksrv")
    assert done.exit_code == status, done.output
    return done.output


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("code", "provider"), [("gringotts", "mx"), ("4711", "finicity"), ("owl.post_1", "mono")])
def test_a_new_one_is_valid_and_listed(folder: Path, code: str, provider: str) -> None:
    assert f"Wrote {code}.institution.yaml" in run("institutions", "new", code, "--provider", provider)
    assert run("scenarios", "validate", f"{code}.institution.yaml").startswith("OK")
    [found] = json.loads(run("institutions", "list", "--scenarios", ".", "--json"))
    assert (found["code"], found["provider"], found["scenario"]) == (code, provider, None)
    assert code in run("institutions", "list", "--scenarios", ".")


def test_what_is_commented_out_is_valid_too(folder: Path) -> None:
    run("institutions", "new", "gringotts")
    path = folder / "gringotts.institution.yaml"
    lines = [line for line in path.read_text().splitlines()[1:] if not line.startswith("# oauth")]
    path.write_text("\n".join(line.removeprefix("# ") for line in lines))
    assert run("scenarios", "validate", str(path)).startswith("OK")
    assert json.loads(run("institutions", "list", "--scenarios", ".", "--json"))[0]["scenario"] == "connected"


def test_what_is_there_is_not_overwritten(folder: Path) -> None:
    run("institutions", "new", "gringotts")
    assert "exists already" in run("institutions", "new", "gringotts", status=1)


def test_what_cannot_be_one_is_refused() -> None:
    assert "is not a code" in run("institutions", "new", "mock_denied", status=2)
    assert "there is mx, mono, finicity" in run("institutions", "new", "x", "--provider", "plaid", status=2)
    assert "no institutions of your own" in run("institutions", "list")
