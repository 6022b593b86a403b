"""The control call that plays a Connect session without a browser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mocksrv.engine.problems import YamlError
from mocksrv.engine.sandbox import Sandbox
from mocksrv.engine.scenarios.library import UnknownScenario
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.providers.finicity.control import PlayAnswer, PlayBody
from mocksrv.providers.finicity.http import Mount
from mocksrv.providers.finicity.sessions import Sessions, Wish
from mocksrv.providers.provider import ControlRoute, Refusal


class SessionPlayer:
    """A person on Connect's pages, without the pages."""

    def __init__(self, mount: Mount) -> None:
        self._engine = mount.engine
        self._sessions = Sessions(mount.engine, mount.role, mount.bank, mount.institutions)

    def routes(self) -> list[ControlRoute]:
        refusals = {404: "no session has this link", 409: "the session cannot go on so", 410: "the link is used up"}
        summary = "Plays a Connect session without a browser, as its scenario says."
        return [ControlRoute("POST", "/play", self._play, summary, PlayBody, PlayAnswer, refusals)]

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
