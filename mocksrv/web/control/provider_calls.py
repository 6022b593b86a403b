"""Control calls that only one provider has: what it offers, under the provider's name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from mocksrv.providers.provider import ControlRoute, Provider, Refusal
from mocksrv.web.control.calls import Calls, Desk, Here, Route
from mocksrv.web.fields import read_json
from mocksrv.web.problems import Problem


class ProviderCalls(Calls):
    """The calls of these providers, each at ``/NAME/PATH``."""

    def __init__(self, desk: Desk, providers: Sequence[Provider]) -> None:
        super().__init__(desk)
        self._providers = providers

    def routes(self) -> Sequence[Route]:
        return [
            Route(route.method, f"/{provider.name}{route.path}", partial(self._call, route))
            for provider in self._providers
            for route in provider.control_routes()
        ]

    def _call(self, route: ControlRoute, sandbox: Here) -> Any:
        given = read_json(required=route.required, **route.takes)
        self.engine.catch_up(sandbox())
        try:
            return route.call(sandbox(), given)
        except Refusal as refusal:
            raise Problem(refusal.status, refusal.detail) from None
