"""The control call for those who watch the server."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from flask import Response

from mocksrv.engine.engine import Engine
from mocksrv.providers.provider import Provider, Refusal
from mocksrv.web.control.calls import Calls, ControlCall, ControlRequest

if TYPE_CHECKING:
    from mocksrv.web.metrics import Metrics

TEXT = "text/plain"
TEXT_FORMAT = f"{TEXT}; version=0.0.4; charset=utf-8"
MISSING = "prometheus-client is not installed: pip install 'mocksrv[metrics]'"


class Figures(Calls):
    def __init__(self, engine: Engine, providers: Sequence[Provider]) -> None:
        super().__init__(engine, providers)
        self._lock = threading.Lock()
        self._metrics: Metrics | None = None

    def declared(self) -> Sequence[ControlCall]:
        return (
            ControlCall(
                "GET",
                "/metrics",
                self.metrics,
                "Counts calls, statuses, events and attempts in all sandboxes, for Prometheus: those of this process, "
                "from the first time that it is asked.",
                media=TEXT,
                refusals={501: MISSING},
            ),
        )

    def metrics(self, _: ControlRequest) -> Response:
        with self._lock:
            if self._metrics is None:
                try:
                    from mocksrv.web.metrics import Metrics
                except ImportError:
                    raise Refusal(501, MISSING) from None
                self._metrics = Metrics(self.engine)
        return Response(self._metrics.text(), content_type=TEXT_FORMAT)
