"""An engine in a process of its own, on a database that others have open, too: ``python -m tests.engine.other_process
DATABASE``.

Reads calls of the functions below from its input, a JSON list (name, arguments ...) in each line, and writes what they
return.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from mocksrv.engine.config import Config
from mocksrv.engine.sandbox import Fault, endpoints_from
from mocksrv.engine.scenarios.lookup import UnknownScenario
from mocksrv.engine.time import AdvanceBusy
from tests.engine.toy import House


class Calls:
    """What the other process can be told to do. Every call begins as a request does: with the sandbox of a name."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.engine = house.engine

    def use(self, sandbox: str = "default") -> None:
        self.house.sandbox = self.engine.sandbox(sandbox)

    def settings(self) -> dict[str, Any]:
        """What this process plays by."""
        settings, clock = self.house.sandbox.settings, self.house.sandbox.clock
        return {
            "now": self.house.sandbox.now(),
            "mode": clock.mode,
            "default": settings.default,
            "next": list(settings.next),
            "urls": [endpoint.url for endpoint in settings.endpoints],
            "faults": [fault.path for fault in settings.faults],
            "held": self.house.sandbox.held,
        }

    def configure(self, **changes: Any) -> None:
        if "urls" in changes:
            changes["endpoints"] = endpoints_from([{"url": url} for url in changes.pop("urls")])
        if "faults" in changes:
            changes["faults"] = tuple(Fault.make(on) for on in changes.pop("faults"))
        if "next" in changes:
            changes["next"] = tuple(changes.pop("next"))
        with self.engine.change(self.house.sandbox) as world:
            world.configure(**changes)

    def take_next(self) -> str:
        """Uses up the first of the scenarios that are to be played next, as choosing does."""
        with self.engine.change(self.house.sandbox) as world:
            first, *rest = world.sandbox.settings.next
            world.configure(next=tuple(rest))
            return first

    def set_clock(self, moment: int) -> None:
        with self.engine.change(self.house.sandbox) as world:
            world.set_clock(self.house.sandbox.clock.at(moment))

    def script(self, flows: str, name: str) -> str:
        return self.house.script(flows, name)

    def flows(self, name: str) -> list[str] | None:
        """The flows of a scenario; None when this process does not know it."""
        try:
            return sorted(self.engine.sandbox("default").scenarios.get("toy", name).flows)
        except UnknownScenario:
            return None

    def door(self, scenario: str) -> str:
        return self.house.door(scenario)

    def status(self, guid: str) -> str:
        return self.house.status(guid)

    def polled(self, guid: str) -> str | None:
        """The status as a poll reads it, from the rows that need not be read again."""
        with self.engine.look(self.house.sandbox) as world:
            found = world.tx.get_all(self.house.sandbox.name, guid).get(guid)
            return found.body["status"] if found else None

    def doors(self) -> int:
        return self.house.doors()

    def timeline(self, guid: str) -> list[Any]:
        return self.house.timeline(guid)

    def catch_up(self) -> None:
        self.engine.schedule.catch_up(self.house.sandbox)

    def advance(self, ms: int) -> list[str] | str:
        try:
            return [each.kind for each in self.house.advance(ms)]
        except AdvanceBusy:
            return "busy"

    def settle(self) -> bool:
        return self.engine.dispatcher.settle(self.house.sandbox, 30)

    def reset(self) -> None:
        self.engine.reset(self.house.sandbox)

    def drop(self, sandbox: str) -> bool:
        return self.engine.drop(sandbox)


def main() -> None:
    config = Config(database=sys.argv[1], clock="manual", seed=7)
    house = House(Path(sys.argv[1]).parent / "none", config, shared=True)
    house.engine.start()
    calls = Calls(house)
    print("ready", flush=True)
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        calls.use(house.sandbox.name)
        options = arguments.pop() if arguments and isinstance(arguments[-1], dict) else {}
        print(json.dumps(getattr(calls, name)(*arguments, **options)), flush=True)
    house.engine.close()


if __name__ == "__main__":
    main()
