"""Control calls about what API clients asked: the journal of requests, and what they violated."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

from flask import request

from mocksrv.engine.storage.queries import Tx
from mocksrv.engine.storage.rows import RequestRow
from mocksrv.web import shapes
from mocksrv.web.control.calls import Calls, Here, Route, every
from mocksrv.web.fields import LARGEST_PAGE, fitting, page
from mocksrv.web.problems import Problem

LISTED = ("id", "at", "method", "path", "status", "duration_ms", "violations")


class Requests(Calls):
    def routes(self) -> Sequence[Route]:
        return (
            Route("GET", "/requests", self.list),
            Route("GET", "/requests/<id>", self.read),
            Route("GET", "/violations", self.list_violations),
        )

    def list(self, sandbox: Here) -> Any:
        return {"requests": self._requests(sandbox, lambda entry: True)}

    def list_violations(self, sandbox: Here) -> Any:
        found = self._requests(sandbox, lambda entry: bool(entry["violations"]))
        keys = ("id", "at", "method", "path")
        return {
            "violations": [
                {**{k: entry[k] for k in keys}, **violation} for entry in found for violation in entry["violations"]
            ]
        }

    def _requests(self, sandbox: Here, wanted: Callable[[Mapping[str, Any]], bool]) -> Sequence[dict[str, Any]]:
        after, limit = page("method", "path", "status")
        status = request.args.get("status")
        if status is not None and not re.fullmatch(r"[1-5][0-9]{2}", status, re.ASCII):
            raise Problem(422, f"status: {status!r} is not an HTTP status")
        path = fitting(request.args.get("path"), "path")
        filters = {"method": request.args.get("method"), "path": path, "status": int(status) if status else None}

        def find() -> Sequence[dict[str, Any]]:
            self.engine.journal.flush()
            with self.engine.look(sandbox()) as world:
                start = _row(world.tx, world.sandbox.name, after).seq if after else 0
                rows = every(
                    lambda seq: world.tx.requests(world.sandbox.name, after=seq, limit=LARGEST_PAGE, **filters),
                    lambda row: row.seq,
                    start,
                )
                entries = (shapes.entry(row) for row in rows)
                return [*islice(({k: e[k] for k in LISTED} for e in entries if wanted(e)), limit)]

        return self.desk.hold(find)

    def read(self, sandbox: Here, id: str) -> Any:
        self.engine.journal.flush()
        with self.engine.look(sandbox()) as world:
            return shapes.entry(_row(world.tx, world.sandbox.name, id))


def _row(tx: Tx, sandbox: str, id: str) -> RequestRow:
    rows = tx.requests(sandbox, id=id)
    if not rows:
        raise Problem(404, f"there is no request {id} in the journal of the sandbox {sandbox}")
    return rows[0]
