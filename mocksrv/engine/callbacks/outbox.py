"""Events and their deliveries, written in the transaction of the change that caused them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import asdict
from typing import Any

from mocksrv.engine.callbacks.consistency import Rule, flat, settle
from mocksrv.engine.callbacks.disturbance import AT_SENDING, meet
from mocksrv.engine.coverage import EVENT
from mocksrv.engine.patterns import fits
from mocksrv.engine.problems import choose
from mocksrv.engine.sandbox import Endpoint
from mocksrv.engine.secrets import masked_urls
from mocksrv.engine.storage.records import dumps
from mocksrv.engine.world import World

AT_ONCE = 0  # a first attempt without a delay is due before all else, whatever the clock does
PRIVATE = "endpoint"  # where a delivery's options have the endpoint that is not one of the sandbox's
RANK_STEP = 1_000_000  # ranks order the deliveries of one endpoint; the space between two events is for shuffling


def wants(endpoint: Endpoint, event: str, unasked: frozenset[str]) -> bool:
    """Whether an endpoint gets an event; without patterns of its own those of the provider (``unasked``) hold."""
    return any(fits(event, pattern) for pattern in endpoint.events or unasked)


def subscribed(world: World, event: str, unasked: frozenset[str]) -> bool:
    """Whether any endpoint of the sandbox gets an event."""
    return any(wants(endpoint, event, unasked) for endpoint in world.sandbox.settings.endpoints)


def wanted(world: World, event: str, unasked: frozenset[str]) -> bool:
    """Whether an event is written that comes in great numbers: an endpoint gets it, or the sandbox records all."""
    return world.sandbox.settings.all_events or subscribed(world, event, unasked)


def emit(
    world: World,
    event: str,
    subject: str | None,
    payload: Mapping[str, Any],
    headers: Mapping[str, str],
    unasked: frozenset[str],
    private: Endpoint | None = None,
    sent: bool = False,
    write: Callable[[Any], str] = dumps,
    rules: Iterable[Rule] = (),
) -> None:
    """Writes an event and what each endpoint that wants it is owed. Nothing is sent before the commit.

    ``private`` is an endpoint that the event's subject brought along: it gets the event beside those of the sandbox.
    The directives of the step being played (``webhooks`` in the scenario) are obeyed, and those of the sandbox's
    disturbances. An endpoint of the sandbox with the same URL does not get the event a second time. ``sent``:
    ``private`` has it already, by a probe. ``write`` makes the text of the body; ``rules``: what
    agrees in it with fields that are put over it. Nothing is written in a muted world.
    """
    if world.muted or world.directives.get("off"):
        return
    directives = {**_disturbances(world, event), **world.directives}
    id = world.guid("EVT")
    body = write(_overridden(world, payload, rules) if world.overrides else payload)
    state = "dropped" if directives.get("drop") else "pending"
    delay = directives.get("delay_ms", 0)
    due = None if state == "dropped" else world.now + delay if delay else AT_ONCE
    owed = _owed(world, event, unasked, private, sent, directives)
    row = (world.sandbox.name, id, event, subject, world.now, body, dumps(headers))
    if owed:
        seq = world.tx.add_event(*row)
    else:
        world.tx.add_unowed_event(*row)
    for place, (endpoint, treatment) in enumerate(owed):
        world.owed.add(endpoint.id)
        at = None if endpoint.paused else due
        for copy in range(directives.get("repeat", 1)):
            rank = _rank(world, seq, f"{id}:{place}", copy) if directives.get("shuffle") else seq * RANK_STEP + copy
            world.tx.owe(world.sandbox.name, seq, endpoint.id, state, at, rank, dumps(treatment))
    if state != "dropped" and (owed or sent or not world.sandbox.settings.endpoints):
        world.meet(event.partition(".")[0], EVENT, event)
    world.trim_events()
    world.written.append(id)
    world.note("event", subject, event, treatment=world.directives)
    if world.observed:
        for endpoint, _ in owed:
            world.note("delivery", id, f"{event} -> {masked_urls(endpoint.url)}")


def _owed(
    world: World,
    event: str,
    unasked: frozenset[str],
    private: Endpoint | None,
    sent: bool,
    directives: Mapping[str, Any],
) -> list[tuple[Endpoint, dict[str, Any]]]:
    """The endpoints that get an event, each with what is done about it when it is sent."""
    options = {name: directives[name] for name in AT_SENDING if directives.get(name)}
    own = private.url if private is not None else None
    others = [endpoint for endpoint in world.sandbox.settings.endpoints if endpoint.url != own]
    owed = [(endpoint, options) for endpoint in others if wants(endpoint, event, unasked)]
    if private is not None and not sent:
        owed.append((private, {**options, PRIVATE: asdict(private)}))
    return owed


def _overridden(world: World, payload: Mapping[str, Any], rules: Iterable[Rule]) -> dict[str, Any]:
    """The payload with the world's overrides over it, and with what follows from them."""
    strange = unknown_field(payload, world.overrides)
    world.strange += [strange] if strange else []
    made = overridden(payload, world.overrides)
    world.contradictions += settle(made, rules, flat(world.overrides).keys())
    return made


class UnknownField(Exception):
    """A field is put over a payload that does not have it; the message names the nearest that it has."""


def unknown_field(payload: Mapping[str, Any], fields: Mapping[str, Any]) -> str | None:
    """What is wrong with ``fields`` that are put over a payload: the first that it does not have; None: it has all."""
    for name, value in fields.items():
        places = _places(payload)
        holder = next((place for place in places if name in place), None)
        if holder is None:
            return _unknown(name, name, {each for place in places for each in place})
        inner = holder[name]
        if isinstance(value, Mapping) and isinstance(inner, dict) and inner:
            strange = next((each for each in value if each not in inner), None)
            if strange is not None:
                return _unknown(f"{name}.{strange}", strange, set(inner))
    return None


def _places(payload: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Where a field of a payload may stand: at the top, in the object that it wraps, in one in that."""
    wrapped = next((inner for inner in payload.values() if isinstance(inner, dict)), payload)
    return (payload, wrapped, *(inner for inner in wrapped.values() if isinstance(inner, dict)))


def _unknown(path: str, name: str, names: set[str]) -> str:
    return f"{path}: the event has no such field; {choose(name, names, names)[0]}"


def overridden(payload: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """The payload with fields over it: each where its name stands, at the top, in the object that the payload wraps or
    in one in that; a new one in the wrapped object. An object over an object is merged into it.
    """
    made: dict[str, Any] = deepcopy(dict(payload))
    for name, value in fields.items():
        wrapped = next((inner for inner in made.values() if isinstance(inner, dict)), made)
        places = (made, wrapped, *(inner for inner in wrapped.values() if isinstance(inner, dict)))
        holder = next((place for place in places if name in place), wrapped)
        merged = isinstance(value, Mapping) and isinstance(holder.get(name), dict)
        holder[name] = {**holder[name], **value} if merged else value
    return made


def replay(world: World, seq: int, event: str, unasked: frozenset[str]) -> bool:
    """Owes an event once more to the endpoints that got it, and to those that ask for it now; False when there is none.

    ``seq`` is the event's number. It goes out undisturbed.
    """
    earlier = {row.endpoint for row in world.tx.deliveries(seq)}
    settings = world.sandbox.settings
    found: dict[str, tuple[Endpoint, Mapping[str, Any]]] = {
        endpoint.id: (endpoint, {})
        for endpoint in settings.endpoints
        if endpoint.id in earlier or wants(endpoint, event, unasked)
    }
    for text in world.tx.private_endpoints(seq):
        private = Endpoint.load(json.loads(text))
        found[private.id] = (private, {PRIVATE: asdict(private)})
    for id, (endpoint, options) in found.items():
        due = None if endpoint.paused else AT_ONCE
        world.tx.owe(world.sandbox.name, seq, id, "pending", due, seq * RANK_STEP, dumps(options))
        world.owed.add(id)
    return bool(found)


def resume(world: World, paused: Endpoint, endpoint: Endpoint) -> None:
    """Sends what a paused endpoint is owed to the one that has its secrets now."""
    world.tx.send_held(world.sandbox.name, paused.id, endpoint.id, AT_ONCE)
    world.owed.add(endpoint.id)


def _disturbances(world: World, event: str) -> dict[str, Any]:
    """What the sandbox's disturbances say of an event; those that are used up by it are gone."""
    disturbances = world.sandbox.settings.disturbances
    if not disturbances:
        return {}
    directives, left = meet(event, disturbances)
    if left != disturbances:
        world.configure(disturbances=left)
    return directives


def _rank(world: World, seq: int, key: str, copy: int) -> int:
    """The place in line among the shuffled callbacks of a transaction, by chance of this ``key``."""
    if world.rank is None:
        world.rank = seq * RANK_STEP
    return world.rank + world.sandbox.chance(f"shuffle:{key}:{copy}").randrange(RANK_STEP)
