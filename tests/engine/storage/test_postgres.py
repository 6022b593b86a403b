"""PostgreSQL as a store: it answers as SQLite does, says in one line why it cannot be used, and comes back."""

from __future__ import annotations

import selectors
import sys
import threading
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocksrv.engine import storage
from mocksrv.engine.storage.records import Query, Record, Row, StoreError, StoreUnavailable
from mocksrv.engine.storage.schema import SCHEMA_STEPS
from mocksrv.engine.storage.sqlite import Store as Sqlite
from mocksrv.engine.storage.store import Store, open_store
from mocksrv.engine.storage.tables.shared import states_of, states_values
from mocksrv.web.hosting.looks import MOST_SANDBOXES
from tests import postgres

if TYPE_CHECKING:
    from mocksrv.engine.storage.postgres_query import AsyncQuery

SCHEMAS = postgres.Schemas()


@pytest.fixture
def url() -> str:
    """The URL of an empty database."""
    return SCHEMAS.take()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url)
    yield opened
    opened.close()


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
BODIES = st.fixed_dictionaries(
    {"amount": st.decimals(-1000, 1000, places=2).map(float)},
    optional={
        "flag": st.booleans() | st.none(),
        "type": st.sampled_from(["A", "b", "Ü", "%", "?", '"', None]),
        "note": TEXT,
    },
)
RECORDS = st.lists(st.tuples(BODIES, st.sampled_from("ab"), st.integers(0, 3), TEXT | st.none()), max_size=20)
QUERIES = st.builds(
    Query,
    st.just("kind"),
    owner=st.sampled_from([None, "a"]),
    ranges=st.sampled_from([{}, {"sort": (1, 2)}, {"sort": (None, 1)}]),
    body=st.dictionaries(
        st.sampled_from(["flag", "type"]), st.sampled_from([True, False, None, "A", "Ü", "%", "?", '"']), max_size=2
    ),
    guids=st.none() | st.lists(st.integers(0, 25).map("G-{}".format), max_size=5),
    newest_first=st.booleans(),
    limit=st.none() | st.integers(1, 5),
    offset=st.integers(0, 3),
)


@postgres.needs_postgres
def test_a_connection_that_another_thread_takes_first_is_not_waited_for(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who finds a free connection may lose it to another thread before it has it."""

    class OnceMore(list[Any]):
        def __bool__(self) -> bool:  # what was true when one looked
            return True

    monkeypatch.setattr(store, "_free", OnceMore())
    with store.read() as tx:
        assert tx.sandboxes() == []
    store.close()
    with pytest.raises(StoreUnavailable), store.read():
        pass


@cache
def _both() -> tuple[Store, Store]:
    """One of each kind, for all examples."""
    return Sqlite(), open_store(SCHEMAS.take())


def _answers(store: Store, records: list[Any], query: Query) -> list[Any]:
    with store.write() as tx:
        tx.drop_sandbox("s")
        tx.add_sandbox("s", "{}", "{}")
        rows = [
            Record("kind", f"G-{number}", body, owner=owner, sort=sort, partner_id=partner)
            for number, (body, owner, sort, partner) in enumerate(records)
        ]
        tx.insert("s", rows)
    with store.read() as tx:
        found = tx.select("s", query)
        for record in found:
            record.seq = 0
        return [
            found,
            tx.count("s", query),
            tx.has_more("s", query, 2),
            tx.totals("s", query, ["type", "flag"]),
            sorted(map(repr, tx.values("s", query, ["type", "amount", "note"]))),
            tx.by_partner_id("s", query, "note").keys(),
        ]


@postgres.needs_postgres
@given(RECORDS, QUERIES)
def test_every_question_has_the_answer_that_sqlite_gives(records: list[Any], query: Query) -> None:
    one, other = _both()
    assert _answers(other, records, query) == _answers(one, records, query)


@postgres.needs_postgres
@pytest.mark.parametrize(
    "pattern", ["mx.*", "*.created", "mx.?ser.*", "%", "a_c", "*", "[am]*", "[^m]?*", "[!m]*", "[a"]
)
def test_a_pattern_means_the_same(store: Store, pattern: str) -> None:
    found = []
    for each in (Sqlite(), store):
        with each.write() as tx:
            for number, name in enumerate(("mx.user.created", "mx.member.created", "abc", "a_c", "%")):
                tx.add_event("s", str(number), name, None, 0, "{}", "{}")
            found.append([row.name for row in tx.events("s", event=pattern)])
    assert found[0] == found[1]


@postgres.needs_postgres
@pytest.mark.parametrize("number", [1, 2])  # of rows that are written at once
def test_a_nul_is_replaced(store: Store, number: int) -> None:
    body = {"a": "x\0y", "b": "\\u0000"}
    with store.write() as tx:
        tx.insert("s", [Record("kind", f"G-{place}", body, partner_id="p\0q") for place in range(number)])
        found = tx.select("s", Query("kind", partner_id="p\0q", body={"a": "x\0y"}))
    assert [record.body for record in found] == [{"a": "x\ufffdy", "b": "\\u0000"}] * number


@postgres.needs_postgres
def test_transactions_on_one_sandbox_take_turns_and_on_two_do_not(store: Store) -> None:
    for name in "ab":
        with store.write() as tx:
            tx.add_sandbox(name, "{}", "{}")
    order: list[str] = []

    def change(name: str) -> None:
        with store.write() as tx:
            tx.lock([name])
            order.append(f"other {name}")

    threads = {name: threading.Thread(target=change, args=(name,)) for name in "ab"}
    with store.write() as tx:
        tx.lock(["a"])
        for thread in threads.values():
            thread.start()
        threads["b"].join(10)
        order.append("first a")
    threads["a"].join(10)
    assert order == ["other b", "first a", "other a"]


@postgres.needs_postgres
def test_several_that_open_a_new_database_together_make_its_tables_once(url: str) -> None:
    opened: list[Store] = []
    threads = [threading.Thread(target=lambda: opened.append(open_store(url))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 4
    for store in opened:
        with store.read() as tx:
            assert tx.sandboxes() == []
        store.close()


# what cannot be used


def _with(url: str, **parts: Any) -> str:
    """A URL with another user, password, host, port or path."""
    split = urlsplit(url)
    at = {"user": split.username, "password": split.password, "host": split.hostname, "port": split.port, **parts}
    login = f"{at['user']}:{at['password']}" if at["password"] else at["user"]
    return f"postgresql://{login}@{at['host']}:{at['port'] or 5432}{parts.get('path', split.path)}"


@postgres.needs_postgres
@pytest.mark.parametrize(
    ("parts", "told"),
    [({"path": "/nowhere"}, "nowhere"), ({"user": "nobody", "password": "secret"}, "nobody"), ({"port": 1}, "")],
)
def test_who_cannot_connect_is_told_in_one_line_without_the_password(parts: dict[str, Any], told: str) -> None:
    with pytest.raises(StoreError, match="cannot open the database") as error:
        open_store(_with(postgres.URL, **parts))
    text = str(error.value)
    assert told in text
    assert "\n" not in text
    assert "secret" not in text


def test_a_url_that_cannot_be_read_is_told() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError, match="cannot open the database"):
        open_store("postgresql://localhost:port/x")


def test_without_the_driver_it_is_said_how_to_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(storage, "postgres", raising=False)
    monkeypatch.delitem(sys.modules, "mocksrv.engine.storage.postgres", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"pip install 'mocksrv\[postgres\]'"):
        open_store("postgresql://localhost/x")


@postgres.needs_postgres
def test_a_database_of_something_else_is_left_alone(url: str) -> None:
    with postgres.connected(url) as connection:
        connection.execute("CREATE TABLE invoice (number INTEGER)")
    with pytest.raises(StoreError, match=r"tables of something else \(invoice\)"):
        open_store(url)
    with postgres.connected(url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()").fetchall()
    assert tables == [("invoice",)]


@postgres.needs_postgres
def test_a_database_of_a_newer_mocksrv_is_refused(url: str) -> None:
    open_store(url).close()
    with postgres.connected(url) as connection:
        connection.execute("UPDATE mocksrv_schema SET version = version + 1")
    with pytest.raises(StoreError, match=f"newer mocksrv .*{len(SCHEMA_STEPS) + 1}"):
        open_store(url)


@postgres.needs_postgres
def test_who_may_not_make_tables_is_told(url: str) -> None:
    with postgres.connected(url) as connection:
        schema = connection.execute("SELECT current_schema()").fetchone()[0]
        connection.execute(f"CREATE ROLE reader_{schema} LOGIN PASSWORD 'reader'")
        connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO reader_{schema}")
    reader = _with(postgres.URL, user=f"reader_{schema}", password="reader")
    with pytest.raises(StoreError, match=r"cannot open the database .*permission"):
        open_store(f"{reader}?{url.partition('?')[2]}")
    with postgres.connected(url) as connection:
        connection.execute(f"DROP OWNED BY reader_{schema}; DROP ROLE reader_{schema}")


@postgres.needs_postgres
def test_a_database_in_another_encoding_is_refused() -> None:
    with postgres.connected(postgres.URL) as connection:
        connection.execute("DROP DATABASE IF EXISTS latin")
        connection.execute("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    with pytest.raises(StoreError, match="encoding is LATIN1; it has to be UTF8"):
        open_store(_with(postgres.URL, path="/latin"))


@postgres.needs_postgres
def test_an_older_server_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mocksrv.engine.storage.postgres.OLDEST", 99)
    with pytest.raises(StoreError, match=r"PostgreSQL \d\d; it has to be 99 or newer"):
        open_store(url)


@postgres.needs_postgres
def test_a_lost_connection_is_told_and_replaced(store: Store) -> None:
    undone: list[bool] = []
    with store.write() as tx:
        tx.add_sandbox("s", "{}", "{}")
    with pytest.raises(StoreUnavailable), store.write() as tx:  # noqa: PT012
        tx.on_rollback.append(lambda: undone.append(True))
        pid = tx._run("SELECT pg_backend_pid()").fetchone()[0]
        with postgres.connected(postgres.URL) as connection:
            connection.execute("SELECT pg_terminate_backend(%s)", (pid,))
        tx.drop_sandbox("s")
    assert undone == [True]
    with store.read() as tx:
        assert tx.sandboxes() == ["s"]


def _rows(query: AsyncQuery) -> list[Row]:
    """The rows of a query that was sent, as a loop reads them."""
    with selectors.DefaultSelector() as selector:
        selector.register(query, selectors.EVENT_READ)
        while True:
            assert selector.select(30)
            rows = query.rows()
            if rows is not None:
                return rows


@postgres.needs_postgres
def test_what_is_the_latest_of_many_sandboxes_no_thread_waits_for(store: Store) -> None:
    names = [f"{number:064}" for number in range(MOST_SANDBOXES)]  # the longest that there are
    with store.write() as tx:
        for name in names:
            tx.add_sandbox(name, "{}", "{}", "made")
        tx.count_change(names[0])
        tx.claim_lease(f"advance/{names[1]}", "other", 60_000)
        tx.claim_lease(f"listening/{names[2]}/1", "other", 60_000)
    query = store.latest_query()
    for wanted in (names, [], names[:3]):
        query.send(states_values(wanted, "advance", "listening", "me"))
        with store.read() as tx:
            assert states_of(_rows(query)) == {name: tx.state(name, "advance", "listening", "me") for name in wanted}


@postgres.needs_postgres
@pytest.mark.parametrize("sent", [False, True])
def test_an_asynchronous_query_tells_that_its_connection_is_lost(store: Store, sent: bool) -> None:
    query = store.latest_query()
    with postgres.connected(postgres.URL) as connection:
        if sent:
            query.send(states_values([], "advance", "listening", "me"))
        connection.execute("SELECT pg_terminate_backend(%s, 10000)", (query._connection.info.backend_pid,))
    with pytest.raises(StoreUnavailable):
        list(map(_rows, [query] * 3))  # what the server says before it goes counts as an answer
    query.close()


@postgres.needs_postgres
def test_an_asynchronous_query_ends_with_its_store(url: str) -> None:
    store = open_store(url)
    query = store.latest_query()
    store.close()
    with pytest.raises(StoreUnavailable):
        query.send(states_values([], "advance", "listening", "me"))


@postgres.needs_postgres
def test_a_transaction_that_stood_still_for_too_long_is_told_as_lost(store: Store) -> None:
    with pytest.raises(StoreUnavailable), store.write() as tx:  # noqa: PT012
        tx._run("SET idle_in_transaction_session_timeout = 1")  # ms
        pid = tx._run("SELECT pg_backend_pid()").fetchone()[0]
        with postgres.connected(postgres.URL) as connection:
            while connection.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", (pid,)).fetchone():
                pass
        tx.sandboxes()
    with store.write() as tx:
        tx.add_sandbox("s", "{}", "{}")
