"""Whole sandboxes: exported, imported, copied."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from mocksrv.engine.callbacks.batches import write_out
from mocksrv.engine.callbacks.credentials import Kinds
from mocksrv.engine.callbacks.dispatcher import Dispatcher
from mocksrv.engine.journal import Journal
from mocksrv.engine.loads import Loads
from mocksrv.engine.role import Role
from mocksrv.engine.sandbox import Sandbox
from mocksrv.engine.time import Schedule
from mocksrv.engine.world import World

if TYPE_CHECKING:
    from mocksrv.engine.state.formats import Document


class States:
    """The states of an engine's sandboxes, but for their journals. ``change`` is that of the engine."""

    def __init__(
        self,
        change: Callable[[Sandbox], AbstractContextManager[World]],
        schedule: Schedule,
        loads: Loads,
        dispatcher: Dispatcher,
        journal: Journal,
        roles: Mapping[str, Role],
        kinds: Kinds,
    ) -> None:
        self._change = change
        self._schedule = schedule
        self._loads = loads
        self._dispatcher = dispatcher
        self._journal = journal
        self._roles = roles
        self._kinds = kinds

    def export(self, sandbox: Sandbox, version: str, *, secrets: bool) -> str:
        """The state of a sandbox as JSON, written by this version of mocksrv. Raises AdvanceBusy while its time is
        advanced.
        """
        from mocksrv.engine.state.export import Snapshot, document

        with self._schedule.alone_with(sandbox):
            self._loads.wait(sandbox)
            self._dispatcher.record()
            with self._change(sandbox) as world:  # nobody changes anything while its rows are read
                write_out(world)
                snapshot = Snapshot.of(world)
        return document(snapshot, version, self._roles, secrets=secrets)

    def restore(self, sandbox: Sandbox, document: Document) -> list[str]:
        """Makes a sandbox what a state document of the present format and the right shape says, in one transaction; the
        names of scenarios that are missing. Raises StateError, and AdvanceBusy while its time is advanced.
        """
        from mocksrv.engine.state.restore import Restored

        restored = Restored(document, sandbox, self._kinds)
        with self._schedule.alone_with(sandbox):
            self._loads.forget(sandbox)
            with self._journal.forgetting(sandbox.name), self._change(sandbox) as world:
                restored.write(world)
            self._dispatcher.forget(sandbox)
        return restored.missing(sandbox)
