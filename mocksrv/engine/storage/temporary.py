"""A folder for the state of a server that keeps none: private, and gone with its process, however that ends."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows, where files that are open cannot be removed
    fcntl = None


class TemporaryFolder:
    """A new folder that nobody else can read. It is locked for as long as it is needed: those of processes that were
    killed are not, and the next that starts removes them. Raises OSError.
    """

    def __init__(self) -> None:
        parent = _parent()
        _sweep(parent)
        while True:
            self.path = Path(tempfile.mkdtemp(dir=parent))
            with suppress(FileNotFoundError):  # somebody may sweep it before it is locked: another one is made then
                lock = _lock(self.path, wait=True)
                if self.path.exists():
                    break
                _unlock(lock)
        self._remove = weakref.finalize(self, _end, self.path, lock, os.getpid())

    def close(self) -> None:
        """Removes it with all that is in it; so does the end of the process."""
        self._remove()


def _end(path: Path, lock: int | None, process: int) -> None:
    _unlock(lock)
    if os.getpid() == process:  # a forked process has no say in it
        shutil.rmtree(path, ignore_errors=True)


def _parent() -> Path:
    """The folder of this user's folders; one of its own where somebody else has made that."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    parent = Path(tempfile.gettempdir(), f"mocksrv-{user}")
    with suppress(FileExistsError):
        parent.mkdir(mode=0o700)
    found = parent.lstat()
    mine = not parent.is_symlink() and found.st_uid == user and not found.st_mode & 0o077
    return parent if mine or fcntl is None else Path(tempfile.mkdtemp(prefix="mocksrv-"))


def _sweep(parent: Path) -> None:
    """Removes what processes have left that are no more."""
    for path in parent.iterdir():
        with suppress(OSError):
            lock = _lock(path)
            shutil.rmtree(path, ignore_errors=True)
            _unlock(lock)


def _lock(path: Path, *, wait: bool = False) -> int | None:
    """Raises OSError when the folder is gone, or locked and not waited for."""
    if fcntl is None:
        return None
    opened = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(opened)
        raise
    return opened


def _unlock(lock: int | None) -> None:
    if lock is not None:
        os.close(lock)
