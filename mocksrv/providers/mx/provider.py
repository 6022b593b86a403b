"""The MX wing: its families put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import Response
from werkzeug.exceptions import HTTPException

from mocksrv.engine.config import Config
from mocksrv.engine.engine import Cast, Engine
from mocksrv.engine.storage.records import dumps
from mocksrv.providers.mx.bank.categories import BY_NAME
from mocksrv.providers.mx.bank.institutions import EVERYDAY, Institutions
from mocksrv.providers.mx.bank.loading import Loader
from mocksrv.providers.mx.catalog import categories, enhance, institutions, merchants
from mocksrv.providers.mx.events.triggering import EVENTS, trigger
from mocksrv.providers.mx.events.webhooks import RETRIES
from mocksrv.providers.mx.http.call import Call, Mount, MXError, Route
from mocksrv.providers.mx.http.versions import PLAIN_JSON
from mocksrv.providers.mx.money import (
    accounts,
    ach_returns,
    budgets,
    cash_flow,
    goals,
    holdings,
    insights,
    manual_accounts,
    notifications,
    repeating,
    rewards,
    spending_plans,
    statements,
    tags,
    transaction_changes,
    transaction_rules,
    transactions,
)
from mocksrv.providers.mx.people import (
    jobs,
    managed,
    members,
    microdeposits,
    processor,
    users,
    verifiable_credentials,
    widgets,
)
from mocksrv.providers.mx.people.lifecycle import MemberRole, default_flows
from mocksrv.providers.profiles import ProfileError, Profiles
from mocksrv.providers.provider import ControlRoute, Operation, Visit

FAMILIES = (
    users,
    institutions,
    members,
    jobs,
    accounts,
    transactions,
    transaction_changes,
    manual_accounts,
    managed,
    categories,
    tags,
    transaction_rules,
    notifications,
    budgets,
    goals,
    spending_plans,
    cash_flow,
    ach_returns,
    microdeposits,
    processor,
    widgets,
    repeating,
    insights,
    holdings,
    statements,
    rewards,
    verifiable_credentials,
    merchants,
    enhance,
)
INVALID_ROUTE = "Invalid route"
FORBIDDEN = {403: "forbidden", 405: "forbidden", 406: "missing-header"}  # refusals that the journal calls violations


class MXWing:
    """The MX Platform API, both versions."""

    name = "mx"
    prefix = ""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._engine: Engine | None = None
        self._institutions = Institutions(self._scenarios)
        loader = Loader(Profiles(config.scenarios, categories=BY_NAME), self._profile_of, transaction_rules.applier)
        timers = {kind: handler for family in FAMILIES for kind, handler in family.routes.timers.items()}
        self._role = MemberRole(loader, EVENTS, trigger, timers)
        self.cast = Cast(self._role, default_flows(self._role.vocabulary), RETRIES)
        self._routes: dict[str, Route] = {
            route.operation: route for family in FAMILIES for route in family.routes.entries
        }

    def _scenarios(self) -> list[tuple[str, str]]:
        """The scenarios that are institutions, too: names and summaries."""
        if self._engine is None:
            return []
        return [(name, "") for name in self._engine.library.names("mx")]

    def _profile_of(self, code: str) -> str:
        institution = self._institutions.get(code)
        return self._institutions.data_profile(institution) if institution else EVERYDAY

    def operations(self) -> Sequence[Operation]:
        return [Operation(route.method, route.path, route.operation) for route in self._routes.values()]

    def control_routes(self) -> Sequence[ControlRoute]:
        return ()

    def open(self, engine: Engine) -> None:
        self._engine = engine
        self._mount = Mount(engine, self._institutions, self._role, self._config.fidelity, self._config.credentials)

    def answer(self, visit: Visit, operation: str, parameters: Mapping[str, str]) -> Response:
        route = self._routes[operation]
        call = Call(self._mount, visit.request, visit.sandbox, visit.entry, visit.base_url)
        try:
            call.plain_json = self._config.fidelity == "sdk" and operation in PLAIN_JSON
            call.admit(bearer=route.bearer)
            if call.version not in route.versions:
                raise MXError(404, INVALID_ROUTE)
            call.by_id = route.by_id
            if call.version in route.deprecated:
                visit.entry.violate("deprecated", f"{operation} is deprecated in {call.version}")
            return call.respond(route.view(call, **parameters))
        except MXError as error:
            if error.status in FORBIDDEN:
                visit.entry.violate(FORBIDDEN[error.status], error.message)
            return self.refuse(visit, error.status, error.message)
        except HTTPException as error:
            return self.refuse(visit, error.code or 500, error.description or error.name)
        except ProfileError as error:
            return self.refuse(visit, 500, f"The data of this scenario cannot be made: {error}")
        finally:
            call.explain()

    def front(self, visit: Visit) -> Response:
        """There is nothing at ``/``; who has not said a version is told how to."""
        call = Call(self._mount, visit.request, visit.sandbox, visit.entry, visit.base_url)
        try:
            call.choose_version()
        except MXError as error:
            return self.refuse(visit, error.status, error.message)
        return self.refuse(visit, 404, INVALID_ROUTE)

    def refuse(self, visit: Visit, status: int, message: str) -> Response:
        text = INVALID_ROUTE if status == 404 and visit.entry.notes.get("operation") is None else message
        return Response(dumps({"error": {"message": text}}), status, mimetype="application/json")
