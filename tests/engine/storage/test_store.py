"""The store: records, pages, transactions, files."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocksrv.engine.config import IN_MEMORY
from mocksrv.engine.play import Play
from mocksrv.engine.storage.recent import Recent
from mocksrv.engine.storage.records import Query, Record, StoreError
from mocksrv.engine.storage.rows import AttemptRow
from mocksrv.engine.storage.schema import SCHEMA_STEPS
from mocksrv.engine.storage.sqlite import Store
from mocksrv.engine.storage.store import Store as AnyStore
from mocksrv.engine.storage.store import open_store
from tests import postgres

PLAY = Play("toy", "opens", "hand", flow="connect")


@pytest.fixture(params=["memory", "file", pytest.param("postgres", marks=postgres.needs_postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyStore]:
    if request.param == "postgres":
        opened = open_store(postgres.Schemas().take())
    else:
        opened = open_store(IN_MEMORY if request.param == "memory" else str(tmp_path / "deep" / "state.db"))
    yield opened
    opened.close()


def test_a_record_comes_back_as_it_was_stored(store: AnyStore) -> None:
    record = Record("kind", "A-1", {"a": [1, None, "ü"]}, "owner", "subject", "parent", "own-id", 5, 1, 10, 20, PLAY)
    with store.write() as tx:
        tx.insert("s", [record])
    with store.read() as tx:
        found = tx.get("s", "kind", "A-1")
    assert found is not None
    record.seq = found.seq
    assert found == record


def test_sandboxes_do_not_see_each_other(store: AnyStore) -> None:
    with store.write() as tx:
        for sandbox in ("one", "two"):
            tx.insert(sandbox, [Record("kind", "same-guid", {"in": sandbox})])
        tx.empty_sandbox("one")
    with store.read() as tx:
        assert tx.get("one", "kind", "same-guid") is None
        assert tx.get("two", "kind", "same-guid").body == {"in": "two"}  # type: ignore[union-attr]


def test_what_is_written_twice_is_read_as_it_is_now(store: AnyStore) -> None:
    record = Record("kind", "A-1", {"n": 0}, revision=1)
    with store.write() as tx:
        tx.insert("s", [record])
        for number in (1, 2):
            record.body, record.revision = {"n": number}, record.revision + 1
            tx.update("s", record)
        assert tx.get("s", "kind", "A-1") == replace(record, seq=1)  # before the commit, too
        record.body = {"n": 3}
        tx.update("s", record)
    with store.read() as tx:
        assert tx.get("s", "kind", "A-1") == replace(record, seq=1)


def test_nothing_of_a_transaction_that_is_undone_goes_with_the_next(store: AnyStore) -> None:
    record = Record("kind", "A-1", {"n": 0})
    with store.write() as tx:
        tx.insert("s", [record])
    with suppress(ZeroDivisionError), store.write() as tx:
        tx.update("s", replace(record, body={"n": 1}))
        tx.set_timer("s", "A-1", "step", 5)
        tx.mark("s", "A-1", 1, None, None, None, "undone")
        raise ZeroDivisionError
    with store.write() as tx:
        tx.mark("s", "A-1", 2, None, None, None, "done")
    with store.read() as tx:
        assert tx.get("s", "kind", "A-1") == replace(record, seq=1)
        assert tx.next_timer("s") is None
        assert [line.cause for line in tx.timeline("s", "A-1")] == ["done"]


TIMERS = st.sampled_from("AB"), st.sampled_from(["step", "silent"])
TIMER_ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), *TIMERS, st.integers(1, 2)),
        st.tuples(st.just("cancel"), *TIMERS),
        st.tuples(st.just("cancel all"), st.sampled_from("AB")),
        st.just(("take",)),
        st.just(("look",)),
    ),
    max_size=12,
)


@given(TIMER_ACTS)
def test_timers_fall_due_in_the_order_in_which_they_were_set_last(acts: list[tuple[Any, ...]]) -> None:
    expected: dict[tuple[str, str], int] = {}
    store = open_store(IN_MEMORY)
    with store.write() as tx:

        def first() -> list[tuple[str, str, int]]:
            return [(timer.subject, timer.kind, timer.due) for timer in tx.next_timers("s", 9, 9)]

        def in_order() -> list[tuple[str, str, int]]:
            return sorted(((*key, due) for key, due in expected.items()), key=lambda timer: timer[2])

        for act, *of in acts:
            if act == "set":
                tx.set_timer("s", *of)
                expected.pop((of[0], of[1]), None)
                expected[of[0], of[1]] = of[2]
            elif act == "cancel":
                tx.cancel_timers("s", of[0], [of[1]])
                expected.pop((of[0], of[1]), None)
            elif act == "cancel all":
                tx.cancel_timers("s", of[0])
                expected = {key: due for key, due in expected.items() if key[0] != of[0]}
            elif act == "take" and (timer := tx.next_timer("s")):
                tx.drop_timer(timer.seq)
                expected.pop((timer.subject, timer.kind))
            else:
                assert first() == in_order()
    with store.read() as tx:
        assert first() == in_order()
    store.close()


def test_a_transaction_is_all_or_nothing(store: AnyStore) -> None:
    undone = []
    with pytest.raises(RuntimeError), store.write() as tx:  # noqa: PT012
        tx.insert("s", [Record("kind", "A-1", {})])
        tx.on_rollback.append(lambda: undone.append(True))
        tx.after_commit.append(lambda: undone.append(False))
        raise RuntimeError
    with store.read() as tx:
        assert tx.count("s", Query("kind")) == 0
    assert undone == [True]


def test_writers_take_turns(store: AnyStore) -> None:
    def add(name: str) -> None:
        for n in range(50):
            with store.write() as tx:
                tx.lock(["s"])
                before = tx.count("s", Query("kind"))
                tx.insert("s", [Record("kind", f"{name}-{n}", {"before": before})])

    with store.write() as tx:
        tx.add_sandbox("s", "{}", "{}")
    threads = [threading.Thread(target=add, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as tx:
        assert sorted(record.body["before"] for record in tx.select("s", Query("kind"))) == list(range(200))


ROWS = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from("ab"), st.sampled_from([None, True, False, "x"])), max_size=30
)


@given(
    ROWS,
    st.booleans(),
    st.integers(0, 10),
    st.integers(1, 10),
    st.sampled_from([None, "a", "b"]),
    st.integers(0, 5),
    st.integers(0, 5),
)
def test_every_list_equals_a_plain_filter_over_all(
    rows: list[tuple[int, str, object]],
    newest_first: bool,
    offset: int,
    limit: int,
    owner: str | None,
    low: int,
    high: int,
) -> None:
    store = Store()
    with store.write() as tx:
        tx.insert(
            "s",
            [
                Record("kind", f"G-{n}", {"flag": flag}, owner=own, sort=sort)
                for n, (sort, own, flag) in enumerate(rows)
            ],
        )
    query = Query("kind", owner=owner, ranges={"sort": (low, high)}, body={"flag": True}, newest_first=newest_first)
    wanted = [
        (sort, n)
        for n, (sort, own, flag) in enumerate(rows)
        if owner in (None, own) and low <= sort <= high and flag is True
    ]
    wanted.sort(reverse=newest_first)
    with store.read() as tx:
        page = tx.select("s", query._replace(limit=limit, offset=offset))
        assert tx.count("s", query) == len(wanted)
        assert [tx.has_more("s", query, than) for than in range(len(wanted) + 1)] == [True] * len(wanted) + [False]
    assert [record.guid for record in page] == [f"G-{n}" for _, n in wanted[offset : offset + limit]]


@given(ROWS, st.sets(st.integers(0, 40)))
def test_a_list_of_guids_equals_a_plain_filter_over_all(rows: list[tuple[int, str, object]], numbers: set[int]) -> None:
    store = Store()
    with store.write() as tx:
        tx.insert("s", [Record(own, f"G-{n}", {}, sort=sort) for n, (sort, own, _) in enumerate(rows)])
    query = Query("a", guids=[f"G-{n}" for n in numbers])
    wanted = sorted((sort, n) for n, (sort, own, _) in enumerate(rows) if own == "a" and n in numbers)
    with store.read() as tx:
        assert [record.guid for record in tx.select("s", query)] == [f"G-{n}" for _, n in wanted]
        assert tx.count("s", query) == len(wanted)


def test_the_file_is_opened_again_with_what_it_held(tmp_path: Path) -> None:
    path = str(tmp_path / "state.db")
    first = Store(path)
    with first.write() as tx:
        tx.add_sandbox("s", "{}", "{}")
    first.close()
    with Store(path).read() as tx:
        assert tx.sandboxes() == ["s"]


def test_a_database_of_a_newer_mocksrv_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    sqlite3.connect(path).execute(f"PRAGMA user_version = {len(SCHEMA_STEPS) + 1}")
    with pytest.raises(StoreError, match="written by a newer mocksrv"):
        Store(str(path))


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but dear to somebody " * 100)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="cannot open the database"):
        Store(str(path))
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot open the database"):
        Store(str(tmp_path / "file" / "state.db"))


def test_a_timer_replaces_the_earlier_one_of_its_kind(store: AnyStore) -> None:
    with store.write() as tx:
        tx.set_timer("s", "A", "step", 50)
        tx.set_timer("s", "A", "step", 20)
        tx.set_timer("s", "A", "silent", 30)
        assert tx.next_timer("s")[1:] == ("A", "step", 20)  # type: ignore[index]
        tx.cancel_timers("s", "A", ["step"])
        assert tx.next_timer("s")[1:] == ("A", "silent", 30)  # type: ignore[index]


def test_the_next_timers_come_with_what_has_changed_since(store: AnyStore) -> None:
    with store.write() as tx:
        for subject, due in (("B", 20), ("A", 20), ("C", 30), ("D", 40)):
            tx.set_timer("s", subject, "step", due)
        assert [timer.subject for timer in tx.next_timers("s", 3, until=30)] == ["B", "A", "C"]
        assert tx.take_retimed({"A", "B", "C", "D"}) == 20
        assert tx.take_retimed(()) > 40
        tx.set_timer("s", "A", "silent", 25)
        tx.cancel_timers("s", "B")
        assert (tx.take_retimed({"A"}), tx.take_retimed({"A"}) > 40) == (0, True)


def test_a_transaction_reads_what_it_has_changed(store: AnyStore) -> None:
    record = Record("kind", "A", {"n": 1})
    with store.write() as tx:
        tx.insert("s", [record])
        tx.read_ahead("s", ["A"])
        for number in (2, 3):
            tx.update("s", replace(record, body={"n": number}))
            assert tx.record("s", "A").body == {"n": number}  # type: ignore[union-attr]
        assert tx.get("s", "other", "A") is None
        tx.delete("s", guid="A")
        assert tx.get("s", "kind", "A") is None


def test_what_a_transaction_had_begun_to_write_is_not_written_after_its_end(store: AnyStore) -> None:
    def fail() -> None:
        with store.write() as tx:
            tx.set_timer("s", "A", "step", 20)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with store.write() as tx:
        assert tx.next_timer("s") is None


def test_records_that_are_read_often_are_never_stale(store: AnyStore) -> None:
    def seen() -> dict[str, int]:
        with store.read() as tx:
            return {guid: record.body["n"] for guid, record in tx.get_all("s", "A", "B").items()}

    with store.write() as tx:
        tx.insert("s", [Record("kind", guid, {"n": 0}) for guid in "AB"])
    assert [seen(), seen()] == [{"A": 0, "B": 0}] * 2
    with store.write() as tx:
        record = tx.get("s", "kind", "A")
        assert record is not None
        record.body["n"] = 1
        tx.update("s", record)
        assert tx.get_all("s", "A")["A"].body["n"] == 1
    assert seen() == {"A": 1, "B": 0}
    with store.write() as tx:
        tx.delete("s", kind="kind")
    assert seen() == {}


def test_a_row_read_before_a_change_is_not_kept_after_it() -> None:
    recent = Recent()
    stamp = recent.stamp
    recent.forget({("s", "A")})
    recent.keep(stamp, {("s", "A"): Record("kind", "A", {})})
    assert recent.records == {}


def test_a_database_that_another_server_uses_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "state.db")
    first = Store(path)
    with pytest.raises(StoreError, match="in use by another mocksrv"):
        Store(path)
    first.close()
    Store(path).close()


def test_the_oldest_events_are_forgotten_but_not_those_still_owed(store: AnyStore) -> None:
    with store.write() as tx:
        for number in range(20):
            seq = tx.add_event("s", f"E{number}", "toy.bell", None, number, "{}", "{}")
            delivery = tx.add_delivery("s", seq, "there", "pending" if number == 3 else "delivered", 0, 0, "{}")
            tx.add_attempts([(delivery, AttemptRow(number, 204, None, 1.0, "{}", "{}"))])
        other = tx.add_event("other", "O1", "toy.bell", None, 0, "{}", "{}")
        tx.trim_events("s", 15, before=7)
        left = [row.id for row in tx.events("s")]
        assert left == ["E3", *(f"E{number}" for number in range(7, 20))]
        assert len(tx.events("other")) == 1
        assert [len(tx.attempts(d.seq)) for row in tx.events("s") for d in tx.deliveries(row.seq)] == [1] * 14
        assert tx.deliveries(other - 20) == []
        tx.trim_events("s", 5, before=0)
        assert [row.id for row in tx.events("s")] == ["E3", *(f"E{number}" for number in range(15, 20))]
