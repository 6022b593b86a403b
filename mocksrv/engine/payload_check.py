"""Whether fields can be put over an event's payload, found by writing the event about an invented subject: for
scenarios, which are checked when they are read, also where there is no server.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mocksrv.engine.clock import Clock
from mocksrv.engine.config import IN_MEMORY, Config
from mocksrv.engine.sandbox import DEFAULT, Endpoint, Sandbox, Settings
from mocksrv.engine.scenarios.library import Library
from mocksrv.engine.scenarios.own import SandboxScenarios
from mocksrv.engine.storage.store import Store, open_store
from mocksrv.engine.world import World

if TYPE_CHECKING:
    from mocksrv.engine.role import Role


class _Undone(Exception):
    """What was written is not kept."""


class PayloadCheck:
    """Checks the payloads of a provider's events, whose subjects behave as ``role`` says."""

    def __init__(self, role: Role) -> None:
        self._role = role
        self._lock = threading.Lock()
        self._store: Store | None = None

    def __call__(self, event: str, fields: Mapping[str, Any]) -> str | None:
        """What is wrong with fields over the payload of an event: one that it does not have, or a value that the rest
        cannot agree with; it begins with the field's name. None: nothing.
        """
        settings = Settings(seed=0, endpoints=(Endpoint("all", "http://localhost", ("*",)),))
        words = self._role.vocabulary
        nothing = SandboxScenarios(Library(Path(os.devnull), (), {words.provider: words}))
        sandbox = Sandbox(DEFAULT, settings, Clock.make("manual", seeded=True), Config(), nothing)
        found: list[str] = []
        with self._lock:
            self._store = self._store or open_store(IN_MEMORY)
            with suppress(_Undone), self._store.write() as tx:
                world = World(sandbox, tx, sandbox.now())
                with world.overriding(fields):
                    self._role.trigger(world, None, event)
                if len(world.strange) == len(world.written):
                    found += world.strange
                found += world.contradictions
                raise _Undone
        return found[0] if found else None
