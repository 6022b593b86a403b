"""`mocksrv demo`: every bundled scenario over HTTP, with its callbacks."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from mocksrv.cli import demo, main
from tests.cli.running import ROOT, mocksrv

NAMES = sorted(f"{file.parent.name}/{file.stem}" for file in (ROOT / "scenarios").glob("*/*.yaml"))
PLAIN = {"finicity/mfa", "mono/reauthorisation-required", "mx/challenged-twice"}  # one of each provider in a plain run


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in PLAIN else pytest.mark.slow) for name in NAMES]
)
def test_every_bundled_scenario(name: str) -> None:
    result = CliRunner().invoke(main, ["demo", name], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "<- callback" in result.output
    assert "received" in result.output.splitlines()[-1]


def test_challenged_is_what_is_played_when_nothing_is_said(tmp_path: Path) -> None:
    done = mocksrv("demo", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    found = [
        status
        for line in done.stdout.splitlines()
        for status in ("CREATED", "CHALLENGED", "RESUMED", "CONNECTED")
        if status in line
    ]
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


def played(name: str) -> str:
    result = CliRunner().invoke(main, ["demo", name], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def in_order(text: str, *parts: str) -> bool:
    """Whether these are there, one after the other."""
    return re.search(".*".join(map(re.escape, parts)), text) is not None


def test_a_mono_account_is_linked_and_reauthorised() -> None:
    text = played("reauthorisation-required")
    assert in_order(
        text,
        "POST /_mocksrv/mono/connect",
        "<- callback mono.events.account_connected: PROCESSING",  # which may come before or after the next call
        "<- callback mono.events.account_updated: AVAILABLE",
        "--- 2026-01-02 00:00:00 <- callback mono.events.reauthorisation_required",
        "POST /mono/v2/accounts/{account}/reauthorise 200",
        "<- callback mono.events.account_reauthorized",
        "--- 2026-01-03 00:00:00 <- callback mono.events.account_synced: new data",
    )
    assert in_order(text, "POST /_mocksrv/mono/connect", "POST /mono/v2/accounts/auth 200")


def test_a_finicity_login_breaks_and_is_repaired() -> None:
    text = played("fix")
    assert in_order(
        text,
        "POST /finicity/connect/v2/generate 200",
        "<- callback ping",
        "POST /_mocksrv/finicity/play 200 started institutionSupported discovered adding added done",
        "<- callback added: institutionId 101732, 9 accounts",
        "13:00:00",
        "500 103 Invalid login credentials.",
        "POST /finicity/connect/v2/generate/fix 200",
        "<- callback processing",
        "institutionLogins/{login}/accounts 200 9 accounts",
    )
    assert text.endswith("10 callbacks sent, 10 received.")


def test_a_name_that_two_providers_have() -> None:
    assert "/users/{user}/members" in played("no-accounts")
    assert "/finicity/connect/v2/generate" in played("finicity/no-accounts")


def test_a_ping_that_is_lost_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    take = demo.Receiver.take

    def lose_pings(receiver: demo.Receiver, body: bytes, date: str, screen: demo.Screen) -> None:
        if b'"ping"' not in body:
            take(receiver, body, date, screen)

    monkeypatch.setattr(demo, "PATIENCE", 0.1)
    monkeypatch.setattr(demo.Receiver, "take", lose_pings)
    result = CliRunner().invoke(main, ["demo", "finicity/no-accounts"], catch_exceptions=False)
    assert result.exit_code == 1
    assert "1 of finicity.ping were sent, 0 arrived" in result.output
