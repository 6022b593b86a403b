"""Mono, as it declares itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mocksrv.engine.names import of_key
from mocksrv.providers.mono.rules import RULES
from mocksrv.providers.provider import ControlRoute, Family, PageRoute, Provider

if TYPE_CHECKING:
    from werkzeug.datastructures import Headers

    from mocksrv.engine.acting import Actions
    from mocksrv.engine.engine import Engine
    from mocksrv.engine.role import Role
    from mocksrv.providers.demo import Demo
    from mocksrv.providers.mono.http import Call, Mount

PAGES = tuple(
    PageRoute(method, path, f"mocksrv.providers.mono.pages.widget:{view}")
    for method, path, view in (
        ("GET", "/link/<code>", "link"),
        ("GET", "/widget", "widget"),
        ("GET", "/widget/<id>", "visit"),
        ("GET", "/widget/<id>/poll", "poll"),
        ("GET", "/widget/<id>/search", "search"),
        ("POST", "/widget/<id>/<act>", "act"),
        ("GET", "/shim.js", "shim"),
    )
)


# https://docs.mono.co/docs/errors
REFUSALS = ("400", "401", "402", "403", "404", "409", "429", "500", "502", "503", "504")


class MonoProvider(Provider):
    """Mono's data API, v1 and v2."""

    name, title, noun = "mono", "Mono", "account"
    prefix = "/mono"
    api = "Mono API"
    any_credentials = "any mono-sec-key"
    own_credentials = "the API key as mono-sec-key"
    rules = RULES
    central_event = "mono.account_updated"
    auth_kinds = ("mono",)
    mount: Mount

    def families(self) -> Sequence[Family]:
        from mocksrv.providers.mono import (
            accounts,
            analyses,
            coverage,
            customers,
            linking,
            partners,
            syncing,
            transactions,
        )

        return (linking, partners, customers, accounts, transactions, analyses, syncing, coverage)

    def make_role(self) -> Role:
        from mocksrv.providers.mono.bank.institutions import Institutions
        from mocksrv.providers.mono.bank.loading import Loader
        from mocksrv.providers.mono.bank.people import People
        from mocksrv.providers.mono.lifecycle import AccountRole
        from mocksrv.providers.mono.triggering import triggerer
        from mocksrv.providers.profiles import Profiles

        self._institutions = Institutions(self.scenarios, self.institutions)
        self._people = People()
        loader = Loader(Profiles(self.config.scenarios), self._people)
        return AccountRole(loader, self._institutions, triggerer(self._institutions, self._people), self.timers)

    def make_mount(self, engine: Engine) -> Mount:
        from mocksrv.providers.mono.http import Mount

        credentials, successors = self.config.credentials, self._successors()
        return Mount(engine, self.role, credentials, self._institutions, self._people, successors)

    def _successors(self) -> Mapping[str, str]:
        """The operations of the first version that the second has, too, each with its successor."""
        newer = {(route.method, route.path): route.operation for route in self.routes.values()}
        paths = {"/account/auth": "/accounts/auth"}  # the only one that is called otherwise
        found = {
            route.operation: newer.get((route.method, f"/v2{paths.get(route.path, route.path)}"))
            for route in self.routes.values()
        }
        return {operation: successor for operation, successor in found.items() if successor is not None}

    def operations(self) -> Sequence[str]:
        return [name for name in self.routes if name not in self._successors()]

    def actions(self) -> Actions:
        from mocksrv.providers.mono.widget import WidgetActions

        return WidgetActions(self.mount)

    def control_routes(self) -> Sequence[ControlRoute]:
        from mocksrv.providers.mono.widget import Widget

        return Widget(self.mount).routes()

    def calls(self) -> type[Call]:
        from mocksrv.providers.mono.http import Call

        return Call

    def sandbox_of(self, headers: Headers) -> str | None:
        from mocksrv.providers.mono.http import KEY_HEADER

        key = headers.get(KEY_HEADER, "")
        return of_key(self.name, key) if key.strip() else None

    def pages(self) -> Sequence[PageRoute]:
        return PAGES

    @classmethod
    def refusals(cls) -> Sequence[str]:
        return REFUSALS

    @classmethod
    def demo(cls) -> type[Demo]:
        from mocksrv.providers.mono.demo import MonoDemo

        return MonoDemo

    @classmethod
    def describe(cls, body: Mapping[str, Any]) -> tuple[str, str] | None:
        if "event" not in body:
            return None
        data: Any = body.get("data")
        data = data if isinstance(data, dict) else {}
        account = data.get("account")
        about = account.get("_id") if isinstance(account, dict) else account or data.get("id")
        return str(body["event"]), str(about or "")
