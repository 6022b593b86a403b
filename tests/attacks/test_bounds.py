"""However many sandboxes are asked for, and however big they are, the server stands."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from bench.turns import measured
from mocksrv.engine.engine import Engine
from mocksrv.engine.storage.records import Query, Record, StoreError
from mocksrv.engine.storage.schema import SANDBOX_TABLES
from mocksrv.engine.storage.sqlite import Store
from mocksrv.engine.storage.tables.sandboxes import LITTLE, SLICE, SandboxQueries
from mocksrv.web.app import App
from tests import postgres
from tests.attacks.test_big_loads import HUGE, rows_of_turns
from tests.attacks.test_fairness import wait_until
from tests.attacks.test_removals import LONGEST
from tests.conftest import MX, ROOT, Receiver

Make = Callable[..., tuple[Engine, App]]
NO_DATA = """
provider: mx
name: no-data
flows:
  connect:
    - {status: CREATED}
    - {after: 1s, status: CONNECTED}
"""
of_sqlite = postgres.of_sqlite("with --on-postgres no process has a database alone")
NOBODY = 65534  # a user without rights


def test_the_longest_idle_sandbox_goes_when_state_is_not_kept(make_server: Make) -> None:
    engine, app = make_server(sandboxes=4)
    MX(app).user()
    for name in ("a", "b", "c", "a", "d"):
        MX(app, name).user()
    assert engine.sandboxes() == ["a", "c", "d", "default"]
    for name in ("e", "f", "g", "h"):
        MX(app, name).user()
    assert len(engine.sandboxes()) == 4
    assert "default" in engine.sandboxes()
    assert len(MX(app).call("GET", "/users")["users"]) == 1


def test_sandboxes_that_are_kept_are_not_dropped_for_others(make_server: Make, tmp_path: Path) -> None:
    engine, app = make_server(sandboxes=3, database=str(tmp_path / "state.db"))
    for name in ("a", "b"):
        MX(app, name).user()
    refused = app.test_client().get("/sandbox/c/users", auth=("client", "key"))
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "60")
    assert "--sandboxes" in refused.get_json()["detail"]
    control = app.test_client().get("/sandbox/c/_mocksrv/clock")
    assert (control.status_code, "--sandboxes" in control.get_json()["detail"]) == (503, True)
    assert engine.sandboxes() == ["a", "b", "default"]
    MX(app, "a").control("DELETE", "/sandbox", status=204)
    MX(app, "c").user()


def test_big_sandboxes_are_emptied_bit_by_bit_where_others_hold_much(make_server: Make) -> None:
    engine, _ = make_server()
    sandbox = engine.sandbox("big")
    with engine.change(engine.sandbox("other")) as world:
        world.add(*(Record("kind", f"B-{number}", {}) for number in range(LITTLE + 1)))
    with engine.change(sandbox) as world:
        world.add(*(Record("kind", f"A-{number}", {}, owner="u") for number in range(3000)))
    turns = []
    writing = engine.store.write

    def counted() -> object:
        turns.append(1)
        return writing()

    engine.store.write = counted  # type: ignore[method-assign, assignment]
    engine.reset(sandbox)
    assert len(turns) >= 3
    with engine.look(sandbox) as world:
        assert world.count(Query("kind")) == 0
    assert count(engine, "other") == LITTLE + 1


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize(("act", "there"), [("reset", True), ("drop", False)])
def test_what_was_being_emptied_when_the_server_was_killed_is_emptied_at_the_next_start(
    make_server: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, act: str, *, there: bool
) -> None:
    file = {"database": str(tmp_path / "state.db")}
    engine, _ = make_server(**file)
    for name in ("big", "other"):
        with engine.change(engine.sandbox(name)) as world:
            world.add(*(Record("kind", f"{name}-{number}", {}, owner="u") for number in range(3000)))
    with engine.change(engine.sandbox("big")) as world:
        world.configure(default="denied")
    thin_out = SandboxQueries.thin_out

    def once(queries: SandboxQueries, *arguments: str) -> None:
        thin_out(queries, *arguments)
        queries.after_commit.append(killed)

    def killed() -> None:
        raise Killed

    monkeypatch.setattr(SandboxQueries, "thin_out", once)
    with pytest.raises(Killed):
        engine.reset(engine.sandbox("big")) if act == "reset" else engine.drop("big")
    monkeypatch.undo()
    left = count(engine, "big")
    engine.close()
    assert 0 < left < 3000
    engine, _ = make_server(**file)
    assert ("big" in engine.sandboxes(), engine.sandbox("big").settings.default) == (there, None)
    assert (count(engine, "big"), count(engine, "other")) == (0, 3000)


@of_sqlite
def test_a_big_sandbox_goes_in_turns_of_few_rows(make_server: Make) -> None:
    engine, _ = make_server()
    for name in ("big", "other"):
        with engine.change(engine.sandbox(name)) as world:
            world.add(*(Record("kind", f"{name}-{number}", {}, owner="u") for number in range(1000)))
            for number in range(1000):
                world.set_timer(f"{name}-{number}", "later", world.now + 1000)
    with rows_of_turns(engine) as rows:
        engine.drop("big")
    assert (count(engine, "big"), sum(rows) >= 2000, max(rows) <= 2 * SLICE + 10) == (0, True, True)


@of_sqlite
@pytest.mark.parametrize("database", ["", ":memory:", "state.db"])
@pytest.mark.parametrize("act", ["reset", "drop"])
def test_what_little_others_hold_is_as_it_was_when_a_big_sandbox_goes_at_one_stroke(
    make_server: Make, receiver: Receiver, tmp_path: Path, act: str, database: str
) -> None:
    """With its callbacks and its place in time; and what is added there afterwards is new."""
    kept = {"database": str(tmp_path / database) if database == "state.db" else database} if database else {}
    engine, app = make_server(webhook_url=receiver.url, **kept)
    other = MX(app, "other")
    other.put_scenario("no-data", NO_DATA)
    other.create(other.user(), headers={"X-Mocksrv-Scenario": "no-data"})
    other.control("POST", "/trigger", {"event": "mx.member.updated"})
    other.advance("1m")
    with engine.change(engine.sandbox("big")) as world:
        world.add(*(Record("kind", f"A-{number}", {}, owner="u") for number in range(3000)))
    wait_until(lambda: "pending" not in repr(all_of(engine, "other")["delivery"]))
    before = all_of(engine, "other")
    with measured(engine) as turns:
        engine.reset(engine.sandbox("big")) if act == "reset" else engine.drop("big")
    assert before["attempt"]
    assert all_of(engine, "other") == before
    assert (len(turns) < 3000 / SLICE, count(engine, "big")) == (True, 0)
    added = other.control("POST", "/trigger", {"event": "mx.member.updated"})["webhooks"][0]["id"]
    wait_until(lambda: other.control("GET", f"/webhooks/{added}")["deliveries"][0]["state"] == "delivered")


def all_of(engine: Engine, sandbox: str) -> dict[str, list[Any]]:
    """All rows of a sandbox, by table."""
    engine.journal.flush()
    tables = {each: f"SELECT * FROM {each} WHERE sandbox = ?" for each in SANDBOX_TABLES}
    tables["sandbox"] = "SELECT * FROM sandbox WHERE name = ?"
    tables["attempt"] = "SELECT * FROM attempt WHERE delivery IN (SELECT seq FROM delivery WHERE sandbox = ?)"
    with engine.store.read() as tx:
        found = {each: sorted(map(repr, tx._rows(sql, (sandbox,)))) for each, sql in tables.items()}
        last = tx._rows("SELECT name, seq FROM sqlite_sequence")
    return found | {"last keys": sorted(last)}


@of_sqlite
@pytest.mark.slow
@pytest.mark.parametrize("act", ["reset", "drop"])
def test_a_huge_sandbox_that_is_alone_holds_no_writer_up(make_server: Make, act: str) -> None:
    """100,000 transactions: removing them would be half a second."""
    engine, app = make_server()
    mx = MX(app, "big")
    mx.put_scenario("huge-data", HUGE)
    mx.create(mx.user(), headers={"X-Mocksrv-Scenario": "huge-data"})
    mx.advance("1m")
    with measured(engine) as turns:
        engine.reset(engine.sandbox("big")) if act == "reset" else engine.drop("big")
    assert (max(turns) < LONGEST, mx.call("GET", "/users")["users"]) == (True, [])


@of_sqlite
@pytest.mark.parametrize("act", ["reset", "drop"])
def test_what_a_member_brought_goes_in_one_turn_where_others_hold_nothing(make_server: Make, act: str) -> None:
    """As the sandboxes of tests do that run one after the other."""
    engine, app = make_server()
    mx = MX(app, "of-a-test")
    mx.create(mx.user())
    mx.advance("1m")
    with engine.look(engine.sandbox("of-a-test")) as world:
        assert world.count(Query("mx.transaction")) > 2 * SLICE
    with measured(engine) as turns:
        engine.reset(engine.sandbox("of-a-test")) if act == "reset" else engine.drop("of-a-test")
    assert (len(turns) < 4, max(turns) < LONGEST, mx.call("GET", "/users")["users"]) == (True, True, [])


def count(engine: Engine, sandbox: str) -> int:
    with engine.look(engine.sandbox(sandbox)) as world:
        return world.count(Query("kind"))


# refusals at start


def test_a_symbolic_link_to_a_file_in_use(tmp_path: Path) -> None:
    first = Store(str(tmp_path / "state.db"))
    (tmp_path / "link.db").symlink_to(tmp_path / "state.db")
    with pytest.raises(StoreError, match="in use by another mocksrv"):
        Store(str(tmp_path / "link.db"))
    first.close()


def test_a_hard_link_to_a_file_in_use(tmp_path: Path) -> None:
    first = Store(str(tmp_path / "state.db"))
    os.link(tmp_path / "state.db", tmp_path / "link.db")
    with pytest.raises(StoreError, match="hard link"):
        Store(str(tmp_path / "link.db"))
    first.close()


@pytest.mark.parametrize("statement", ["CREATE TABLE theirs (name TEXT)", "PRAGMA user_version = 3"])
def test_a_database_of_something_else(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "theirs.db"
    with sqlite3.connect(path) as theirs:
        theirs.execute(statement)
    theirs.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"is a database of something else") as refused:
        Store(str(path))
    assert "\n" not in str(refused.value)
    assert path.read_bytes() == before


@pytest.fixture
def plain_user() -> Iterator[None]:
    """The rights of a plain user, also where root runs the tests: root may write everywhere."""
    if os.name != "posix" or os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    yield
    os.seteuid(0)


def test_a_file_that_may_not_be_written(plain_user: None) -> None:
    with TemporaryDirectory() as folder:  # not one of pytest's, which are root's
        path = Path(folder) / "state.db"
        Store(str(path)).close()
        path.chmod(0o400)
        with pytest.raises(StoreError, match="cannot open the database"):
            Store(str(path))


FILLED = """
from mocksrv.engine.config import Config
from mocksrv.server import open_parts
from tests.conftest import MX

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4 // 1024

engine, app = open_parts(Config(clock="manual", seed=7))
mx = MX(app)
for _ in range(2):
    user = mx.user()
    for _ in range(20):
        mx.create(user)
    mx.advance("1m")
full = resident()
mx.control("POST", "/reset")
print(full, resident())
engine.close()
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library gives memory back as it likes")
def test_memory_is_given_back_when_a_big_sandbox_is_reset() -> None:
    """The pages that SQLite keeps for the writer alone are 16 MB; in a process that has nothing else."""
    command = [sys.executable, "-c", FILLED]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300, cwd=ROOT).stdout.split()
    full, left = map(int, told)
    assert left < full - 10, told
