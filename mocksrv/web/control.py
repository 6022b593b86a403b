"""The control API: everything about a sandbox that no provider offers. JSON under ``/_mocksrv``, errors as problem documents."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from hmac import compare_digest
from ipaddress import ip_address
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from flask import Flask, Response, request

from mocksrv import __version__
from mocksrv.engine.addresses import is_local
from mocksrv.engine.clock import SECOND, Clock, iso_ms
from mocksrv.engine.disturbance import Disturbance
from mocksrv.engine.engine import ADVANCE_TIME, AdvanceBusy, Engine, UnknownEvent
from mocksrv.engine.library import UnknownScenario
from mocksrv.engine.outbox import replay
from mocksrv.engine.reading import Row
from mocksrv.engine.sandbox import Fault, Sandbox, SandboxDropped, World, endpoints_from
from mocksrv.engine.scenario import Scenario, ScenarioError
from mocksrv.engine.store import Record, Tx, dumps
from mocksrv.web import shapes
from mocksrv.web.fields import ENDPOINTS, FAULTS, LARGEST_PAGE, check_moment, duration_of, moment_of, one_of, page, pattern, read, read_json
from mocksrv.web.options import WebOptions
from mocksrv.web.problems import Problem, problem

PREFIX = "/_mocksrv"
Item = TypeVar("Item")
LONGEST_WAIT = 60.0  # real seconds that an answer may be held
OPEN_TO_ALL = frozenset({"health"})


class Route(NamedTuple):
    method: str
    path: str
    name: str


ROUTES = (
    Route("GET", "", "index"),
    Route("GET", "/", "index"),
    Route("GET", "/health", "health"),
    Route("GET", "/scenarios", "list_scenarios"),
    Route("POST", "/scenarios/validate", "validate_scenario"),
    Route("GET", "/scenarios/<path:name>", "read_scenario"),
    Route("PUT", "/scenarios/<path:name>", "put_scenario"),
    Route("GET", "/bindings", "read_bindings"),
    Route("PUT", "/bindings", "put_bindings"),
    Route("GET", "/subjects", "list_subjects"),
    Route("GET", "/subjects/<id>", "read_subject"),
    Route("PUT", "/subjects/<id>/scenario", "move_subject"),
    Route("PUT", "/subjects/<id>/status", "push_subject"),
    Route("GET", "/clock", "read_clock"),
    Route("PUT", "/clock", "put_clock"),
    Route("POST", "/clock/advance", "advance"),
    Route("GET", "/endpoints", "read_endpoints"),
    Route("PUT", "/endpoints", "put_endpoints"),
    Route("GET", "/webhooks", "list_webhooks"),
    Route("GET", "/webhooks/<id>", "read_webhook"),
    Route("POST", "/webhooks/replay", "replay_webhooks"),
    Route("POST", "/webhooks/<id>/replay", "replay_webhook"),
    Route("POST", "/trigger", "trigger"),
    Route("GET", "/events", "list_events"),
    Route("GET", "/requests", "list_requests"),
    Route("GET", "/requests/<id>", "read_request"),
    Route("GET", "/violations", "list_violations"),
    Route("GET", "/faults", "read_faults"),
    Route("PUT", "/faults", "put_faults"),
    Route("DELETE", "/faults", "delete_faults"),
    Route("GET", "/sandboxes", "list_sandboxes"),
    Route("GET", "/sandbox", "read_sandbox"),
    Route("PUT", "/sandbox", "put_sandbox"),
    Route("DELETE", "/sandbox", "delete_sandbox"),
    Route("POST", "/reset", "reset"),
)


def mount(app: Flask, sandbox: Callable[[], Sandbox], control: Control) -> None:
    """Adds the control API to the application."""

    def view(route: Route) -> Callable[..., Response]:
        def answer(**parameters: str) -> Response:
            try:
                if route.name not in OPEN_TO_ALL:
                    control.admit()
                body = getattr(control, route.name)(sandbox, **parameters)
            except Problem as error:
                return problem(error.status, error.detail, **error.more)
            except SandboxDropped as error:
                return problem(404, str(error))
            return body if isinstance(body, Response) else _json(body)

        return answer

    for route in ROUTES:
        app.add_url_rule(f"{PREFIX}{route.path}", f"control.{route.method} {route.path}", view(route), methods=[route.method])


class Control:
    """The calls. Each takes the function that gives the request's sandbox, and the path's parameters; it answers a JSON value."""

    def __init__(self, engine: Engine, options: WebOptions) -> None:
        self.engine = engine
        self.options = options
        self._held = threading.BoundedSemaphore(max(1, options.threads // 4))
        self._advancing = threading.BoundedSemaphore(max(1, options.threads // 2))

    def admit(self) -> None:
        """Refuses strangers. Raises Problem 401, 403."""
        token, address = self.options.control_token, request.remote_addr or ""
        if token:
            given = request.headers.get("Authorization", "").removeprefix("Bearer ")
            if not compare_digest(given.encode(), token.encode()):
                raise Problem(401, "the control API wants the header 'Authorization: Bearer TOKEN' with the token of --control-token")
            return
        if not _is_near(address, self.options.control_from):
            raise Problem(
                403, f"the control API answers {self.options.control_from} clients only; --control-from or --control-token opens it"
            )

    # the server

    def index(self, _: Any) -> Any:
        return {"mocksrv": __version__, "calls": [f"{route.method} {PREFIX}{route.path}" for route in ROUTES]}

    def health(self, _: Any) -> Any:
        return {"status": "ok", "version": __version__}

    def list_sandboxes(self, _: Any) -> Any:
        return {"sandboxes": self.engine.sandboxes()}

    # scenarios

    def list_scenarios(self, _: Any) -> Any:
        provider = request.args.get("provider")
        names = [(p, name) for p in self.engine.vocabularies if provider in (None, p) for name in self.engine.library.names(p)]
        problems = [asdict(fault) for fault in self.engine.library.problems]
        return {"scenarios": [shapes.scenario(self.engine.library.get(p, name)) for p, name in names], "problems": problems}

    def read_scenario(self, _: Any, name: str) -> Any:
        scenario = self._scenario(name)
        return {**shapes.scenario(scenario), "text": scenario.text}

    def put_scenario(self, _: Any, name: str) -> Any:
        text = request.get_data(as_text=False)
        try:
            scenario = self.engine.check_scenario(text, file=f"{name}.yaml")
        except ScenarioError as error:
            raise _faulty(error) from None
        if name not in (scenario.name, f"{scenario.provider}/{scenario.name}"):
            raise Problem(422, f"the URL says {name!r}, the text says name: {scenario.name}")
        return shapes.scenario(self.engine.put_scenario(text.decode()))

    def validate_scenario(self, _: Any) -> Any:
        try:
            scenario = self.engine.check_scenario(request.get_data(as_text=False), file=request.args.get("file", "scenario.yaml"))
        except ScenarioError as error:
            return {"valid": False, "problems": [asdict(fault) for fault in error.problems]}
        return {"valid": True, "problems": [], "name": scenario.name, "provider": scenario.provider}

    def _scenario(self, name: str, provider: str | None = None) -> Scenario:
        try:
            return self.engine.library.find(name, provider)
        except UnknownScenario as unknown:
            raise Problem(404, str(unknown)) from None

    # choosing and moving

    def read_bindings(self, sandbox: Callable[[], Sandbox]) -> Any:
        settings = sandbox().settings
        return {"default": settings.default, "next": list(settings.next)}

    def put_bindings(self, sandbox: Callable[[], Sandbox]) -> Any:
        given = read_json(default=(str, None), next=[str])
        names = [*given.get("next", ()), *([given["default"]] if given.get("default") else ())]
        for name in names:
            try:
                self.engine.library.find(name)
            except UnknownScenario as unknown:
                raise Problem(422, str(unknown)) from None
        if "next" in given:
            given["next"] = tuple(given["next"])
        with self.engine.change(sandbox()) as world:
            world.configure(**given)
        return self.read_bindings(sandbox)

    def list_subjects(self, sandbox: Callable[[], Sandbox]) -> Any:
        after, limit = page("provider", "scenario", "status")
        wanted = {name: request.args.get(name) for name in ("provider", "scenario", "status")}

        def find() -> list[dict[str, Any]]:
            with self.engine.look(sandbox()) as world:
                start = self._subject(world, after).seq if after else 0
                records = _all(lambda seq: world.tx.subjects(world.sandbox.name, seq, LARGEST_PAGE), lambda record: record.seq, start)
                rows = (self._summary(record) for record in records)
                return list(islice((row for row in rows if all(value in (None, row[key]) for key, value in wanted.items())), limit))

        self.engine.catch_up(sandbox())
        return {"subjects": self._hold(find)}

    def _summary(self, subject: Record) -> dict[str, Any]:
        play = subject.play or {}
        job = play.get("job") or {}
        return {
            "id": subject.guid, "provider": play["provider"], "scenario": play["scenario"], "chosen_by": play["by"],
            "status": self.engine.player.role(subject).status(subject), "owner": subject.owner, "job": job.get("name"),
            "flow": play.get("flow"),
        }  # fmt: skip

    def _subject(self, world: World, id: str) -> Record:
        subject = world.subject(id)
        if subject is None:
            raise Problem(404, f"there is no subject {id} in the sandbox {world.sandbox.name}")
        return subject

    def read_subject(self, sandbox: Callable[[], Sandbox], id: str) -> Any:
        self.engine.catch_up(sandbox())
        with self.engine.look(sandbox()) as world:
            subject, timeline = world.subject(id), world.tx.timeline(world.sandbox.name, id)
            if subject is None and not timeline:
                self._subject(world, id)
            shown = {"id": id, "status": None, "deleted": True} if subject is None else self._summary(subject)
        return {**shown, "timeline": [shapes.moment(row) for row in timeline]}

    def move_subject(self, sandbox: Callable[[], Sandbox], id: str) -> Any:
        given = read_json(scenario=str, flow=(str, None), required=("scenario",))
        with self.engine.change(sandbox()) as world:
            subject = self._subject(world, id)
            provider = (subject.play or {})["provider"]
            scenario = self._scenario(given["scenario"], provider)
            flow = given.get("flow")
            if flow is not None and self.engine.library.flow(scenario, flow) is None:
                raise Problem(422, f"{scenario.name} has no flow {flow!r}")
            self.engine.player.move(world, subject, scenario.name, flow)
        return self.read_subject(sandbox, id)

    def push_subject(self, sandbox: Callable[[], Sandbox], id: str) -> Any:
        given = read_json(status=str, set=dict, required=("status",))
        with self.engine.change(sandbox()) as world:
            subject = self._subject(world, id)
            words = self.engine.player.role(subject).vocabulary
            if given["status"] not in words.statuses:
                raise Problem(422, f"{given['status']!r} is not a status; allowed are {', '.join(sorted(words.statuses))}")
            unknown = sorted(set(given.get("set", {})) - words.fields)
            if unknown:
                raise Problem(422, f"set: {unknown[0]!r} is not a field that can be set; allowed are {', '.join(sorted(words.fields))}")
            self.engine.player.push(world, subject, given["status"], given.get("set", {}))
        return self.read_subject(sandbox, id)

    # time

    def read_clock(self, sandbox: Callable[[], Sandbox]) -> Any:
        clock = sandbox().clock
        return {"mode": clock.mode, "speed": clock.speed, "now": iso_ms(sandbox().now())}

    def put_clock(self, sandbox: Callable[[], Sandbox]) -> Any:
        given = read_json(mode=str, speed=float, now=str)
        here = sandbox()
        now = moment_of(given["now"], "now") if "now" in given else None
        if now is not None:
            check_moment(now, "now")
        mode, speed = given.get("mode", here.clock.mode), given.get("speed", here.clock.speed)
        if mode not in ("real", "manual"):
            raise Problem(422, f"mode: {mode!r} is not allowed; allowed are real and manual")
        if not 0 < speed <= 1_000_000:
            raise Problem(422, "speed: must be above 0 and at most 1000000")
        if here.held is not None:
            raise Problem(409, "time is being advanced")
        with self.engine.change(here) as world:
            fresh = here.settings.seed is not None and world.tx.is_empty(here.name)
            if now is None:
                now = Clock.make(mode, seeded=True).now() if fresh and mode == "manual" else here.now()
            world.set_clock(Clock(mode, float(speed), now, Clock.make().wall))
        return self.read_clock(sandbox)

    def advance(self, sandbox: Callable[[], Sandbox]) -> Any:
        given = read_json(by=str, to=str, wait=str)
        here = sandbox()
        if ("by" in given) == ("to" in given):
            raise Problem(422, 'say how far: {"by": "1h"} or {"to": "2026-01-01T12:00:00Z"}')
        now = here.now()
        to = now + duration_of(given["by"], "by") if "by" in given else moment_of(given["to"], "to")
        if to < now:
            raise Problem(422, f"to: {given['to']} has passed, it is {iso_ms(now)}; PUT /clock sets a clock back")
        wait = duration_of(given["wait"], "wait") / SECOND if "wait" in given else ADVANCE_TIME
        check_moment(to, "to" if "to" in given else "by")
        try:
            with self._place(self._advancing):  # the rest of the threads is for the apps that call the API when callbacks come
                done = self.engine.advance(here, to, wait)
        except AdvanceBusy:
            raise Problem(409, "time is being advanced already") from None
        happened = [{**line, "at": iso_ms(line["at"])} for line in done.happened]
        return {"now": iso_ms(done.now), "happened": happened, **({} if done.complete else {"complete": False})}

    # callbacks

    def read_endpoints(self, sandbox: Callable[[], Sandbox]) -> Any:
        return {"endpoints": [shapes.endpoint(endpoint) for endpoint in sandbox().settings.endpoints]}

    def put_endpoints(self, sandbox: Callable[[], Sandbox]) -> Any:
        items = read(ENDPOINTS)["endpoints"]
        with self.engine.change(sandbox()) as world:
            known = {endpoint.id: endpoint for endpoint in world.sandbox.settings.endpoints}
            endpoints = tuple(shapes.with_secrets(made, known.get(made.id)) for made in endpoints_from(items))
            for endpoint in endpoints:
                if shapes.SECRET in (*endpoint.auth.values(), *endpoint.headers.values()):
                    raise Problem(422, f"{endpoint.url}: {shapes.SECRET} stands for a secret that is there already, and there is none")
            world.configure(endpoints=endpoints)
            world.tx.fail_orphans(world.sandbox.name, [endpoint.id for endpoint in endpoints])
        return self.read_endpoints(sandbox)

    def list_webhooks(self, sandbox: Callable[[], Sandbox]) -> Any:
        after, limit = page("event", "subject", "state")
        one_of("state", ("pending", "delivered", "failed", "dropped"))
        filters = {"event": pattern("event"), "subject": request.args.get("subject"), "state": request.args.get("state")}

        def find() -> list[dict[str, Any]]:
            with self.engine.look(sandbox()) as world:
                start = self._event_seq(world, after) if after else 0
                return [shapes.webhook(world.tx, row) for row in world.tx.events(world.sandbox.name, after=start, limit=limit, **filters)]

        self.engine.catch_up(sandbox())
        return {"webhooks": self._hold(find)}

    def _event_seq(self, world: World, id: str) -> int:
        seq = world.tx.event_seq(world.sandbox.name, id)
        if seq is None:
            raise Problem(404, f"there is no webhook {id} in the sandbox {world.sandbox.name}")
        return seq

    def read_webhook(self, sandbox: Callable[[], Sandbox], id: str) -> Any:
        with self.engine.look(sandbox()) as world:
            self._event_seq(world, id)
            row = world.tx.events(world.sandbox.name, id=id)[0]
            return shapes.webhook(world.tx, row, whole=True)

    def replay_webhook(self, sandbox: Callable[[], Sandbox], id: str) -> Any:
        with self.engine.change(sandbox()) as world:
            seq = self._event_seq(world, id)
            name = world.tx.events(world.sandbox.name, id=id)[0][2]
            if not replay(world, seq, name, self.engine.unasked):
                raise Problem(409, f"no endpoint of the sandbox {world.sandbox.name} asks for {name}")
        return self.read_webhook(sandbox, id)

    def replay_webhooks(self, sandbox: Callable[[], Sandbox]) -> Any:
        """Everything since a moment once more, in its order."""
        given = read_json(since=str, event=str, subject=str, required=("since",))
        since = moment_of(given["since"], "since")
        filters = {"event": given.get("event"), "subject": given.get("subject"), "since": since}
        with self.engine.change(sandbox()) as world:
            rows = _all(
                lambda seq: world.tx.events(world.sandbox.name, after=seq, limit=LARGEST_PAGE, **filters), lambda row: int(row[0]), 0
            )
            sent = [row[1] for row in rows if replay(world, row[0], row[2], self.engine.unasked)]
        return {"replayed": sent}

    def trigger(self, sandbox: Callable[[], Sandbox]) -> Any:
        given = read_json(event=str, subject=(str, None), payload=dict, required=("event",))
        try:
            sent = self.engine.trigger(sandbox(), given["event"], given.get("subject"), given.get("payload", {}))
        except UnknownEvent as error:
            raise Problem(422, f"event: {error}") from None
        except LookupError as error:
            raise Problem(404, str(error)) from None
        except ValueError as error:
            raise Problem(422, f"subject: {error}") from None
        return {"webhooks": [self.read_webhook(sandbox, id) for id in sent]}

    def list_events(self, _: Any) -> Any:
        """What can be triggered and subscribed to."""
        return {"events": [event for words in self.engine.vocabularies.values() for event in sorted(words.events)]}

    # the journal

    def list_requests(self, sandbox: Callable[[], Sandbox]) -> Any:
        return {"requests": self._requests(sandbox, lambda entry: True)}

    def list_violations(self, sandbox: Callable[[], Sandbox]) -> Any:
        found = self._requests(sandbox, lambda entry: bool(entry["violations"]))
        keys = ("id", "at", "method", "path")
        return {"violations": [{**{k: entry[k] for k in keys}, **violation} for entry in found for violation in entry["violations"]]}

    def _requests(self, sandbox: Callable[[], Sandbox], wanted: Callable[[Mapping[str, Any]], bool]) -> list[dict[str, Any]]:
        after, limit = page("method", "path", "status")
        status = request.args.get("status")
        if status is not None and not re.fullmatch(r"[1-5][0-9]{2}", status, re.ASCII):
            raise Problem(422, f"status: {status!r} is not an HTTP status")
        filters = {"method": request.args.get("method"), "path": pattern("path"), "status": int(status) if status else None}

        def find() -> list[dict[str, Any]]:
            self.engine.journal.flush()
            with self.engine.look(sandbox()) as world:
                start = self._request_row(world.tx, world.sandbox.name, after)[0] if after else 0
                rows = _all(
                    lambda seq: world.tx.requests(world.sandbox.name, after=seq, limit=LARGEST_PAGE, **filters),
                    lambda row: int(row[0]),
                    start,
                )
                entries = (shapes.entry(row) for row in rows)
                return list(islice(({k: e[k] for k in _LISTED} for e in entries if wanted(e)), limit))

        return self._hold(find)

    def read_request(self, sandbox: Callable[[], Sandbox], id: str) -> Any:
        self.engine.journal.flush()
        with self.engine.look(sandbox()) as world:
            return shapes.entry(self._request_row(world.tx, world.sandbox.name, id))

    @staticmethod
    def _request_row(tx: Tx, sandbox: str, id: str) -> Row:
        rows = tx.requests(sandbox, id=id)
        if not rows:
            raise Problem(404, f"there is no request {id} in the journal of the sandbox {sandbox}")
        return rows[0]

    # the sandbox

    def read_faults(self, sandbox: Callable[[], Sandbox]) -> Any:
        settings = sandbox().settings
        return {"faults": [*map(shapes.fault, settings.faults), *map(shapes.disturbance, settings.disturbances)]}

    def put_faults(self, sandbox: Callable[[], Sandbox]) -> Any:
        rules = read(FAULTS)["faults"]
        with self.engine.change(sandbox()) as world:
            world.configure(
                faults=tuple(rule for rule in rules if isinstance(rule, Fault)),
                disturbances=tuple(rule for rule in rules if isinstance(rule, Disturbance)),
            )
        return self.read_faults(sandbox)

    def delete_faults(self, sandbox: Callable[[], Sandbox]) -> Any:
        with self.engine.change(sandbox()) as world:
            world.configure(faults=(), disturbances=())
        return Response(status=204)

    def read_sandbox(self, sandbox: Callable[[], Sandbox]) -> Any:
        here = sandbox()
        return {"name": here.name, "seed": here.settings.seed, "clock": self.read_clock(sandbox), "bindings": self.read_bindings(sandbox)}

    def put_sandbox(self, sandbox: Callable[[], Sandbox]) -> Any:
        seed = read_json(seed=(int, None), required=("seed",))["seed"]
        with self.engine.change(sandbox()) as world:
            here = world.sandbox
            if not world.tx.is_empty(here.name):
                raise Problem(409, f"the sandbox {here.name} is not empty; POST {PREFIX}/reset first")
            world.configure(seed=seed)
            world.tx.set_sandbox(here.name, guids=0)
            if seed is not None and here.clock.mode == "manual" and self.engine.options.now is None:
                world.set_clock(Clock.make("manual", seeded=True))
        return self.read_sandbox(sandbox)

    def delete_sandbox(self, sandbox: Callable[[], Sandbox]) -> Any:
        self.engine.drop(sandbox().name)
        return Response(status=204)

    def reset(self, sandbox: Callable[[], Sandbox]) -> Any:
        try:
            self.engine.reset(sandbox())
        except AdvanceBusy:
            raise Problem(409, "time is being advanced") from None
        return self.read_sandbox(sandbox)

    # waiting

    def _hold(self, find: Callable[[], list[Any]]) -> list[Any]:
        """What ``find`` finds; with ``wait=5s`` as soon as it finds something. Only a share of the threads may be held."""
        wait = request.args.get("wait")
        if wait is None:
            return find()
        seconds = min(duration_of(wait, "wait") / SECOND, LONGEST_WAIT)
        with self._place(self._held):
            found: list[Any] = self.engine.wait_for(find, seconds)
            return found

    @contextmanager
    def _place(self, share: threading.BoundedSemaphore) -> Any:
        if not share.acquire(blocking=False):
            raise Problem(503, "too many held calls; --threads gives the server more room")
        try:
            yield
        finally:
            share.release()


def _all(read: Callable[[int], list[Item]], seq_of: Callable[[Item], int], after: int) -> Iterator[Item]:
    """What ``read`` gives after a number, page after page, to the end."""
    while page_of_them := read(after):
        yield from page_of_them
        after = seq_of(page_of_them[-1])


_LISTED = ("id", "at", "method", "path", "status", "duration_ms", "violations")


def _json(value: Any) -> Response:
    return Response(dumps(value), mimetype="application/json")


def _is_near(address: str, reach: str) -> bool:
    """Whether a client may use the control API without a token; one without an address came by a local socket."""
    if not address:
        return True
    ip = ip_address(address)
    return is_local(address) if reach == "private" else (getattr(ip, "ipv4_mapped", None) or ip).is_loopback


def _faulty(error: ScenarioError) -> Problem:
    return Problem(422, str(error.problems[0]), problems=[asdict(fault) for fault in error.problems])
