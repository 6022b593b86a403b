"""Control calls about a sandbox's time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mocksrv.engine.clock import SECOND, Clock, iso_ms
from mocksrv.engine.observers import Happening
from mocksrv.engine.time import ADVANCE_TIME, AdvanceBusy
from mocksrv.web import shapes
from mocksrv.web.control.calls import Calls, Here, Route
from mocksrv.web.fields import check_moment, duration_of, moment_of, read_json
from mocksrv.web.problems import Problem

KINDS = {"attempt": "callback"}  # what scripts know some kinds of happenings by


class Time(Calls):
    def routes(self) -> Sequence[Route]:
        return (
            Route("GET", "/clock", self.read),
            Route("PUT", "/clock", self.put),
            Route("POST", "/clock/advance", self.advance),
        )

    def read(self, sandbox: Here) -> Any:
        return shapes.clock(sandbox())

    def put(self, sandbox: Here) -> Any:
        given = read_json(mode=str, speed=float, now=str)
        here = sandbox()
        now = moment_of(given["now"], "now") if "now" in given else None
        if now is not None:
            check_moment(now, "now")
        mode, speed = given.get("mode", here.clock.mode), given.get("speed", here.clock.speed)
        if mode not in ("real", "manual"):
            raise Problem(422, f"mode: {mode!r} is not allowed; allowed are real and manual")
        if not 0 < speed <= 1_000_000:
            raise Problem(422, "speed: must be above 0 and at most 1000000")
        if here.held is not None:
            raise Problem(409, "time is being advanced")
        with self.engine.change(here) as world:
            fresh = here.settings.seed is not None and world.tx.is_empty(here.name)
            if now is None:
                now = Clock.make(mode, seeded=True).now() if fresh and mode == "manual" else here.now()
            world.set_clock(Clock(mode, float(speed), now, Clock.make().wall))
        return shapes.clock(here)

    def advance(self, sandbox: Here) -> Any:
        given = read_json(by=str, to=str, wait=str)
        here = sandbox()
        if ("by" in given) == ("to" in given):
            raise Problem(422, 'say how far: {"by": "1h"} or {"to": "2026-01-01T12:00:00Z"}')
        now = here.now()
        to = now + duration_of(given["by"], "by") if "by" in given else moment_of(given["to"], "to")
        if to < now:
            raise Problem(422, f"to: {given['to']} has passed, it is {iso_ms(now)}; PUT /clock sets a clock back")
        wait = duration_of(given["wait"], "wait") / SECOND if "wait" in given else ADVANCE_TIME
        check_moment(to, "to" if "to" in given else "by")
        try:
            with self.desk.place(
                self.desk.advancing
            ):  # the rest of the threads is for the apps that call the API when callbacks come
                done = self.engine.advance(here, to, wait)
        except AdvanceBusy:
            raise Problem(409, "time is being advanced already") from None
        happened = [_shown(each) for each in done.happened]
        return {"now": iso_ms(done.now), "happened": happened, **({} if done.complete else {"complete": False})}


def _shown(happening: Happening) -> dict[str, Any]:
    _, at, kind, subject, detail, _ = happening
    return {"at": iso_ms(at), "kind": KINDS.get(kind, kind), "subject": subject, "detail": detail}
