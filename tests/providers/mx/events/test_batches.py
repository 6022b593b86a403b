"""Events that come by the hundred and that no endpoint asks for: they are written as a batch, and nobody sees that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mocksrv.engine import loads
from mocksrv.engine.callbacks import batches
from mocksrv.engine.engine import Engine
from mocksrv.web.app import App
from tests.conftest import MX, Receiver

Make = Callable[..., tuple[Engine, App]]
CREATED = "mx.transaction.created"


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """The 910 transactions of MX Bank are many."""
    monkeypatch.setattr("mocksrv.providers.mx.bank.loading.MOST_AT_ONCE", 500)
    monkeypatch.setattr(loads, "SLICE", 100)


def recording(make_server: Make, sandbox: str = "", **config: Any) -> tuple[Engine, MX]:
    """A server, and a client of a sandbox that records all events."""
    engine, app = make_server(**config)
    mx = MX(app, sandbox)
    mx.control("PUT", "/sandbox", {"all_events": True})
    return engine, mx


def connect(mx: MX) -> tuple[str, str]:
    """A user with a member that has connected."""
    user = mx.user(id="customer-42")
    member = mx.create(user)["guid"]
    mx.advance("1m")
    return user, member


def in_batches(engine: Engine, sandbox: str = "default") -> int:
    with engine.store.read() as tx:
        return len(tx.batches(sandbox))


def told(mx: MX, query: str = "", size: int = 300) -> list[dict[str, Any]]:
    """All webhooks, page after page."""
    found: list[dict[str, Any]] = []
    while True:
        after = f"&after={found[-1]['id']}" if found else ""
        page = mx.control("GET", f"/webhooks?limit={size}{query}{after}")["webhooks"]
        found += page
        if len(page) < size:
            return found


def use(mx: MX) -> list[Any]:
    """What a client sees that changes what the events were about before it looks at them."""
    user, member = connect(mx)
    page = mx.call("GET", f"/users/{user}/transactions?records_per_page=100")["transactions"]
    mx.call("PUT", f"/users/{user}/transactions/{page[0]['guid']}", {"transaction": {"description": "changed"}})
    mx.call("PUT", f"/users/{user}", {"user": {"metadata": "changed", "id": "customer-43"}})
    mx.call("DELETE", f"/users/{user}/members/{member}")
    happened = mx.advance("2d")
    return [happened, told(mx), mx.control("GET", "/coverage"), mx.control("GET", "/state")]


def test_they_are_those_that_are_written_one_by_one(make_server: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the byte: ids, payloads of that moment, order, what has happened, counts, the exported state."""
    engine, mx = recording(make_server)
    connect(mx)
    assert in_batches(engine) == 5  # of the accounts with more than one
    batched = use(recording(make_server)[1])
    monkeypatch.setattr(batches, "possible", lambda *_: False)
    assert batched == use(recording(make_server)[1])
    assert sum(webhook["event"] == CREATED for webhook in batched[1]) == 910


def test_who_looks_for_others_does_not_write_them_out(make_server: Make) -> None:
    engine, mx = recording(make_server)
    _, member = connect(mx)
    assert [each["event"] for each in told(mx, f"&event=mx.aggregation&subject={member}")] == ["mx.aggregation"]
    assert len(told(mx, "&event=mx.account.*")) == 6
    assert in_batches(engine) == 5
    assert len(told(mx, "&event=mx.t*.created")) == 910
    assert in_batches(engine) == 0


def test_one_is_found_by_the_id_that_it_had_in_another_run(make_server: Make) -> None:
    known = told(recording_and_connected(make_server), f"&event={CREATED}")[400]
    mx = recording_and_connected(make_server)
    assert mx.control("GET", f"/webhooks/{known['id']}")["payload"] == known["payload"]
    mx = recording_and_connected(make_server)
    assert len(told(mx, f"&event={CREATED}&subject={known['subject']}")) == 1
    mx = recording_and_connected(make_server)
    page = mx.control("GET", f"/webhooks?event=mx.member.*&after={known['id']}")["webhooks"]
    assert {each["event"] for each in page} == {"mx.member.updated"}
    mx.control("GET", "/webhooks/EVT-1", status=404)


def recording_and_connected(make_server: Make) -> MX:
    mx = recording(make_server)[1]
    connect(mx)
    return mx


def test_they_go_with_a_copy_and_a_state(make_server: Make) -> None:
    _, mx = recording(make_server, "here")
    connect(mx)
    mx.control("POST", "/sandbox/fork", {"name": "there"})
    state = mx.control("GET", "/state")
    mx.control("PUT", "/state", state)
    copy = MX(engine_app(mx), "there")
    assert len(told(mx, f"&event={CREATED}")) == 910
    assert told(copy) == told(mx)


def engine_app(mx: MX) -> Any:
    return mx.http.application


def test_an_endpoint_that_comes_later_can_have_them_sent(make_server: Make, receiver: Receiver) -> None:
    _, mx = recording(make_server)
    connect(mx)
    mx.control("PUT", "/endpoints", {"endpoints": [{"url": receiver.url, "events": [CREATED]}]})
    sent = mx.control("POST", "/webhooks/replay", {"since": "2020-01-01T00:00:00Z", "event": CREATED})["replayed"]
    mx.advance("1s")
    assert len(sent) == len(receiver.bodies()) == 910
    assert receiver.bodies()[0] == mx.control("GET", f"/webhooks/{sent[0]}")["payload"]


def test_an_endpoint_or_a_disturbance_of_theirs_has_them_written_one_by_one(
    make_server: Make, receiver: Receiver
) -> None:
    engine, mx = recording(make_server)
    mx.control("PUT", "/endpoints", {"endpoints": [{"url": receiver.url, "events": ["mx.transaction.*"]}]})
    connect(mx)
    assert (in_batches(engine), len(receiver.bodies())) == (0, 910)
    engine, mx = recording(make_server)
    mx.control("PUT", "/faults", {"faults": [{"events": CREATED, "drop": True, "times": 911}]})
    connect(mx)
    assert in_batches(engine) == 0
    assert [each["times"] for each in mx.control("GET", "/faults")["faults"]] == [1]  # of 911: one for each event


def test_a_sandbox_keeps_no_more_than_it_is_told_to(make_server: Make) -> None:
    engine, mx = recording(make_server, keep_events=300)
    user, _ = connect(mx)
    before = in_batches(engine)
    kept = told(mx)
    assert (before < 5, len(kept)) == (True, 300)
    assert kept[-1]["event"] == "mx.beat.created"  # the last of a connection
    mx.create(user)
    mx.advance("1m")
    again = told(mx)
    assert len(again) == 300
    assert {each["id"] for each in kept}.isdisjoint(each["id"] for each in again)


def test_what_is_too_old_goes_as_a_batch(make_server: Make) -> None:
    engine, mx = recording(make_server, keep_for=60_000)
    connect(mx)
    assert in_batches(engine) == 5
    mx.advance("2h")
    user = mx.user()
    mx.create(user)
    mx.advance("1m")
    first = mx.control("GET", "/clock")["now"]
    assert all(each["occurred_at"][:13] == first[:13] for each in told(mx, f"&event={CREATED}"))


def test_nothing_is_left_of_them_in_an_empty_sandbox(make_server: Make) -> None:
    engine, mx = recording(make_server, "one")
    other = MX(engine_app(mx), "two")
    other.control("PUT", "/sandbox", {"all_events": True})
    connect(other)
    connect(mx)
    mx.control("POST", "/reset")
    assert (in_batches(engine, "one"), told(mx)) == (0, [])
    connect(mx)
    assert in_batches(engine, "one") == 0  # a sandbox that was reset records what endpoints ask for
    assert len(told(other, f"&event={CREATED}")) == 910


@pytest.mark.usefixtures("small_slices")
def test_many_that_come_bit_by_bit_are_recorded_with_their_status(make_server: Make) -> None:
    _, mx = recording(make_server)
    user = mx.user(id="customer-42")
    mx.create(user)
    mx.advance("1m")
    listed = mx.call("GET", f"/users/{user}/transactions?records_per_page=1000")["transactions"]
    events = told(mx, f"&event={CREATED}")
    assert {each["subject"] for each in events} == {each["guid"] for each in listed}
    by_guid = {each["guid"]: each for each in listed}
    for each in events:
        payload = each["payload"]["transaction"]
        shown = by_guid[each["subject"]]
        same = ("guid", "id", "amount", "account_guid", "description", "status", "type", "category_guid", "user_id")
        assert [payload[name] for name in same] == [shown[name] for name in same]


@pytest.mark.usefixtures("small_slices")
def test_of_many_that_come_bit_by_bit_as_many_are_recorded_as_are_kept(make_server: Make) -> None:
    _, mx = recording(make_server, keep_events=50)
    connect(mx)
    assert len(told(mx)) == 50
