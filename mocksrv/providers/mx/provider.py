"""MX: its families put together."""

from __future__ import annotations

from typing import Any

from flask import Response

from mocksrv.engine.engine import Engine
from mocksrv.providers.mx.bank.categories import BY_NAME
from mocksrv.providers.mx.bank.institutions import EVERYDAY, Institutions
from mocksrv.providers.mx.bank.loading import Loader
from mocksrv.providers.mx.catalog import categories, enhance, institutions, merchants
from mocksrv.providers.mx.events.triggering import EVENTS, trigger
from mocksrv.providers.mx.http.call import INVALID_ROUTE, Call, Mount, MXError
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
from mocksrv.providers.mx.people.lifecycle import MemberRole
from mocksrv.providers.profiles import Profiles
from mocksrv.providers.provider import Provider

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


class MXProvider(Provider):
    """The MX Platform API, both versions."""

    name = "mx"
    prefix = ""
    families = FAMILIES
    call_type = Call

    def make_role(self) -> MemberRole:
        self._institutions = Institutions(lambda: [(name, "") for name in self.scenarios()])
        profiles = Profiles(self.config.scenarios, categories=BY_NAME)
        loader = Loader(profiles, self._profile_of, transaction_rules.applier)
        return MemberRole(loader, EVENTS, trigger, self.timers)

    def _profile_of(self, code: str) -> str:
        institution = self._institutions.get(code)
        return self._institutions.data_profile(institution) if institution else EVERYDAY

    def make_mount(self, engine: Engine) -> Mount:
        fidelity = self.config.fidelity
        plain = PLAIN_JSON if fidelity == "sdk" else frozenset[str]()
        return Mount(engine, self.role, self.config.credentials, self._institutions, fidelity, plain)

    def root(self, call: Any) -> Response:
        """There is nothing at ``/``; who has not said a version is told how to."""
        try:
            call.choose_version()
        except MXError as error:
            return call.refused(error)
        return call.refuse(404, INVALID_ROUTE)
