"""All scenarios by name: the bundled ones, the user's files, and those that the control API puts in.

The user's scenarios (a put one before a file) come before bundled ones of the same name. The user's institutions lie
beside them. Bundled files lie in
``PROVIDER/NAME.yaml`` and are parsed when first needed; the user's files may have any name, and are read again when
they change.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from mocksrv.engine.problems import Problem, YamlError, nearest
from mocksrv.engine.scenarios.files import INSTITUTION, Key, UserFile, changes, login_clash, next_batch, scenario_files
from mocksrv.engine.scenarios.institutions import Institution, InstitutionFiles
from mocksrv.engine.scenarios.model import Login, Scenario, Step
from mocksrv.engine.scenarios.parsing import parse
from mocksrv.engine.scenarios.vocabulary import Vocabulary

LOOK_EVERY = 0.5  # seconds of real time between two looks at the user's folders
PUT = "(put)"  # the file name of scenarios that are in no file

_LOGINS = re.compile(r"^logins:", re.MULTILINE)


class UnknownScenario(Exception):
    """There is no scenario of that name; ``near`` are the names that are like it."""

    def __init__(self, name: str, near: Sequence[str] = ()) -> None:
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        super().__init__(f"there is no scenario '{name}'{hint}")
        self.name = name
        self.near = tuple(near)


class FaultyScenario(UnknownScenario):
    """The only scenario of that name stands in a file that has faults: ``problems``."""

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        super().__init__(name)
        self.problems = tuple(problems)
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        self.args = (f"the scenario '{name}' has a fault and is left out: {problems[0]}{more}",)


class Library:
    """The scenarios of one server. Its methods may be called from any thread."""

    def __init__(
        self,
        bundled: Path,
        directories: Sequence[Path],
        vocabularies: Mapping[str, Vocabulary],
        defaults: Mapping[str, Scenario],
    ) -> None:
        """``directories`` are the user's; ``defaults`` hold, by provider, the flows that no scenario writes."""
        self._lock = threading.RLock()
        self._root = bundled
        self._directories = tuple(directories)
        self._vocabularies = vocabularies
        self._defaults = defaults
        self._bundled: dict[Key, Path] = {
            (provider, path.stem): path
            for provider in vocabularies
            for path in sorted((bundled / provider).glob("*.yaml"))
        }
        self._parsed: dict[Key, Scenario] = {}
        self._bundled_logins: dict[str, list[tuple[Login, Scenario]]] = {}
        self._files: dict[Path, UserFile] = {}
        self._put: dict[Key, Scenario] = {}
        self._user: dict[Key, Scenario] = {}
        self._institutions = InstitutionFiles(directories, vocabularies, self.names)
        self._looked = float("-inf")
        self.on_change: Callable[[], None] = lambda: None
        self.refresh()

    # finding

    def names(self, provider: str) -> list[str]:
        """All scenario names of a provider, sorted."""
        with self._lock:
            return sorted({name for owner, name in (*self._bundled, *self._user) if owner == provider})

    def get(self, provider: str, name: str) -> Scenario:
        """The scenario of that name. Raises UnknownScenario."""
        return self._one_of([provider], name)

    def find(self, name: str, provider: str | None = None) -> Scenario:
        """The scenario of a bare name, or of one such as ``PROVIDER/NAME``. Raises UnknownScenario.

        A bare name without a provider means the first provider that has it.
        """
        owner, slash, bare = name.rpartition("/")
        if slash and provider not in (None, owner):
            raise UnknownScenario(name)
        return self._one_of([owner] if slash else [provider] if provider else list(self._vocabularies), bare)

    def _one_of(self, providers: Sequence[str], name: str) -> Scenario:
        for provider in providers:
            found = self.parent(provider, name)
            if found:
                return found
        if problems := self._faults_of(providers, name):
            raise FaultyScenario(name, problems)
        known = sorted({known for provider in providers for known in self.names(provider)})
        raise UnknownScenario(name, nearest(name[:64], known))

    def _faults_of(self, providers: Sequence[str], name: str) -> Sequence[Problem]:
        """What is wrong with the user's file that says this name, or bears it where it cannot say one."""
        with self._lock:
            for _, file in sorted(self._files.items()):
                means = file.key[1] == name and file.key[0] in providers if file.key else file.path.stem == name
                if means and file.problems and not file.good:
                    return file.problems
        return ()

    def parent(self, provider: str, name: str) -> Scenario | None:
        """The scenario of that name, or None."""
        with self._lock:
            return self._user.get((provider, name)) or self._bundled_scenario((provider, name))

    def calls(self, provider: str) -> frozenset[str]:
        """The flows of a provider that calls play."""
        return self._vocabularies[provider].flows

    def default_flows(self, provider: str) -> Mapping[str, tuple[Step, ...]]:
        """What flows do that no scenario writes."""
        return self._defaults[provider].flows if provider in self._defaults else {}

    def flow(self, scenario: Scenario, flow: str) -> tuple[Step, ...] | None:
        """The steps of a flow: as the scenario writes it, or what it extends, or the provider's default; None if nobody
        writes it.
        """
        written = self._written(scenario, flow)
        return self.default_flows(scenario.provider).get(flow) if written is None else written

    def flows(self, scenario: Scenario) -> dict[str, tuple[Step, ...]]:
        """All flows that the scenario and what it extends write, the scenario's own first."""
        found: dict[str, tuple[Step, ...]] = {}
        for member in self._line(scenario):
            found.update((name, steps) for name, steps in member.flows.items() if name not in found)
        return found

    def writes(self, scenario: Scenario, flow: str) -> bool:
        """True when the scenario or what it extends writes the flow."""
        return self._written(scenario, flow) is not None

    def counts(self, scenario: Scenario) -> bool:
        """Whether statuses are reached by counting: as the scenario says, or what it extends; else they are."""
        said = (member.counting for member in self._line(scenario) if member.counting is not None)
        return next(said, True)

    def login(
        self, provider: str, institution: str | None, username: str | None, password: str | None
    ) -> Scenario | None:
        """The scenario that a login chooses: the one that names most of it, the user's before bundled ones."""
        with self._lock:
            own = [
                (login, found) for found in self._user.values() if found.provider == provider for login in found.logins
            ]
            matching = [
                pair for pair in (*own, *self._logins(provider)) if pair[0].matches(institution, username, password)
            ]
        return max(matching, key=lambda pair: pair[0].keys)[1] if matching else None

    def institutions(self, provider: str) -> list[Institution]:
        """The user's institutions of a provider, in the order of their files."""
        with self._lock:
            return self._institutions.all(provider)

    def institution(self, provider: str, code: str) -> Institution | None:
        """The user's institution of a code, or None."""
        with self._lock:
            return self._institutions.get(provider, code)

    def _line(self, scenario: Scenario) -> Iterator[Scenario]:
        """The scenario, then what it extends, nearest first."""
        seen: set[str] = set()
        member: Scenario | None = scenario
        while member is not None and member.name not in seen:
            yield member
            seen.add(member.name)
            member = self.parent(member.provider, member.extends) if member.extends else None

    def _written(self, scenario: Scenario, flow: str) -> tuple[Step, ...] | None:
        return next((member.flows[flow] for member in self._line(scenario) if flow in member.flows), None)

    # bundled scenarios

    def _bundled_scenario(self, key: Key) -> Scenario | None:
        path = self._bundled.get(key)
        if path is not None and key not in self._parsed:
            self._parsed[key] = parse(path.read_bytes(), file=str(path), vocabularies=self._vocabularies, check=False)
        return self._parsed.get(key)

    def _logins(self, provider: str) -> list[tuple[Login, Scenario]]:
        """The logins of the bundled scenarios that no scenario of the user's replaces. Files without logins are not
        parsed for it.
        """
        if provider not in self._bundled_logins:
            keys = [
                key
                for key, path in self._bundled.items()
                if key[0] == provider and _LOGINS.search(path.read_text("utf-8"))
            ]
            found = [scenario for key in keys if (scenario := self._bundled_scenario(key))]
            self._bundled_logins[provider] = [(login, scenario) for scenario in found for login in scenario.logins]
        return [pair for pair in self._bundled_logins[provider] if (provider, pair[1].name) not in self._user]

    def check_bundled(self) -> list[Problem]:
        """Every fault of the bundled files, which are otherwise trusted."""
        found = self.check(self._bundled.values())
        for (_, name), path in self._bundled.items():
            scenario = (
                parse(path.read_bytes(), file=str(path), vocabularies=self._vocabularies, check=False)
                if not found
                else None
            )
            if scenario and scenario.name != name:
                found.append(
                    Problem(str(path), 1, 1, f"the scenario is named '{scenario.name}', but its file '{path.name}'")
                )
        return found

    # the user's scenarios

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with the user's files. Such a file is left out, or plays on as it was when it was last good."""
        missing = [
            Problem(str(folder), 1, 1, "this folder does not exist")
            for folder in self._directories
            if not folder.is_dir()
        ]
        profiles = dict.fromkeys(
            problem for words in self._vocabularies.values() for problem in words.profile_problems()
        )
        with self._lock:
            return [
                *missing,
                *(problem for _, file in sorted(self._files.items()) for problem in file.problems),
                *self._institutions.problems,
                *profiles,
            ]

    def parse(self, text: bytes | str, file: str = PUT) -> Scenario:
        """The scenario of a text, which may extend those of the library; it is not taken in. Raises YamlError."""
        return parse(text, file=file, vocabularies=self._vocabularies, library=self)

    def put(self, text: bytes | str) -> Scenario:
        """Takes in a scenario that lies in no file; it replaces one of the same name. Raises YamlError and changes
        nothing.
        """
        with self._lock:
            scenario = self.parse(text)
            key = scenario.provider, scenario.name
            clash = login_clash(scenario, [other for name, other in self._user.items() if name != key])
            if clash:
                raise YamlError((clash,))
            self._put[key] = self._user[key] = scenario
            return scenario

    def refresh(self) -> bool:
        """Reads the user's files that have changed; looks at most every half second. Returns whether anything is
        different now.
        """
        with self._lock:
            now = time.monotonic()
            if not self._directories or now < self._looked + LOOK_EVERY:
                return False
            self._looked = now
            paths = [path for folder in self._directories for path in scenario_files(folder)]
            changed = changes(self._files, paths, UserFile)
            if not self._institutions.look() and not changed:
                return False
            if changed:
                self._examine([file for _, file in sorted(self._files.items())])
            self._institutions.judge()
        self.on_change()
        return True

    def check(self, paths: Iterable[Path]) -> list[Problem]:
        """Every fault of some files, as if they were the user's. They may extend each other, files beside them, and the
        library's.
        """
        given = list(paths)
        institutions = [path for path in given if path.name.endswith(INSTITUTION)]
        wanted = {path.resolve(): UserFile(path).load() for path in given if path not in institutions}
        folders = dict.fromkeys(path.parent.resolve() for path in given)
        beside = dict.fromkeys(sibling for folder in folders for sibling in scenario_files(folder))
        with self._lock:
            known = [*beside, *(path.resolve() for path in self._files)]
            trial = Library(self._root, (), self._vocabularies, self._defaults)
            trial._put = dict(self._put)
        others = {path: UserFile(path).load() for path in known if path not in wanted}
        trial._examine([*others.values(), *wanted.values()])
        problems = [problem for file in wanted.values() for problem in file.problems]
        return problems + trial._institutions.check(institutions)

    def _examine(self, files: Sequence[UserFile]) -> None:
        """Checks files, parents before those that extend them, and takes in the good ones. Of two that clash the later
        is at fault.
        """
        waiting = list(files)
        taken: dict[Key, Scenario] = {}
        faulty: set[Key | None] = set()
        while waiting:
            batch, circle = next_batch(waiting)
            stubs = {file.key: file.stub() for file in batch if file.key} if circle else {}
            for file in batch:
                self._user = {**taken, **self._put, **stubs}
                self._judge(file, taken, faulty)
                if file.good:
                    taken.setdefault((file.good.provider, file.good.name), file.good)
                else:
                    faulty.add(file.key)
            done = set(map(id, batch))
            waiting = [file for file in waiting if id(file) not in done]
        self._user = {**taken, **self._put}

    def _judge(self, file: UserFile, taken: Mapping[Key, Scenario], faulty: Collection[Key | None]) -> None:
        """Makes a file's present text its good version, or says why not."""
        if file.unreadable:
            return
        try:
            scenario = file.good if file.good and file.settled else self._parse_file(file, faulty)
            put = [other for key, other in self._put.items() if key != (scenario.provider, scenario.name)]
            if clash := file.clash(scenario, [*taken.values(), *put]):
                raise YamlError((clash,))
        except YamlError as error:
            file.problems, file.settled = error.problems, False
        else:
            file.good, file.problems, file.settled = scenario, (), file.parent is None

    def _parse_file(self, file: UserFile, faulty: Collection[Key | None]) -> Scenario:
        name = str(file.path)
        if file.parent and self.parent(*file.parent) is None and file.parent in faulty:
            parse(file.data, file=name, vocabularies=self._vocabularies)
            message = f"'{file.parent[1]}', which this extends, has faults of its own"
            raise YamlError((file.problem(("extends",), message),))
        return self.parse(file.data, name)
