"""100,000 transactions come bit by bit: nobody waits for them, and nobody sees some of them."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from bench.turns import measured
from mocksrv.engine import loads
from mocksrv.engine.clock import parse_moment
from mocksrv.engine.engine import Engine
from mocksrv.engine.storage.queries import Tx
from mocksrv.engine.storage.records import Query, Record, StoreFull
from mocksrv.providers.mx.bank import big_loads
from mocksrv.providers.mx.money import insight_derivation
from mocksrv.providers.mx.money.insight_cases import Books
from mocksrv.providers.mx.money.insight_templates import NewInsight
from tests import postgres
from tests.attacks.test_fairness import wait_until
from tests.conftest import MX, Receiver
from tests.providers.finicity.client import Finicity
from tests.providers.mono.client import Mono

Make = Callable[..., tuple[Engine, Flask]]
HUGE = """
provider: mx
name: huge-data
flows:
  connect:
    - {status: CREATED}
    - {after: 1s, data: huge, status: CONNECTED}
"""


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """The 910 transactions of MX Bank are many."""
    monkeypatch.setattr("mocksrv.providers.mx.bank.loading.MOST_AT_ONCE", 500)
    monkeypatch.setattr(loads, "SLICE", 100)


@contextmanager
def halfway(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, threading.Event]]:
    """A load stops after its third slice: (it has, it may go on)."""
    reached, go_on = threading.Event(), threading.Event()
    slices = big_loads.BigLoad.slices

    def stopping(load: big_loads.BigLoad) -> Iterator[Any]:
        for number, write in enumerate(slices(load)):
            if number == 3:
                reached.set()
                assert go_on.wait(20)
            yield write

    monkeypatch.setattr(big_loads.BigLoad, "slices", stopping)
    yield reached, go_on
    go_on.set()


def seen(mx: MX, user: str) -> int:
    total: int = mx.call("GET", f"/users/{user}/transactions")["pagination"]["total_entries"]
    return total


def done(mx: MX, user: str, member: str) -> bool:
    """Whether the job that brings the data has ended."""
    shown = mx.call("GET", f"/users/{user}/members/{member}/status")["member"]
    return (shown["connection_status"], shown["is_being_aggregated"]) == ("CONNECTED", False)


@pytest.mark.usefixtures("small_slices")
def test_it_is_all_there_with_the_status(make_server: Make) -> None:
    """With the same seed the same data, bit by bit or at once."""
    mx = MX(make_server()[1])
    user = mx.user()
    member = mx.create(user)["guid"]
    mx.advance("1m")
    assert (done(mx, user, member), seen(mx, user)) == (True, 910)
    accounts = mx.call("GET", f"/users/{user}/accounts")["accounts"]
    owned = [mx.call("GET", f"/users/{user}/accounts/{a['guid']}/transactions")["pagination"] for a in accounts]
    assert sum(page["total_entries"] for page in owned) == 910
    mx.advance("25h")
    assert 910 <= seen(mx, user) < 950  # the daily refresh brings what is new, and nothing twice


@pytest.mark.usefixtures("small_slices")
def test_nothing_is_seen_before_the_status(make_server: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, app = make_server(clock="x60")
    mx, other = MX(app), MX(app, "other")
    with halfway(engine, monkeypatch) as (reached, go_on):
        user = mx.user()
        member = mx.create(user)["guid"]
        assert reached.wait(20)
        assert (done(mx, user, member), seen(mx, user)) == (False, 0)
        assert mx.call("GET", f"/users/{user}/accounts")["accounts"] == []
        began = time.monotonic()
        other.user()
        assert time.monotonic() - began < 2  # writers elsewhere have their turns
        go_on.set()
    wait_until(lambda: done(mx, user, member), 20)
    assert seen(mx, user) == 910


@pytest.mark.usefixtures("small_slices")
def test_a_member_that_goes_meanwhile_leaves_nothing(make_server: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, app = make_server(clock="x60")
    mx = MX(app)
    with halfway(engine, monkeypatch) as (reached, go_on):
        user = mx.user()
        member = mx.create(user)["guid"]
        assert reached.wait(20)
        mx.call("DELETE", f"/users/{user}/members/{member}")
        go_on.set()
    wait_until(lambda: not loads_of(engine), 20)
    with engine.look(engine.sandbox("default")) as world:
        assert world.count(Query("mx.transaction")) == 0


def loads_of(engine: Engine) -> list[Any]:
    with engine.store.read() as tx:
        return tx.loads()


@pytest.mark.usefixtures("small_slices")
def test_a_restart_discards_what_was_brought_and_brings_it_anew(
    make_server: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = {"database": str(tmp_path / "state.db"), "clock": "x60"}
    engine, app = make_server(**file)
    mx = MX(app)
    with halfway(engine, monkeypatch) as (reached, go_on):
        user = mx.user()
        member = mx.create(user)["guid"]
        assert reached.wait(20)
        ended = threading.Thread(target=engine.close)
        ended.start()
        threading.Event().wait(0.1)
        go_on.set()
        ended.join(20)
    monkeypatch.undo()
    mx = MX(make_server(**file)[1])
    wait_until(lambda: done(mx, user, member), 20)
    assert seen(mx, user) == 910


@contextmanager
def rows_of_turns(engine: Engine) -> Iterator[list[int]]:
    """How many rows each turn to write has changed."""
    if engine.store.waits:
        pytest.skip("about SQLite: the rows that its one writer changes in a turn")
    rows: list[int] = []
    write = engine.store.write

    @contextmanager
    def counted() -> Iterator[Tx]:
        with write() as tx:
            writer = engine.store._writer
            before = writer.connection.total_changes
            yield tx
            writer.run_held()
            rows.append(writer.connection.total_changes - before)

    engine.store.write = counted  # type: ignore[method-assign]
    yield rows
    engine.store.write = write  # type: ignore[method-assign]


NOON = parse_moment("2026-03-01T12:00:00Z")
LONGEST = 50  # ms of processor time of a turn
MANY = 300  # rows of a turn: no more than a slice and what a step of the play writes


@pytest.mark.usefixtures("small_slices")
def test_what_a_call_brings_at_once_comes_bit_by_bit_too(make_server: Make) -> None:
    """A status that is pushed brings the data within the call that pushes it."""
    engine, app = make_server()
    mx = MX(app)
    user = mx.user()
    member = mx.create(user)["guid"]
    with rows_of_turns(engine) as rows:
        mx.control("PUT", f"/subjects/{member}/status", {"status": "CONNECTED"})
    assert seen(mx, user) == 910
    assert max(rows) < MANY
    assert loads_of(engine) == []


@pytest.mark.usefixtures("small_slices")
def test_a_call_that_fails_leaves_nothing_of_what_was_brought_for_it(
    make_server: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, app = make_server()
    mx = MX(app)
    user = mx.user()
    member = mx.create(user)["guid"]
    slices = big_loads.BigLoad.slices

    def failing(load: big_loads.BigLoad) -> Iterator[Any]:
        yield from itertools.islice(slices(load), 3)
        raise StoreFull("nothing can be written")

    monkeypatch.setattr(big_loads.BigLoad, "slices", failing)
    mx.control("PUT", f"/subjects/{member}/status", {"status": "CONNECTED"}, status=507)
    assert (mx.status(user, member)["connection_status"], loads_of(engine)) == ("CREATED", [])
    with engine.look(engine.sandbox("default")) as world:
        assert world.count(Query("mx.transaction")) == 0


@pytest.mark.usefixtures("small_slices")
def test_a_server_that_ends_meanwhile_publishes_no_part_of_what_a_call_brings(
    make_server: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, app = make_server()
    mx = MX(app)
    user = mx.user()
    member = mx.create(user)["guid"]
    slices = big_loads.BigLoad.slices

    def ending(load: big_loads.BigLoad) -> Iterator[Any]:
        for number, write in enumerate(slices(load)):
            if number == 3:
                engine.loads.close()
            yield write

    monkeypatch.setattr(big_loads.BigLoad, "slices", ending)
    mx.control("PUT", f"/subjects/{member}/status", {"status": "CONNECTED"}, status=500)
    assert (stored(engine), mx.status(user, member)["connection_status"]) == ([], "CREATED")


def test_a_refresh_after_years_comes_bit_by_bit(make_server: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mocksrv.providers.mx.bank.loading.MOST_AT_ONCE", 200)
    monkeypatch.setattr(loads, "SLICE", 100)
    engine, app = make_server(now=NOON)
    mx = MX(app)
    user = mx.user()
    member = mx.create(user, institution="aurora_mills_bank")["guid"]
    mx.advance("1m")
    before = stored(engine)
    mx.control("PUT", "/clock", {"now": "2028-03-01T12:00:00Z"})
    with rows_of_turns(engine) as rows:
        mx.call("POST", f"/users/{user}/members/{member}/aggregate")
        mx.advance("1m")
    found = stored(engine)
    assert len(found) > len(before) + 1000
    assert len({each.partner_id for each in found}) == len(found)
    pending = {each.guid for each in before if each.body["status"] == "PENDING"}
    assert pending
    assert {each.body["status"] for each in found if each.guid in pending} == {"POSTED"}
    assert max(rows) < MANY


def stored(engine: Engine, kind: str = "mx.transaction") -> list[Record]:
    """All transactions, without the default range of lists."""
    with engine.look(engine.sandbox("default")) as world:
        return world.list(Query(kind))


def test_what_mono_brings_comes_bit_by_bit(
    make_server: Make, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same transactions as at once; those of a long absence, too."""
    monkeypatch.setattr("mocksrv.engine.storage.tables.loads.DISCARDED", 100)
    at_once = Mono(make_server(now=NOON)[1], receiver)
    expected = at_once.transactions(at_once.link())
    monkeypatch.setattr("mocksrv.providers.mono.bank.loading.MOST_AT_ONCE", 100)
    monkeypatch.setattr(loads, "SLICE", 100)
    engine, app = make_server(now=NOON)
    mono = Mono(app, receiver)
    with rows_of_turns(engine) as rows:
        account = mono.link()
        found = mono.transactions(account)
        mono.control("PUT", "/clock", {"now": "2028-03-01T12:00:00Z"})
        mono.call("POST", f"/accounts/{account}/sync")
        mono.advance("1m")
    assert [without(each, "id") for each in found] == [without(each, "id") for each in expected]
    assert len(mono.transactions(account)) > len(found) + 500
    assert max(rows) < MANY
    mono.advance("24h")  # what a sync had begun to bring that was not played is discarded with the next one
    wait_until(lambda: not loads_of(engine))


def without(shown: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in shown.items() if key != name}


@pytest.mark.parametrize("seed", [7, None])
def test_what_finicity_brings_within_a_call_comes_bit_by_bit(
    make_server: Make, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, seed: int | None
) -> None:
    """A session that is played makes login and accounts in the same transaction: with a seed or without they have the
    same ids when it begins again.
    """
    monkeypatch.setattr("mocksrv.providers.finicity.bank.loading.MOST_AT_ONCE", 200)
    monkeypatch.setattr(loads, "SLICE", 100)
    engine, app = make_server(now=NOON, seed=seed)
    finicity = Finicity(app, receiver)
    customer = finicity.customer()
    with rows_of_turns(engine) as rows:
        accounts = finicity.connected(customer)
        first = stored(engine, "finicity.transaction")
        path = f"/aggregation/v1/customers/{customer}/accounts/{accounts[0]['id']}/transactions/historic"
        finicity.call("POST", path, status=204)
    found = stored(engine, "finicity.transaction")
    assert (len(first) > 500, len(found) > len(first) + 200) == (True, True)
    assert {each.parent for each in found} <= {account["id"] for account in accounts}
    assert (max(rows) < MANY, loads_of(engine)) == (True, [])


@postgres.of_sqlite("whose turn it is")
def test_insights_of_many_transactions_are_derived_outside_of_turns(
    make_server: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mocksrv.providers.mx.money.insights.MOST_AT_ONCE", 100)
    engine, app = make_server()
    mx = MX(app)
    user = mx.user()
    mx.create(user)
    mx.advance("10s")
    free: list[bool] = []
    derive = insight_derivation.derive

    def looking(books: Books) -> Iterator[NewInsight]:
        free.append(engine.store._turn._owner != threading.get_ident())
        return derive(books)

    monkeypatch.setattr(insight_derivation, "derive", looking)
    assert mx.call("GET", f"/users/{user}/insights")["insights"]
    assert free == [True]


@postgres.of_sqlite("how long its one writer has a turn")
@pytest.mark.slow
def test_huge_holds_no_writer_up(make_server: Make) -> None:
    """100,000 transactions: writers elsewhere have their turns all the time, and none is long, of the reset neither."""
    engine, app = make_server(clock="real")
    mx, other = MX(app), MX(app, "other")
    mx.put_scenario("huge-data", HUGE)
    user = mx.user()
    served = 0
    with measured(engine) as turns:
        member = mx.create(user, headers={"X-Mocksrv-Scenario": "huge-data"})["guid"]
        deadline = time.monotonic() + 240
        while not done(mx, user, member) and time.monotonic() < deadline:
            other.user()
            served += 1
            threading.Event().wait(0.01)
        assert seen(mx, user) == 100_000
        mx.control("POST", "/reset")
    assert served > 10
    assert sum(ms > LONGEST for ms in turns) <= len(turns) / 100  # a core that others share makes more of some
    assert max(turns) < 2 * LONGEST  # in one turn it would be many seconds
