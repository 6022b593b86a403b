"""Figures of this process for Prometheus: `GET /metrics`. Imported when they are first asked for.

Nothing is counted before that, so that a server that nobody watches does not pay for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, generate_latest

from mocksrv.engine.engine import Engine
from mocksrv.engine.observers import Happening

FAMILIES = {  # kind of happening: name, what is counted, labels
    "call": ("mocksrv_calls", "Calls of the providers' APIs, by operation and HTTP status.", ("operation", "status")),
    "status": ("mocksrv_statuses", "Statuses that subjects have entered.", ("status",)),
    "event": ("mocksrv_events", "Events that were written, by name.", ("event",)),
    "attempt": ("mocksrv_attempts", "Attempts to deliver a callback, by the delivery's state afterwards.", ("state",)),
}


def _labels(each: Happening) -> tuple[str, ...]:
    if each.kind == "call":
        return each.more["operation"] or "", str(each.more["status"])
    return (each.more["state"] if each.kind == "attempt" else each.detail,)


class Metrics:
    """The figures of an engine, of all its sandboxes together, from now on."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._registry = CollectorRegistry()
        self._counters = {
            kind: Counter(name, about, labels, registry=self._registry)
            for kind, (name, about, labels) in FAMILIES.items()
        }
        self._sandboxes = Gauge("mocksrv_sandboxes", "Sandboxes that there are.", registry=self._registry)
        ProcessCollector(registry=self._registry)
        engine.observers.subscribe(self._count)

    def _count(self, happened: Sequence[Happening]) -> None:
        """The observer."""
        for each in happened:
            counter = self._counters.get(each.kind)
            if counter:
                counter.labels(*_labels(each)).inc()

    def text(self) -> bytes:
        """The figures in the text format of Prometheus."""
        self._sandboxes.set(len(self._engine.sandboxes()))
        return generate_latest(self._registry)
