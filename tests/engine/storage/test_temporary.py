"""The state of a server that keeps none: private, gone with it, swept after a kill."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mocksrv.engine.config import TEMPORARY
from mocksrv.engine.storage.records import Query, Record, StoreError
from mocksrv.engine.storage.sqlite import Store
from mocksrv.engine.storage.temporary import TemporaryFolder

KILLED = """
import os, signal
from mocksrv.engine.storage.sqlite import Store
store = Store()
with store.write() as tx:
    tx.add_sandbox("s", "{}", "{}")
print("made", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made, of this test alone."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path / f"mocksrv-{os.getuid()}"


def test_it_is_private_and_goes_with_the_store(folders: Path) -> None:
    store = Store(TEMPORARY)
    with store.write() as tx:
        tx.insert("s", [Record("kind", "A-1", {"a": 1})])
    with store.read() as tx:
        assert tx.count("s", Query("kind")) == 1
    [folder] = folders.iterdir()
    assert [path.stat().st_mode & 0o077 for path in (folders, folder)] == [0, 0]
    assert "state.db" in {path.name for path in folder.iterdir()}
    store.close()
    assert list(folders.iterdir()) == []


def test_two_have_nothing_in_common(folders: Path) -> None:
    first, second = Store(TEMPORARY), Store(TEMPORARY)
    with first.write() as tx:
        tx.add_sandbox("s", "{}", "{}")
    with second.read() as tx:
        assert tx.sandboxes() == []
    first.close()
    with second.write() as tx:
        tx.add_sandbox("t", "{}", "{}")
    second.close()


def test_what_a_killed_process_left_is_swept(folders: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(folders.parent)}
    killed = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, env=environment, timeout=60)
    assert (killed.stdout, killed.returncode) == (b"made\n", -9)
    [left] = folders.iterdir()
    living = TemporaryFolder()
    assert list(folders.iterdir()) == [living.path]
    assert left != living.path
    living.close()


def test_what_a_process_leaves_open_goes_with_it(folders: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(folders.parent)}
    code = "from mocksrv.engine.storage.sqlite import Store; Store()"
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=60)
    assert list(folders.iterdir()) == []


def test_many_that_start_at_once_do_not_sweep_each_other(folders: Path) -> None:
    def make(_: int) -> bool:
        made = TemporaryFolder()
        there = made.path.is_dir()
        made.close()
        return there

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(make, range(300)))
    assert list(folders.iterdir()) == []


def test_a_folder_that_is_somebody_elses_is_not_used(folders: Path) -> None:
    elsewhere = folders.parent / "elsewhere"
    elsewhere.mkdir()
    folders.symlink_to(elsewhere)
    made = TemporaryFolder()
    assert list(elsewhere.iterdir()) == []
    assert made.path.stat().st_mode & 0o077 == 0
    made.close()


def test_where_there_is_no_place_for_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(StoreError, match=r"cannot make a temporary database: .*; --database :memory: keeps"):
        Store(TEMPORARY)


def test_a_folder_that_is_swept_before_it_is_locked_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    mkdtemp = tempfile.mkdtemp

    def swept_at_first(**where: Any) -> str:
        made.append(mkdtemp(**where))
        if len(made) == 1:
            Path(made[0]).rmdir()
        return made[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", swept_at_first)
    folder = TemporaryFolder()
    assert (str(folder.path), len(made)) == (made[1], 2)
    folder.close()
