"""Control calls that only one provider has."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from mocksrv.providers.provider import ControlRoute
from mocksrv.web.control.calls import Calls, ControlCall, ControlRequest


class ProviderCalls(Calls):
    """The calls that these providers declare."""

    def declared(self) -> Sequence[ControlCall]:
        return [
            ControlCall(
                route.method,
                route.path,
                partial(self._call, route),
                route.summary,
                body=route.body,
                answer=route.answer,
                refusals=route.refusals,
                parameters=route.parameters,
            )
            for provider in self.providers
            for route in provider.control_routes()
        ]

    def _call(self, route: ControlRoute, request: ControlRequest, **parameters: str) -> Any:
        self.engine.schedule.catch_up(request.sandbox)
        return route.call(request.sandbox, request.body, **parameters)
