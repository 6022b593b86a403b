"""However many sandboxes are asked for, and however big they are, the server stands."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mocksrv.engine.engine import Engine
from mocksrv.engine.storage.records import Query, Record, StoreError
from mocksrv.engine.storage.sqlite import Store
from mocksrv.web.app import App
from tests.conftest import MX

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
        world.add_all(Record("kind", f"A-{number}", {}, owner="u") for number in range(3000))
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
