"""Control calls about what API clients asked: the journal of requests, and what they violated."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from mocksrv.engine.storage.queries import Tx
from mocksrv.engine.storage.rows import RequestRow
from mocksrv.web.control import shapes
from mocksrv.web.control.calls import LARGEST_PAGE, PAGE, Calls, ControlCall, ControlRequest, every
from mocksrv.web.problems import Problem

LISTED = ("id", "at", "method", "path", "query", "status", "duration_ms", "violations", "request", "response")
HELD = {404: "there is no request `after`", 503: "no thread is free"}


class Requests(Calls):
    def declared(self) -> Sequence[ControlCall]:
        return (
            ControlCall(
                "GET",
                "/requests",
                self.list,
                "Lists the calls of the providers' APIs.",
                query="RequestFilter",
                answer="RequestList",
                refusals=HELD,
            ),
            ControlCall(
                "GET",
                "/requests/<id>",
                self.read,
                "Shows a call, and why it was answered so.",
                answer="WholeRequest",
                refusals={404: "there is no such request"},
            ),
            ControlCall(
                "GET",
                "/violations",
                self.list_violations,
                "Lists what broke the providers' contracts.",
                query="RequestFilter",
                answer="ViolationList",
                refusals=HELD,
            ),
        )

    def list(self, request: ControlRequest) -> Any:
        return {"requests": self._requests(request)}

    def list_violations(self, request: ControlRequest) -> Any:
        keys = ("id", "at", "method", "path")
        return {
            "violations": [
                {**{key: entry[key] for key in keys}, **violation}
                for entry in self._requests(request, broken=True)
                for violation in entry["violations"]
            ]
        }

    def _requests(self, request: ControlRequest, *, broken: bool = False) -> Sequence[dict[str, Any]]:
        """The entries that a list asks for; with ``broken`` those that have violations."""
        query, sandbox, newest = request.query, request.sandbox, request.backwards
        filters = {name: query.get(name) for name in ("method", "path", "status")}

        def find() -> Sequence[dict[str, Any]]:
            self.engine.journal.flush()
            with self.engine.look(sandbox) as world:
                rows = every(
                    lambda seq: world.tx.requests(
                        sandbox.name, after=seq, limit=LARGEST_PAGE, newest=newest, **filters
                    ),
                    lambda row: row.seq,
                    _row(world.tx, sandbox.name, query["after"]).seq if "after" in query else None,
                    backwards=newest,
                )
                entries = (shapes.entry(row) for row in rows)
                wanted = ({key: e[key] for key in LISTED} for e in entries if e["violations"] or not broken)
                return [*islice(wanted, query.get("limit", PAGE))]

        return self.hold(request, find)

    def read(self, request: ControlRequest, id: str) -> Any:
        self.engine.journal.flush()
        with self.engine.look(request.sandbox) as world:
            return shapes.entry(_row(world.tx, world.sandbox.name, id))


def _row(tx: Tx, sandbox: str, id: str) -> RequestRow:
    rows = tx.requests(sandbox, id=id)
    if not rows:
        raise Problem(
            404, f"there is no request {id} in the journal of the sandbox {sandbox}; GET /requests lists them"
        )
    return rows[0]
