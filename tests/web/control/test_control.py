"""The control API: its shapes, its filters, and what it says when something is wrong."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from mocksrv import __version__
from mocksrv.engine.clock import parse_moment
from mocksrv.engine.engine import Engine
from mocksrv.engine.storage.records import Query
from mocksrv.web.app import App
from tests.conftest import MX, Receiver, started

SCENARIO = """\
name: two-steps
provider: mx
summary: Connects; the next aggregation is denied.
flows:
  connect:
    - status: CREATED
    - {after: 1s, status: CONNECTED, data: empty}
  aggregate:
    - {after: 1s, status: DENIED}
    - {after: 2 polls, status: LOCKED}
"""


@pytest.fixture(scope="module")
def refusing() -> Iterator[MX]:
    """A client for calls that change nothing."""
    engine, app = started()
    yield MX(app)
    engine.close()


@pytest.fixture
def user(mx: MX) -> str:
    return mx.user(id="customer-42")


@pytest.fixture
def member(mx: MX, user: str) -> str:
    """A member whose first aggregation is done."""
    guid: str = mx.create(user)["guid"]
    mx.advance("10s")
    return guid


def put_text(
    mx: MX, path: str, text: str | bytes, method: str = "PUT", kind: str = "application/yaml"
) -> tuple[int, Any]:
    answer = mx.http.open(f"/_mocksrv{path}", method=method, data=text, content_type=kind)
    return answer.status_code, answer.get_json()


# errors


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "detail"),
    [
        ("GET", "/nothing", None, 404, "there is no control call /_mocksrv/nothing; GET /_mocksrv/ lists the calls"),
        ("GET", "/webhoks", None, 404, "did you mean /_mocksrv/webhooks?"),
        ("POST", "/clock", {}, 405, "allowed are GET, HEAD, OPTIONS, PUT"),
        ("GET", "/subjects/MBR-none", None, 404, "there is no subject MBR-none in the sandbox default"),
        ("GET", "/subjects?limit=0", None, 422, "limit: 0 is not allowed; allowed are 1 to 1000"),
        ("GET", "/requests?limit=1001", None, 422, "allowed are 1 to 1000"),
        ("GET", "/webhooks?limit=many", None, 422, "allowed are 1 to 1000"),
        ("GET", "/webhooks?wait=long", None, 422, "wait: 'long' is not a duration"),
        ("GET", "/requests?status=20", None, 422, "status: 20 is not an HTTP status"),
        ("GET", "/requests/REQ-none", None, 404, "there is no request REQ-none"),
        ("GET", "/requests?after=REQ-none", None, 404, "there is no request REQ-none"),
        ("GET", "/scenarios/conected", None, 404, "did you mean connected"),
        ("PUT", "/bindings", {"default": "conected"}, 422, "did you mean connected"),
        ("PUT", "/bindings", {"next": ["connected", "nothing"]}, 422, "there is no scenario 'nothing'"),
        ("PUT", "/bindings", {"next": "connected"}, 422, "next: must be a list"),
        ("PUT", "/bindings", {"next": [1]}, 422, "next.0: must be a text"),
        ("PUT", "/bindings", {"first": []}, 422, "first: unknown; allowed are default, next"),
        (
            "PUT",
            "/clock",
            {"mode": "fast"},
            422,
            "mode: 'fast' is not a clock; allowed are real, manual, or a speed such as x60",
        ),
        ("PUT", "/clock", {"mode": "x0"}, 422, "mode: 'x0' is not a clock"),
        ("PUT", "/clock", {"mode": 60}, 422, "mode: must be a text"),
        ("PUT", "/clock", {"speed": 60}, 422, "speed: unknown; allowed are mode, now"),
        ("PUT", "/clock", {"now": "noon"}, 422, "now: 'noon' is not a moment; write ISO 8601"),
        (
            "PUT",
            "/clock",
            {"now": "1970-01-01"},
            422,
            "now: a clock shows 1980-01-01T00:00:00.000Z to 9900-01-01T00:00:00.000Z",
        ),
        ("PUT", "/clock", {"now": "9999-12-31"}, 422, "now: a clock shows"),
        ("POST", "/clock/advance", {}, 422, 'say how far: {"by": "1h"}'),
        ("POST", "/clock/advance", {"by": "1h", "to": "2027-01-01"}, 422, "say how far"),
        ("POST", "/clock/advance", {"by": "1 hour"}, 422, "by: '1 hour' is not a duration"),
        ("POST", "/clock/advance", {"by": 1}, 422, "by: must be a text"),
        (
            "POST",
            "/clock/advance",
            {"to": "2025-01-01"},
            422,
            "to: 2025-01-01T00:00:00.000Z has passed, it is 2026-01-01T12:00:00.000Z",
        ),
        ("POST", "/clock/advance", {"to": "9999-01-01"}, 422, "to: a clock shows"),
        ("PUT", "/endpoints", {}, 422, "endpoints: missing"),
        (
            "PUT",
            "/endpoints",
            {"endpoints": [{"url": "ftp://host"}]},
            422,
            "endpoints.0.url: 'ftp://host' is not a URL",
        ),
        (
            "PUT",
            "/endpoints",
            {"endpoints": [{"url": "http://h", "events": ["a b"]}]},
            422,
            "endpoints.0.events.0: 'a b' is no pattern",
        ),
        (
            "PUT",
            "/endpoints",
            {"endpoints": [{"url": "http://h", "auth": {"type": "x"}}]},
            422,
            "auth.type: 'x' is not allowed; allowed are basic, oauth2",
        ),
        (
            "PUT",
            "/endpoints",
            {"endpoints": [{"url": "http://h", "headers": {"a b": "c"}}]},
            422,
            "endpoints.0.headers",
        ),
        (
            "PUT",
            "/endpoints",
            {"endpoints": [{"url": "http://h", "headers": {"a": "c\nd"}}]},
            422,
            "is not a header that can be sent",
        ),
        (
            "PUT",
            "/endpoints",
            {"endpoints": [{"url": "http://h", "colour": 1}]},
            422,
            "endpoints.0.colour: unknown; allowed are auth, events, headers, id, paused, url",
        ),
        ("PUT", "/faults", {"faults": [{"on": "users"}]}, 422, "faults.0.on: 'users' is not METHOD /path"),
        ("PUT", "/faults", {"faults": [{"on": "GET /users", "status": 200}]}, 422, "faults.0.status"),
        (
            "PUT",
            "/faults",
            {"faults": [{"on": "GET /users", "delay": "soon"}]},
            422,
            "faults.0.delay: 'soon' is not a duration",
        ),
        ("PUT", "/sandbox", {}, 422, "nothing is set; allowed are all_events, seed, steps, without"),
        ("PUT", "/sandbox", {"seed": "7"}, 422, "seed: must be a whole number"),
    ],
)
def test_errors_are_problem_documents(
    refusing: MX, method: str, path: str, body: Any, status: int, detail: str
) -> None:
    answer = refusing.http.open(f"/_mocksrv{path}", method=method, json=body)
    problem = answer.get_json()
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json"), problem
    assert (problem["type"], problem["status"]) == ("about:blank", status)
    assert problem["title"]
    assert detail in problem["detail"]


def test_every_fault_of_a_body_is_told(mx: MX) -> None:
    problem = mx.control("PUT", "/endpoints", {"endpoints": [{"url": "x"}, {"events": []}]}, status=422)
    assert [line.partition(":")[0] for line in problem["problems"]] == ["endpoints.0.url", "endpoints.1.url"]


@pytest.mark.parametrize(
    "data", [b"{", b"[]", b"nonsense", b'{"now": NaN}', b'{"now": "\\ud800"}', b"\xff\xfe", b"[" * 100_000]
)
def test_a_body_is_a_json_object(mx: MX, data: bytes) -> None:
    status, problem = put_text(mx, "/clock", data, kind="application/json")
    assert (status, problem["title"]) == (400, "Bad Request")


def test_what_an_answer_should_be_and_credentials_do_not_matter(mx: MX) -> None:
    answer = mx.http.put("/_mocksrv/clock", json={"mode": "manual"}, headers={"Accept": "image/png"}, auth=("a", "b"))
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "data", "kind", "status"),
    [
        ("PUT", "/clock", b'{"mode": "manual"}', "application/json; charset=utf-8", 200),
        ("PUT", "/clock", b'{"mode": "manual"}', "text/plain", 415),
        ("PUT", "/clock", b'{"mode": "manual"}', "", 415),
        ("PUT", "/clock", b'{"mode": "manual"}', "application/yaml", 415),
        ("PUT", "/scenarios/two-steps", SCENARIO.encode(), "text/yaml", 200),
        ("PUT", "/scenarios/two-steps", SCENARIO.encode(), "application/x-www-form-urlencoded", 415),
        ("POST", "/reset", b"", "", 200),
        ("POST", "/reset", b"{}", "text/plain", 415),
    ],
)
def test_a_body_is_sent_as_what_it_is(mx: MX, method: str, path: str, data: bytes, kind: str, status: int) -> None:
    """A web page can send any text across origins, but not as JSON."""
    answer = mx.http.open(f"/_mocksrv{path}", method=method, data=data, content_type=kind)
    assert answer.status_code == status, answer.get_data(as_text=True)
    if status == 415:
        assert "allowed are application/json" in answer.get_json()["detail"]


# who may call


@pytest.mark.parametrize(
    ("reach", "address", "status"),
    [
        ("loopback", "127.0.0.1", 200),
        ("loopback", "::1", 200),
        ("loopback", "::ffff:127.0.0.1", 200),
        ("loopback", "", 200),  # a local socket
        ("loopback", "192.168.1.5", 403),
        ("loopback", "8.8.8.8", 403),
        ("private", "192.168.1.5", 200),
        ("private", "172.17.0.1", 200),
        ("private", "fd00::1", 200),
        ("private", "8.8.8.8", 403),
    ],
)
def test_only_near_clients_may_call(
    make_server: Callable[..., tuple[Engine, App]], reach: str, address: str, status: int
) -> None:
    _, app = make_server(control_from=reach)
    client = app.test_client()
    assert client.get("/_mocksrv/clock", environ_base={"REMOTE_ADDR": address}).status_code == status
    assert client.get("/_mocksrv/health", environ_base={"REMOTE_ADDR": address}).status_code == 200


@pytest.mark.parametrize(
    ("header", "status"), [("Bearer hush", 200), ("Bearer wrong", 401), ("", 401), ("Bearer h\u00fcsh", 401)]
)
def test_a_token_opens_the_api(make_server: Callable[..., tuple[Engine, App]], header: str, status: int) -> None:
    _, app = make_server(control_token="hush")
    answer = app.test_client().get(
        "/_mocksrv/clock", headers={"Authorization": header}, environ_base={"REMOTE_ADDR": "8.8.8.8"}
    )
    assert answer.status_code == status


def test_health(mx: MX) -> None:
    assert mx.control("GET", "/health") == {"status": "ok", "version": __version__}


# scenarios


def test_scenarios_are_listed(mx: MX) -> None:
    shown = mx.control("GET", "/scenarios?provider=mx")
    connected = next(each for each in shown["scenarios"] if each["name"] == "connected")
    assert set(connected) == {"name", "provider", "summary", "extends", "flows", "file"}
    assert (connected["provider"], connected["flows"][0], shown["problems"]) == ("mx", "connect", [])


@pytest.mark.parametrize("name", ["connected", "mx/connected"])
def test_a_scenario_is_shown_with_its_text(mx: MX, name: str) -> None:
    shown = mx.control("GET", f"/scenarios/{name}")
    assert shown["name"] == "connected"
    assert "name: connected" in shown["text"]


def test_a_scenario_is_put_and_played(mx: MX, user: str) -> None:
    status, shown = put_text(mx, "/scenarios/two-steps", SCENARIO)
    assert (status, shown["name"], shown["flows"]) == (200, "two-steps", ["connect", "aggregate"])
    member = mx.create(user, headers={"X-Mocksrv-Scenario": "two-steps"})["guid"]
    assert mx.control("GET", f"/subjects/{member}")["scenario"] == "two-steps"
    assert mx.call("GET", "/institutions/mock_two-steps")["institution"]["code"] == "mock_two-steps"
    assert mx.control("GET", "/scenarios/two-steps")["text"] == SCENARIO


def test_a_faulty_scenario_is_refused_with_its_places(mx: MX) -> None:
    status, problem = put_text(mx, "/scenarios/two-steps", SCENARIO.replace("DENIED", "DENID").replace("1s", "1x"))
    assert status == 422
    assert [(fault["file"], fault["line"]) for fault in problem["problems"]] == [
        ("two-steps.yaml", 7),
        ("two-steps.yaml", 9),
        ("two-steps.yaml", 9),
    ]
    assert mx.control("GET", "/scenarios/two-steps", status=404)


def test_the_name_of_a_scenario_is_that_of_its_url(mx: MX) -> None:
    status, problem = put_text(mx, "/scenarios/another", SCENARIO)
    assert (status, problem["detail"]) == (422, "the URL says 'another', the text says name: two-steps")


def test_a_scenario_is_validated_without_being_taken_in(mx: MX) -> None:
    assert put_text(mx, "/scenarios/validate", SCENARIO, "POST") == (
        200,
        {"valid": True, "problems": [], "name": "two-steps", "provider": "mx"},
    )
    status, shown = put_text(mx, "/scenarios/validate?file=mine.yaml", "name: [", "POST")
    assert (status, shown["valid"], shown["problems"][0]["file"]) == (200, False, "mine.yaml")
    mx.control("GET", "/scenarios/two-steps", status=404)


# bindings


def test_bindings_are_kept_one_by_one(mx: MX) -> None:
    assert mx.control("GET", "/bindings") == {"default": None, "next": []}
    assert mx.control("PUT", "/bindings", {"next": ["connected", "mx/connected"]}) == {
        "default": None,
        "next": ["connected", "mx/connected"],
    }
    assert mx.control("PUT", "/bindings", {"default": "connected"})["next"] == ["connected", "mx/connected"]
    assert mx.control("PUT", "/bindings", {"default": None, "next": []}) == {"default": None, "next": []}


def test_bindings_choose_the_scenario_of_new_members(mx: MX, user: str) -> None:
    put_text(mx, "/scenarios/two-steps", SCENARIO)
    mx.control("PUT", "/bindings", {"default": "two-steps", "next": ["connected"]})
    members = [mx.create(user, password=str(number))["guid"] for number in range(2)]
    shown = [mx.control("GET", f"/subjects/{member}") for member in members]
    assert [(each["scenario"], each["chosen_by"]) for each in shown] == [
        ("connected", "next"),
        ("two-steps", "default"),
    ]
    assert mx.control("GET", "/bindings")["next"] == []


# subjects


def test_a_subject_has_a_timeline(mx: MX, user: str, member: str) -> None:
    shown = mx.control("GET", f"/subjects/{member}")
    timeline = shown.pop("timeline")
    assert shown == {
        "id": member,
        "provider": "mx",
        "scenario": "connected",
        "chosen_by": "happy",
        "status": "CONNECTED",
        "owner": user,
        "job": None,
        "flow": None,
    }
    assert [(line["at"], line["status"], line["cause"]) for line in timeline] == [
        ("2026-01-01T12:00:00.000Z", "CREATED", "created"),
        ("2026-01-01T12:00:01.000Z", "CONNECTED", "scenario"),
        ("2026-01-01T12:00:02.000Z", "CONNECTED", "scenario"),
    ]
    assert [set(line) for line in timeline] == [{"at", "status", "flow", "step", "cause"}] * 3
    assert timeline[0]["flow"] == "connect"
    assert timeline[1]["step"].partition("connected.yaml:")[2].isdigit()


def test_a_deleted_subject_keeps_its_timeline(mx: MX, user: str, member: str) -> None:
    mx.call("DELETE", f"/users/{user}/members/{member}")
    shown = mx.control("GET", f"/subjects/{member}")
    assert (shown["status"], shown["deleted"], shown["timeline"][-1]["cause"]) == (None, True, "deleted")
    mx.control("PUT", f"/subjects/{member}/status", {"status": "DENIED"}, status=404)


def test_subjects_are_listed_and_filtered(mx: MX, user: str, member: str) -> None:
    other = mx.create(user, password="other")["guid"]

    def listed(query: str) -> list[str]:
        return [each["id"] for each in mx.control("GET", f"/subjects{query}")["subjects"]]

    assert listed("") == listed("?provider=mx") == listed("?scenario=connected") == [member, other]
    assert listed("?status=CREATED") == listed(f"?after={member}") == [other]
    assert listed("?limit=1") == [member]
    assert listed("?provider=mono") == listed("?status=CREATED&scenario=denied") == []
    mx.control("GET", "/subjects?after=MBR-none", status=404)
    told = mx.control("GET", "/subjects?status=CONECTED&wait=30s", status=422)["detail"]
    assert told.endswith("did you mean CONNECTED?")
    assert (
        "status: 'AVAILABLE' is not"
        in mx.control("GET", "/subjects?provider=mx&status=AVAILABLE", status=422)["detail"]
    )


def test_wait_holds_the_list_until_a_subject_is_there(mx: MX, user: str) -> None:
    found: list[Any] = []
    waiting = threading.Thread(
        target=lambda: found.extend(MX(mx.http.application).control("GET", "/subjects?wait=30s")["subjects"])
    )
    waiting.start()
    member = mx.create(user)["guid"]
    waiting.join(30)
    assert [each["id"] for each in found] == [member]
    assert mx.control("GET", "/subjects?status=DENIED&wait=50ms")["subjects"] == []


def test_a_status_is_pushed(mx: MX, user: str, member: str) -> None:
    shown = mx.control(
        "PUT", f"/subjects/{member}/status", {"status": "LOCKED", "set": {"connection_status_message": "Call us."}}
    )
    assert (shown["status"], shown["timeline"][-1]["cause"]) == ("LOCKED", "pushed by hand")
    seen = mx.call("GET", f"/users/{user}/members/{member}")["member"]
    assert (seen["connection_status"], seen["connection_status_message"], seen["is_being_aggregated"]) == (
        "LOCKED",
        "Call us.",
        False,
    )
    assert mx.events()[-2:] == ["mx.member.updated", "mx.connection_status.changed"]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "status: missing"),
        ({"status": "BROKEN"}, "'BROKEN' is not a status; allowed are CHALLENGED, CLOSED, CONNECTED"),
        ({"status": 6}, "status: must be a text"),
        (
            {"status": "LOCKED", "set": {"guid": "x"}},
            "set: unknown key 'guid' in set; allowed: name, connection_status_message",
        ),
        ({"status": "LOCKED", "set": []}, "set: must be an object"),
    ],
)
def test_a_status_that_cannot_be_pushed(mx: MX, member: str, body: Any, detail: str) -> None:
    assert detail in mx.control("PUT", f"/subjects/{member}/status", body, status=422)["detail"]
    assert mx.control("GET", f"/subjects/{member}")["status"] == "CONNECTED"


@pytest.mark.parametrize(
    "fields",
    [
        {"use_cases": ["PFM"]},
        {"metadata": None, "name": "5"},
        {"needs_updated_credentials": True},
    ],
)
def test_what_is_set_is_shown(mx: MX, user: str, member: str, fields: dict[str, Any]) -> None:
    mx.control("PUT", f"/subjects/{member}/status", {"status": "CONNECTED", "set": fields})
    seen = mx.call("GET", f"/users/{user}/members/{member}")["member"]
    assert {name: seen[name] for name in fields} == fields


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"error": "text"}, "'error' must be a mapping"),
        ({"use_cases": "PFM"}, "'use_cases' must be a list, not 'PFM'"),
        ({"use_cases": ["PMF"]}, "an item of 'use_cases' cannot be 'PMF'; did you mean 'PFM'?"),
        ({"name": 5}, "'name' must be text, not 5"),
        ({"needs_updated_credentials": 1}, "'needs_updated_credentials' must be true or false, not 1"),
        ({"is_authenticated": "no"}, "'is_authenticated' must be true or false, not 'no'"),
    ],
)
def test_what_is_set_has_the_type_of_its_field(
    mx: MX, user: str, member: str, fields: dict[str, Any], said: str
) -> None:
    given = {"status": "CONNECTED", "set": fields}
    problem = mx.control("PUT", f"/subjects/{member}/status", given, status=422)
    assert said in problem["detail"]
    mx.call("GET", f"/users/{user}/members?use_case=PFM")


def test_a_subject_is_moved_into_a_flow(mx: MX, user: str, member: str) -> None:
    put_text(mx, "/scenarios/two-steps", SCENARIO)
    mx.control("PUT", f"/subjects/{member}/scenario", {"scenario": "two-steps", "flow": "aggregate"})
    mx.advance("1s")
    shown = mx.control("GET", f"/subjects/{member}")
    assert (shown["scenario"], shown["chosen_by"], shown["status"], shown["flow"]) == (
        "two-steps",
        "hand",
        "DENIED",
        "aggregate",
    )
    assert mx.advance("1h")["happened"][-1] == {
        "at": "2026-01-01T13:00:11.000Z",
        "kind": "waits",
        "subject": member,
        "detail": "for 2 more polls",
    }
    assert [mx.status(user, member)["connection_status"] for _ in range(3)] == ["DENIED", "DENIED", "LOCKED"]


def test_a_subject_that_is_moved_plays_at_the_next_call(mx: MX, user: str, member: str) -> None:
    put_text(mx, "/scenarios/two-steps", SCENARIO)
    mx.control("PUT", f"/subjects/{member}/scenario", {"scenario": "two-steps"})
    mx.advance("1m")
    assert mx.status(user, member)["connection_status"] == "CONNECTED"
    mx.control("PUT", f"/subjects/{member}/scenario", {"scenario": "two-steps", "flow": "none"}, status=422)
    mx.control("PUT", f"/subjects/{member}/scenario", {"scenario": "none"}, status=422)
    mx.control("PUT", "/subjects/MBR-none/scenario", {"scenario": "connected"}, status=404)


# time


def test_a_manual_clock_stands_still_at_the_seeds_start(mx: MX) -> None:
    assert mx.control("GET", "/clock") == {"mode": "manual", "now": "2026-01-01T12:00:00.000Z", "next": None}


def test_advance_tells_what_happened_in_order(mx: MX, receiver: Receiver, user: str) -> None:
    member = mx.create(user)["guid"]
    mx.control("POST", "/clock/advance", {"by": "0s"})
    done = mx.control("POST", "/clock/advance", {"to": "2026-01-01T12:00:01Z"})
    assert done["now"] == "2026-01-01T12:00:01.000Z"
    assert "complete" not in done
    event, status, callback = done["happened"]
    assert event == {
        "at": "2026-01-01T12:00:01.000Z",
        "kind": "event",
        "subject": member,
        "detail": "mx.member.updated",
    }
    assert (status["kind"], status["subject"], status["detail"]) == ("status", member, "CONNECTED")
    assert (callback["kind"], callback["detail"]) == ("callback", f"mx.member.updated -> {receiver.url}: 204")


def test_the_clock_is_set(mx: MX) -> None:
    assert mx.control("PUT", "/clock", {"now": "2027-03-01T00:00:00+02:00"})["now"] == "2027-02-28T22:00:00.000Z"
    assert mx.control("PUT", "/clock", {"now": "2025-01-01"})["now"] == "2025-01-01T00:00:00.000Z"
    assert mx.control("PUT", "/clock", {}) == mx.control("GET", "/clock")


def test_what_a_set_clock_has_passed_has_happened(mx: MX, user: str) -> None:
    member = mx.create(user)["guid"]
    mx.control("PUT", "/clock", {"now": "2026-01-01T12:01:00Z"})
    assert mx.status(user, member)["successfully_aggregated_at"] == "2026-01-01T12:00:02Z"


def test_a_real_clock_is_shifted(make_server: Callable[..., tuple[Engine, App]]) -> None:
    _, app = make_server(clock="real", seed=None)
    mx = MX(app)
    before = mx.control("GET", "/clock")
    mx.advance("1d")
    after = mx.control("GET", "/clock")
    assert after["mode"] == "real"
    assert 86_400_000 <= parse_moment(after["now"]) - parse_moment(before["now"]) < 86_430_000


def test_a_fast_clock_plays_by_itself(mx: MX, user: str) -> None:
    assert mx.control("PUT", "/clock", {"mode": "x1000"})["mode"] == "x1000"
    mx.create(user)
    assert mx.control("GET", "/webhooks?event=mx.aggregation&wait=30s")["webhooks"]
    assert mx.control("PUT", "/clock", {"now": "2027-01-01"})["mode"] == "x1000"
    assert mx.control("PUT", "/clock", {"mode": "x2.5"})["mode"] == "x2.5"
    assert mx.control("PUT", "/clock", {"mode": "x1"})["mode"] == "real"


def test_only_one_advance_at_a_time(mx: MX, receiver: Receiver, user: str) -> None:
    refused: list[str] = []

    def handler(_: Any) -> None:
        other = MX(mx.http.application)
        refused.append(other.control("POST", "/clock/advance", {"by": "1s"}, status=409)["detail"])
        refused.append(other.control("PUT", "/clock", {"now": "2027-01-01"}, status=409)["detail"])

    mx.create(user)
    mx.advance("0s")
    receiver.on_receive = handler
    mx.advance("1s")
    assert refused == ["time is being advanced already", "time is being advanced"]


def test_the_handler_of_a_callback_sees_the_moment_just_played(mx: MX, receiver: Receiver, user: str) -> None:
    seen: list[tuple[str, bool]] = []
    member = mx.create(user)["guid"]
    mx.advance("0s")

    def handler(_: Any) -> None:
        other = MX(mx.http.application)
        status = other.status(user, member)
        seen.append((other.control("GET", "/clock")["now"], status["is_being_aggregated"]))

    receiver.on_receive = handler
    mx.advance("10s")
    assert seen == [
        ("2026-01-01T12:00:01.000Z", True),
        ("2026-01-01T12:00:02.000Z", False),
        ("2026-01-01T12:00:02.000Z", False),
    ]


def test_an_advance_that_takes_too_long_is_not_complete(mx: MX, receiver: Receiver, user: str) -> None:
    go_on = threading.Event()
    receiver.on_receive = lambda _: go_on.wait(4)
    mx.create(user)
    done = mx.control("POST", "/clock/advance", {"by": "1h", "wait": "50ms"})
    assert (done["complete"], done["now"]) == (False, "2026-01-01T12:00:00.000Z")
    go_on.set()
    done = mx.control("POST", "/clock/advance", {"by": "1h"})
    assert "complete" not in done
    assert done["now"] == "2026-01-01T13:00:00.000Z"


# endpoints


def test_endpoints_read_back_with_their_secrets_hidden(mx: MX) -> None:
    endpoint = {
        "url": "http://127.0.0.1:9/a?b=c",
        "events": ["mx.*", "mono.account_*"],
        "auth": {"type": "basic", "username": "u", "password": "hush"},
        "headers": {"X-Team": "qa"},
    }
    shown = mx.control("PUT", "/endpoints", {"endpoints": [endpoint, {"url": "http://127.0.0.1:9/b"}]})
    first, second = shown["endpoints"]
    assert first["id"] != second["id"]
    assert shown == {
        "endpoints": [
            endpoint
            | {
                "id": first["id"],
                "auth": {"type": "basic", "username": "u", "password": "***"},
                "headers": {"X-Team": "***"},
            },
            {"id": second["id"], "url": "http://127.0.0.1:9/b", "events": [], "headers": {}},
        ]
    }
    assert mx.control("GET", "/endpoints") == shown


def test_asterisks_keep_the_secret(mx: MX, receiver: Receiver, user: str) -> None:
    endpoint = {
        "url": receiver.url,
        "events": ["mx.member.*"],
        "auth": {"type": "basic", "username": "u", "password": "hush"},
    }
    mx.control("PUT", "/endpoints", {"endpoints": [endpoint]})
    mx.control("PUT", "/endpoints", mx.control("GET", "/endpoints"))
    mx.create(user, skip_aggregation=True)
    mx.advance("0s")
    assert receiver.received[0]["headers"]["Authorization"] == "Basic dTpodXNo"


def test_deliveries_to_a_removed_endpoint_have_failed(mx: MX, receiver: Receiver, user: str) -> None:
    receiver.answers = [500]
    mx.create(user, skip_aggregation=True)
    mx.advance("0s")
    mx.control("PUT", "/endpoints", {"endpoints": []})
    assert mx.control("GET", "/webhooks?event=mx.member.created")["webhooks"][0]["deliveries"][0]["state"] == "failed"
    mx.advance("2d")
    assert len(receiver.received) == 1


# the journal


def test_requests_are_listed(mx: MX, user: str) -> None:
    [first] = mx.control("GET", "/requests")["requests"]
    assert first == {
        "id": first["id"],
        "at": "2026-01-01T12:00:00.000Z",
        "method": "POST",
        "path": "/users",
        "query": "",
        "status": 200,
        "duration_ms": first["duration_ms"],
        "violations": [],
        "request": first["request"],
        "response": first["response"],
    }
    assert first["duration_ms"] > 0


def test_requests_are_filtered(mx: MX, user: str) -> None:
    mx.call("GET", "/users")
    mx.call("GET", "/users/USR-none", status=404)

    def listed(query: str) -> list[tuple[str, str]]:
        return [(each["method"], each["path"]) for each in mx.control("GET", f"/requests{query}")["requests"]]

    everything = [("POST", "/users"), ("GET", "/users"), ("GET", "/users/USR-none")]
    assert listed("") == everything
    assert listed("?method=GET") == listed("?limit=9&method=GET") == everything[1:]
    assert listed("?path=/users/*") == listed("?status=404") == everything[2:]
    assert listed("?limit=2") == everything[:2]
    first = mx.control("GET", "/requests?limit=1")["requests"][0]["id"]
    assert listed(f"?after={first}") == everything[1:]


def test_wait_holds_the_list_until_a_call_was_made(mx: MX) -> None:
    found: list[Any] = []
    path = "/requests?path=/institutions/*&wait=30s"
    waiting = threading.Thread(target=lambda: found.extend(MX(mx.http.application).control("GET", path)["requests"]))
    waiting.start()
    mx.call("GET", "/institutions/mxbank")
    waiting.join(30)
    assert [each["path"] for each in found] == ["/institutions/mxbank"]


def test_a_request_says_why_it_was_answered_so(mx: MX, user: str, member: str) -> None:
    answer = mx.http.put(
        f"/users/{user}/members/{member}",
        json={"member": {"credentials": mx.credentials(password="new"), "colour": "blue"}},
        headers={"Accept": "application/vnd.mx.api.v1+json"},
        auth=("client", "key"),
    )
    shown = mx.control("GET", f"/requests/{answer.headers['X-Mocksrv-Request']}")
    assert shown["step"].partition("connected.yaml:")[2].isdigit()
    shown["violations"] = [each["detail"] for each in shown["violations"]]
    del shown["duration_ms"], shown["id"], shown["step"], shown["request"], shown["response"]
    assert shown == {
        "at": "2026-01-01T12:00:10.000Z",
        "method": "PUT",
        "path": f"/users/{user}/members/{member}",
        "query": "",
        "status": 200,
        "violations": ["member.colour"],
        "unread": ["member.colour"],
        "provider": "mx",
        "operation": "updateMember",
        "subject": member,
        "scenario": "connected",
        "flow": "connect",
        "status_before": "CONNECTED",
        "status_after": "UPDATED",
    }


def test_a_member_that_is_deleted_stands_nowhere(mx: MX, user: str, member: str) -> None:
    mx.call("DELETE", f"/users/{user}/members/{member}", status=204)
    [call] = mx.control("GET", "/requests?method=DELETE")["requests"]
    shown = mx.control("GET", f"/requests/{call['id']}")
    assert (shown["status_before"], shown["status_after"]) == ("CONNECTED", None)


def test_a_member_that_is_made_stood_nowhere_before(mx: MX, user: str, member: str) -> None:
    [call] = mx.control("GET", "/requests?method=POST&path=*/members")["requests"]
    shown = mx.control("GET", f"/requests/{call['id']}")
    assert (shown["subject"], shown["status_before"], shown["status_after"]) == (member, None, "CREATED")


ID = "USR-94ced0f9-7911-4072-ad9f-60ed4ad96dd7"


@pytest.mark.parametrize(
    ("method", "path", "nearest"),
    [
        ("GET", "/userz", "GET /users"),
        ("GET", f"/user/{ID}", "GET /users/<user>"),
        ("GET", f"/users/{ID}/member/{ID}", "GET /users/<user>/members/<member>"),
        ("GET", "/users/", "GET /users"),
        ("PUT", "/users", "GET, POST /users"),
        ("PATCH", f"/users/{ID}/members/{ID}", "GET, PUT, DELETE /users/<user>/members/<member>"),
        ("DELETE", "/mono/v2/accounts", "GET /mono/v2/accounts"),
        ("GET", "/zzzzzzzzzzzzz/yyyyyyyyyyy", None),
    ],
)
def test_an_unknown_route_names_the_nearest(mx: MX, method: str, path: str, nearest: str | None) -> None:
    answer = mx.http.open(path, method=method)
    shown = mx.control("GET", f"/requests/{answer.headers['X-Mocksrv-Request']}")
    assert (shown["status"], shown["operation"], shown["nearest"]) == (404, None, nearest)


def test_a_route_of_another_version_says_which(mx: MX, user: str) -> None:
    mx.call("POST", f"/users/{user}/accounts/merge", {}, status=404)
    [call] = mx.control("GET", "/requests?status=404")["requests"]
    shown = mx.control("GET", f"/requests/{call['id']}")
    assert (shown["operation"], shown["nearest"]) == ("mergeAccounts", "POST /users/<user>/accounts/merge (v20250224)")


def test_control_calls_are_not_in_the_journal(mx: MX) -> None:
    mx.control("GET", "/clock")
    assert mx.control("GET", "/requests") == {"requests": []}
    assert mx.control("GET", "/violations") == {"violations": []}


# faults


def test_a_fault_meets_so_many_calls(mx: MX, user: str, member: str) -> None:
    rule = {"on": "GET /users/*/members/*/status", "status": 503, "times": 2}
    shown = mx.control("PUT", "/faults", {"faults": [rule]})
    assert shown == {"faults": [rule]}
    path = f"/users/{user}/members/{member}"
    mx.call("GET", f"{path}/status", status=503)
    mx.call("GET", path, status=200)
    mx.call("GET", f"{path}/status", status=503)
    mx.call("GET", f"{path}/status", status=200)
    assert mx.control("GET", "/faults") == {"faults": []}


def test_a_fault_stays_until_it_is_taken_away(mx: MX) -> None:
    mx.control("PUT", "/faults", {"faults": [{"on": "* /users", "status": 500, "delay": "1ms"}]})
    for _ in range(3):
        mx.call("GET", "/users", status=500)
    mx.control("DELETE", "/faults", status=204)
    mx.call("GET", "/users")


def test_a_fault_is_in_the_journal(mx: MX) -> None:
    mx.control("PUT", "/faults", {"faults": [{"on": "GET /users", "status": 502}]})
    mx.call("GET", "/users", status=502)
    id = mx.control("GET", "/requests?status=502")["requests"][0]["id"]
    assert mx.control("GET", f"/requests/{id}")["fault"] == "GET /users"


def test_a_dropped_answer_is_none(mx: MX) -> None:
    mx.control("PUT", "/faults", {"faults": [{"on": "GET /users", "drop": True, "times": 1}]})
    assert mx.http.get("/users").status_code == 502  # where the server cannot close the connection


# held calls


def test_a_held_call_ends_with_what_it_waits_for(make_server: Callable[..., tuple[Engine, App]]) -> None:
    engine, app = make_server()
    holding = threading.Event()
    watch = engine.watch
    engine.watch = lambda sandbox: (watch(sandbox), holding.set())[0]  # type: ignore[func-returns-value, method-assign]
    found: list[Any] = []
    waiting = threading.Thread(target=lambda: found.extend(MX(app).control("GET", "/subjects?wait=30s")["subjects"]))
    waiting.start()
    assert holding.wait(10)
    mx = MX(app)
    mx.create(mx.user())
    waiting.join(30)
    assert len(found) == 1


def test_a_call_that_is_held_in_vain_gives_the_last_answer(mx: MX) -> None:
    assert mx.control("GET", "/subjects?wait=10ms")["subjects"] == []


def test_every_route_is_listed(mx: MX) -> None:
    shown = mx.control("GET", "/")
    assert shown["mocksrv"] == __version__
    assert mx.control("GET", "") == shown
    calls = [(call["method"], call["path"]) for call in shown["calls"]]
    assert ("POST", "/_mocksrv/clock/advance") in calls
    assert len(calls) == len(set(calls))
    assert all(call["summary"].endswith(".") for call in shown["calls"])


def test_answers_are_json(mx: MX) -> None:
    answer = mx.http.get("/_mocksrv/clock")
    assert answer.mimetype == "application/json"
    assert json.loads(answer.data)["mode"] == "manual"


def test_a_program_at_the_front_door_is_told_the_version_header(mx: MX) -> None:
    answer = mx.http.get("/")
    assert (answer.status_code, "Accept-Version: v20250224" in answer.get_json()["error"]["message"]) == (406, True)


def test_a_browser_at_the_front_door_is_led_to_the_control_api(mx: MX) -> None:
    answer = mx.http.get("/sandbox/mine/", headers={"Accept": "text/html,*/*"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sandbox/mine/_mocksrv/")


@pytest.mark.parametrize("path", ["/webhooks?evnt=x", "/requests?stat=200", "/subjects?name=x", "/violations?x=1"])
def test_a_filter_that_there_is_not_is_refused(mx: MX, path: str) -> None:
    assert "unknown; allowed are after," in mx.control("GET", path, status=422)["detail"]


def test_a_state_that_there_is_not_is_refused(mx: MX) -> None:
    assert (
        "allowed are pending, delivered, failed, dropped"
        in mx.control("GET", "/webhooks?state=fialed", status=422)["detail"]
    )


def test_asterisks_stand_for_no_secret_that_is_not_there(mx: MX) -> None:
    auth = {"type": "basic", "username": "u", "password": "***"}
    assert (
        "there is none"
        in mx.control(
            "PUT", "/endpoints", {"endpoints": [{"url": "http://127.0.0.1:1/new", "auth": auth}]}, status=422
        )["detail"]
    )


def test_a_replay_that_nobody_asks_for_is_refused(mx: MX) -> None:
    mx.user()
    event = mx.control("GET", "/webhooks?event=mx.user.created")["webhooks"][0]["id"]
    assert "asks for mx.user.created" in mx.control("POST", f"/webhooks/{event}/replay", status=409)["detail"]


def test_the_control_api_lists_its_calls_with_and_without_a_slash(mx: MX) -> None:
    assert mx.control("GET", "") == mx.control("GET", "/")


def test_a_filter_finds_the_last_of_many_subjects(make_server: Callable[..., tuple[Engine, App]]) -> None:
    engine, app = make_server()
    mx = MX(app)
    user = mx.user()
    mx.create(user)
    with engine.change(engine.sandbox("default")) as world:
        model = world.list(Query("mx.member"))[0]
        world.add(*(replace(model, guid=f"MBR-{number}") for number in range(10_500)))
        world.add(replace(model, guid="MBR-last", body={**model.body, "connection_status": "LOCKED"}))
    assert [subject["id"] for subject in mx.control("GET", "/subjects?status=LOCKED")["subjects"]] == ["MBR-last"]
