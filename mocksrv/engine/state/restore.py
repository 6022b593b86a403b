"""Reading a state document into a sandbox: all of it is checked before anything is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from mocksrv.engine.callbacks.credentials import Kinds
from mocksrv.engine.clock import Clock, parse_moment
from mocksrv.engine.play import Play, PlayError
from mocksrv.engine.problems import YamlError
from mocksrv.engine.sandbox import Endpoint, Sandbox, Settings
from mocksrv.engine.scenarios.lookup import UnknownScenario
from mocksrv.engine.state.formats import Document, StateError
from mocksrv.engine.storage.records import Record, dumps
from mocksrv.engine.storage.rows import AttemptRow, ScenarioRow
from mocksrv.engine.world import World


class Restored:
    """What a document of the present format, of the right shape, makes of a sandbox. ``kinds`` are those of endpoints'
    auth. Raises StateError.
    """

    def __init__(self, document: Document, sandbox: Sandbox, kinds: Kinds) -> None:
        self._document = document
        self._settings = Settings.load(dumps(document["settings"]))
        for place, endpoint in enumerate(self._settings.endpoints):
            _check_auth(endpoint, f"settings.endpoints.{place}.auth", kinds)
        self._clock = _clock(document["clock"])
        self._records = [_record(item, f"records.{place}") for place, item in enumerate(document["records"])]
        self._rows = [ScenarioRow(**item) for item in document["scenarios"]]
        try:
            self._scenarios = sandbox.scenarios.with_all(self._rows)
        except YamlError as error:
            raise StateError(f"scenarios: {error.problems[0]}") from None
        self._check_keys()

    def _check_keys(self) -> None:
        """Raises StateError for two that are one, and for deliveries of no event."""
        told = self._document
        _check_once(told["records"], "records", lambda item: item["guid"])
        _check_once(told["events"], "events", lambda item: item["id"])
        _check_once(told["timers"], "timers", lambda item: (item["subject"], item["kind"]))
        _check_once(told["scenarios"], "scenarios", lambda item: (item["provider"], item["name"]))
        ids = {item["id"] for item in told["events"]}
        for place, item in enumerate(told["deliveries"]):
            if item["event"] not in ids:
                raise StateError(f"deliveries.{place}.event: there is no event {item['event']}")

    def write(self, world: World) -> None:
        """Makes the sandbox of a world what the document says, with its transaction."""
        world.empty()
        world.restore(self._settings, self._clock, self._scenarios, self._rows, self._document["ids"])
        name, tx = world.sandbox.name, world.tx
        tx.insert(name, self._records)
        for item in self._document["timers"]:
            tx.set_timer(name, item["subject"], item["kind"], item["due"])
        for item in self._document["timeline"]:
            tx.mark(name, **item)
        events = {}
        for item in self._document["events"]:
            at, headers = item["occurred_at"], dumps(item["headers"])
            events[item["id"]] = tx.add_event(
                name, item["id"], item["name"], item["subject"], at, item["payload"], headers
            )
        for item in self._document["deliveries"]:
            _write_delivery(world, item, events[item["event"]])

    def missing(self, sandbox: Sandbox) -> list[str]:
        """The scenarios that the state names and that the sandbox does not see, in order."""
        return sorted({name for provider, name in self._named() if not _is_seen(sandbox, provider, name)})

    def _named(self) -> Iterator[tuple[str | None, str]]:
        for record in self._records:
            if record.play is not None:
                yield record.play.provider, record.play.scenario
        yield from ((None, name) for name in self._settings.next)
        if self._settings.default is not None:
            yield None, self._settings.default


def _is_seen(sandbox: Sandbox, provider: str | None, name: str) -> bool:
    try:
        return sandbox.scenarios.find(name, provider) is not None
    except UnknownScenario:
        return False


def _check_auth(endpoint: Endpoint, place: str, kinds: Kinds) -> None:
    """Raises StateError for an auth that no callback can be sent with."""
    auth = endpoint.auth
    if not auth:
        return
    if auth.get("type") not in kinds:
        raise StateError(f"{place}.type: {auth.get('type')!r} is not allowed; allowed are {', '.join(kinds)}")
    for name in kinds[auth["type"]][0]:
        if name not in auth and f"auth.{name}" not in endpoint.paused:
            raise StateError(f"{place}.{name}: missing; an endpoint without it is paused, which says so")


def _clock(told: Mapping[str, str]) -> Clock:
    try:
        return Clock.make(told["mode"], now=parse_moment(told["now"]))
    except ValueError as error:
        raise StateError(f"clock: {error}") from None


def _record(item: Mapping[str, Any], place: str) -> Record:
    try:
        play = None if item["play"] is None else Play.load(item["play"])
    except (PlayError, AttributeError, TypeError) as error:
        raise StateError(f"{place}.play: {error}") from None
    return Record(**{**item, "play": play})


def _check_once(items: Iterable[Mapping[str, Any]], section: str, key: Callable[[Mapping[str, Any]], Any]) -> None:
    seen: dict[Any, int] = {}
    for place, item in enumerate(items):
        first = seen.setdefault(key(item), place)
        if first != place:
            raise StateError(f"{section}.{place}: is the same as {section}.{first}; each is there once")


def _write_delivery(world: World, item: Mapping[str, Any], event: int) -> None:
    seq = world.tx.add_delivery(
        world.sandbox.name,
        event,
        item["endpoint"],
        item["state"],
        item["next_attempt_at"],
        item["place"],
        dumps(item["options"]),
        item["used"],
    )
    for each in item["attempts"]:
        texts = {name: dumps(each[name]) for name in ("request", "response")}
        world.tx.add_attempts([(seq, AttemptRow(**{**each, **texts}))])
