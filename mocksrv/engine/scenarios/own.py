"""The scenarios that a sandbox sees: those that were put in by its control API, before those of the server."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence

from mocksrv.engine.problems import Problem, YamlError
from mocksrv.engine.scenarios.files import Key, login_clash
from mocksrv.engine.scenarios.institutions import OwnInstitution
from mocksrv.engine.scenarios.library import Library
from mocksrv.engine.scenarios.lookup import ScenarioLookup
from mocksrv.engine.scenarios.model import Login, Scenario, Step
from mocksrv.engine.storage.rows import ScenarioRow

PUT = "(put)"  # the file name of scenarios that are in no file

log = logging.getLogger("mocksrv")


class NotDeletable(Exception):
    """This scenario is not the sandbox's to delete, or another of its scenarios needs it; the message says which."""


class SandboxScenarios(ScenarioLookup):
    """The scenarios of one sandbox. ``own`` is never changed in place, so that any thread may read it."""

    def __init__(self, library: Library, rows: Iterable[ScenarioRow] = ()) -> None:
        """``rows`` are those that are stored."""
        self._library = library
        self.own: Mapping[Key, Scenario] = {}
        self.take(rows)

    # what there is

    def names(self, provider: str) -> list[str]:
        own = [name for owner, name in self.own if owner == provider]
        shared = self._library.names(provider)
        return sorted({*own, *shared}) if own else shared

    def parent(self, provider: str, name: str) -> Scenario | None:
        return self.own.get((provider, name)) or self._library.parent(provider, name)

    def providers(self) -> list[str]:
        return self._library.providers()

    def faults_of(self, providers: Sequence[str], name: str) -> Sequence[Problem]:
        return self._library.faults_of(providers, name)

    def logins(self, provider: str) -> Sequence[tuple[Login, Scenario]]:
        own, shared = self.own, self._library.logins(provider)
        if not own:
            return shared
        first = [(login, found) for found in own.values() if found.provider == provider for login in found.logins]
        return [*first, *(pair for pair in shared if (provider, pair[1].name) not in own)]

    def calls(self, provider: str) -> frozenset[str]:
        return self._library.calls(provider)

    def default_flows(self, provider: str) -> Mapping[str, tuple[Step, ...]]:
        return self._library.default_flows(provider)

    def institutions(self, provider: str) -> Mapping[str, OwnInstitution]:
        return self._library.institutions(provider)

    def refresh(self) -> bool:
        return self._library.refresh()

    # the sandbox's own

    def parse(self, text: bytes | str, file: str = PUT) -> Scenario:
        """The scenario of a text, which may extend those that the sandbox sees. ``file`` is a name for messages alone:
        nothing lies beside it, or whoever sends a text would learn which files there are. Raises YamlError.
        """
        try:
            return self._library.parse(text, PUT, self)
        except YamlError as error:
            raise YamlError(problem._replace(file=file) for problem in error.problems) from None

    def with_one(self, scenario: Scenario) -> Mapping[Key, Scenario]:
        """The own ones with another, which replaces one of the same name. Raises YamlError for a login that chooses
        two of them.
        """
        key = scenario.provider, scenario.name
        files = (each for each in self._library.of_user(scenario.provider) if each.name != scenario.name)
        clash = login_clash(scenario, [*(each for name, each in self.own.items() if name != key), *files])
        if clash:
            raise YamlError((clash,))
        return {**self.own, key: scenario}

    def without(self, scenario: Scenario) -> Mapping[Key, Scenario]:
        """The own ones without one of them. Raises NotDeletable."""
        key = scenario.provider, scenario.name
        if key not in self.own:
            place = f"it lies in {scenario.file}" if self._is_of_user(scenario) else "it is bundled"
            raise NotDeletable(f"'{scenario.name}' is not this sandbox's: {place}; only what was put here is deleted")
        left = {name: each for name, each in self.own.items() if name != key}
        if self._library.parent(*key) is None:
            for each in left.values():
                if (each.provider, each.extends) == key:
                    raise NotDeletable(f"'{scenario.name}' is extended by '{each.name}': delete that one first")
        return left

    def _is_of_user(self, scenario: Scenario) -> bool:
        return scenario in self._library.of_user(scenario.provider)

    def take(self, rows: Iterable[ScenarioRow]) -> None:
        """Makes what is stored the own ones. Faulty ones are left out."""
        self.own, faulty = self._read(rows)
        for row, fault in faulty:
            log.warning("the stored scenario %s/%s is left out: %s", row.provider, row.name, fault)

    def with_all(self, rows: Iterable[ScenarioRow]) -> Mapping[Key, Scenario]:
        """What the own ones would be with these in place of all that there are. Raises YamlError."""
        own, faulty = self._read(rows)
        if faulty:
            raise YamlError(each._replace(file=row.name) for row, fault in faulty for each in fault.problems)
        return own

    def _read(self, rows: Iterable[ScenarioRow]) -> tuple[Mapping[Key, Scenario], list[tuple[ScenarioRow, YamlError]]]:
        """Scenarios in any order, those that extend others after these; and those that are faulty."""
        waiting = list(rows)
        if not waiting:
            return {}, []
        taken = SandboxScenarios(self._library)  # so that nobody sees half of them
        while waiting:
            faulty = []
            for row in waiting:
                known = self.own.get((row.provider, row.name))
                try:
                    taken.own = taken.with_one(known if known and known.text == row.text else taken.parse(row.text))
                except YamlError as error:
                    faulty.append((row, error))
            if len(faulty) == len(waiting):
                return taken.own, faulty
            waiting = [row for row, _ in faulty]
        return taken.own, []
