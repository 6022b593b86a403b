"""Control calls that only one provider has: what its wing offers, under the provider's name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from mocksrv.providers.provider import ControlRoute, Refusal, Wing
from mocksrv.web.control.calls import Calls, Desk, Here, Route
from mocksrv.web.fields import read_json
from mocksrv.web.problems import Problem


class Wings(Calls):
    """The calls of these wings, each at ``/NAME/PATH``."""

    def __init__(self, desk: Desk, wings: Sequence[Wing]) -> None:
        super().__init__(desk)
        self._wings = wings

    def routes(self) -> Sequence[Route]:
        return [
            Route(route.method, f"/{wing.name}{route.path}", partial(self._call, route))
            for wing in self._wings
            for route in wing.control_routes()
        ]

    def _call(self, route: ControlRoute, sandbox: Here) -> Any:
        given = read_json(required=route.required, **route.takes)
        self.engine.catch_up(sandbox())
        try:
            return route.call(sandbox(), given)
        except Refusal as refusal:
            raise Problem(refusal.status, refusal.detail) from None
