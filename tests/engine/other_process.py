"""Engines in a process of its own, on databases that others have open, too: ``python -m tests.engine.other_process``.

Reads calls from its input, a JSON list (name, arguments ...) in each line, and writes what they return: ``open`` with a
database, the functions of `Calls` on that engine, ``close``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from mocksrv.engine.config import Config
from mocksrv.engine.observers import Happening
from mocksrv.engine.sandbox import Fault, endpoints_from
from mocksrv.engine.scenarios.lookup import UnknownScenario
from mocksrv.engine.time import AdvanceBusy
from tests import postgres
from tests.engine.toy import ToyEngine


class Calls:
    """What the other process can be told to do. Every call begins as a request does: with the sandbox of a name."""

    def __init__(self, toy: ToyEngine) -> None:
        self.toy = toy
        self.engine = toy.engine
        self.happened: list[Happening] = []

    def use(self, sandbox: str = "default") -> None:
        self.toy.sandbox = self.engine.sandbox(sandbox)

    def settings(self) -> dict[str, Any]:
        """What this process plays by."""
        settings, clock = self.toy.sandbox.settings, self.toy.sandbox.clock
        return {
            "now": self.toy.sandbox.now(),
            "mode": clock.mode,
            "default": settings.default,
            "next": list(settings.next),
            "urls": [endpoint.url for endpoint in settings.endpoints],
            "faults": [fault.path for fault in settings.faults],
            "held": self.toy.sandbox.held,
        }

    def configure(self, **changes: Any) -> None:
        if "urls" in changes:
            changes["endpoints"] = endpoints_from([{"url": url} for url in changes.pop("urls")])
        if "faults" in changes:
            changes["faults"] = tuple(Fault.make(on) for on in changes.pop("faults"))
        if "next" in changes:
            changes["next"] = tuple(changes.pop("next"))
        with self.engine.change(self.toy.sandbox) as world:
            world.configure(**changes)

    def take_next(self) -> str:
        """Uses up the first of the scenarios that are to be played next, as choosing does."""
        with self.engine.change(self.toy.sandbox) as world:
            first, *rest = world.sandbox.settings.next
            world.configure(next=tuple(rest))
            return first

    def set_clock(self, moment: int) -> None:
        with self.engine.change(self.toy.sandbox) as world:
            world.set_clock(self.toy.sandbox.clock.at(moment))

    def script(self, flows: str, name: str) -> str:
        return self.toy.script(flows, name)

    def flows(self, name: str) -> list[str] | None:
        """The flows of a scenario; None when this process does not know it."""
        try:
            return sorted(self.engine.sandbox("default").scenarios.get("toy", name).flows)
        except UnknownScenario:
            return None

    def door(self, scenario: str) -> str:
        return self.toy.door(scenario)

    def status(self, guid: str) -> str:
        return self.toy.status(guid)

    def polled(self, guid: str) -> str | None:
        """The status as a poll reads it, from the rows that need not be read again."""
        with self.engine.look(self.toy.sandbox) as world:
            found = world.tx.get_all(self.toy.sandbox.name, guid).get(guid)
            return found.body["status"] if found else None

    def doors(self) -> int:
        return self.toy.doors()

    def timeline(self, guid: str) -> list[Any]:
        return self.toy.timeline(guid)

    def catch_up(self) -> None:
        self.engine.schedule.catch_up(self.toy.sandbox)

    def advance(self, ms: int) -> list[str] | str:
        try:
            return [each.kind for each in self.toy.advance(ms)]
        except AdvanceBusy:
            return "busy"

    def settle(self) -> bool:
        return self.engine.dispatcher.settle(self.toy.sandbox, 30)

    def listen(self) -> None:
        """From now on what happens in the sandbox is noted, through whichever process."""
        self.engine.observers.subscribe(self.happened.extend, everywhere=True)
        self.engine.relay.listen(self.toy.sandbox.name)

    def noted(self) -> list[list[str | None]]:
        """What was noted: kind, subject, detail."""
        return [[each.kind, each.subject, each.detail] for each in self.happened]

    def reset(self) -> None:
        self.engine.reset(self.toy.sandbox)

    def drop(self, sandbox: str) -> bool:
        return self.engine.drop(sandbox)


def main() -> None:
    if postgres.USED:
        postgres.use_it()
    calls: list[Calls] = []  # of the engine that is open
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        done = None
        if name == "open":
            calls.append(opened(*arguments))
        elif name == "close":
            calls.pop().engine.close()
        else:
            calls[0].use(calls[0].toy.sandbox.name)
            options = arguments.pop() if arguments and isinstance(arguments[-1], dict) else {}
            done = getattr(calls[0], name)(*arguments, **options)
        print(json.dumps(done), flush=True)
    for each in calls:
        each.engine.close()


def opened(database: str) -> Calls:
    """Calls of a new engine on a database."""
    toy = ToyEngine(Path(database).parent / "none", Config(database=database, clock="manual", seed=7), shared=True)
    toy.engine.start()
    return Calls(toy)


if __name__ == "__main__":
    main()
