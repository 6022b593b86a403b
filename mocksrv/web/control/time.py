"""Control calls about a sandbox's time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from mocksrv.engine.clock import LATEST_START, SECOND, Clock, iso_ms
from mocksrv.engine.observers import Happening
from mocksrv.engine.sandbox import Sandbox
from mocksrv.engine.time import ADVANCE_TIME, AdvanceBusy
from mocksrv.providers.provider import Refusal
from mocksrv.web.control import shapes
from mocksrv.web.control.calls import Calls, ControlCall, ControlRequest

KINDS = {"attempt": "callback"}  # what scripts know some kinds of happenings by
BUSY = {409: "time is being advanced"}


class Time(Calls):
    def declared(self) -> Sequence[ControlCall]:
        return (
            ControlCall("GET", "/clock", self.read, "Shows the sandbox's time.", answer="time.Clock"),
            ControlCall(
                "PUT",
                "/clock",
                self.put,
                "Sets the clock: how it runs, and what it shows. What is left out stays.",
                body="time.ClockBody",
                answer="time.Clock",
                refusals=BUSY,
            ),
            ControlCall(
                "POST",
                "/clock/advance",
                self.advance,
                "Plays everything that falls due on the way, each at its own moment, and waits for the callbacks.",
                body="time.AdvanceBody",
                answer="time.Advanced",
                refusals={**BUSY, 503: "too many sandboxes advance their time, or the server ends"},
            ),
        )

    def read(self, request: ControlRequest) -> Any:
        return shapes.clock(self.engine, request.sandbox)

    def put(self, request: ControlRequest) -> Any:
        given, sandbox = request.body, request.sandbox
        mode, now = given.get("mode", sandbox.clock.word), given.get("now")
        try:
            Clock.make(mode)
        except ValueError as error:
            raise Refusal(422, f"mode: {error}") from None
        if sandbox.held is not None:
            raise Refusal(409, BUSY[409])
        with self.engine.change(sandbox) as world:
            world.set_clock(Clock.make(mode, now=self._start(world.tx.is_empty, sandbox, mode) if now is None else now))
        return self.read(request)

    def _start(self, is_empty: Any, sandbox: Sandbox, mode: str) -> int:
        """What a clock shows that is set without a time: the present one; a seed starts at the same moment again."""
        fresh = mode == "manual" and sandbox.settings.seed is not None and is_empty(sandbox.name)
        return Clock.make(mode, seeded=True).now() if fresh else sandbox.now()

    def advance(self, request: ControlRequest) -> Any:
        given, sandbox = request.body, request.sandbox
        to = self._target(sandbox, given)
        wait = min(given["wait"] / SECOND, ADVANCE_TIME) if "wait" in given else ADVANCE_TIME
        if sandbox.held is not None:
            raise Refusal(409, f"{BUSY[409]} already")
        until = request.call.once("until", lambda: time.monotonic() + wait)
        request.call.take_long(until)  # the other threads are for the apps that call the API when callbacks come
        if request.call.late:
            why = "the server ends" if request.call.ending else "too many sandboxes advance their time just now"
            raise Refusal(503, why, retry_after=1)
        try:
            done = self.engine.advance(
                sandbox, to, until - time.monotonic(), lambda: request.call.gone or request.call.ending
            )
        except AdvanceBusy:
            raise Refusal(409, f"{BUSY[409]} already") from None
        texts = {at: iso_ms(at) for at in {each.at for each in done.happened}}  # much happens at the same moment
        happened = [_shown(each, texts[each.at]) for each in done.happened]
        return {"now": iso_ms(done.now), "happened": happened, **({} if done.complete else {"complete": False})}

    def _target(self, sandbox: Sandbox, given: Any) -> int:
        """The moment to advance to. Raises Refusal."""
        now = sandbox.now()
        if given.get("to") == "next":
            moment = self.engine.schedule.next_moment(sandbox)
            if moment is None:
                raise Refusal(409, "to: nothing falls due in this sandbox; say how far: by, or a moment")
            return max(now, moment)
        to: int = now + given["by"] if "by" in given else given["to"]
        if to < now:
            raise Refusal(422, f"to: {iso_ms(to)} has passed, it is {iso_ms(now)}; PUT /clock sets a clock back")
        if to > LATEST_START:
            raise Refusal(422, f"by: a clock shows at most {iso_ms(LATEST_START)}")
        return to


def _shown(happening: Happening, at: str) -> dict[str, Any]:
    _, _, kind, subject, detail, _ = happening
    return {"at": at, "kind": KINDS.get(kind, kind), "subject": subject, "detail": detail}
