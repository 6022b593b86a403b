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

import pytest

from mocksrv.engine.engine import Engine
from mocksrv.engine.storage.records import Query, Record, StoreError
from mocksrv.engine.storage.sqlite import Store
from mocksrv.engine.storage.tables.sandboxes import SLICE, SandboxQueries
from mocksrv.web.app import App
from tests.attacks.test_big_loads import rows_of_turns
from tests.conftest import MX, ROOT

Make = Callable[..., tuple[Engine, App]]
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


def test_big_sandboxes_are_emptied_bit_by_bit(make_server: Make) -> None:
    engine, _ = make_server()
    sandbox = engine.sandbox("big")
    with engine.change(engine.sandbox("other")) as world:
        world.add(Record("kind", "B-1", {}))
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
    with engine.look(engine.sandbox("other")) as world:
        assert world.count(Query("kind")) == 1


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
