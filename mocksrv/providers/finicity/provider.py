"""The Finicity wing: its families put together, and the control call that plays a Connect session without a browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response
from werkzeug.exceptions import HTTPException

from mocksrv.engine.config import Config
from mocksrv.engine.engine import Cast, Engine
from mocksrv.engine.sandbox import Sandbox
from mocksrv.engine.scenarios.library import UnknownScenario
from mocksrv.engine.storage.records import Record, dumps
from mocksrv.engine.world import World
from mocksrv.providers.finicity import accounts, connect, customers, institutions, partners, reports, transactions
from mocksrv.providers.finicity.bank.loading import Bank
from mocksrv.providers.finicity.http import NOT_FOUND, Call, FinicityError, Mount, Route
from mocksrv.providers.finicity.institutions import Institutions
from mocksrv.providers.finicity.lifecycle import SessionRole, default_flows
from mocksrv.providers.finicity.sessions import Sessions, Wish, meets_bank
from mocksrv.providers.finicity.webhooks import RETRIES, encode, sign
from mocksrv.providers.profiles import ProfileError, Profiles
from mocksrv.providers.provider import ControlRoute, Operation, Refusal, Visit

FAMILIES = (partners, customers, institutions, connect, accounts, transactions, reports)


class FinicityWing:
    """Finicity's API (Mastercard Open Finance US), and its Connect sessions."""

    name = "finicity"
    prefix = "/finicity"

    def __init__(self, config: Config) -> None:
        self._config = config
        self._engine: Engine | None = None
        self._institutions = Institutions(self._scenarios)
        self._bank = Bank(Profiles(config.scenarios))
        self._role = SessionRole(self._bank)
        self.cast = Cast(
            self._role, default_flows(self._role.vocabulary), RETRIES, signers={"finicity": sign}, encoder=encode
        )
        self._routes: dict[str, Route] = {
            route.operation: route for family in FAMILIES for route in family.routes.entries
        }

    def _scenarios(self) -> list[tuple[str, bool]]:
        """The scenarios that are institutions, too: names, and whether the bank's own page is met in them."""
        if self._engine is None:
            return []
        library = self._engine.library
        return [(name, meets_bank(library.flows(library.get(self.name, name)))) for name in library.names(self.name)]

    def operations(self) -> Sequence[Operation]:
        return [Operation(route.method, route.path, route.operation) for route in self._routes.values()]

    def control_routes(self) -> Sequence[ControlRoute]:
        takes = {
            "link": str,
            **dict.fromkeys(("institution", "username", "password"), (str, int, None)),
            "answers": [str],
        }
        return [ControlRoute("POST", "/play", self._play, takes, required=("link",))]

    def open(self, engine: Engine) -> None:
        self._engine = engine
        self._sessions = Sessions(engine, self._role, self._bank, self._institutions)
        self._mount = Mount(engine, self._institutions, self._bank, self._role, self._config.credentials)

    def answer(self, visit: Visit, operation: str, parameters: Mapping[str, str]) -> Response:
        route = self._routes[operation]
        call = Call(self._mount, visit.request, visit.sandbox, visit.entry, visit.base_url)
        try:
            call.admit(token=route.token)
            return call.respond(route.view(call, **parameters))
        except FinicityError as error:
            return Response(dumps(error.body(wide=route.wide)), error.status, mimetype="application/json")
        except HTTPException as error:
            return self.refuse(visit, error.code or 500, error.description or error.name)
        except ProfileError as error:
            return self.refuse(visit, 500, f"The data of this scenario cannot be made: {error}")
        finally:
            call.explain()

    def front(self, visit: Visit) -> Response:
        """There is nothing at the very beginning."""
        return self.refuse(visit, 404, "Resource not found")

    def refuse(self, visit: Visit, status: int, message: str) -> Response:
        code = NOT_FOUND if status == 404 else str(status)
        return Response(dumps({"code": code, "message": message}), status, mimetype="application/json")

    def _play(self, sandbox: Sandbox, body: Mapping[str, Any]) -> Any:
        """Plays a session without a browser: its last status, and the events that this has sent."""
        assert self._engine is not None
        typed = {
            name: str(body[name]) for name in ("institution", "username", "password") if body.get(name) is not None
        }
        wish = Wish(**typed, answers=list(body.get("answers", ())))
        try:
            with self._engine.change(sandbox) as world:
                session = self._found(world, body["link"])
                self._sessions.play(world, session, wish)
                events = [
                    each["detail"].partition(".")[2]
                    for each in world.happened
                    if each["kind"] == "event" and each["subject"] == session.guid
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
