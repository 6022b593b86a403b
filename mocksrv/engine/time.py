"""How time passes in sandboxes: what has fallen due is played before anybody looks, an advance plays all on its way,
and a thread in the background does the same where nobody is looking.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

from mocksrv.engine.callbacks.dispatcher import Dispatcher
from mocksrv.engine.clock import LATEST
from mocksrv.engine.loads import Loads, Postponed
from mocksrv.engine.observers import Happening, Observers
from mocksrv.engine.player import Player
from mocksrv.engine.sandbox import Sandbox, SandboxDropped
from mocksrv.engine.storage.records import StoreFull
from mocksrv.engine.storage.rows import Scope, TimerRow
from mocksrv.engine.storage.shared import ADVANCE, OneProcess
from mocksrv.engine.storage.store import Store
from mocksrv.engine.world import World

log = logging.getLogger("mocksrv")
MOST_HAPPENINGS = 100_000  # of one advance
OWN_SLICE = 1.0  # real seconds that a call may play what its own subjects have due; the ticker plays what is left
SLICE = 0.02  # real seconds that all else that is due in a sandbox is played for before others have their turn
ADVANCE_TIME = 60.0  # real seconds that an advance may take
TICK = 0.5  # real seconds between two rounds of the background work that nobody waits for
PATIENCE_LOOK = 0.25  # real seconds between two looks at whether somebody still waits for an advance
BETWEEN_LOOKS = 0.02  # real seconds between two looks at what another process has out
FULL_FOR = 10.0  # real seconds for which a database that cannot be written is not news
RETRY_AFTER = 1.0  # real seconds after which a sandbox that failed is tried again


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
        return False

    def play_next(self, sandbox: Sandbox, until: int, scope: Scope | None = None) -> bool:
        """Plays the timer (of a scope) that falls due first, at its own moment; False when none is due. A play that
        fails is stopped.
        """
        timer: TimerRow | None = None
        failed: Exception | None = None
        try:
            with self._change(sandbox, until) as world:
                timer = _take_timer(world, until, scope)
                record = world.record(timer.subject) if timer else None
                if timer and record is not None:
                    world.may_postpone = self._shared.alone
                    world.brought = self._loads.brought(sandbox, timer.subject)
                    try:
                        self._player.due(world, record, timer.kind)
                    except Exception as failure:
                        failed = failure
                        raise
            if timer is not None:
                self._loads.discard(sandbox.name, timer.subject)
            return timer is not None
        except Postponed as postponed:
            assert timer is not None
            self._loads.begin(sandbox, timer, postponed.load)
            if sandbox.held is not None:
                self._loads.wait(sandbox)
            return True
        except SandboxDropped:
            return False
        except Exception as failure:
            if failure is not failed:
                raise  # it was not the play that failed
            log.exception("a play failed and is stopped")
            self._stop_play(sandbox, until, timer, str(failure))
            return True

    def _stop_play(self, sandbox: Sandbox, until: int, timer: TimerRow | None, reason: str) -> None:
        """Stops the play that this timer moves, unless another thread has done it meanwhile."""
        with self._change(sandbox, until) as world:
            if timer is None or not world.tx.has_timer(timer):
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
            while self.play_next(sandbox, held) and len(happened) < MOST_HAPPENINGS:
                pass
            settled = self._settle(sandbox, left)
            happened[before:] = sorted(happened[before:], key=_order_in_moment)
            if not settled or len(happened) >= MOST_HAPPENINGS:
                return False

    def _settle(self, sandbox: Sandbox, left: Callable[[], float]) -> bool:
        """Sends what is due now and waits for it, while there are seconds left."""
        while True:
            self._shared.claim(ADVANCE, sandbox.name)  # goes on with the lease
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


def _take_timer(world: World, until: int, scope: Scope | None) -> TimerRow | None:
    """The timer that falls due first, and its moment as the world's."""
    timer = world.tx.next_timer(world.sandbox.name, scope)
    if timer is None or timer.due > until:
        return None
    _take(world, timer, until)
    return timer


def _take(world: World, timer: TimerRow, until: int) -> None:
    """A missed daily refresh runs once, now; an advance plays each."""
    held = world.sandbox.held is not None
    world.now = until if timer.kind == "background" and not held else timer.due
    if held:
        world.set_clock(world.sandbox.clock.at(timer.due))
    world.tx.drop_timer(timer.seq)


class Ticker:
    """The background thread, started and stopped with its engine. ``chores`` are done every `TICK`."""

    def __init__(self, schedule: Schedule, dispatcher: Dispatcher, chores: Sequence[Callable[[], object]]) -> None:
        self._schedule = schedule
        self._dispatcher = dispatcher
        self._chores = chores
        self._lock = threading.Lock()
        self._changed: dict[str, Sandbox] = {}  # whose next moment is not known
        self._due: dict[str, tuple[float, Sandbox]] = {}  # real (monotonic) moments
        self._wake = threading.Event()
        self._stopping = False
        self._last_chores = 0.0  # a monotonic moment
        self._full: float | None = None  # when nothing could be written last, a monotonic moment
        self._thread = threading.Thread(target=self._run, name="ticker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def check(self, sandbox: Sandbox) -> None:
        """What is due in this sandbox may have changed."""
        with self._lock:
            self._changed[sandbox.name] = sandbox
        self._wake.set()

    def forget(self, name: str) -> None:
        with self._lock:
            self._changed.pop(name, None)
            self._due.pop(name, None)

    def do_chores(self) -> None:
        """The chores cannot wait for the next tick."""
        self._last_chores = 0.0
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                self._tick()
            except StoreFull as error:
                self._tell_full(error)
            except Exception:
                log.exception("the background work failed once; it goes on")
            self._wake.wait(self._pause())

    def _tell_full(self, error: StoreFull) -> None:
        """Says that nothing can be written, once until it has gone well for a while."""
        now = time.monotonic()
        if self._full is None or now - self._full > FULL_FOR:
            log.error("%s; changes are refused and callbacks pause until it can", error)
        self._full = now

    def _pause(self) -> float:
        with self._lock:
            soonest = min((moment for moment, _ in self._due.values()), default=None)
        return TICK if soonest is None else max(0.0, min(TICK, soonest - time.monotonic()))

    def _tick(self) -> None:
        if time.monotonic() - self._last_chores >= TICK:
            self._last_chores = time.monotonic()
            for chore in self._chores:
                chore()
        self._dispatcher.record()
        with self._lock:
            changed, self._changed = self._changed, {}
            passed = {name: sandbox for name, (moment, sandbox) in self._due.items() if moment <= time.monotonic()}
        for name, sandbox in {**changed, **passed}.items():
            try:
                left = name in passed and self._schedule.play_slice(sandbox)
                seconds = self._schedule.send_due(sandbox)
                seconds = 0.0 if left else seconds
            except StoreFull as error:
                self._tell_full(error)
                seconds = RETRY_AFTER
            except Exception:
                log.exception("the background work for the sandbox %s failed; it is tried again", name)
                seconds = RETRY_AFTER
            with self._lock:
                self._due.pop(name, None)
                if seconds is not None:
                    self._due[name] = (time.monotonic() + seconds, sandbox)
