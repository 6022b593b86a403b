"""Writing the state document of a sandbox. Rows are put together of texts: bodies are not read to be written again."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any, NamedTuple

from mocksrv.engine.clock import Clock, iso_ms
from mocksrv.engine.role import Role
from mocksrv.engine.sandbox import Settings
from mocksrv.engine.state.formats import STEPS
from mocksrv.engine.state.omission import bare_endpoint, bare_headers, bare_options, bare_url
from mocksrv.engine.storage.records import Row, dumps
from mocksrv.engine.storage.rows import AttemptRow, EventRow
from mocksrv.engine.storage.tables.state import MOMENT_COLUMNS, RECORD_COLUMNS, KeptRows
from mocksrv.engine.world import World


class Snapshot(NamedTuple):
    """A sandbox at one moment (``now``, ms)."""

    name: str
    now: int
    clock: Clock
    settings: Settings
    kept: KeptRows

    @classmethod
    def of(cls, world: World) -> Snapshot:
        sandbox = world.sandbox
        settings = replace(sandbox.settings, salt=sandbox.salt)
        return cls(sandbox.name, world.now, sandbox.clock, settings, world.tx.kept(sandbox.name))


def document(snapshot: Snapshot, version: str, roles: Mapping[str, Role], *, secrets: bool) -> str:
    """The state document of a snapshot, as JSON with a line for each row. ``version`` is that of mocksrv, ``roles`` are
    the providers'; without ``secrets`` these are left out.
    """
    kept, settings = snapshot.kept, snapshot.settings
    if not secrets:
        settings = replace(settings, endpoints=tuple(map(bare_endpoint, settings.endpoints)))
    sections: dict[str, Iterable[str]] = {
        "scenarios": (dumps(row._asdict()) for row in kept.scenarios),
        "records": (_record(row, {} if secrets else roles) for row in kept.records),
        "timers": (dumps(row._asdict()) for row in kept.timers),
        "timeline": (dumps(dict(zip(MOMENT_COLUMNS, row, strict=True))) for row in kept.timeline),
        "events": (_event(row, secrets) for row in kept.events),
        "deliveries": _deliveries(kept, settings, secrets),
    }
    head = {
        "mocksrv": version,
        "format": len(STEPS) + 1,
        "sandbox": snapshot.name,
        "clock": {"mode": snapshot.clock.word, "now": iso_ms(snapshot.now)},
        "ids": kept.guids,
        "settings": asdict(settings),
    }
    lines = [f"{json.dumps(name)}:{dumps(value)}" for name, value in head.items()]
    lines += [f"{json.dumps(name)}:[\n{_lines(rows)}\n]" for name, rows in sections.items()]
    return "{" + ",\n".join(lines) + "}\n"


def _lines(rows: Iterable[str]) -> str:
    return ",\n".join(rows)


def _record(row: Row, roles: Mapping[str, Role]) -> str:
    *columns, body, play = row
    kind = columns[0]
    role = roles.get(kind.partition(".")[0])
    if role is not None and kind in role.secret_kinds:
        body = dumps(role.without_secrets(kind, json.loads(body)))
    head = dumps(dict(zip(RECORD_COLUMNS, columns, strict=False)))
    return f'{head[:-1]},"body":{body},"play":{play or "null"}}}'


def _event(row: EventRow, secrets: bool) -> str:
    headers = json.loads(row.headers)
    told = {**row._asdict(), "headers": headers if secrets else bare_headers(headers)}
    del told["seq"]
    return dumps(told)


def _deliveries(kept: KeptRows, settings: Settings, secrets: bool) -> Iterator[str]:
    """The deliveries, each with its event, its place in line, and its attempts."""
    ids = {row.seq: row.id for row in kept.events}
    paused = {endpoint.id for endpoint in settings.endpoints if endpoint.paused}
    places = {rank: place for place, rank in enumerate(sorted({row[5] for row in kept.deliveries}))}
    attempts: dict[int, list[AttemptRow]] = defaultdict(list)
    for delivery, attempt in kept.attempts:
        attempts[delivery].append(attempt)
    for seq, event, endpoint, state, due, rank, used, text in kept.deliveries:
        options, held = json.loads(text), False
        if not secrets:
            endpoint = bare_url(endpoint)
            options, held = bare_options(options)
        told = {
            "event": ids[event],
            "endpoint": endpoint,
            "state": state,
            "next_attempt_at": None if held or endpoint in paused else due,
            "place": places[rank],
            "used": used,
            "options": options,
            "attempts": [_attempt(each) for each in attempts[seq]],
        }
        yield dumps(told)


def _attempt(row: AttemptRow) -> dict[str, Any]:
    return {**row._asdict(), "request": json.loads(row.request), "response": json.loads(row.response)}
