"""The scenarios of a server: the bundled ones and the user's files.

The user's scenarios come before bundled ones of the same name; what a sandbox has of its own before both
(`SandboxScenarios`). The user's institutions lie beside them. Bundled files lie in ``PROVIDER/NAME.yaml`` and are
parsed when first needed; the user's files may have any name, and are read again when they change.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

from mocksrv.engine.problems import Problem, YamlError
from mocksrv.engine.scenarios.files import INSTITUTION, Key, UserFile, changes, next_batch, scenario_files
from mocksrv.engine.scenarios.institutions import InstitutionFiles, OwnInstitution
from mocksrv.engine.scenarios.lookup import ScenarioLookup
from mocksrv.engine.scenarios.model import Login, Relatives, Scenario, Step
from mocksrv.engine.scenarios.parsing import parse
from mocksrv.engine.scenarios.vocabulary import Vocabulary

LOOK_EVERY = 0.5  # seconds of real time between two looks at the user's folders

_LOGINS = re.compile(r"^logins:", re.MULTILINE)
DefaultFlows = Callable[[str], Mapping[str, tuple[Step, ...]]]  # of a provider: what flows do that no scenario writes


class Library(ScenarioLookup):
    """The scenarios of one server. Its methods may be called from any thread."""

    def __init__(
        self,
        bundled: Path,
        directories: Sequence[Path],
        vocabularies: Mapping[str, Vocabulary],
        default_flows: DefaultFlows = lambda _: {},
    ) -> None:
        """``directories`` are the user's; ``default_flows`` is asked when they are first needed."""
        self._lock = threading.RLock()
        self._root = bundled
        self._directories = tuple(directories)
        self._vocabularies = vocabularies
        self._default_flows = default_flows
        self._bundled: dict[Key, Path] = {
            (provider, path.stem): path
            for provider in vocabularies
            for path in sorted((bundled / provider).glob("*.yaml"))
        }
        self._parsed: dict[Key, Scenario] = {}
        self._bundled_logins: dict[str, list[tuple[Login, Scenario]]] = {}
        self._files: dict[Path, UserFile] = {}
        self._user: dict[Key, Scenario] = {}
        self._logins: dict[str, Sequence[tuple[Login, Scenario]]] = {}  # by provider, until the user's files change
        self._institutions = InstitutionFiles(directories, vocabularies, self.names)
        self._looked = float("-inf")
        self.on_change: Callable[[], None] = lambda: None
        self.refresh()

    # finding

    def names(self, provider: str) -> list[str]:
        """All scenario names of a provider, sorted."""
        with self._lock:
            return sorted({name for owner, name in (*self._bundled, *self._user) if owner == provider})

    def faults_of(self, providers: Sequence[str], name: str) -> Sequence[Problem]:
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

    def providers(self) -> list[str]:
        """Whose scenarios there are, in the order in which a bare name is looked for."""
        return list(self._vocabularies)

    def logins(self, provider: str) -> Sequence[tuple[Login, Scenario]]:
        """All logins that choose a scenario, the user's before bundled ones."""
        with self._lock:
            if provider not in self._logins:
                own = [(login, found) for found in self.of_user(provider) for login in found.logins]
                self._logins[provider] = (*own, *self._bundled_logins_of(provider))
            return self._logins[provider]

    def of_user(self, provider: str) -> list[Scenario]:
        """Those of the user's files."""
        with self._lock:
            return [found for found in self._user.values() if found.provider == provider]

    def calls(self, provider: str) -> frozenset[str]:
        """The flows of a provider that calls play."""
        return self._vocabularies[provider].flows

    def default_flows(self, provider: str) -> Mapping[str, tuple[Step, ...]]:
        """What flows do that no scenario writes."""
        return self._default_flows(provider)

    def institutions(self, provider: str) -> Mapping[str, OwnInstitution]:
        """The user's institutions of a provider by their codes, in the order of their files."""
        return self._institutions.good.get(provider, {})

    # bundled scenarios

    def _bundled_scenario(self, key: Key) -> Scenario | None:
        path = self._bundled.get(key)
        if path is not None and key not in self._parsed:
            self._parsed[key] = parse(path.read_bytes(), file=str(path), vocabularies=self._vocabularies, check=False)
        return self._parsed.get(key)

    def _bundled_logins_of(self, provider: str) -> list[tuple[Login, Scenario]]:
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

    def parse(self, text: bytes | str, file: str, library: Relatives | None = None) -> Scenario:
        """The scenario of a text, which may extend those of ``library`` (default: this one); it is not taken in. Raises
        YamlError.
        """
        return parse(text, file=file, vocabularies=self._vocabularies, library=library or self)

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
            trial = Library(self._root, (), self._vocabularies, self._default_flows)
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
                self._user = {**taken, **stubs}
                self._judge(file, taken, faulty)
                if file.good:
                    taken.setdefault((file.good.provider, file.good.name), file.good)
                else:
                    faulty.add(file.key)
            done = set(map(id, batch))
            waiting = [file for file in waiting if id(file) not in done]
        self._user, self._logins = taken, {}

    def _judge(self, file: UserFile, taken: Mapping[Key, Scenario], faulty: Collection[Key | None]) -> None:
        """Makes a file's present text its good version, or says why not."""
        if file.unreadable:
            return
        try:
            scenario = file.good if file.good and file.settled else self._parse_file(file, faulty)
            if clash := file.clash(scenario, taken.values()):
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
