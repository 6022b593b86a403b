"""Scenarios by name, by login and by flow, whoever keeps them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence

from mocksrv.engine.problems import Problem, nearest
from mocksrv.engine.scenarios.institutions import OwnInstitution
from mocksrv.engine.scenarios.model import Login, Scenario, Step


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


class ScenarioLookup(ABC):
    """What is asked of scenarios. The library of a server answers it, and what a sandbox sees of it."""

    # what those who keep scenarios say

    @abstractmethod
    def names(self, provider: str) -> list[str]:
        """All scenario names of a provider, sorted."""

    @abstractmethod
    def parent(self, provider: str, name: str) -> Scenario | None:
        """The scenario of that name, or None."""

    @abstractmethod
    def providers(self) -> list[str]:
        """Whose scenarios there are, in the order in which a bare name is looked for."""

    @abstractmethod
    def faults_of(self, providers: Sequence[str], name: str) -> Sequence[Problem]:
        """What is wrong with the user's file that says this name, or bears it where it cannot say one."""

    @abstractmethod
    def logins(self, provider: str) -> Sequence[tuple[Login, Scenario]]:
        """All logins that choose a scenario; of two that tie the first counts."""

    @abstractmethod
    def calls(self, provider: str) -> frozenset[str]:
        """The flows of a provider that calls play."""

    @abstractmethod
    def default_flows(self, provider: str) -> Mapping[str, tuple[Step, ...]]:
        """What flows do that no scenario writes."""

    @abstractmethod
    def institutions(self, provider: str) -> Mapping[str, OwnInstitution]:
        """The user's institutions of a provider by their codes, in the order of their files."""

    @abstractmethod
    def refresh(self) -> bool:
        """Reads the user's files that have changed; whether anything is different now."""

    # finding

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
        return self._one_of([owner] if slash else [provider] if provider else self.providers(), bare)

    def _one_of(self, providers: Sequence[str], name: str) -> Scenario:
        for provider in providers:
            found = self.parent(provider, name)
            if found:
                return found
        if problems := self.faults_of(providers, name):
            raise FaultyScenario(name, problems)
        known = sorted({known for provider in providers for known in self.names(provider)})
        raise UnknownScenario(name, nearest(name[:64], known))

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
        matching = [pair for pair in self.logins(provider) if pair[0].matches(institution, username, password)]
        return max(matching, key=lambda pair: pair[0].keys)[1] if matching else None

    def logins_at(self, provider: str, institution: str) -> list[tuple[Login, str]]:
        """The logins that choose a scenario at an institution, each with the scenario's name; the user's first."""
        return [(login, found.name) for login, found in self.logins(provider) if login.institution == institution]

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
