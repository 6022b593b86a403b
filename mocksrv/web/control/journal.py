"""Control calls about what API clients asked: the journal of requests, and what they violated."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, dropwhile, islice
from typing import Any

from mocksrv.engine.clock import iso_ms
from mocksrv.engine.storage.queries import Tx
from mocksrv.engine.storage.rows import RequestRow
from mocksrv.web.control import shapes
from mocksrv.web.control.calls import LARGEST_PAGE, PAGE, Calls, ControlCall, ControlRequest, every
from mocksrv.web.problems import Problem

LISTED = ("id", "at", "method", "path", "query", "status", "duration_ms", "violations", "request", "response")
HELD = {404: "there is nothing with the id `after`"}

Filters = Mapping[str, Any]


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
            ),
            ControlCall(
                "GET",
                "/violations",
                self.list_violations,
                "Lists what broke the providers' contracts.",
                query="requests.RequestFilter",
                answer="requests.ViolationList",
                refusals=HELD,
            ),
        )

    def list(self, request: ControlRequest) -> Any:
        def find(tx: Tx, filters: Filters) -> Iterator[dict[str, Any]]:
            after = _row(tx, request.sandbox.name, request.query["after"]).seq if "after" in request.query else None
            for row in _rows(tx, request, filters, after):
                entry = shapes.entry(row)
                yield {key: entry[key] for key in LISTED}

        return {"requests": self._found(request, find)}

    def list_violations(self, request: ControlRequest) -> Any:
        def find(tx: Tx, filters: Filters) -> Iterable[dict[str, Any]]:
            last = request.query.get("after")
            if last is None:
                return _violations(_rows(tx, request, filters, None), request.backwards)
            call = _row(tx, request.sandbox.name, last.rpartition(".")[0])
            rest = [*dropwhile(lambda each: each["id"] != last, _violations([call], request.backwards))]
            if not rest:
                raise Problem(404, f"the call {call.id} has no violation {last}; GET /violations lists them")
            return chain(rest[1:], _violations(_rows(tx, request, filters, call.seq), request.backwards))

        return {"violations": self._found(request, find)}

    def _found(
        self, request: ControlRequest, find: Callable[[Tx, Filters], Iterable[dict[str, Any]]]
    ) -> Sequence[dict[str, Any]]:
        """As many items of what ``find`` finds as are asked for."""
        filters = {name: request.query.get(name) for name in ("method", "path", "status")}

        def page() -> Sequence[dict[str, Any]]:
            self.engine.journal.flush()
            with self.engine.look(request.sandbox) as world:
                return [*islice(find(world.tx, filters), request.query.get("limit", PAGE))]

        return self.hold(request, page)

    def read(self, request: ControlRequest, id: str) -> Any:
        self.engine.journal.flush()
        with self.engine.look(request.sandbox) as world:
            return shapes.entry(_row(world.tx, world.sandbox.name, id))


def _rows(tx: Tx, request: ControlRequest, filters: Filters, after: int | None) -> Iterator[RequestRow]:
    """The calls after one, by its number, in the order that is asked for."""
    name, newest = request.sandbox.name, request.backwards
    return every(
        lambda seq: tx.requests(name, after=seq, limit=LARGEST_PAGE, newest=newest, **filters),
        lambda row: row.seq,
        after,
        backwards=newest,
    )


def _violations(rows: Iterable[RequestRow], backwards: bool) -> Iterator[dict[str, Any]]:
    """What the calls broke, each with an id of its own: that of the call, and its place among the call's."""
    for row in rows:
        call = {"call": row.id, "at": iso_ms(row.at), "method": row.method, "path": row.path}
        numbered = [*enumerate(json.loads(row.entry)["violations"], 1)]
        for number, violation in reversed(numbered) if backwards else numbered:
            yield {"id": f"{row.id}.{number}", **call, **violation}


def _row(tx: Tx, sandbox: str, id: str) -> RequestRow:
    rows = tx.requests(sandbox, id=id)
    if not rows:
        raise Problem(
            404, f"there is no request {id} in the journal of the sandbox {sandbox}; GET /requests lists them"
        )
    return rows[0]
