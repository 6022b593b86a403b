"""Control calls about callbacks: where they go, what was sent and what came of it, sending again, sending on
request.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import request

from mocksrv.engine.callbacks.outbox import replay
from mocksrv.engine.engine import UnknownEvent, UnknownSubject
from mocksrv.engine.role import WrongSubject
from mocksrv.engine.sandbox import endpoints_from
from mocksrv.engine.storage.rows import EventRow
from mocksrv.engine.world import World
from mocksrv.web import shapes
from mocksrv.web.control.calls import Calls, Here, Route, every
from mocksrv.web.fields import ENDPOINTS, LARGEST_PAGE, fitting, moment_of, one_of, page, read, read_json
from mocksrv.web.problems import Problem

STATES = ("pending", "delivered", "failed", "dropped")  # of a delivery


class Callbacks(Calls):
    def routes(self) -> Sequence[Route]:
        return (
            Route("GET", "/endpoints", self.read_endpoints),
            Route("PUT", "/endpoints", self.put_endpoints),
            Route("GET", "/webhooks", self.list),
            Route("GET", "/webhooks/<id>", self.read),
            Route("POST", "/webhooks/replay", self.replay_all),
            Route("POST", "/webhooks/<id>/replay", self.replay),
            Route("POST", "/trigger", self.trigger),
            Route("GET", "/events", self.list_events),
        )

    def read_endpoints(self, sandbox: Here) -> Any:
        return {"endpoints": [shapes.endpoint(endpoint) for endpoint in sandbox().settings.endpoints]}

    def put_endpoints(self, sandbox: Here) -> Any:
        items = read(ENDPOINTS)["endpoints"]
        with self.engine.change(sandbox()) as world:
            known = world.sandbox.settings.endpoints
            endpoints = tuple(shapes.with_secrets(made, known) for made in endpoints_from(items))
            for endpoint in endpoints:
                if shapes.SECRET in (*endpoint.auth.values(), *endpoint.headers.values()):
                    raise Problem(
                        422,
                        f"{endpoint.url}: {shapes.SECRET} stands for a secret that is there already, and there is none",
                    )
            world.configure(endpoints=endpoints)
            world.tx.fail_orphans(world.sandbox.name, [endpoint.id for endpoint in endpoints])
        return self.read_endpoints(sandbox)

    def list(self, sandbox: Here) -> Any:
        after, limit = page("event", "subject", "state")
        one_of("state", STATES)
        event = fitting(request.args.get("event"), "event")
        filters = {"event": event, "subject": request.args.get("subject"), "state": request.args.get("state")}

        def find() -> Sequence[dict[str, Any]]:
            with self.engine.look(sandbox()) as world:
                start = _event(world, after).seq if after else 0
                return [
                    shapes.webhook(world.tx, row)
                    for row in world.tx.events(world.sandbox.name, after=start, limit=limit, **filters)
                ]

        self.engine.catch_up(sandbox())
        return {"webhooks": self.desk.hold(find)}

    def read(self, sandbox: Here, id: str) -> Any:
        with self.engine.look(sandbox()) as world:
            return shapes.webhook(world.tx, _event(world, id), whole=True)

    def replay(self, sandbox: Here, id: str) -> Any:
        with self.engine.change(sandbox()) as world:
            event = _event(world, id)
            if not replay(world, event.seq, event.name, self.engine.unasked):
                raise Problem(409, f"no endpoint of the sandbox {world.sandbox.name} asks for {event.name}")
        return self.read(sandbox, id)

    def replay_all(self, sandbox: Here) -> Any:
        """Everything since a moment once more, in its order."""
        given = read_json(since=str, event=str, subject=str, required=("since",))
        since = moment_of(given["since"], "since")
        filters = {"event": fitting(given.get("event"), "event"), "subject": given.get("subject"), "since": since}
        with self.engine.change(sandbox()) as world:
            rows = every(
                lambda seq: world.tx.events(world.sandbox.name, after=seq, limit=LARGEST_PAGE, **filters),
                lambda row: row.seq,
            )
            sent = [row.id for row in rows if replay(world, row.seq, row.name, self.engine.unasked)]
        return {"replayed": sent}

    def trigger(self, sandbox: Here) -> Any:
        given = read_json(event=str, subject=(str, None), payload=dict, required=("event",))
        try:
            sent = self.engine.trigger(sandbox(), given["event"], given.get("subject"), given.get("payload", {}))
        except UnknownEvent as error:
            raise Problem(422, f"event: {error}") from None
        except UnknownSubject as error:
            raise Problem(404, str(error)) from None
        except WrongSubject as error:
            raise Problem(422, f"subject: {error}") from None
        return {"webhooks": [self.read(sandbox, id) for id in sent]}

    def list_events(self, _: Here) -> Any:
        """What can be triggered and subscribed to."""
        return {"events": [event for words in self.engine.vocabularies.values() for event in sorted(words.events)]}


def _event(world: World, id: str) -> EventRow:
    rows = world.tx.events(world.sandbox.name, id=id)
    if not rows:
        raise Problem(404, f"there is no webhook {id} in the sandbox {world.sandbox.name}")
    return rows[0]
