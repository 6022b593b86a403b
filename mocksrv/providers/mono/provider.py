"""Mono: its families put together."""

from __future__ import annotations

from collections.abc import Sequence

from mocksrv.engine.engine import Engine
from mocksrv.providers.mono import accounts, linking, syncing, transactions
from mocksrv.providers.mono.bank.institutions import Institutions
from mocksrv.providers.mono.bank.loading import Loader
from mocksrv.providers.mono.bank.people import People
from mocksrv.providers.mono.http import PREFIX, Call, Mount
from mocksrv.providers.mono.lifecycle import AccountRole
from mocksrv.providers.mono.triggering import triggerer
from mocksrv.providers.profiles import Profiles
from mocksrv.providers.provider import ControlRoute, Provider

FAMILIES = (linking, accounts, transactions, syncing)


class MonoProvider(Provider):
    """Mono's data API, v1 and v2."""

    name = "mono"
    prefix = PREFIX
    families = FAMILIES
    call_type = Call
    mount: Mount

    def make_role(self) -> AccountRole:
        self._institutions = Institutions(self.scenarios)
        self._people = People()
        loader = Loader(Profiles(self.config.scenarios), self._people)
        return AccountRole(loader, self._institutions, triggerer(self._institutions, self._people), self.timers)

    def make_mount(self, engine: Engine) -> Mount:
        return Mount(engine, self.role, self.config.credentials, self._institutions, self._people)

    def control_routes(self) -> Sequence[ControlRoute]:
        return linking.Widget(self.mount).routes()
