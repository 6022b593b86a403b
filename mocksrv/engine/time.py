"""How time passes in sandboxes: what has fallen due is played before anybody looks, an advance plays all on its way,
and the `Ticker` does the same where nobody is looking.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

from mocksrv.engine.callbacks.dispatcher import Dispatcher
from mocksrv.engine.clock import LATEST
from mocksrv.engine.loads import Loads, Postponed, Unready
from mocksrv.engine.observers import Happening, Observers
from mocksrv.engine.player import Player
from mocksrv.engine.sandbox import Sandbox, SandboxDropped
from mocksrv.engine.storage.records import Record
from mocksrv.engine.storage.rows import Scope, TimerRow
from mocksrv.engine.storage.shared import ADVANCE, OneProcess
from mocksrv.engine.storage.store import Store
from mocksrv.engine.world import World

log = logging.getLogger("mocksrv")
MOST_HAPPENINGS = 100_000  # of one advance
OWN_SLICE = 1.0  # real seconds that a call may play what its own subjects have due; the ticker plays what is left
SLICE = 0.02  # real seconds that all else that is due in a sandbox is played for before others have their turn
TOGETHER = 50  # timers that an advance plays in one transaction, at most
TRANSACTION = 0.02  # seconds of a thread's own time after which no further one is played in it
ADVANCE_TIME = 60.0  # real seconds that an advance may take
TICK = 0.5  # real seconds between two rounds of the background work that nobody waits for
PATIENCE_LOOK = 0.25  # real seconds between two looks at whether somebody still waits for an advance
BETWEEN_LOOKS = 0.02  # real seconds between two looks at what another process has out


class AdvanceBusy(Exception):
    """Time is being advanced already."""


class Advanced(NamedTuple):
    """What an advance did: the time reached (ms), what happened on the way, and whether it got to its end."""

    now: int
    happened: Sequence[Happening]
    complete: bool


class Schedule:
    """Plays what falls due. ``change`` opens a transaction on a sandbox at a moment, as `Engine.change` does."""

    def __init__(
        self,
        store: Store,
        shared: OneProcess,
        player: Player,
        dispatcher: Dispatcher,
        observers: Observers,
        change: Callable[[Sandbox, int], AbstractContextManager[World]],
        loads: Loads,
    ) -> None:
        self._loads = loads
        self._store = store
        self._shared = shared
        self._player = player
        self._dispatcher = dispatcher
        self._observers = observers
        self._change = change
        self._partner_kinds = sorted({kind for role in player.roles.values() for kind in role.partner_kinds})

    # catching up

    def catch_up(self, sandbox: Sandbox, *names: str) -> None:
        """Whatever fell due for what a call is about has happened afterwards. ``names`` are the records in its path,
        the most special last; where it names none, a slice of what fell due in the sandbox is played.
        """
        now, quiet = sandbox.now(), sandbox.quiet_until
        if sandbox.held is not None or (quiet is not None and now < quiet):
            return
        changes = sandbox.changes
        with self._store.read() as tx:
            timer = tx.next_timer(sandbox.name)
            quiet = timer.due if timer else LATEST
            if now < quiet:
                sandbox.nothing_due_before(quiet, changes)
                return
            scope = tx.scope(sandbox.name, names, self._partner_kinds) if names else None
            if scope is not None:
                timer = tx.next_timer(sandbox.name, scope)
        if timer is not None and timer.due <= now:
            self._play_for(sandbox, SLICE if scope is None else OWN_SLICE, scope)

    def play_slice(self, sandbox: Sandbox) -> bool:
        """Plays what fell due in this sandbox, for a short time; whether something may be left."""
        return sandbox.held is None and self._play_for(sandbox, SLICE)

    def _play_for(self, sandbox: Sandbox, seconds: float, scope: Scope | None = None) -> bool:
        deadline = time.monotonic() + seconds
        while self.play_next(sandbox, sandbox.now(), scope):
            if time.monotonic() > deadline:
                return True
            with self._store.read() as tx:  # so that nobody waits for a turn in which nothing is due
                timer = tx.next_timer(sandbox.name, scope)
            if timer is None or timer.due > sandbox.now():
                return False
        return False

    def play_next(self, sandbox: Sandbox, until: int, scope: Scope | None = None, most: int = 1) -> bool:
        """Plays the timer (of a scope) that falls due first, at its own moment; False when none is due. A play that
        fails is stopped. ``most``: so many are played in one transaction, as `_due` gives them.
        """
        taken: list[TimerRow] = []
        failed: list[Exception] = []
        try:
            with self._change(sandbox, until) as world:
                world.plays = True
                for timer, record in _due(world, until, scope, most):
                    taken.append(timer)
                    if record is not None:
                        self._play(world, timer, record, failed)
            for timer in taken:
                self._loads.discard(sandbox.name, timer.subject)
            return bool(taken)
        except SandboxDropped:
            return False
        except Unready as unready:
            unready.get_ready()
            return True  # what was undone is still due
        except (Postponed, Exception) as undone:
            if not isinstance(undone, Postponed) and undone not in failed:
                raise  # it was not the play that failed
            if len(taken) == 1:
                self._undone(sandbox, until, taken[0], undone)
                return True
        for _ in taken:  # those before it were undone, too: each has a transaction of its own now
            self.play_next(sandbox, until, scope)
        return True

    def _play(self, world: World, timer: TimerRow, record: Record, failed: list[Exception]) -> None:
        self._loads.prepare_play(world, timer.subject)
        world.directives, world.rank = {}, None  # what a play before it has left
        try:
            self._player.due(world, record, timer.kind)
        except Exception as failure:
            failed.append(failure)
            raise

    def _undone(self, sandbox: Sandbox, until: int, timer: TimerRow, reason: BaseException) -> None:
        """The play of a timer was undone: it waits for a load, or has failed and is stopped."""
        if isinstance(reason, Postponed):
            self._loads.begin(sandbox, timer, reason.load)
            if sandbox.held is not None:
                self._loads.wait(sandbox)
        else:
            log.error("a play failed and is stopped", exc_info=reason)
            self._stop_play(sandbox, until, timer, str(reason))

    def _stop_play(self, sandbox: Sandbox, until: int, timer: TimerRow, reason: str) -> None:
        """Stops the play that this timer moves, unless another thread has done it meanwhile."""
        with self._change(sandbox, until) as world:
            world.plays = True
            if not world.tx.has_timer(timer):
                return
            _take(world, timer, until)
            subject = world.subject(timer.subject)
            if subject is not None:
                self._player.stop(world, subject, reason)

    # advancing

    def advance(
        self, sandbox: Sandbox, to: int, wait: float = ADVANCE_TIME, gone: Callable[[], bool] = lambda: False
    ) -> Advanced:
        """Moves a sandbox's time to ``to``, playing what falls due on the way, each at its moment, and waits for the
        callbacks.

        ``wait`` is real seconds; ``gone`` says whether nobody waits for the answer any more: it ends early then, as
        when these are over. Raises AdvanceBusy when another advance is under way.
        """
        deadline = time.monotonic() + wait

        def left() -> float:
            return 0.0 if gone() else max(0.0, deadline - time.monotonic())

        happened: list[Happening] = []

        def note(told: Sequence[Happening]) -> None:
            happened.extend(each for each in told if each.sandbox == sandbox.name and each.kind in ADVANCED_KINDS)

        with self.alone_with(sandbox):
            try:
                sandbox.held = sandbox.now()
                self._loads.wait(sandbox)
                complete = self._settle(sandbox, left)  # what is still out from before is no part of what happens
                self._observers.subscribe(note)
                complete = complete and self._play_until(sandbox, to, left, happened)
                with self._change(sandbox, sandbox.held) as world:
                    if sandbox.advanced_elsewhere or sandbox.held is None or sandbox.held < sandbox.clock.virtual:
                        raise AdvanceBusy  # this process stood still, and another one has advanced since
                    world.set_clock(sandbox.clock.at(sandbox.held))
                    waiting = world.tx.waiting_for_polls(sandbox.name)
                happened += [
                    Happening(sandbox.name, sandbox.held, "waits", row.subject, f"for {row.polls} more polls")
                    for row in waiting
                ]
                return Advanced(sandbox.held, happened, complete)
            finally:
                self._observers.unsubscribe(note)
                sandbox.held = None

    @contextmanager
    def alone_with(self, sandbox: Sandbox) -> Iterator[None]:
        """Nobody else advances the sandbox's time meanwhile, or resets it, in whatever process. Raises AdvanceBusy."""
        if not sandbox.advancing.acquire(blocking=False):
            raise AdvanceBusy
        try:
            if not self._shared.claim(ADVANCE, sandbox.name):
                raise AdvanceBusy
            try:
                yield
            finally:
                self._shared.release(ADVANCE, sandbox.name)
        finally:
            sandbox.advancing.release()

    def _play_until(self, sandbox: Sandbox, to: int, left: Callable[[], float], happened: list[Happening]) -> bool:
        """Plays moment by moment, each with its callbacks; False when time or patience ran out before ``to``."""
        held = sandbox.now()
        while True:
            moment = self.next_moment(sandbox)
            if moment is None or moment > to:
                sandbox.held = max(to, held)
                return True
            sandbox.held = held = max(moment, held)
            before = len(happened)
            while self.play_next(sandbox, held, most=TOGETHER) and len(happened) < MOST_HAPPENINGS:
                pass
            settled = self._settle(sandbox, left)
            happened[before:] = sorted(happened[before:], key=_order_in_moment)
            if not settled or len(happened) >= MOST_HAPPENINGS:
                return False

    def _settle(self, sandbox: Sandbox, left: Callable[[], float]) -> bool:
        """Sends what is due now and waits for it, while there are seconds left."""
        while True:
            if not self._shared.keep(ADVANCE, sandbox.name):
                raise AdvanceBusy
            self._dispatcher.wake_due(sandbox)
            while not self._dispatcher.settle(sandbox, min(PATIENCE_LOOK, left())):
                if not left() or self._dispatcher.closed:
                    return False
            if not left():
                return False
            if not self._shared.others_send(sandbox.name):
                return True
            self._dispatcher.pause(BETWEEN_LOOKS)

    def next_moment(self, sandbox: Sandbox) -> int | None:
        """When something falls due next, in ms, or has fallen due; None when nothing waits."""
        with self._store.read() as tx:
            timer, due = tx.next_timer(sandbox.name), tx.next_due(sandbox.name)
        return min((moment for moment in (timer.due if timer else None, due) if moment is not None), default=None)

    # the background

    def send_due(self, sandbox: Sandbox) -> float | None:
        """Sends what is due in a sandbox by now; real seconds until something else falls due, of all that is due after
        that very moment.
        """
        if sandbox.held is not None or sandbox.dropped:
            return None
        now = sandbox.now()
        owed = self._dispatcher.wake_due(sandbox, now)
        with self._store.read() as tx:
            timer, retry = tx.next_timer(sandbox.name), tx.next_due(sandbox.name, after=now)
        waits = [sandbox.clock.until(moment) for moment in (timer.due if timer else None, retry) if moment is not None]
        if owed and not self._shared.alone:
            waits.append(TICK)  # it may be another process that sends, and that process may die
        return min((wait for wait in waits if wait is not None), default=None)


def _order_in_moment(happening: Happening) -> int:
    """What is played comes first, as it came; then the attempts by their deliveries: they go out meanwhile."""
    return int(happening.more["delivery"]) if happening.kind == "attempt" else 0


ADVANCED_KINDS = frozenset({"status", "play", "event", "attempt"})  # what an advance tells of what happened


def _due(world: World, until: int, scope: Scope | None, most: int) -> Iterator[tuple[TimerRow, Record | None]]:
    """The timers that fall due first, each with its record and taken when it is its turn: of different subjects, so
    that each state of a subject is seen, and no more after `TRANSACTION`, nor where a play has changed who is next.
    """
    tx, name, end = world.tx, world.sandbox.name, time.thread_time() + TRANSACTION
    timers = tx.next_timers(name, most, until, scope)
    if len(timers) > 1:
        tx.read_ahead(name, {timer.subject for timer in timers})
    seen: set[str] = set()
    for timer in timers:
        if timer.subject in seen or (seen and (time.thread_time() > end or tx.take_retimed(seen) <= timer.due)):
            return
        seen.add(timer.subject)
        _take(world, timer, until)
        yield timer, world.record(timer.subject)


def _take(world: World, timer: TimerRow, until: int) -> None:
    """A missed daily refresh runs once, now; an advance plays each."""
    held = world.sandbox.held is not None
    world.now = until if timer.kind == "background" and not held else timer.due
    if held and world.sandbox.clock.virtual != timer.due:
        world.set_clock(world.sandbox.clock.at(timer.due))
    world.tx.drop_timer(timer.seq)
