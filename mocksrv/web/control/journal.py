"""Control calls about what API clients asked: the journal of requests, and what they violated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from mocksrv.engine.storage.queries import Tx
from mocksrv.engine.storage.rows import RequestRow
from mocksrv.engine.violations import RULES
from mocksrv.providers.provider import Refusal
from mocksrv.web.control import shapes
from mocksrv.web.control.calls import PAGE, Calls, ControlCall, ControlRequest, beginning

LISTED = ("id", "at", "method", "path", "query", "status", "duration_ms", "violations", "request", "response")
HELD = {404: "there is nothing with the id `after`"}
Row = TypeVar("Row")


class Requests(Calls):
    def declared(self) -> Sequence[ControlCall]:
        return (
            ControlCall(
                "GET",
                "/requests",
                self.list,
                "Lists the calls of the providers' APIs.",
                query="requests.RequestFilter",
                answer="requests.RequestList",
                refusals=HELD,
            ),
            ControlCall(
                "GET",
                "/requests/<id>",
                self.read,
                "Shows a call, and why it was answered so.",
                answer="requests.WholeRequest",
                refusals={404: "there is no such request"},
                parameters={"id": "The call's id: the header `X-Mocksrv-Request` of its answer."},
            ),
            ControlCall(
                "GET",
                "/violations",
                self.list_violations,
                "Lists what broke the providers' contracts, and how to mend it.",
                query="requests.ViolationFilter",
                answer="requests.ViolationList",
                refusals=HELD,
            ),
        )

    def list(self, request: ControlRequest) -> Any:
        filters = _filters(request, "method", "path", "status")

        def find(tx: Tx) -> Sequence[dict[str, Any]]:
            after = _call(tx, request.sandbox.name, request.query["after"]).seq if "after" in request.query else None
            entries = self._entries(tx, request.sandbox.name, _page(tx.requests, request, filters, after))
            return [{key: entry[key] for key in LISTED} for entry in entries]

        return {"requests": self._found(request, find)}

    def list_violations(self, request: ControlRequest) -> Any:
        filters = _filters(request, "method", "path", "status", "provider")
        self.known_provider(filters["provider"])
        named, severity = request.query.get("rule"), request.query.get("severity")
        if named or severity:
            wanted = (rule for rule in RULES.values() if rule.id == (named or rule.id))
            filters["rules"] = [rule.id for rule in wanted if rule.severity == (severity or rule.severity)]

        def find(tx: Tx) -> Sequence[dict[str, Any]]:
            after = _violation(tx, request.sandbox.name, request.query["after"]) if "after" in request.query else None
            rows = _page(tx.violations, request, filters, after)
            return [shapes.listed_violation(row, self._sources) for row in rows]

        return {"violations": self._found(request, find)}

    def _found(self, request: ControlRequest, find: Callable[[Tx], Sequence[Any]]) -> Sequence[Any]:
        """What there is of a list when all that was noted so far is written."""

        def page() -> Sequence[dict[str, Any]]:
            self.engine.journal.flush()
            with self.engine.look(request.sandbox) as world:
                return find(world.tx)

        return self.hold(request, page)

    def read(self, request: ControlRequest, id: str) -> Any:
        self.engine.journal.flush()
        with self.engine.look(request.sandbox) as world:
            [entry] = self._entries(world.tx, request.sandbox.name, [_call(world.tx, request.sandbox.name, id)])
            return entry

    @property
    def _sources(self) -> Mapping[str, Mapping[str, str]]:
        """Where the providers say what the rules say."""
        return {provider.name: provider.rules for provider in self.providers}

    def _entries(self, tx: Tx, sandbox: str, rows: Sequence[RequestRow]) -> Iterator[dict[str, Any]]:
        """Calls as they are shown, with what they broke."""
        broken: dict[str | None, list[dict[str, Any]]] = {}
        for row in tx.violations_of(sandbox, [row.id for row in rows]):
            broken.setdefault(row.call, []).append(shapes.violation(row, self._sources))
        return (shapes.entry(row, broken.get(row.id, [])) for row in rows)


def _filters(request: ControlRequest, *names: str) -> dict[str, Any]:
    return {name: request.query.get(name) for name in names}


def _page(
    read: Callable[..., Sequence[Row]], request: ControlRequest, filters: Mapping[str, Any], after: int | None
) -> Sequence[Row]:
    """As many rows after one, by its number, as are asked for, in the order that is asked for."""
    newest = request.backwards
    after = beginning(newest) if after is None else after
    limit = request.query.get("limit", PAGE)
    return read(request.sandbox.name, after=after, limit=limit, newest=newest, **filters)


def _call(tx: Tx, sandbox: str, id: str) -> RequestRow:
    rows = tx.requests(sandbox, id=id)
    if not rows:
        raise Refusal(
            404, f"there is no request {id} in the journal of the sandbox {sandbox}; GET /requests lists them"
        )
    return rows[0]


def _violation(tx: Tx, sandbox: str, id: str) -> int:
    rows = tx.violations(sandbox, id=id)
    if not rows:
        raise Refusal(404, f"there is no violation {id} in the sandbox {sandbox}; GET /violations lists them")
    return rows[0].seq
