"""The engine as one object: it owns the store, the sandboxes, the library, the player, the dispatcher and the
journal.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mocksrv.engine.blocking import ReservedThreads
from mocksrv.engine.callbacks.addresses import Itself
from mocksrv.engine.callbacks.batches import write_out
from mocksrv.engine.callbacks.consistency import Contradiction
from mocksrv.engine.callbacks.credentials import KINDS, SECRET
from mocksrv.engine.callbacks.dispatcher import Dispatcher
from mocksrv.engine.callbacks.outbox import UnknownField
from mocksrv.engine.conduct import Conduct
from mocksrv.engine.config import Config
from mocksrv.engine.journal import Entry, Journal
from mocksrv.engine.kept import Kept
from mocksrv.engine.loads import Loads
from mocksrv.engine.names import NAME
from mocksrv.engine.observers import Changes, Happening, Observers, Watch
from mocksrv.engine.player import Player
from mocksrv.engine.relay import Relay
from mocksrv.engine.removals import Removals
from mocksrv.engine.role import Role
from mocksrv.engine.sandbox import DEFAULT, Sandbox, SandboxDropped, SandboxExists, SandboxNameError, Settings
from mocksrv.engine.sandboxes import Sandboxes
from mocksrv.engine.scenarios.library import Library
from mocksrv.engine.scenarios.model import Scenario
from mocksrv.engine.scenarios.vocabulary import event_problem
from mocksrv.engine.state.states import States
from mocksrv.engine.storage.rows import StateRow
from mocksrv.engine.storage.shared import EMPTYING, ManyProcesses, OneProcess
from mocksrv.engine.storage.store import open_store
from mocksrv.engine.ticker import Ticker
from mocksrv.engine.time import ADVANCE_TIME, AdvanceBusy, Advanced, Schedule
from mocksrv.engine.world import World

if TYPE_CHECKING:
    from mocksrv.engine.callbacks.transport import Transport

log = logging.getLogger("mocksrv")
T = TypeVar("T")
RESET, DROP = "reset", "drop"  # what a sandbox is emptied for


class UnknownEvent(Exception):
    """No provider's catalogue has this event; the message names the nearest."""


class UnknownSubject(Exception):
    """The sandbox has no such record."""


class Engine:
    """Everything below the web. ``roles`` are the providers'; ``bundled`` is the folder of the bundled scenarios;
    ``shared``: other processes have engines on the same file (those on a PostgreSQL always may).
    """

    def __init__(self, config: Config, roles: Sequence[Role], bundled: Path, *, shared: bool = False) -> None:
        self.config = config
        self.itself = Itself(config.port, config.public_url)
        self.reserved = ReservedThreads()
        self.store = open_store(config.database, self.reserved.may_wait, shared=shared)
        self.shared = ManyProcesses(self.store) if self.store.shared else OneProcess()
        self.vocabularies = {role.vocabulary.provider: role.vocabulary for role in roles}
        self.events = [event for words in self.vocabularies.values() for event in sorted(words.events)]
        self.unasked = frozenset(event for role in roles for event in role.unasked)
        self.auth_kinds = {**KINDS, **{kind: SECRET for role in roles for kind in role.signers}}
        by_name = {role.vocabulary.provider: role for role in roles}
        self.library = Library(
            bundled, config.scenarios, self.vocabularies, lambda provider: by_name[provider].default_flows.flows
        )
        self.player = Player(by_name)
        self.journal = Journal(self.store, config.keep_requests)
        self.conduct = Conduct()
        self.kept = Kept()
        self._sandboxes = Sandboxes(self.store, self.shared, self.library, config, self.drop)
        # opens what tells which sandboxes this process knows the latest of; None: it need not be waited for
        self.freshness = self._sandboxes.freshness if self.store.waits else None
        self.dispatcher = Dispatcher(
            self.store, self._transport, by_name, self._attempted, self.shared, self._sandboxes.refresh
        )
        self.observers = Observers()
        self._changes = Changes()
        self.loads = Loads(self.store, self.shared, self.change, self.look, lambda sandbox: self._ticker.check(sandbox))
        self.removals = Removals(self.store, self.shared)
        self.schedule = Schedule(
            self.store, self.shared, self.player, self.dispatcher, self.observers, self.change, self.loads
        )
        self.states = States(
            self.change, self.schedule, self.loads, self.dispatcher, self.journal, by_name, self.auth_kinds
        )
        self.relay = Relay(self.store, self.shared, self.observers, self._heard)
        self._ticker = Ticker(self.schedule, self.dispatcher, self._chores())
        self._said = frozenset(self.library.problems)
        self.library.on_change = self._say_faults
        for name in {*self.sandboxes(), DEFAULT}:
            self._ticker.check(self.sandbox(name))

    def _chores(self) -> list[Callable[[], object]]:
        """What the background work does beside time and callbacks."""
        chores: list[Callable[[], object]] = [self.journal.flush, self.library.refresh, self.removals.go_on]
        if not self.shared.alone:
            chores.append(self._check_changed)
        if self.config.sandbox_idle is not None:
            chores.append(partial(self._sandboxes.drop_idle, self.config.sandbox_idle))
        return chores

    def _say_faults(self) -> None:
        """Files have changed: says what is wrong now and was not before."""
        present = self.library.problems
        for problem in present:
            if problem not in self._said:
                log.warning("%s (the last good version plays on)", problem)
        if self._said and not present:
            log.warning("the scenario files have no faults any more")
        self._said = frozenset(present)

    def _check_changed(self) -> None:
        """What other processes have changed may have fallen due, what they have left is discarded."""
        self.loads.resume()
        self.removals.resume()
        for sandbox in self._sandboxes.changed():
            self._ticker.check(sandbox)
        self.relay.receive()
        self._changes.notify()  # calls that they have taken down are no change

    def _heard(self, name: str | None) -> None:
        """Another process has changed a sandbox; None: any."""
        if name is None:
            self._check_changed()
        elif sandbox := self._sandboxes.look(name):
            self._ticker.check(sandbox)
            self.relay.receive()
            self._changes.notify(name)

    def _transport(self) -> Transport:
        from mocksrv.engine.callbacks.transport import Transport  # only imported when something is sent

        return Transport(self.config.allow_callbacks, self.itself)

    def start(self) -> None:
        """Starts the background work: time, callbacks (also those that a killed process left), the journal."""
        for sandbox in self._sandboxes.all():
            self.dispatcher.wake_due(sandbox)
        if any(sandbox.settings.endpoints for sandbox in self._sandboxes.all()):
            self.dispatcher.warm_up()
        self.shared.start()
        self.relay.start()
        self._finish_emptying()
        self.loads.resume()
        self.removals.resume()
        self._ticker.start()

    def close(self) -> None:
        """Ends the background work and writes what waits."""
        self._ticker.stop()
        self.loads.close()
        self.removals.close()
        self.journal.flush()
        self.dispatcher.close()
        self.relay.close()
        self.shared.close()
        self.store.close()

    # sandboxes

    def sandbox(self, name: str, up_to_date: bool = False) -> Sandbox:
        """The sandbox of that name, made on first use, as fresh as the store, unless it is known to be ``up_to_date``.
        Raises SandboxNameError.
        """
        return self._sandboxes.get(name, up_to_date)

    def keep(self, name: str) -> None:
        """Somebody still looks at a sandbox, which is not idle therefore."""
        self._sandboxes.keep(name)

    def sandboxes(self) -> list[str]:
        with self.store.read() as tx:
            return tx.sandboxes()

    def reset(self, sandbox: Sandbox) -> None:
        """Empties a sandbox and sets it back to what new ones start with. Raises AdvanceBusy while its time is
        advanced.
        """
        settings = self._sandboxes.initial
        with self.schedule.alone_with(sandbox):
            self.loads.forget(sandbox)
            was_big = self._thin_out(sandbox.name, RESET)
            self.conduct.forget(sandbox.name)
            with self.journal.forgetting(sandbox.name), self.change(sandbox) as world:
                world.empty()
                world.configure(**{name: getattr(settings, name) for name in Settings.__dataclass_fields__})
                world.set_clock(self._sandboxes.new_clock())
                world.tx.set_guids(sandbox.name, 0)
            self.shared.release(EMPTYING, sandbox.name)
            self.dispatcher.forget(sandbox)
        if was_big:
            self._give_memory_back()

    def fork(self, sandbox: Sandbox, name: str) -> Sandbox:
        """A copy of a sandbox, but for its journal, with its ids, under a new name. Raises SandboxNameError,
        SandboxExists, SandboxesFull, and AdvanceBusy while its time is advanced.
        """
        if not NAME.fullmatch(name):
            raise SandboxNameError(name)
        if name in self.sandboxes():
            raise SandboxExists(name)
        state = json.loads(self.states.export(sandbox, "", secrets=True))
        copy = self.sandbox(name)
        try:
            self.states.restore(copy, state)
        except BaseException:
            self.drop(name)
            raise
        return copy

    def drop(self, name: str) -> bool:
        """Removes a sandbox with all that it holds; False when there is none. The next use makes it anew."""
        was_big = self._thin_out(name, DROP)
        with self.journal.forgetting(name):
            known = self._sandboxes.drop(name)
        self.shared.release(EMPTYING, name)
        self.conduct.forget(name)
        self._ticker.forget(name)
        if was_big:
            self._give_memory_back()
        return known

    def _give_memory_back(self) -> None:
        """What was kept for a big sandbox is of no use any more."""
        from mocksrv.engine.memory import give_back

        self.store.shrink()
        give_back()

    def _thin_out(self, name: str, purpose: str) -> bool:
        """Removes most of what a big sandbox holds, at one stroke or in transactions so short that they hold nobody up;
        whether it was big.
        """
        if not self._is_big(name):
            return False
        self.shared.claim(EMPTYING, name)
        with self.store.write() as tx:
            tx.begin_emptying(name, purpose)
        self.store.leave_out(name)
        while self._is_big(name):
            self.shared.claim(EMPTYING, name)
            with self.store.write() as tx:
                tx.thin_out(name)
        return True

    def _is_big(self, name: str) -> bool:
        with self.store.read() as tx:
            return tx.is_big(name)

    def _finish_emptying(self) -> None:
        """Resets and drops what a process that was killed meanwhile has left, unless another one is at it."""
        with self.store.read() as tx:
            left = tx.being_emptied()
        for name in left:
            if not self.shared.claim(EMPTYING, name):
                continue
            with self.store.read() as tx:
                purpose = tx.emptied_for(name)  # the other one may have come to its end
            if purpose == DROP:
                self.drop(name)
            elif purpose == RESET:
                with suppress(AdvanceBusy):
                    self.reset(self.sandbox(name))
            self.shared.release(EMPTYING, name)

    # transactions

    @contextmanager
    def change(self, sandbox: Sandbox, now: int | None = None) -> Iterator[World]:
        """A transaction on a sandbox, at ``now`` (default: its time). Afterwards its callbacks go out. Raises
        SandboxDropped.
        """
        with self.store.write() as tx:
            if not self._sandboxes.refresh(sandbox, tx):
                raise SandboxDropped(sandbox.name)
            world = World(sandbox, tx, sandbox.now() if now is None else now)
            world.observed = bool(self.observers.present) or sandbox.listened_elsewhere
            self.loads.prepare(world)
            yield world
            world.close()
            state = self.shared.changed(tx, sandbox.name)
            tx.after_commit.append(lambda: self._committed(world, state))

    @contextmanager
    def look(self, sandbox: Sandbox) -> Iterator[World]:
        """Reads of a sandbox."""
        with self.store.read() as tx:
            world = World(sandbox, tx, sandbox.now())
            world.looking = True
            yield world

    def look_for_events(self, sandbox: Sandbox, find: Callable[[World], T], event: str | None = None) -> T:
        """What ``find`` finds where events with names like ``event`` are not in batches."""
        while True:
            with self.look(sandbox) as world:
                if not world.tx.has_batches(sandbox.name, event):
                    found = find(world)
                    if not world.tx.has_batches(sandbox.name, event):  # none has come meanwhile
                        return found
            with self.change(sandbox) as world:
                write_out(world, event)

    def _committed(self, world: World, state: StateRow | None) -> None:
        world.committed = True
        world.sandbox.changed(state)
        if world.sandbox.settings.endpoints and not self.dispatcher.warm:
            self.dispatcher.warm_up()
        if world.met:
            self.journal.count(world.sandbox.name, world.met)
        if self.observers.present:
            self.observers.tell(world.happened)
        self.relay.tell(world.sandbox, world.happened)
        if world.owed:
            self.dispatcher.wake(world.sandbox, sorted(world.owed))
        if world.removing:
            self.removals.begin()
        self._ticker.check(world.sandbox)
        self._changes.notify(world.sandbox.name)

    def _attempted(self, sandbox: Sandbox, attempt: Happening, again: bool) -> None:
        self.observers.tell([attempt])
        self.relay.tell(sandbox, [attempt])
        if again:
            self._ticker.check(sandbox)
        self._changes.notify(sandbox.name)

    def watch(self, sandbox: Sandbox) -> Watch:
        """What fires as soon as there may be something to be seen in a sandbox that is not there yet."""
        return self._changes.watch(sandbox.name)

    def record(self, sandbox: Sandbox, entry: Entry) -> None:
        """Takes an API call of a sandbox down in the journal."""
        self.conduct.look(entry)
        if self.journal.add(entry):
            self._ticker.do_chores()
        if self.observers.present or sandbox.listened_elsewhere:
            detail = f"{entry.method} {entry.path}: {entry.status}"
            more = {"operation": entry.notes.get("operation"), "status": entry.status}
            call = Happening(sandbox.name, entry.at, "call", entry.notes.get("subject"), detail, more)
            self.observers.tell([call])
            if sandbox.listened_elsewhere:
                self.relay.tell(sandbox, [call])
        self._changes.notify(sandbox.name)

    def trigger(
        self, sandbox: Sandbox, event: str, subject: str | None, fields: Mapping[str, Any], *, extra: bool = False
    ) -> list[str]:
        """Sends an event of a catalogue, with ``fields`` over its payload; the ids of what was written.

        ``subject`` is the guid of what it is about; None: the newest that fits, or an invented one. Raises
        UnknownEvent; UnknownSubject for one that is not there, WrongSubject for one that the event cannot be about;
        UnknownField for a field that no event of it has, unless ``extra`` ones are meant, Contradiction for a value
        that the rest of the payload cannot agree with.
        """
        problem = event_problem(event, self.vocabularies.values())
        if problem:
            raise UnknownEvent(problem)
        role = self.player.roles[event.partition(".")[0]]
        with self.change(sandbox) as world:
            record = world.record(subject) if subject else None
            if subject and record is None:
                raise UnknownSubject(f"there is no {subject} in the sandbox {sandbox.name}")
            with world.overriding(fields):
                role.trigger(world, record, event)
            if world.strange and len(world.strange) == len(world.written) and not extra:
                raise UnknownField(world.strange[0])
            if world.contradictions and not extra:
                raise Contradiction(world.contradictions[0])
            return world.written

    # time

    def advance(
        self, sandbox: Sandbox, to: int, wait: float = ADVANCE_TIME, gone: Callable[[], bool] = lambda: False
    ) -> Advanced:
        """Moves a sandbox's time; see `Schedule.advance`."""
        try:
            return self.schedule.advance(sandbox, to, wait, gone)
        finally:
            self._ticker.check(sandbox)

    # scenarios

    def put_scenario(self, sandbox: Sandbox, scenario: Scenario) -> None:
        """Gives a sandbox a scenario of its own. Raises YamlError."""
        with self.change(sandbox) as world:
            world.put_scenario(scenario)

    def delete_scenario(self, sandbox: Sandbox, scenario: Scenario) -> None:
        """Takes a scenario of its own from a sandbox. Raises NotDeletable."""
        with self.change(sandbox) as world:
            world.delete_scenario(scenario)
