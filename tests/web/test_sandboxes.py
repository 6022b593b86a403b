"""Sandboxes: one server, many worlds, none of which sees another; and the same world again from the same seed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from mocksrv.engine.engine import Engine
from mocksrv.web.app import App
from mocksrv.web.stream import Streams
from tests.conftest import MX, MX_HEADERS, Receiver


@pytest.fixture
def other(mx: MX) -> MX:
    """A client of another sandbox of the same server."""
    return MX(mx.http.application, "ci-17")


IDLE = 400  # real ms


# names


@pytest.mark.parametrize("name", ["a", "ci-17", "A_b.c-9", "...", ".a", "x" * 64, "default"])
def test_names(mx: MX, name: str) -> None:
    there = MX(mx.http.application, name)
    there.user()
    assert there.control("GET", "/sandbox")["name"] == name
    assert name in mx.control("GET", "/sandboxes")["sandboxes"]


@pytest.mark.parametrize("path", ["users", "_mocksrv/clock", "no/such/route", ""])
def test_what_is_no_name(mx: MX, path: str) -> None:
    for name in ("%2e", "%2e%2e", "with%20space", "x" * 65, "%C3%BC", "%00", "a%0A", "a:b", "", "~"):
        answer = mx.http.get(f"/sandbox/{name}/{path}", headers=MX_HEADERS, auth=("client", "key"))
        assert answer.status_code == 400, name
        assert "is not a sandbox name; allowed are 1 to 64 of" in answer.get_json()["detail"]
    assert mx.control("GET", "/sandboxes")["sandboxes"] == ["default"]


def test_a_sandbox_is_made_on_first_use(mx: MX, other: MX) -> None:
    assert mx.control("GET", "/sandboxes") == {"sandboxes": ["default"]}
    other.call("GET", "/users")
    assert mx.control("GET", "/sandboxes") == {"sandboxes": ["ci-17", "default"]}
    assert mx.control("GET", "/sandboxes?name=ci-*") == {"sandboxes": ["ci-17"]}


def test_the_prefix_default_is_the_unprefixed_sandbox(mx: MX) -> None:
    user = mx.user()
    assert MX(mx.http.application, "default").call("GET", f"/users/{user}")["user"]["guid"] == user


# isolation


def test_records_are_not_shared(mx: MX, other: MX) -> None:
    user = mx.user(id="customer-42")
    mx.create(user)
    assert other.call("GET", "/users")["users"] == []
    other.call("GET", f"/users/{user}", status=404)
    theirs = other.user(id="customer-42")
    mx.call("DELETE", f"/users/{theirs}", status=404)
    mx.call("DELETE", f"/users/{user}", status=204)
    assert [each["guid"] for each in other.call("GET", "/users")["users"]] == [theirs]


def test_clocks_are_not_shared(mx: MX, other: MX) -> None:
    user = other.user()
    member = other.create(user)["guid"]
    mx.advance("1d")
    assert other.control("GET", "/clock")["now"] == "2026-01-01T12:00:00.000Z"
    assert other.status(user, member)["connection_status"] == "CREATED"
    other.advance("10s")
    assert other.status(user, member)["connection_status"] == "CONNECTED"
    assert mx.control("GET", "/clock")["now"] == "2026-01-02T12:00:00.000Z"


def test_the_journal_is_not_shared(mx: MX, other: MX) -> None:
    answer = mx.http.get("/users?colour=blue", headers=MX_HEADERS, auth=("client", "key"))
    assert other.control("GET", "/requests") == {"requests": []}
    assert other.control("GET", "/violations") == {"violations": []}
    other.control("GET", f"/requests/{answer.headers['X-Mocksrv-Request']}", status=404)


def test_subjects_and_webhooks_are_not_shared(mx: MX, other: MX) -> None:
    member = mx.create(mx.user())["guid"]
    assert other.control("GET", "/subjects") == {"subjects": []}
    assert other.control("GET", "/webhooks") == {"webhooks": []}
    other.control("PUT", f"/subjects/{member}/status", {"status": "DENIED"}, status=404)


def test_settings_are_not_shared(mx: MX, other: MX, receiver: Receiver) -> None:
    mx.control("PUT", "/endpoints", {"endpoints": []})
    mx.control("PUT", "/bindings", {"next": ["connected"], "default": "connected"})
    mx.control("PUT", "/faults", {"faults": [{"on": "* /users", "status": 500}]})
    assert [endpoint["url"] for endpoint in other.control("GET", "/endpoints")["endpoints"]] == [receiver.url]
    assert other.control("GET", "/bindings") == {"default": None, "next": []}
    other.create(other.user(), skip_aggregation=True)
    other.advance("0s")
    assert [body["action"] for body in receiver.bodies()] == ["created"]


def test_faults_know_paths_without_the_prefix(other: MX) -> None:
    other.control("PUT", "/faults", {"faults": [{"on": "GET /users", "status": 500}]})
    other.call("GET", "/users", status=500)


MINE = (
    "name: {name}\nprovider: mx\nsummary: Mine.\nflows:\n  connect:\n    - {{status: CREATED}}\n    - status: DENIED\n"
)


def test_scenarios_are_the_sandboxes_own(mx: MX, other: MX) -> None:
    mx.put_scenario("mine", MINE.format(name="mine"))
    mx.put_scenario("connected", MINE.format(name="connected"))
    other.control("GET", "/scenarios/mine", status=404)
    other.control("PUT", "/bindings", {"next": ["mine"]}, status=422)
    assert other.control("GET", "/scenarios/connected")["file"] != "(put)"
    codes = [bank["code"] for bank in other.call("GET", "/institutions?name=mock_mine")["institutions"]]
    assert "mock_mine" not in codes
    assert other.create(other.user())["connection_status"] == "CREATED"
    user = mx.user()
    assert mx.create(user)["connection_status"] == "DENIED"  # plays the 'connected' of its sandbox
    member = mx.create(user, institution="mock_mine")["guid"]
    assert mx.control("GET", f"/subjects/{member}")["scenario"] == "mine"


def test_deleting_a_scenario_reveals_what_it_stood_in_place_of(mx: MX) -> None:
    mx.put_scenario("denied", MINE.format(name="denied"))
    mx.put_scenario("mine", MINE.format(name="mine"))
    mx.control("DELETE", "/scenarios/mine", status=204)
    assert "did you mean" not in mx.control("GET", "/scenarios/mine", status=404)["detail"]
    assert mx.control("GET", "/scenarios/denied")["summary"] == "Mine."
    mx.control("DELETE", "/scenarios/mx/denied", status=204)
    assert mx.control("GET", "/scenarios/denied")["summary"] != "Mine."
    refused = mx.control("DELETE", "/scenarios/denied", status=409)
    assert refused["detail"] == "'denied' is not this sandbox's: it is bundled; only what was put here is deleted"
    assert "denied" in mx.control("DELETE", "/scenarios/deneid", status=404)["detail"]


def test_a_reset_and_a_drop_take_the_scenarios_with_them(mx: MX, other: MX) -> None:
    for each, end in ((mx, ("POST", "/reset", 200)), (other, ("DELETE", "/sandbox", 204))):
        method, path, status = end
        each.put_scenario("mine", MINE.format(name="mine"))
        each.control(method, path, status=status)
        each.control("GET", "/scenarios/mine", status=404)


def test_a_member_whose_scenario_was_deleted_plays_the_happy_one(mx: MX) -> None:
    mx.put_scenario("mine", MINE.format(name="mine").replace("DENIED", "FAILED"))
    mx.control("PUT", "/bindings", {"next": ["mine"]})
    user = mx.user()
    member = mx.create(user)["guid"]
    mx.control("DELETE", "/scenarios/mine", status=204)
    mx.call("POST", f"/users/{user}/members/{member}/aggregate")
    timeline = mx.control("GET", f"/subjects/{member}")["timeline"]
    assert "there is no scenario 'mine'; connected is played" in [line["cause"] for line in timeline]


# handed-out URLs


def oauth_uri(mx: MX) -> str:
    body = {"member": {"institution_code": "mx_bank_oauth", "is_oauth": True}}
    uri: str = mx.call("POST", f"/users/{mx.user()}/members", body)["member"]["oauth_window_uri"]
    return uri


def test_handed_out_urls_stay_in_their_sandbox(mx: MX, other: MX) -> None:
    assert oauth_uri(mx).startswith("http://localhost/oauth/authorize?")
    assert oauth_uri(other).startswith("http://localhost/sandbox/ci-17/oauth/authorize?")
    assert "redirect_uri=http%3A%2F%2Flocalhost%2Fsandbox%2Fci-17%2Foauth%2Fredirect_from" in oauth_uri(other)


def test_handed_out_urls_use_the_public_url(make_server: Callable[..., tuple[Engine, App]]) -> None:
    _, app = make_server(public_url="https://mock.example.com/mx/")
    assert oauth_uri(MX(app)).startswith("https://mock.example.com/mx/oauth/authorize?")
    assert oauth_uri(MX(app, "ci-17")).startswith("https://mock.example.com/mx/sandbox/ci-17/oauth/authorize?")


# settings, reset, delete


def test_a_sandbox_shows_its_settings(mx: MX) -> None:
    assert mx.control("GET", "/sandbox") == {
        "name": "default",
        "seed": 7,
        "without": [],
        "steps": [],
        "all_events": False,
        "clock": {"mode": "manual", "now": "2026-01-01T12:00:00.000Z", "next": None},
        "bindings": {"default": None, "next": []},
    }


def test_the_seed_of_an_empty_sandbox_can_be_set(mx: MX, other: MX) -> None:
    first = other.user()
    other.control("POST", "/reset")
    assert other.control("PUT", "/sandbox", {"seed": 8})["seed"] == 8
    assert other.user() != first
    assert "reset" in other.control("PUT", "/sandbox", {"seed": 7}, status=409)["detail"]
    other.control("POST", "/reset")
    assert other.user() == first


def test_without_a_seed_guids_are_random(mx: MX, other: MX) -> None:
    mx.control("PUT", "/sandbox", {"seed": None})
    other.control("PUT", "/sandbox", {"seed": None})
    assert mx.user() != other.user()


def test_reset_returns_to_what_new_sandboxes_start_with(mx: MX, other: MX, receiver: Receiver) -> None:
    fresh = mx.control("GET", "/sandbox")
    mx.create(mx.user())
    mx.advance("1d")
    mx.control("PUT", "/endpoints", {"endpoints": []})
    mx.control("PUT", "/bindings", {"default": "connected"})
    mx.control("PUT", "/faults", {"faults": [{"on": "* /users", "status": 500}]})
    mx.control("PUT", "/clock", {"now": "2030-01-01"})
    other_user = other.user()
    assert mx.control("POST", "/reset") == fresh
    for path, key in (
        ("/subjects", "subjects"),
        ("/webhooks", "webhooks"),
        ("/requests", "requests"),
        ("/faults", "faults"),
    ):
        assert mx.control("GET", path) == {key: []}
    assert mx.control("GET", "/endpoints")["endpoints"][0]["url"] == receiver.url
    assert mx.call("GET", "/users")["users"] == []
    other.call("GET", f"/users/{other_user}")


def test_a_reset_forgets_what_was_due(mx: MX, receiver: Receiver) -> None:
    receiver.answers = [500]
    mx.create(mx.user())
    mx.advance("0s")
    mx.control("POST", "/reset")
    assert mx.advance("2d")["happened"] == []
    assert len(receiver.received) == 1


def test_a_deleted_sandbox_is_gone_until_its_next_use(mx: MX, other: MX) -> None:
    other.create(other.user())
    other.control("PUT", "/bindings", {"default": "connected"})
    other.advance("1h")
    other.control("DELETE", "/sandbox", status=204)
    assert mx.control("GET", "/sandboxes") == {"sandboxes": ["default"]}
    assert other.call("GET", "/users")["users"] == []
    assert other.control("GET", "/bindings")["default"] is None
    assert other.control("GET", "/clock")["now"] == "2026-01-01T12:00:00.000Z"


# determinism


def story(app: App, receiver: Receiver) -> list[Any]:
    """A day in a sandbox: every answer and every callback."""
    mx = MX(app)
    seen: list[Any] = []

    def call(*arguments: Any, **more: Any) -> Any:
        seen.append(mx.call(*arguments, **more))
        return seen[-1]

    user = call("POST", "/users", {"user": {"id": "customer-42"}})["user"]["guid"]
    for institution, password in (("mxbank", "x"), ("harborlight_bank", "y")):
        body = {
            "member": {"institution_code": institution, "credentials": mx.credentials(institution, password=password)}
        }
        call("POST", f"/users/{user}/members", body)
    seen.append(mx.advance("1m"))
    member = call("GET", f"/users/{user}/members")["members"][0]["guid"]
    call("POST", f"/users/{user}/members/{member}/verify")
    seen.append(mx.advance("1m"))
    challenge = call("GET", f"/users/{user}/members/{member}/status")["member"]["challenges"][0]
    answers = [{"guid": challenge["guid"], "value": challenge["options"][0]["value"]}]
    call("PUT", f"/users/{user}/members/{member}/resume", {"member": {"challenges": answers}})
    seen.append(mx.advance("2d"))
    for path in ("accounts", "transactions?records_per_page=1000", f"members/{member}/account_numbers"):
        call("GET", f"/users/{user}/{path}")
    seen.append(mx.control("GET", f"/subjects/{member}"))
    for webhook in mx.control("GET", "/webhooks?limit=1000")["webhooks"]:
        for delivery in webhook["deliveries"]:
            delivery["attempts"] = [(attempt["at"], attempt["status"]) for attempt in delivery["attempts"]]
        seen.append(webhook)
    seen.append([(item["raw"], item["headers"]) for item in receiver.received])
    return seen


def test_the_same_seed_and_calls_give_the_same_world(
    make_server: Callable[..., tuple[Engine, App]], receiver: Receiver
) -> None:
    def told(seed: int) -> list[Any]:
        receiver.received.clear()
        receiver.answers = [500, 204, 500]
        return story(make_server(seed=seed, webhook_url=receiver.url)[1], receiver)

    first = told(7)
    assert len(first[-1]) > 12
    assert told(7) == first
    assert told(8) != first


def test_a_seed_is_mixed_with_the_sandboxs_name(make_server: Callable[..., tuple[Engine, App]]) -> None:
    def told(app: App, sandbox: str) -> tuple[set[str], Any]:
        client = MX(app, sandbox)
        user = client.user(id="customer-42")
        client.create(user, institution="harborlight_bank")
        client.advance("1d")
        transactions = client.call("GET", f"/users/{user}/transactions?records_per_page=1000")["transactions"]
        accounts = client.call("GET", f"/users/{user}/accounts")["accounts"]
        ids = {each[name] for each in transactions + accounts for name in ("guid", "id") if each[name]}
        return ids | {user}, (transactions, accounts)

    one, again = make_server()[1], make_server()[1]
    seen = [told(one, name) for name in ("", "ci-17", "ci-18")]
    assert [told(again, name) for name in ("", "ci-17", "ci-18")] == seen  # the same name, the same world
    assert told(make_server()[1], "default") == seen[0]
    ids = [found for found, _ in seen]
    assert sum(map(len, ids)) == len(set.union(*ids)) > 60


# idle ones


@pytest.mark.slow
def test_a_sandbox_without_a_call_is_dropped_one_that_is_used_or_looked_at_is_not(
    make_server: Callable[..., tuple[Engine, App]],
) -> None:
    engine, app = make_server(sandbox_idle=IDLE)
    streams = Streams(engine, heartbeat=IDLE / 4000)
    busy, idle = MX(app, "busy"), MX(app, "idle")
    user = idle.user()
    stream = streams.open(engine.sandbox("looked-at"))
    end = time.monotonic() + 20
    while "idle" in (left := busy.control("GET", "/sandboxes")["sandboxes"]):
        assert time.monotonic() < end
        busy.control("GET", "/webhooks?wait=100ms")
    assert left == ["busy", "default", "looked-at"]
    stream.close()
    idle.call("GET", f"/users/{user}", status=404)
