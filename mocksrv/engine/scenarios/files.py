"""The user's scenario files as the library keeps them: what they say of themselves, which come first, and how they
clash.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from mocksrv.engine.problems import Problem, YamlError
from mocksrv.engine.scenarios.model import Scenario
from mocksrv.engine.scenarios.parsing import SCHEMA
from mocksrv.engine.yamlnodes import MAX_BYTES, Node, read, yaml_files

PROFILE = ".profile.yaml"  # how the names of data profiles end, which may lie beside scenarios
INSTITUTION = ".institution.yaml"  # and those of institutions
Key = tuple[str, str]  # provider, name
Stamp = tuple[int, int, int]  # when it was changed, its size, its number in the file system


@dataclass(slots=True)
class UserFile:
    """One file: its bytes, its last good version, and what is wrong with the present one.

    ``settled`` means that ``good`` is the present text and does not depend on other files; ``unreadable`` that there
    are no bytes; ``key`` and ``parent`` (what it extends) are what the text says, right or wrong.
    """

    path: Path
    stamp: Stamp = (0, 0, 0)
    data: bytes = b""
    good: Scenario | None = None
    problems: tuple[Problem, ...] = ()
    settled: bool = False
    unreadable: bool = False
    key: Key | None = None
    parent: Key | None = None
    _root: Node | None = field(default=None, repr=False)

    def load(self, stamp: Stamp = (0, 0, 0)) -> UserFile:
        """Reads the file. What cannot be read is a problem of it."""
        self.stamp, self.data, self.problems = stamp, b"", ()
        self.settled = self.unreadable = False
        self.key = self.parent = self._root = None
        try:
            with self.path.open("rb") as stream:
                self.data = stream.read(MAX_BYTES + 1)
        except OSError as error:
            self.unreadable, self.problems = (
                True,
                (self.problem((), f"the file cannot be read: {error.strerror or error}"),),
            )
            return self
        try:
            self._root = read(self.data, str(self.path)).root
        except YamlError:
            return self  # parsing it says so again, and better
        values = SCHEMA.values(self._root)
        self.key, self.parent = _words(values, "name"), _words(values, "extends")
        return self

    def stub(self) -> Scenario:
        """What is known of it before it is checked: enough to follow ``extends``."""
        provider, name = self.key or ("", "")
        return Scenario(name, provider, "", (), self.parent and self.parent[1], {}, str(self.path), "")

    def problem(self, path: Iterable[str | int], message: str) -> Problem:
        """A problem at a place in the file."""
        node = self._root.find(path) if self._root else Node(1, 1)
        return Problem(str(self.path), node.line, node.column, message)

    def clash(self, scenario: Scenario, others: Collection[Scenario]) -> Problem | None:
        """Why the scenario of this file cannot stand beside others."""
        for other in others:
            if (other.provider, other.name) == (scenario.provider, scenario.name):
                return self.problem(("name",), f"the name '{scenario.name}' is taken by {other.file}")
        return login_clash(scenario, others)


def _words(values: Any, name: str) -> Key | None:
    provider, word = (values.get("provider"), values.get(name)) if isinstance(values, dict) else (None, None)
    return (provider, word) if isinstance(provider, str) and isinstance(word, str) else None


def login_clash(scenario: Scenario, others: Iterable[Scenario]) -> Problem | None:
    """A login that another scenario claims with the same right."""
    for other in others:
        for login in scenario.logins if other.provider == scenario.provider else ():
            if any(login.ties(rival) for rival in other.logins):
                message = (
                    f"this login also chooses '{other.name}' ({other.file}), with as many keys: add a key to one "
                    "of them"
                )
                return Problem(scenario.file, login.line, login.column, message)
    return None


def next_batch(waiting: Collection[UserFile]) -> tuple[list[UserFile], bool]:
    """The files whose turn it is: those that extend none of the waiting; else, and True, those that extend each other
    in a circle.
    """
    by_key = {file.key: file for file in waiting if file.key}
    ready = [file for file in waiting if file.parent not in by_key]
    if ready:
        return ready, False
    return [file for file in waiting if file.key in _line(file, by_key)], True


def _line(file: UserFile, by_key: dict[Key, UserFile]) -> set[Key]:
    """The keys of what a file extends, and of what that extends …"""
    seen: set[Key] = set()
    parent = file.parent
    while parent is not None and parent in by_key and parent not in seen:
        seen.add(parent)
        parent = by_key[parent].parent
    return seen


def scenario_files(folder: Path) -> Iterator[Path]:
    """The scenario files of a folder and its sub-folders: its YAML files but for profiles and institutions."""
    return (path for path in yaml_files(folder) if not path.name.endswith((PROFILE, INSTITUTION)))


class Loadable(Protocol):
    """A file that is kept as it was when it was last read."""

    stamp: Stamp

    def load(self, stamp: Stamp) -> Any:
        """Reads it again."""


F = TypeVar("F", bound=Loadable)


def changes(files: dict[Path, F], paths: Iterable[Path], make: Callable[[Path], F]) -> bool:
    """Brings ``files`` up to what lies at the paths; ``make`` is for new ones. Returns whether anything changed."""
    present: dict[Path, Stamp] = {}
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            continue  # gone since the folder was read
        present[path] = (status.st_mtime_ns, status.st_size, status.st_ino)
    gone = files.keys() - present.keys()
    for path in gone:
        del files[path]
    changed = [path for path, stamp in present.items() if path not in files or files[path].stamp != stamp]
    for path in changed:
        files.setdefault(path, make(path)).load(present[path])
    return bool(gone or changed)
