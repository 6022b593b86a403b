"""Control calls about callbacks: where they go, what was sent and what came of it, sending again, sending on
request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mocksrv.engine.callbacks.addresses import ForbiddenHost, check_hosts
from mocksrv.engine.callbacks.batches import write_out
from mocksrv.engine.callbacks.consistency import Contradiction
from mocksrv.engine.callbacks.outbox import UnknownField, replay, resume
from mocksrv.engine.engine import UnknownEvent, UnknownSubject
from mocksrv.engine.role import WrongSubject
from mocksrv.engine.sandbox import Endpoint, Sandbox, endpoints_from
from mocksrv.engine.secrets import MASK, masked_urls
from mocksrv.engine.state.omission import bare_url
from mocksrv.engine.storage.rows import EventRow
from mocksrv.engine.world import World
from mocksrv.providers.numbers import too_large
from mocksrv.providers.provider import Refusal
from mocksrv.web.control import shapes
from mocksrv.web.control.calls import LARGEST_PAGE, PAGE, Calls, ControlCall, ControlRequest, beginning, every

UNKNOWN = {404: "there is no such event"}
ID = {"id": "The event's id, as lists show it."}


class Callbacks(Calls):
    def declared(self) -> Sequence[ControlCall]:
        return (
            ControlCall(
                "GET", "/endpoints", self.read_endpoints, "Lists the webhook endpoints.", answer="endpoints.Endpoints"
            ),
            ControlCall(
                "PUT",
                "/endpoints",
                self.put_endpoints,
                "Sets the webhook endpoints. `***` keeps a secret that is there.",
                body="endpoints.EndpointsBody",
                answer="endpoints.Endpoints",
            ),
            ControlCall(
                "GET",
                "/webhooks",
                self.list,
                "Lists events with their deliveries and attempts.",
                query="callbacks.WebhookFilter",
                answer="callbacks.WebhookList",
                refusals={404: "there is no event `after`"},
            ),
            ControlCall(
                "GET",
                "/webhooks/<id>",
                self.read,
                "Shows an event with all that was sent and answered.",
                answer="callbacks.WholeWebhook",
                refusals=UNKNOWN,
                parameters=ID,
            ),
            ControlCall(
                "POST",
                "/webhooks/replay",
                self.replay_all,
                "Sends everything since a moment once more, in its order.",
                body="callbacks.ReplayBody",
                answer="callbacks.Replayed",
            ),
            ControlCall(
                "POST",
                "/webhooks/<id>/replay",
                self.replay,
                "Sends an event once more.",
                answer="callbacks.WholeWebhook",
                refusals={**UNKNOWN, 409: "no endpoint asks for it"},
                parameters=ID,
            ),
            ControlCall(
                "POST",
                "/trigger",
                self.trigger,
                "Sends an event of a catalogue, with fields of your own, without a scenario.",
                body="callbacks.TriggerBody",
                answer="callbacks.WholeWebhookList",
                refusals={404: "there is no such subject"},
            ),
            ControlCall(
                "GET",
                "/events",
                self.list_events,
                "Lists what can be triggered and subscribed to.",
                answer="callbacks.EventList",
            ),
        )

    def read_endpoints(self, request: ControlRequest) -> Any:
        return {"endpoints": [shapes.endpoint(endpoint) for endpoint in request.sandbox.settings.endpoints]}

    def put_endpoints(self, request: ControlRequest) -> Any:
        present = request.sandbox.settings.endpoints
        given = [shapes.with_whole_url(item, present) for item in request.body["endpoints"]]
        check_once(given)
        made = endpoints_from(given)
        self._check_patterns(made)
        warnings = self._check_hosts(made)
        with self.engine.change(request.sandbox) as world:
            known = world.sandbox.settings.endpoints
            endpoints = tuple(shapes.with_secrets(endpoint, known) for endpoint in made)
            for endpoint in endpoints:
                urls = endpoint.url + str(endpoint.auth.get("token_url"))
                if MASK in urls or MASK in (*endpoint.auth.values(), *endpoint.headers.values()):
                    raise Refusal(
                        422,
                        f"{masked_urls(endpoint.url)}: {MASK} stands for a secret that is there already, and there is "
                        "none; another auth needs it anew",
                    )
            world.configure(endpoints=endpoints)
            _resume(world, known, endpoints)
            world.tx.fail_orphans(world.sandbox.name, [endpoint.id for endpoint in endpoints])
        return {**self.read_endpoints(request), **({"warnings": warnings} if warnings else {})}

    def _check_patterns(self, endpoints: Sequence[Endpoint]) -> None:
        """Raises Refusal 422 for a pattern that no event can fit."""
        for place, endpoint in enumerate(endpoints):
            for number, pattern in enumerate(endpoint.events):
                self._check_pattern(pattern, f"endpoints.{place}.events.{number}")

    def _check_pattern(self, pattern: str | None, where: str) -> None:
        """Raises Refusal 422 for a pattern that no event can fit."""
        problem = None if pattern is None else self.pattern_problem(pattern)
        if problem:
            raise Refusal(422, f"{where}: {problem}")

    def _check_hosts(self, endpoints: Sequence[Endpoint]) -> list[str]:
        """What may be wrong with the hosts. Raises Refusal 422 for one to which callbacks do not go."""
        places = {}
        for place, endpoint in enumerate(endpoints):
            places[endpoint.url] = f"endpoints.{place}.url"
            if "token_url" in endpoint.auth:
                places[endpoint.auth["token_url"]] = f"endpoints.{place}.auth.token_url"
        try:
            warnings = check_hosts(list(places), self.engine.config.allow_callbacks, self.engine.itself)
        except ForbiddenHost as error:
            raise Refusal(422, f"{places[error.url]}: {error}") from None
        return [f"{places[url]}: {warning}" for url, warning in warnings.items()]

    def list(self, request: ControlRequest) -> Any:
        query, sandbox = request.query, request.sandbox
        filters = {name: query.get(name) for name in ("event", "subject", "state")}
        self._check_pattern(filters["event"], "event")

        def read(world: World) -> Sequence[dict[str, Any]]:
            after = beginning(request.backwards) if last is None else last.seq
            rows = world.tx.events(
                sandbox.name, after=after, limit=query.get("limit", PAGE), newest=request.backwards, **filters
            )
            return [shapes.webhook(world.tx, row) for row in rows]

        def find() -> Sequence[dict[str, Any]]:
            self.engine.schedule.catch_up(sandbox)
            return self.engine.look_for_events(sandbox, read, filters["event"])

        last = self._event(sandbox, query["after"]) if "after" in query else None
        return {"webhooks": self.hold(request, find)}

    def read(self, request: ControlRequest, id: str) -> Any:
        event = self._event(request.sandbox, id)
        with self.engine.look(request.sandbox) as world:
            return shapes.webhook(world.tx, event, whole=True)

    def _event(self, sandbox: Sandbox, id: str) -> EventRow:
        """Raises Refusal 404."""
        with self.engine.look(sandbox) as world:
            rows = world.tx.events(sandbox.name, id=id)
        rows = rows or self.engine.look_for_events(sandbox, lambda world: world.tx.events(sandbox.name, id=id))
        if not rows:
            raise Refusal(404, f"there is no webhook {id} in the sandbox {sandbox.name}; GET /webhooks lists them")
        return rows[0]

    def replay(self, request: ControlRequest, id: str) -> Any:
        event = self._event(request.sandbox, id)
        with self.engine.change(request.sandbox) as world:
            if not replay(world, event.seq, event.name, self.engine.unasked):
                raise Refusal(409, f"no endpoint of the sandbox {world.sandbox.name} asks for {event.name}")
        return self.read(request, id)

    def replay_all(self, request: ControlRequest) -> Any:
        given = request.body
        filters = {"event": given.get("event"), "subject": given.get("subject"), "since": given["since"]}
        self._check_pattern(filters["event"], "event")
        with self.engine.change(request.sandbox) as world:
            write_out(world, given.get("event"))
            rows = every(
                lambda seq: world.tx.events(world.sandbox.name, after=seq, limit=LARGEST_PAGE, **filters),
                lambda row: row.seq,
                None,
            )
            sent = [row.id for row in rows if replay(world, row.seq, row.name, self.engine.unasked)]
        return {"replayed": sent}

    def trigger(self, request: ControlRequest) -> Any:
        given = request.body
        place = too_large(given.get("payload", {}))
        if place is not None:
            raise Refusal(422, f"payload.{place}: a number beyond 2^53, which no provider sends")
        try:
            sent = self.engine.trigger(
                request.sandbox,
                given["event"],
                given.get("subject"),
                given.get("payload", {}),
                extra=given.get("extra", False),
            )
        except UnknownEvent as error:
            raise Refusal(422, f"event: {error}") from None
        except UnknownSubject as error:
            raise Refusal(404, f"subject: {error}") from None
        except UnknownField as error:
            raise Refusal(422, f"payload.{error}; `extra` takes other fields, too") from None
        except Contradiction as error:
            raise Refusal(422, f"payload.{error}; with `extra` it is sent all the same") from None
        except WrongSubject as error:
            raise Refusal(422, f"subject: {error}") from None
        return {"webhooks": [self.read(request, id) for id in sent]}

    def list_events(self, _: ControlRequest) -> Any:
        return {"events": self.engine.events}


def _resume(world: World, known: Sequence[Endpoint], endpoints: Sequence[Endpoint]) -> None:
    """What paused endpoints are owed goes to those that have their secrets now."""
    for paused in (each for each in known if each.paused):
        for endpoint in endpoints:
            if not endpoint.paused and paused.url in (endpoint.url, bare_url(endpoint.url)):
                resume(world, paused, endpoint)


def check_once(items: Sequence[Mapping[str, Any]]) -> None:
    """Raises Refusal 422 for two endpoints with one URL."""
    places: dict[str, int] = {}
    for place, item in enumerate(items):
        first = places.setdefault(item["url"], place)
        if first != place:
            raise Refusal(422, f"endpoints.{place}.url: is that of endpoints.{first}; one URL is one endpoint")
