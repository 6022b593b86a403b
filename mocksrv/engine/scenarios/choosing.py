"""Which scenario a new subject plays: the documented order, first match wins."""

from __future__ import annotations

from typing import NamedTuple

from mocksrv.engine.scenarios.lookup import ScenarioLookup, UnknownScenario
from mocksrv.engine.scenarios.model import Scenario
from mocksrv.engine.scenarios.vocabulary import Vocabulary
from mocksrv.engine.world import World

SCENARIO_HEADER = "X-Mocksrv-Scenario"  # of a request that makes a subject: the scenario that it plays
MOCK = "mock_"  # begins the code of an institution that stands for a scenario
BY_HAND = frozenset({"hand", "header", "institution", "next"})  # new credentials do not take these choices back


class Choice(NamedTuple):
    """A scenario's name, and what chose it: header, institution (one that stands for a scenario), next, login, own (an
    institution of the user's), default or happy.
    """

    scenario: str
    by: str


class Credentials(NamedTuple):
    """What `logins` are matched with; ``elsewhere``: the user logs in at the bank's own page, so that none matches."""

    institution: str
    username: str | None
    password: str | None
    elsewhere: bool = False


def choose(
    world: World,
    vocabulary: Vocabulary,
    *,
    header: str | None,
    institution: str | None,
    login: Credentials | None,
) -> Choice:
    """The scenario of a new subject. ``institution`` is the scenario that the institution stands for.

    Raises UnknownScenario when the header names one that the provider does not have.
    """
    provider = vocabulary.provider
    scenarios = world.sandbox.scenarios
    scenarios.refresh()
    if header:
        return Choice(scenarios.find(header, provider).name, "header")
    if institution:
        return Choice(institution, "institution")
    queued = _take_next(world, scenarios, provider)
    if queued:
        return Choice(queued.name, "next")
    matching = _by_login(scenarios, provider, login)
    if matching:
        return Choice(matching.name, "login")
    return _otherwise(world, scenarios, vocabulary, login.institution if login else None)


def choose_again(
    world: World,
    vocabulary: Vocabulary,
    present: Choice,
    *,
    header: str | None,
    login: Credentials | None,
) -> Choice:
    """The scenario of a subject whose credentials are new."""
    scenarios = world.sandbox.scenarios
    if header:
        return Choice(scenarios.find(header, vocabulary.provider).name, "header")
    matching = _by_login(scenarios, vocabulary.provider, login)
    if matching:
        return Choice(matching.name, "login")
    if present.by in BY_HAND:
        return present
    return _otherwise(world, scenarios, vocabulary, login.institution if login else None)


def _by_login(scenarios: ScenarioLookup, provider: str, login: Credentials | None) -> Scenario | None:
    if login is None or login.elsewhere:
        return None
    return scenarios.login(provider, login.institution, login.username, login.password)


def _otherwise(world: World, scenarios: ScenarioLookup, vocabulary: Vocabulary, code: str | None) -> Choice:
    """What is played where nobody chose: that of the user's institution, else the default, else the happy one."""
    provider = vocabulary.provider
    own = scenarios.institutions(provider).get(code) if code else None
    if own and (scenario := _fitting(scenarios, own.scenario, provider)):
        return Choice(scenario.name, "own")
    default = _fitting(scenarios, world.sandbox.settings.default, provider)
    return Choice(default.name, "default") if default else Choice(vocabulary.happy, "happy")


def _fitting(scenarios: ScenarioLookup, name: str | None, provider: str) -> Scenario | None:
    """The scenario of that name, if this provider has it."""
    if not name:
        return None
    try:
        return scenarios.find(name, provider)
    except UnknownScenario:
        return None


def _take_next(world: World, scenarios: ScenarioLookup, provider: str) -> Scenario | None:
    """The first of the queue that this provider has; the others wait on."""
    queue = world.sandbox.settings.next
    for place, name in enumerate(queue):
        scenario = _fitting(scenarios, name, provider)
        if scenario:
            world.configure(next=(*queue[:place], *queue[place + 1 :]))
            return scenario
    return None
