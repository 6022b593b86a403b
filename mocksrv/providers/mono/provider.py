"""The Mono wing: its families put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import Response
from werkzeug.exceptions import HTTPException

from mocksrv.engine.config import Config
from mocksrv.engine.engine import Cast, Engine
from mocksrv.engine.storage.records import dumps
from mocksrv.providers.mono import accounts, linking, syncing, transactions
from mocksrv.providers.mono.bank.institutions import Institutions
from mocksrv.providers.mono.bank.loading import Loader
from mocksrv.providers.mono.bank.people import People
from mocksrv.providers.mono.http import PREFIX, Call, MonoError, Mount, Reply, Route, refusal, version_of
from mocksrv.providers.mono.lifecycle import AccountRole, default_flows
from mocksrv.providers.mono.triggering import triggerer
from mocksrv.providers.mono.webhooks import RETRIES, sign
from mocksrv.providers.profiles import ProfileError, Profiles
from mocksrv.providers.provider import ControlRoute, Operation, Visit

FAMILIES = (linking, accounts, transactions, syncing)


class MonoWing:
    """Mono's data API, v1 and v2."""

    name = "mono"
    prefix = PREFIX

    def __init__(self, config: Config) -> None:
        self._engine: Engine | None = None
        self._institutions = Institutions(self._scenarios)
        self._people = People()
        self._key = config.credentials[1] if config.credentials else None
        timers = {kind: handler for family in FAMILIES for kind, handler in family.routes.timers.items()}
        loader = Loader(Profiles(config.scenarios), self._people)
        self._role = AccountRole(loader, self._institutions, triggerer(self._institutions, self._people), timers)
        self.cast = Cast(self._role, default_flows(self._role.vocabulary), RETRIES, signers={"mono": sign})
        self._routes: dict[str, Route] = {
            route.operation: route for family in FAMILIES for route in family.routes.entries
        }

    def _scenarios(self) -> Sequence[str]:
        """The scenarios that are institutions, too."""
        return self._engine.library.names("mono") if self._engine else ()

    def operations(self) -> Sequence[Operation]:
        return [Operation(route.method, route.path, route.operation) for route in self._routes.values()]

    def control_routes(self) -> Sequence[ControlRoute]:
        return linking.Widget(self._mount).routes()

    def open(self, engine: Engine) -> None:
        self._engine = engine
        self._mount = Mount(engine, self._role, self._institutions, self._people, self._key)

    def answer(self, visit: Visit, operation: str, parameters: Mapping[str, str]) -> Response:
        route = self._routes[operation]
        call = Call(self._mount, visit.request, visit.sandbox, visit.entry, visit.base_url, route.version)
        try:
            if not route.keyless:
                call.admit()
            return _respond(route.view(call, **parameters))
        except MonoError as error:
            return self.refuse(visit, error.status, error.message)
        except HTTPException as error:
            return self.refuse(visit, error.code or 500, error.description or error.name)
        except ProfileError as error:
            return self.refuse(visit, 500, f"The data of this scenario cannot be made: {error}")
        finally:
            call.explain()

    def front(self, visit: Visit) -> Response:
        """There is nothing at the very beginning."""
        return self.refuse(visit, 404, "Not found")

    def refuse(self, visit: Visit, status: int, message: str) -> Response:
        message = "Resource not found" if status == 404 and visit.entry.notes.get("operation") is None else message
        version = version_of(visit.request.path.removeprefix(PREFIX))
        return Response(dumps(refusal(version, visit.sandbox.now(), message)), status, mimetype="application/json")


def _respond(reply: Reply) -> Response:
    content = reply.body if isinstance(reply.body, bytes) else dumps(reply.body)
    return Response(content, reply.status, dict(reply.headers), mimetype=reply.mimetype)
