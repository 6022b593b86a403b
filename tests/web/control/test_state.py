"""The state of a sandbox as one document: exported, imported, copied; what is left out of it, what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from mocksrv import Server
from mocksrv.engine.callbacks.disturbance import Disturbance
from mocksrv.engine.sandbox import Endpoint, Fault, Settings
from mocksrv.engine.state.formats import STEPS, StateError, upgraded
from mocksrv.server import Parts
from mocksrv.web.control.schemas import state as schemas
from mocksrv.web.hosting.calls import LARGEST_BODY
from tests.conftest import MX, Receiver, started
from tests.providers.finicity.client import SECRET, Finicity
from tests.providers.mono.client import KEY

STATES = Path(__file__).with_name("states")  # one document of every format that there has been
NEWEST = STATES / f"format-{len(STEPS) + 1}.json"
FORK = ("POST", "/sandbox/fork", {"name": "copy"})
OWN = "name: mine\nprovider: mx\nextends: challenged\nflows:\n  connect:\n    - {status: CREATED, then: ask}\n"
State = dict[str, Any]


def export(client: MX, *, secrets: bool = False) -> State:
    state: State = client.control("GET", f"/state{'?secrets=true' if secrets else ''}")
    return state


def lived_in(mx: MX, receiver: Receiver) -> tuple[str, str]:
    """Makes a sandbox in which all there is is under way; a user, and a member that has been asked a question."""
    user = mx.user(id="customer-42")
    mx.create(user)
    mx.advance("10s")
    mx.put_scenario("mine", OWN)
    mx.control("PUT", "/bindings", {"next": ["mine", "denied"]})
    asked = mx.create(user)["guid"]
    mx.advance("2s")
    mx.control("PUT", "/faults", {"faults": [{"on": "GET /users", "status": 503, "times": 2}]})
    code = mx.control("POST", "/mono/connect", {"institution": "any"})["code"]
    mx.call("POST", "/mono/account/auth", {"code": code}, headers=KEY)
    finicity = Finicity(mx.http.application, receiver, mx.prefix.rpartition("/")[2])
    finicity.play(finicity.generate(finicity.customer()), username="somebody")
    receiver.answers = [500]
    mx.control("POST", "/trigger", {"event": "mx.member.updated", "subject": asked})
    mx.advance("0s")  # it is tried again later
    mx.create(user)  # its bank has not answered yet
    mx.advance("0s")
    return user, asked


def goes_on(mx: MX, user: str, asked: str) -> Sequence[Any]:
    """What a sandbox answers to the same calls, and what happens in it on the way of a day."""
    answers = [mx.call("GET", "/users", status=503), mx.answer(user, asked, "correct")]
    answers.append(mx.control("POST", "/clock/advance", {"by": "1d"}))
    answers += [
        mx.create(user, username="another"),
        mx.call("GET", f"/users/{user}/accounts"),
        mx.control("GET", "/subjects"),
    ]
    mx.advance("0s")  # no callback is out
    return [*answers, mx.control("GET", "/webhooks?limit=1000"), mx.control("GET", "/clock")]


def without_durations(value: Any) -> Any:
    if isinstance(value, list):
        return [without_durations(each) for each in value]
    if isinstance(value, dict):
        return {name: without_durations(each) for name, each in value.items() if name != "duration_ms"}
    return value


# the same sandbox again


def test_a_sandbox_goes_on_elsewhere_as_it_does_here(make_server: Callable[..., Parts], receiver: Receiver) -> None:
    here = MX(make_server(webhook_url=receiver.url).app, "ci-17")
    user, asked = lived_in(here, receiver)
    state = export(here, secrets=True)
    there = MX(make_server(seed=None, clock="real").app, "elsewhere")
    there.user()
    imported = there.control("PUT", "/state", state)
    assert "warnings" not in imported
    assert export(there, secrets=True) == {**state, "sandbox": "elsewhere"}
    assert without_durations(goes_on(there, user, asked)) == without_durations(goes_on(here, user, asked))


def test_a_copy_has_the_ids_of_the_original_and_goes_on_with_the_same(mx: MX, receiver: Receiver) -> None:
    user, asked = lived_in(mx, receiver)
    made = mx.control("POST", "/sandbox/fork", {"name": "copy"})
    assert (made["name"], made["seed"]) == ("copy", 7)
    copy = MX(mx.http.application, "copy")
    assert without_durations(goes_on(copy, user, asked)) == without_durations(goes_on(mx, user, asked))
    copy.control("POST", "/reset")
    assert copy.user() != mx.user()  # it is a sandbox of its own name again


def test_a_copy_leaves_the_original_as_it_is(mx: MX) -> None:
    user = mx.user()
    before = export(mx)
    mx.control("POST", "/sandbox/fork", {"name": "copy"})
    copy = MX(mx.http.application, "copy")
    copy.call("DELETE", f"/users/{user}", status=204)
    copy.advance("1d")
    assert export(mx) == before


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("default", 409, "name: there is a sandbox default already"),
        ("no name", 422, "name: 'no name' is not a sandbox name; allowed are 1 to 64 of"),
        (7, 422, "name: must be a text"),
    ],
)
def test_what_is_no_name_of_a_copy(mx: MX, name: Any, status: int, said: str) -> None:
    assert mx.control("POST", "/sandbox/fork", {"name": name}, status=status)["detail"].startswith(said)
    assert mx.control("GET", "/sandboxes") == {"sandboxes": ["default"]}


def test_what_is_shuffled_keeps_its_place_in_line(mx: MX, receiver: Receiver) -> None:
    mx.control("PUT", "/faults", {"faults": [{"events": "mx.*", "shuffle": True, "delay": "1s"}]})
    mx.control("PUT", "/endpoints", {"endpoints": [{"url": receiver.url, "events": ["mx.*"]}]})
    other = MX(mx.http.application, "other")
    other.control("PUT", "/endpoints", {"endpoints": []})
    for _ in range(4):
        mx.user()
        other.user()  # the numbers of the sandbox's own events do not follow each other
    state = export(mx)
    mx.advance("1s")
    order = receiver.bodies()
    receiver.received.clear()
    copy = MX(mx.http.application, "copy")
    copy.control("PUT", "/state", state)
    copy.advance("1s")
    assert receiver.bodies() == order


def test_a_state_may_be_larger_than_other_bodies() -> None:
    with Server(clock="manual") as server:
        sandbox = server.sandbox("large")
        state = sandbox.control.get("/state")
        moment = dict.fromkeys(("status", "flow", "step"))
        state["timeline"] = [{**moment, "subject": "MBR-1", "at": 0, "cause": "x" * LARGEST_BODY}]
        sandbox.control.call("PUT", "/state", state)
        assert sandbox.control.get("/state")["timeline"] == state["timeline"]


def test_a_state_that_could_not_be_imported_is_not_exported(mx: MX, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mocksrv.web.control.state.LARGEST_STATE", 100)
    assert "none of more than 100 is taken" in mx.control("GET", "/state", status=413)["detail"]


def test_time_is_advanced_meanwhile(make_server: Callable[..., Parts]) -> None:
    engine, app = make_server()
    busy = MX(app)
    state = export(busy)
    with engine.schedule.alone_with(engine.sandbox("default")):
        for method, path, body in (("GET", "/state", None), ("PUT", "/state", state), FORK):
            assert busy.control(method, path, body, status=409)["detail"] == "time is being advanced"


# secrets


ENDPOINTS = [
    ({"auth": {"type": "basic", "username": "mx", "password": "s3cret"}}, ["auth.password"]),
    ({"headers": {"X-Key": "s3cret"}}, ["headers.X-Key"]),
    ({"auth": {"type": "mono", "secret": "s3cret"}, "headers": {"X-Key": "a"}}, ["auth.secret", "headers.X-Key"]),
    ({"url": "?token=s3cret"}, ["url"]),
]


@pytest.mark.parametrize(("said", "lost"), ENDPOINTS)
def test_an_endpoint_without_its_secret_is_paused_until_it_has_it_again(
    mx: MX, receiver: Receiver, said: dict[str, Any], lost: list[str]
) -> None:
    endpoint = {**said, "url": receiver.url + said.get("url", ""), "events": ["mx.member.*"]}
    mx.control("PUT", "/endpoints", {"endpoints": [endpoint]})
    receiver.answers = [500]
    mx.create(mx.user(), skip_aggregation=True)
    mx.advance("0s")
    state = export(mx)
    assert "s3cret" not in json.dumps(state)
    copy = MX(mx.http.application, "copy")
    copy.control("PUT", "/state", state)
    [shown] = copy.control("GET", "/endpoints")["endpoints"]
    assert shown["paused"] == lost
    assert "***" not in json.dumps({**shown, "url": ""})

    receiver.received.clear()
    copy.create(copy.user(), skip_aggregation=True)
    assert "complete" not in copy.advance("1d")
    assert copy.control("PUT", "/endpoints", {"endpoints": [shown]})["endpoints"] == [shown]
    masked = {**json.loads(json.dumps(endpoint).replace("s3cret", "***")), "url": shown["url"]}
    assert "stands for a secret" in copy.control("PUT", "/endpoints", {"endpoints": [masked]}, status=422)["detail"]
    assert receiver.received == []
    copy.control("PUT", "/endpoints", {"endpoints": [endpoint]})
    copy.advance("0s")
    assert [body["action"] for body in receiver.bodies()] == ["created", "created"]
    assert copy.control("GET", "/webhooks?state=pending") == {"webhooks": []}


def test_a_partner_says_its_secret_anew(mx: MX, receiver: Receiver) -> None:
    mx.control("PUT", "/endpoints", {"endpoints": []})
    finicity = Finicity(mx.http.application, receiver)
    session = finicity.generate(finicity.customer(), webhook=f"{receiver.url}?token=s3cret")
    state = export(mx)
    assert SECRET not in json.dumps(state)
    assert "s3cret" not in json.dumps(state)
    mx.control("PUT", "/state", state)
    finicity.call("GET", "/aggregation/v1/customers", status=401)  # its token went with the secret
    receiver.received.clear()
    assert finicity.play(session, username="somebody")["status"] == "done"
    assert "complete" not in mx.advance("1d")
    assert receiver.received == []  # nobody could sign it
    finicity.headers["Finicity-App-Token"] = finicity.authenticate()["token"]
    finicity.connected(finicity.customer("another"))
    assert finicity.told()


# what is refused


def broken(**changes: Any) -> Callable[[State], Any]:
    return lambda state: {**state, **changes}


def in_first(section: str, **changes: Any) -> Callable[[State], Any]:
    return lambda state: {**state, section: [{**state[section][0], **changes}, *state[section][1:]]}


def twice(section: str) -> Callable[[State], Any]:
    return lambda state: {**state, section: [*state[section], state[section][0]]}


REFUSED: list[tuple[Callable[[State], Any], str]] = [
    (lambda state: {}, "this is no state of a sandbox"),
    (lambda state: {"openapi": "3.1.0", "format": 1}, "this is no state of a sandbox"),
    (broken(format="1"), "this is no state of a sandbox"),
    (broken(format=True), "this is no state of a sandbox"),
    (broken(format=99, mocksrv="9.0"), "format: 99 is that of another mocksrv (9.0); this one reads 1 to "),
    (broken(format=0), "format: 0 is that of another mocksrv"),
    (broken(format=1, settings=[]), "this is no state of format 1: "),
    (broken(recods=[]), "recods: unknown; did you mean records?"),
    (lambda state: {name: each for name, each in state.items() if name != "timers"}, "timers: missing"),
    (broken(records={}), "records: must be a list"),
    (broken(records=[7]), "records.0: must be an object"),
    (in_first("records", sort="first"), "records.0.sort: must be a whole number"),
    (in_first("records", sort=2**63), "records.0.sort: must be a whole number"),
    (in_first("records", sort=True), "records.0.sort: must be a whole number"),
    (in_first("records", guid=None), "records.0.guid: must be a text"),
    (in_first("records", play={"polls": 1}), "records.0.play: "),
    (in_first("records", play={"provider": "mx", "scenario": "x", "by": "y", "asked": 7}), "records.0.play: "),
    (twice("records"), "is the same as records.0; each is there once"),
    (twice("events"), "is the same as events.0; each is there once"),
    (twice("timers"), "is the same as timers.0; each is there once"),
    (in_first("deliveries", event="EVT-1"), "deliveries.0.event: there is no event EVT-1"),
    (in_first("deliveries", state="lost"), "deliveries.0.state: 'lost' is not allowed; allowed are pending, "),
    (in_first("scenarios", text="name: mine\n"), "scenarios: bare:"),
    (broken(clock={"mode": "fast", "now": "2026-01-01"}), "clock: 'fast' is not a clock"),
    (broken(clock={"mode": "real", "now": "today"}), "clock: 'today' is not a moment"),
]


@pytest.mark.parametrize(("change", "said"), REFUSED)
def test_what_is_no_state_changes_nothing(
    state_here: tuple[MX, State], change: Callable[[State], Any], said: str
) -> None:
    mx, state = state_here
    assert said in mx.control("PUT", "/state", change(state), status=422)["detail"]
    assert export(mx, secrets=True) == state


@pytest.fixture(scope="module")
def state_here() -> Iterator[tuple[MX, State]]:
    """A client of a sandbox, and its state."""
    parts = started()
    mx = MX(parts.app)
    mx.control("PUT", "/state", json.loads(NEWEST.read_text(encoding="utf-8")))
    yield mx, export(mx, secrets=True)
    parts.engine.close()


@pytest.mark.parametrize("text", [b"", b"{", b'{"format": 1,', b"[]", b"\xff", b'{"format": NaN}'])
def test_what_is_no_json_changes_nothing(state_here: tuple[MX, State], text: bytes) -> None:
    mx, state = state_here
    answer = mx.http.put("/_mocksrv/state", data=text, content_type="application/json")
    assert answer.status_code in (400, 422)
    assert export(mx, secrets=True) == state


def test_an_auth_that_nobody_knows(mx: MX) -> None:
    state = export(mx, secrets=True)
    [endpoint] = state["settings"]["endpoints"]
    for auth, said in (
        ({"type": "magic"}, "settings.endpoints.0.auth.type: 'magic' is not allowed; allowed are basic, "),
        ({"type": "basic", "username": "a"}, "settings.endpoints.0.auth.password: missing"),
    ):
        settings = {**state["settings"], "endpoints": [{**endpoint, "auth": auth}]}
        assert said in mx.control("PUT", "/state", {**state, "settings": settings}, status=422)["detail"]


def test_scenarios_that_a_server_does_not_have_are_told(mx: MX) -> None:
    mx.put_scenario("mine", OWN)
    mx.control("PUT", "/bindings", {"default": "mine"})
    mx.create(mx.user())
    warnings = mx.control("PUT", "/state", {**export(mx), "scenarios": []})["warnings"]
    assert warnings == ["there is no scenario 'mine' on this server, which the state names"]


# older formats


@pytest.mark.parametrize("path", sorted(STATES.glob("*.json")), ids=lambda path: path.stem)
def test_a_state_of_an_older_version_is_imported_and_goes_on(mx: MX, path: Path) -> None:
    mx.control("PUT", "/state", json.loads(path.read_text(encoding="utf-8")))
    [user] = mx.call("GET", "/users")["users"]
    [connected, asked] = mx.call("GET", f"/users/{user['guid']}/members")["members"]
    assert (user["id"], connected["connection_status"]) == ("customer-42", "CONNECTED")
    mx.advance("1s")
    assert mx.answer(user["guid"], asked["guid"], "correct")["connection_status"] == "RESUMED"
    mx.advance("2s")
    assert mx.status(user["guid"], asked["guid"])["connection_status"] == "CONNECTED"


@pytest.mark.parametrize(
    ("kept", "declared"),
    [
        (Settings, schemas.StateSettings),
        (Endpoint, schemas.StateEndpoint),
        (Fault, schemas.StateFault),
        (Disturbance, schemas.StateDisturbance),
    ],
)
def test_what_is_set_is_in_the_state(kept: Any, declared: Any) -> None:
    told = "a new member is a new format: CONTRIBUTING.md, 'A state format'"
    assert {field.name for field in fields(kept)} == declared().fields.keys(), told


def test_each_step_brings_a_document_to_the_next_format() -> None:
    steps = (lambda state: state | {"two": True}, lambda state: state | {"three": state["two"]})
    old = {"mocksrv": "0.1", "format": 1}
    assert upgraded(old, steps) == {**old, "format": 3, "two": True, "three": True}
    assert upgraded({**old, "format": 2, "two": 7}, steps)["three"] == 7
    with pytest.raises(StateError):
        upgraded({**old, "format": 4}, steps)
