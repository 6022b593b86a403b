"""The control API: everything about a sandbox that no provider offers. JSON under ``/_mocksrv``, errors as problem
documents.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hmac import compare_digest
from ipaddress import ip_address
from typing import Any

from flask import Flask, Response, request

from mocksrv import __version__
from mocksrv.engine.callbacks.addresses import is_local
from mocksrv.engine.config import Config
from mocksrv.engine.engine import Engine
from mocksrv.engine.sandbox import SandboxDropped
from mocksrv.engine.storage.records import dumps
from mocksrv.providers.provider import Provider
from mocksrv.web.control.callbacks import Callbacks
from mocksrv.web.control.calls import PREFIX, Desk, Here, Route
from mocksrv.web.control.journal import Requests
from mocksrv.web.control.provider_calls import ProviderCalls
from mocksrv.web.control.sandboxes import Sandboxes
from mocksrv.web.control.scenarios import Scenarios
from mocksrv.web.control.subjects import Subjects
from mocksrv.web.control.time import Time
from mocksrv.web.problems import Problem, problem

GROUPS = (Scenarios, Subjects, Time, Callbacks, Requests, Sandboxes)
HEALTH = "/health"  # open to all


class Control:
    """The control API of an engine and of its providers."""

    def __init__(self, engine: Engine, providers: Sequence[Provider], config: Config) -> None:
        self.config = config
        desk = Desk(engine, config)
        own = (Route("GET", "", self._index), Route("GET", "/", self._index), Route("GET", HEALTH, self._health))
        groups = (*(group(desk) for group in GROUPS), ProviderCalls(desk, providers))
        self.routes = (*own, *(route for group in groups for route in group.routes()))

    def _index(self, _: Here) -> Any:
        return {"mocksrv": __version__, "calls": [f"{route.method} {PREFIX}{route.path}" for route in self.routes]}

    def _health(self, _: Here) -> Any:
        return {"status": "ok", "version": __version__}

    def admit(self) -> None:
        """Refuses strangers. Raises Problem 401, 403."""
        token, address = self.config.control_token, request.remote_addr or ""
        if token:
            given = request.headers.get("Authorization", "").removeprefix("Bearer ")
            if not compare_digest(given.encode(), token.encode()):
                raise Problem(
                    401,
                    "the control API wants the header 'Authorization: Bearer TOKEN' with the token of --control-token",
                )
            return
        if not _is_near(address, self.config.control_from):
            raise Problem(
                403,
                (
                    f"the control API answers {self.config.control_from} clients only; --control-from or "
                    "--control-token opens it"
                ),
            )


def mount(app: Flask, sandbox: Here, control: Control) -> None:
    """Adds the control API to the application."""

    def view(route: Route) -> Callable[..., Response]:
        def answer(**parameters: str) -> Response:
            try:
                if route.path != HEALTH:
                    control.admit()
                body = route.call(sandbox, **parameters)
            except Problem as error:
                return problem(error.status, error.detail, **error.more)
            except SandboxDropped as error:
                return problem(404, str(error))
            return body if isinstance(body, Response) else Response(dumps(body), mimetype="application/json")

        return answer

    for route in control.routes:
        app.add_url_rule(
            f"{PREFIX}{route.path}", f"control.{route.method} {route.path}", view(route), methods=[route.method]
        )


def _is_near(address: str, reach: str) -> bool:
    """Whether a client may use the control API without a token; one without an address came by a local socket."""
    if not address:
        return True
    ip = ip_address(address)
    return is_local(address) if reach == "private" else (getattr(ip, "ipv4_mapped", None) or ip).is_loopback
