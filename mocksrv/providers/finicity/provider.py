"""Finicity: its families put together, and the control call that plays a Connect session without a browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mocksrv.engine.engine import Engine
from mocksrv.engine.sandbox import Sandbox
from mocksrv.engine.scenarios.library import UnknownScenario
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.providers.finicity import accounts, connect, customers, institutions, partners, reports, transactions
from mocksrv.providers.finicity.bank.loading import Bank
from mocksrv.providers.finicity.control import PlayAnswer, PlayBody
from mocksrv.providers.finicity.http import Call, Mount
from mocksrv.providers.finicity.institutions import Institutions
from mocksrv.providers.finicity.lifecycle import SessionRole
from mocksrv.providers.finicity.sessions import Sessions, Wish, meets_bank
from mocksrv.providers.profiles import ProfileError, Profiles
from mocksrv.providers.provider import ControlRoute, Provider, Refusal

FAMILIES = (partners, customers, institutions, connect, accounts, transactions, reports)


class FinicityProvider(Provider):
    """Finicity's API (Mastercard Open Finance US), and its Connect sessions."""

    name = "finicity"
    prefix = "/finicity"
    families = FAMILIES
    call_type = Call
    role: SessionRole

    def make_role(self) -> SessionRole:
        self._institutions = Institutions(self._banks)
        self._bank = Bank(Profiles(self.config.scenarios))
        return SessionRole(self._bank, self.timers)

    def _banks(self) -> list[tuple[str, bool]]:
        """The scenarios that are institutions, too: names, and whether the bank's own page is met in them."""
        if self.engine is None:
            return []
        library = self.engine.library
        return [(name, meets_bank(library.flows(library.get(self.name, name)))) for name in self.scenarios()]

    def make_mount(self, engine: Engine) -> Mount:
        self._sessions = Sessions(engine, self.role, self._bank, self._institutions)
        return Mount(engine, self.role, self.config.credentials, self._institutions, self._bank)

    def control_routes(self) -> Sequence[ControlRoute]:
        refusals = {404: "no session has this link", 409: "the session cannot go on so", 410: "the link is used up"}
        summary = "Plays a Connect session without a browser, as its scenario says."
        return [ControlRoute("POST", "/play", self._play, summary, PlayBody, PlayAnswer, refusals)]

    def _play(self, sandbox: Sandbox, body: Mapping[str, Any]) -> Any:
        """Plays a session without a browser: its last status, and the events that this has sent."""
        assert self.engine is not None
        typed = {name: body[name] for name in ("institution", "username", "password") if body.get(name) is not None}
        wish = Wish(**typed, answers=list(body.get("answers", ())))
        try:
            with self.engine.change(sandbox) as world:
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
        except ProfileError as error:
            raise Refusal(422, f"the data of this scenario cannot be made: {error}") from None

    def _found(self, world: World, link: str) -> Record:
        try:
            return self._sessions.find(world, link)
        except ValueError:
            raise Refusal(404, "the link is no URL") from None
