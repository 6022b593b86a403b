"""Connect sessions without a browser: what a person can do with one, and the control call that plays one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mocksrv.engine.acting import Actions
from mocksrv.engine.problems import YamlError
from mocksrv.engine.sandbox import Sandbox
from mocksrv.engine.scenarios.lookup import UnknownScenario
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.providers.finicity.control import PlayAnswer, PlayBody
from mocksrv.providers.finicity.http import Mount
from mocksrv.providers.finicity.sessions import Sessions, Wish
from mocksrv.providers.provider import ControlRoute, Refusal

CANCEL = "cancel"


class SessionActions(Actions):
    """What the user does on Connect's pages: an approval goes through them as far as the scenario lets it; who cancels
    closes them, at any time, of which no event tells. The link can be opened again.
    """

    def __init__(self, mount: Mount) -> None:
        super().__init__(mount.engine.player, "finicity")
        self._sessions = Sessions.of(mount)

    def possible(self, world: World, record: Record) -> Sequence[str]:
        play, body = record.playing, record.body
        if play.consent is not None:
            return super().possible(world, record)
        if play.asked is not None:
            return (*super().possible(world, record), CANCEL)
        begun = play.job is not None and not body["completed"]
        waits = ("approve",) if play.act or not begun else ()
        return (*waits, CANCEL) if begun else waits

    def perform(self, world: World, record: Record, do: str, answers: Sequence[str]) -> str:
        if do == CANCEL and record.playing.consent is None:
            self._sessions.leave(world, record)
        elif do == "approve" and record.playing.consent is None:
            self._sessions.play(world, record, Wish())
        elif do == "approve":
            self._sessions.consent(world, record, do)
        else:
            super().perform(world, record, do, answers)
        return record.guid


class SessionPlayer:
    """A person on Connect's pages, without the pages."""

    def __init__(self, mount: Mount) -> None:
        self._engine = mount.engine
        self._sessions = Sessions.of(mount)

    def routes(self) -> list[ControlRoute]:
        refusals = {404: "no session has this link", 409: "the session cannot go on so", 410: "the link is used up"}
        summary = "Plays a Connect session without a browser, as its scenario says."
        return [ControlRoute("POST", "/finicity/play", self._play, summary, PlayBody, PlayAnswer, refusals)]

    def _play(self, sandbox: Sandbox, body: Mapping[str, Any]) -> Any:
        """Plays a session without a browser: its last status, and the events that this has sent."""
        typed = {name: body[name] for name in ("institution", "username", "password") if body.get(name) is not None}
        wish = Wish(**typed, answers=list(body.get("answers", ())), accounts=body.get("accounts"))
        try:
            with self._engine.change(sandbox) as world:
                session = self._found(world, body["link"])
                self._sessions.play(world, session, wish)
                events = [
                    each.detail.partition(".")[2]
                    for each in world.happened
                    if each.kind == "event" and each.subject == session.guid
                ]
                return {"status": session.body["status"], "events": events}
        except UnknownScenario as unknown:
            raise Refusal(409, str(unknown)) from None
        except YamlError as error:
            raise Refusal(422, f"the data of this scenario cannot be made: {error}") from None

    def _found(self, world: World, link: str) -> Record:
        try:
            return self._sessions.find(world, link)
        except ValueError:
            raise Refusal(404, "the link is no URL") from None
