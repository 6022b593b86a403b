"""Control calls about what plays scenarios: who plays what and how it got there; choosing, moving, pushing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from flask import request

from mocksrv.engine.scenarios.vocabulary import field_problems
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.web import shapes
from mocksrv.web.control.calls import Calls, Here, Route, every
from mocksrv.web.fields import LARGEST_PAGE, page, read_json
from mocksrv.web.problems import Problem


class Subjects(Calls):
    def routes(self) -> Sequence[Route]:
        return (
            Route("GET", "/bindings", self.read_bindings),
            Route("PUT", "/bindings", self.put_bindings),
            Route("GET", "/subjects", self.list),
            Route("GET", "/subjects/<id>", self.read),
            Route("PUT", "/subjects/<id>/scenario", self.move),
            Route("PUT", "/subjects/<id>/status", self.push),
        )

    def read_bindings(self, sandbox: Here) -> Any:
        return shapes.bindings(sandbox())

    def put_bindings(self, sandbox: Here) -> Any:
        given = read_json(default=(str, None), next=[str])
        for name in [*given.get("next", ()), *([given["default"]] if given.get("default") else ())]:
            self.desk.scenario(name, status=422)
        if "next" in given:
            given["next"] = tuple(given["next"])
        with self.engine.change(sandbox()) as world:
            world.configure(**given)
        return shapes.bindings(sandbox())

    def list(self, sandbox: Here) -> Any:
        after, limit = page("provider", "scenario", "status")
        wanted = {name: request.args.get(name) for name in ("provider", "scenario", "status")}

        def find() -> Sequence[dict[str, Any]]:
            with self.engine.look(sandbox()) as world:
                start = _subject(world, after).seq if after else 0
                records = every(
                    lambda seq: world.tx.subjects(world.sandbox.name, seq, LARGEST_PAGE),
                    lambda record: record.seq,
                    start,
                )
                rows = (self._summary(record) for record in records)
                return [
                    *islice(
                        (row for row in rows if all(value in (None, row[key]) for key, value in wanted.items())), limit
                    )
                ]

        self.engine.catch_up(sandbox())
        return {"subjects": self.desk.hold(find)}

    def _summary(self, subject: Record) -> dict[str, Any]:
        play = subject.playing
        return {
            "id": subject.guid,
            "provider": play.provider,
            "scenario": play.scenario,
            "chosen_by": play.by,
            "status": self.engine.player.role(subject).status(subject),
            "owner": subject.owner,
            "job": play.job.name if play.job is not None else None,
            "flow": play.flow,
        }

    def read(self, sandbox: Here, id: str) -> Any:
        self.engine.catch_up(sandbox())
        with self.engine.look(sandbox()) as world:
            subject, timeline = world.subject(id), world.tx.timeline(world.sandbox.name, id)
            if subject is None and not timeline:
                _subject(world, id)
            shown = {"id": id, "status": None, "deleted": True} if subject is None else self._summary(subject)
        return {**shown, "timeline": [shapes.moment(row) for row in timeline]}

    def move(self, sandbox: Here, id: str) -> Any:
        given = read_json(scenario=str, flow=(str, None), required=("scenario",))
        with self.engine.change(sandbox()) as world:
            subject = _subject(world, id)
            provider = subject.playing.provider
            scenario = self.desk.scenario(given["scenario"], provider)
            flow = given.get("flow")
            if flow is not None and self.engine.library.flow(scenario, flow) is None:
                raise Problem(422, f"{scenario.name} has no flow {flow!r}")
            self.engine.player.move(world, subject, scenario.name, flow)
        return self.read(sandbox, id)

    def push(self, sandbox: Here, id: str) -> Any:
        given = read_json(status=str, set=dict, required=("status",))
        with self.engine.change(sandbox()) as world:
            subject = _subject(world, id)
            words = self.engine.player.role(subject).vocabulary
            if given["status"] not in words.statuses:
                raise Problem(
                    422, f"{given['status']!r} is not a status; allowed are {', '.join(sorted(words.statuses))}"
                )
            wrong = field_problems(given.get("set", {}), words)
            if wrong:
                raise Problem(422, f"set: {wrong[0]}", problems=wrong)
            self.engine.player.push(world, subject, given["status"], given.get("set", {}))
        return self.read(sandbox, id)


def _subject(world: World, id: str) -> Record:
    subject = world.subject(id)
    if subject is None:
        raise Problem(404, f"there is no subject {id} in the sandbox {world.sandbox.name}")
    return subject
