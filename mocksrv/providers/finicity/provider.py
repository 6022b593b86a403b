"""Finicity, as it declares itself: its operations, its pages, and the control call that plays a Connect session without
them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mocksrv.engine.names import of_key
from mocksrv.providers.finicity.rules import RULES
from mocksrv.providers.provider import ControlRoute, Family, PageRoute, Provider

if TYPE_CHECKING:
    from werkzeug.datastructures import Headers

    from mocksrv.engine.acting import Actions
    from mocksrv.engine.engine import Engine
    from mocksrv.engine.role import Role
    from mocksrv.engine.scenarios.institutions import OwnInstitution
    from mocksrv.providers.demo import Demo
    from mocksrv.providers.finicity.http import Call, Mount

VISIT = "/connect/session/<signature>/<number>"
PAGES = tuple(
    PageRoute(method, path, f"mocksrv.providers.finicity.pages.{view}")
    for method, path, view in (
        ("GET", "/connect", "connect:connect"),
        ("GET", VISIT, "connect:visit"),
        ("GET", f"{VISIT}/poll", "connect:poll"),
        ("GET", f"{VISIT}/search", "connect:search"),
        ("POST", f"{VISIT}/<act>", "connect:act"),
        ("GET", f"{VISIT}/bank", "bank:bank"),
        ("POST", f"{VISIT}/bank", "bank:decide"),
        ("GET", f"{VISIT}/bank/outcome", "bank:settle"),
    )
)


FAULTS = ("429", "500", "502", "503", "504")  # refusals that a fault makes


class FinicityProvider(Provider):
    """Finicity's API (Mastercard Open Finance US), and its Connect sessions."""

    name, title, noun = "finicity", "Finicity", "session"
    prefix = "/finicity"
    api = "Finicity API"
    any_credentials = "any app key; any partner id and secret"
    own_credentials = "any app key; one partner id and secret"
    rules = RULES
    central_event = "finicity.added"
    auth_kinds = ("finicity",)
    mount: Mount

    def families(self) -> Sequence[Family]:
        from mocksrv.providers.finicity import (
            accounts,
            connect,
            customers,
            institutions,
            partners,
            refreshes,
            reports,
            transactions,
        )

        return (partners, customers, institutions, connect, accounts, transactions, refreshes, reports)

    def make_role(self) -> Role:
        from mocksrv.providers.finicity.bank.institutions import Institutions
        from mocksrv.providers.finicity.bank.loading import Bank
        from mocksrv.providers.finicity.lifecycle import SessionRole
        from mocksrv.providers.profiles import Profiles

        self._institutions = Institutions(self._banks, self._own_banks)
        self._bank = Bank(Profiles(self.config.scenarios))
        return SessionRole(self._bank, self.timers, self.config.fidelity)

    def _banks(self) -> list[tuple[str, bool]]:
        """The scenarios of all sandboxes that are institutions, too."""
        from mocksrv.providers.finicity.bank.institutions import standing_for

        return standing_for(self.engine.library) if self.engine else []

    def _own_banks(self) -> list[OwnInstitution]:
        return [] if self.engine is None else [*self.engine.library.institutions(self.name).values()]

    def make_mount(self, engine: Engine) -> Mount:
        from mocksrv.providers.finicity.http import Mount

        return Mount(engine, self.role, self.config.credentials, self._institutions, self._bank, self.config.fidelity)

    def actions(self) -> Actions:
        from mocksrv.providers.finicity.playing import SessionActions

        return SessionActions(self.mount)

    def control_routes(self) -> Sequence[ControlRoute]:
        from mocksrv.providers.finicity.playing import SessionPlayer

        return SessionPlayer(self.mount).routes()

    def pages(self) -> Sequence[PageRoute]:
        return PAGES

    def calls(self) -> type[Call]:
        from mocksrv.providers.finicity.http import Call

        return Call

    def sandbox_of(self, headers: Headers) -> str | None:
        key = headers.get("Finicity-App-Key")
        return of_key(self.name, key) if key else None

    @classmethod
    def refusals(cls) -> Sequence[str]:
        from mocksrv.providers.finicity.codes import REFUSALS

        return [*sorted({f"{each.status} {each.code}" for each in REFUSALS.values()}), *FAULTS]

    @classmethod
    def demo(cls) -> type[Demo]:
        from mocksrv.providers.finicity.demo import FinicityDemo

        return FinicityDemo

    @classmethod
    def describe(cls, body: Mapping[str, Any]) -> tuple[str, str] | None:
        if "eventType" not in body:
            return None
        about = (str(body.get(name) or "") for name in ("customerId", "eventId"))
        return f"finicity {body['eventType']}", " ".join(filter(None, about))
