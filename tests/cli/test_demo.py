"""`mocksrv demo`: every bundled scenario over HTTP, with its callbacks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from mocksrv.cli import demo, main
from tests.cli.running import ROOT, mocksrv

NAMES = sorted(file.stem for provider in ("mx", "mono") for file in (ROOT / "scenarios" / provider).glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_every_bundled_scenario(name: str) -> None:
    result = CliRunner().invoke(main, ["demo", name], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "<- callback" in result.output
    assert "received" in result.output.splitlines()[-1]


def test_challenged_is_what_is_played_when_nothing_is_said(tmp_path: Path) -> None:
    done = mocksrv("demo", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    found = [status for line in done.stdout.splitlines() for status in ("CREATED", "CHALLENGED", "RESUMED", "CONNECTED") if status in line]
    assert list(dict.fromkeys(found)) == ["CREATED", "CHALLENGED", "RESUMED", "CONNECTED"]


def test_settings_of_the_user_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "mocksrv.yaml").write_text("client_id: me\napi_key: secret\nwebhook_url: http://localhost:1/\n")
    assert mocksrv("demo", "connected", cwd=tmp_path).returncode == 0


def test_an_unknown_scenario(tmp_path: Path) -> None:
    done = mocksrv("demo", "challengd", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("mocksrv: there is no scenario 'challengd'; did you mean challenged")


def test_a_callback_that_is_lost_on_the_way_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    take = demo.Receiver.take
    seen: Counter[str] = Counter()

    def lose_one(receiver: demo.Receiver, body: bytes, date: str, screen: demo.Screen) -> None:
        seen["callbacks"] += 1
        if seen["callbacks"] != 2:
            take(receiver, body, date, screen)

    monkeypatch.setattr(demo, "PATIENCE", 0.1)
    monkeypatch.setattr(demo.Receiver, "take", lose_one)
    result = CliRunner().invoke(main, ["demo", "connected"], catch_exceptions=False)
    assert result.exit_code == 1
    assert "a callback was sent but did not arrive" in result.output


def test_messy_callbacks_are_as_planned() -> None:
    lines = CliRunner().invoke(main, ["demo", "messy-webhooks"], catch_exceptions=False).output.splitlines()
    assert lines[-1].endswith("1 dropped, as the scenario says.")
    assert any("damaged" in line for line in lines)
