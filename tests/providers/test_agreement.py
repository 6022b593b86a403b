"""What is written over a status or an event by hand agrees with it, or is refused: pushes, a scenario's ``set`` and
``payload``.

What agrees is checked by the rules of `test_consistency`, and by some of its own for members as the API shows them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import MX, started
from tests.properties import examples
from tests.providers.test_consistency import RAISING, STATUSES, contradictions

REFUSED_LOGIN = {"DENIED", "PREVENTED", "REJECTED", "LOCKED", "IMPEDED", "IMPAIRED", "EXPIRED", "IMPORTED", "PENDING"}
ACCEPTED_LOGIN = {"CONNECTED", "RECONNECTED", "DISABLED"}
WANTS_CREDENTIALS = {"DENIED", "PREVENTED", "IMPAIRED", "IMPORTED"}
WITH_ERROR = {"DENIED", "PREVENTED", "REJECTED", "DEGRADED", "DISCONNECTED", "FAILED", "EXPIRED", "IMPAIRED"}
WELL = {"CREATED", "UPDATED", "RESUMED", "PENDING", "CHALLENGED", "DELAYED", "CONNECTED", "RECONNECTED"}
TEXTS = [row["connection_status_message"].replace("{name}", "MX Bank") for row in STATUSES.values()]
ERRORS: list[dict[str, Any]] = [{}, {"error_code": 7}, {"user_message": "Please call us."}]
SETS = st.fixed_dictionaries(
    {},
    optional={
        "is_authenticated": st.booleans(),
        "needs_updated_credentials": st.booleans(),
        "connection_status_message": st.none() | st.sampled_from(["Your bank is moving toy.", *filter(None, TEXTS)]),
        "error": st.sampled_from(ERRORS),
        "has_processed_accounts": st.booleans(),
        "name": st.sampled_from(["My bank", "A"]),
    },
)


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[MX, str, str]]:
    """A server with a user and a member."""
    engine, app = started()
    mx = MX(app)
    user = mx.user(email="ada@example.com")
    member = mx.create(user)["guid"]
    mx.advance("1m")
    yield mx, user, member
    engine.close()


def read(mx: MX, user: str, member: str) -> dict[str, Any]:
    """All that the API shows of a member."""
    whole: dict[str, Any] = mx.call("GET", f"/users/{user}/members/{member}")["member"]
    return {**mx.status(user, member), **whole}


def of_member(member: dict[str, Any], written: dict[str, Any]) -> Iterator[str]:
    """What a member says against itself, as the API shows it."""
    status, error = member["connection_status"], member["error"] or {}
    if status in REFUSED_LOGIN and member["is_authenticated"]:
        yield "authenticated"
    if status in ACCEPTED_LOGIN and not member["is_authenticated"]:
        yield "not authenticated"
    if status in WANTS_CREDENTIALS and not member["needs_updated_credentials"]:
        yield "needs no credentials"
    if (status in WITH_ERROR and not error) or (status in WELL and error):
        yield "an error or none"
    if error and not {"error_code", "error_message", "user_message"} <= error.keys():
        yield "half an error"
    row = STATUSES[status]["connection_status_message"]
    said = member["connection_status_message"] or ""
    own = written.get("connection_status_message") == "Your bank is moving toy."
    if not own and said != row.replace("{name}", "MX Bank") and not said.startswith(row.partition("{name}")[0] or said):
        yield "the message of another status"


@settings(max_examples=examples(150), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(status=st.sampled_from([name for name in STATUSES if name != "PENDING"]), written=SETS)
def test_any_push_with_any_fields(world: tuple[MX, str, str], status: str, written: dict[str, Any]) -> None:
    mx, user, member = world
    before = mx.status(user, member)["connection_status"]
    body = {"status": status, "set": written}
    answer = mx.http.put(f"/_mocksrv/subjects/{member}/status", json=body)
    assert answer.status_code in (200, 422), answer.text
    shown = read(mx, user, member)
    if answer.status_code == 422:
        assert answer.get_json()["detail"].startswith("set: ")
        assert shown["connection_status"] == before
        return
    assert shown["connection_status"] == status
    assert list(of_member(shown, written)) == []
    for name in written.keys() - {"error", "connection_status_message"}:
        assert shown[name] == written[name]
    newest = mx.control("GET", f"/webhooks?subject={member}&newest=true&limit=5")["webhooks"]
    told = next((each for each in newest if each["event"] == "mx.member.updated"), None)
    typed = "connection_status_message" if written.get("connection_status_message") else ""
    assert told is None or list(contradictions("mx.member.updated", told["payload"], typed)) == []
    if status in RAISING:
        raised = next(each["payload"] for each in newest if each["event"] == "mx.connection_status.changed")
        assert (raised["connection_status"], raised["connection_status_id"]) == (
            status,
            int(STATUSES[status]["connection_status_id"]),
        )
        assert raised["connection_status_message"] == shown["connection_status_message"]


@pytest.mark.parametrize(
    ("status", "written", "said"),
    [
        ("DENIED", {"is_authenticated": True}, "is_authenticated: false in a member that is DENIED"),
        ("CONNECTED", {"is_authenticated": False}, "is_authenticated: true in a member that is CONNECTED"),
        ("PREVENTED", {"needs_updated_credentials": False}, "needs_updated_credentials: true in a member"),
        ("CONNECTED", {"error": {"error_code": 1}}, "error: a member that is CONNECTED has none"),
        ("FAILED", {"error": {}}, "error: a member that is FAILED has one"),
        ("FAILED", {"error": {"code": 1}}, "error_code"),
        ("DENIED", {"connection_status_message": "Connected to MX Bank."}, "this is what CONNECTED says, not DENIED"),
    ],
)
def test_a_push_that_contradicts_itself_is_refused(
    world: tuple[MX, str, str], status: str, written: dict[str, Any], said: str
) -> None:
    mx, _, member = world
    refused = mx.control("PUT", f"/subjects/{member}/status", {"status": status, "set": written}, status=422)
    assert refused["detail"].startswith("set: ")
    assert said in refused["detail"]


def test_half_an_error_is_completed_with_that_of_the_status(world: tuple[MX, str, str]) -> None:
    mx, user, member = world
    mx.control("PUT", f"/subjects/{member}/status", {"status": "FAILED", "set": {"error": {"error_code": 7}}})
    error = mx.call("GET", f"/users/{user}/members/{member}")["member"]["error"]
    assert (error["error_code"], error["error_type"]) == (7, "MEMBER")
    assert error["user_message"].startswith("Your bank does not answer")


def test_credentials_that_are_needed_although_all_is_well_can_be_set(world: tuple[MX, str, str]) -> None:
    mx, user, member = world
    mx.control("PUT", f"/subjects/{member}/status", {"status": "CONNECTED", "set": {"needs_updated_credentials": True}})
    assert mx.call("POST", f"/users/{user}/members/{member}/aggregate", status=409)


# scenarios


def faults(mx: MX, provider: str, *steps: str, flow: str = "connect") -> list[str]:
    """The faults of a scenario with these steps: line, column, message."""
    lines = "".join(f"    - {{{step}}}\n" for step in steps)
    text = f"name: x\nprovider: {provider}\nflows:\n  {flow}:\n{lines}"
    answer = mx.http.post("/_mocksrv/scenarios/validate", data=text.encode(), content_type="application/yaml")
    return [f"{each['line']}:{each['column']} {each['message']}" for each in answer.get_json()["problems"]]


@pytest.mark.parametrize(
    ("provider", "flow", "steps", "fault"),
    [
        (
            "mx",
            "connect",
            ["status: DENIED, set: {is_authenticated: true}"],
            "5:48 is_authenticated: false in a member that is DENIED",
        ),
        (
            "mx",
            "connect",
            ["status: CREATED", "after: 1s, status: CONNECTED", "set: {is_authenticated: false}"],
            "7:32 is_authenticated: true in a member that is CONNECTED",
        ),
        ("mx", "connect", ["status: CONNECTED, set: {error: {error_code: 1}}"], "a member that is CONNECTED has none"),
        ("mx", "connect", ["status: CONNECTED, set: {error: {error_kode: 1}}"], "did you mean 'error_code'"),
        ("mono", "sync", ["status: UNAVAILABLE, set: {retrieved_data: [balance]}"], "empty in an account that is UNAV"),
        ("mono", "sync", ["status: AVAILABLE, set: {retrieved_data: [balance]}"], "with balance and transactions"),
        ("mono", "sync", ["status: AVAILABLE, set: {sync_error: SYNC_ERROR}"], "an account that is AVAILABLE has none"),
        ("mono", "sync", ["status: SYNC_FAILED, set: {has_new_data: true}"], "false in an account that is SYNC_FAILED"),
        ("finicity", "fix", ["status: invalidCredentials, set: {code: 0}"], "says why the session is invalidCred"),
    ],
)
def test_a_set_that_contradicts_its_status_is_a_fault_of_the_file(
    world: tuple[MX, str, str], provider: str, flow: str, steps: list[str], fault: str
) -> None:
    found = faults(world[0], provider, *steps, flow=flow)
    assert any(fault in each for each in found), found


PAYLOADS = [
    ("mx", "mx.member.updated", "{connection_status_id: 99}", "connection_status_id: "),
    ("mx", "mx.member.updated", "{member: {conection_status: DENIED}}", "did you mean 'connection_status'"),
    ("mx", "mx.member.updated", "{connection_status: DENIED, connection_status_id: 6}", "DENIED has the number 2"),
    ("mx", "mx.member.updated", "{action: created}", "action: 'created' is not what the event is about"),
    ("mx", "mx.connection_status.changed", "{connection_status: CONNECTED}", "allowed: "),
    ("mx", "mx.job_status", "{status_name: DENIED, status: 6}", "DENIED has the number 8"),
    ("mx", "mx.notification.ACCOUNT_DEPOSIT_LARGE", "{type: DEBIT}", "allowed: CREDIT"),
    ("mx", "mx.aggregation", "{type: BALANCE}", "allowed: AGGREGATION"),
    (
        "mono",
        "mono.account_updated",
        "{data_status: UNAVAILABLE, retrieved_data: [balance]}",
        "empty while data_status",
    ),
    ("finicity", "finicity.done", "{eventType: added}", "allowed: done"),
]


@pytest.mark.parametrize(("provider", "event", "payload", "fault"), PAYLOADS)
def test_a_payload_that_contradicts_its_event_is_a_fault_of_the_file(
    world: tuple[MX, str, str], provider: str, event: str, payload: str, fault: str
) -> None:
    first = {"mx": "status: CREATED", "mono": "status: PROCESSING", "finicity": "status: started"}[provider]
    flow = "link" if provider == "mono" else "connect"
    found = faults(world[0], provider, first, f"after: 1s, event: {event}, payload: {payload}", flow=flow)
    assert len(found) == 1, found
    assert found[0].startswith("6:")
    assert fault in found[0]


@settings(max_examples=examples(100), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_payload_that_a_scenario_may_have_agrees_when_it_is_played(
    world: tuple[MX, str, str], data: st.DataObject
) -> None:
    mx = world[0]
    payload = data.draw(
        st.fixed_dictionaries(
            {},
            optional={
                "connection_status": st.sampled_from([*STATUSES, "CONECTED"]),
                "connection_status_id": st.integers(-1, 23),
                "is_managed_by_user": st.booleans(),
                "is_user_created": st.booleans(),
                "created_at": st.integers(0, 2_000_000_000),
                "updated_at": st.integers(0, 2_000_000_000),
            },
        )
    )
    steps = ("status: CREATED", f"event: mx.member.updated, payload: {json.dumps(payload)}")
    if faults(mx, "mx", *steps):
        return
    lines = "".join(f"    - {{{step}}}\n" for step in steps)
    mx.put_scenario("payload", f"name: payload\nprovider: mx\nflows:\n  connect:\n{lines}")
    made = mx.create(mx.user(), institution="mock_payload")["guid"]
    [*_, sent] = mx.control("GET", f"/webhooks?event=mx.member.updated&subject={made}&limit=1000")["webhooks"][:2]
    assert list(contradictions("mx.member.updated", sent["payload"], "")) == []


def test_a_field_that_is_set_alone_agrees_with_the_status_that_is_there(world: tuple[MX, str, str]) -> None:
    """What cannot be known when the file is read stops the play, with the reason in the timeline."""
    mx, user = world[0], world[0].user()
    flows = {
        "connect": [{"status": "CREATED"}, {"after": "1s", "then": "more"}],
        "more": [{"status": "DENIED"}, {"after": "1s", "then": "most"}],
        "most": [{"set": {"is_authenticated": True}}],
    }
    mx.put_scenario("late", json.dumps({"name": "late", "provider": "mx", "flows": flows}))
    made = mx.create(user, institution="mock_late")["guid"]
    mx.advance("10s")
    causes = [each["cause"] for each in mx.control("GET", f"/subjects/{made}")["timeline"]]
    assert any("set: is_authenticated: false in a member that is DENIED" in cause for cause in causes)
    assert read(mx, user, made)["is_authenticated"] is False


@pytest.mark.parametrize(
    ("status", "written", "said"),
    [
        ("UNAVAILABLE", {"retrieved_data": ["balance"]}, "retrieved_data: empty in an account that is UNAVAILABLE"),
        ("AVAILABLE", {"retrieved_data": []}, "retrieved_data: with balance and transactions"),
        ("PARTIAL", {"sync_error": "SYNC_ERROR"}, "sync_error: an account that is PARTIAL has none"),
        ("SYNC_FAILED", {"has_new_data": True}, "has_new_data: false in an account that is SYNC_FAILED"),
    ],
)
def test_a_push_of_mono_that_contradicts_itself_is_refused(
    world: tuple[MX, str, str], status: str, written: dict[str, Any], said: str
) -> None:
    mx = world[0]
    mx.control("POST", "/mono/connect", {"institution": "any"})
    [account, *_] = mx.control("GET", "/subjects?provider=mono&newest=true")["subjects"]
    path = f"/subjects/{account['id']}/status"
    assert said in mx.control("PUT", path, {"status": status, "set": written}, status=422)["detail"]
    assert mx.control("PUT", path, {"status": status})["status"] == status
