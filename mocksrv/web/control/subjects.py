"""Control calls about what plays scenarios: who plays what and how it got there; choosing, moving, pushing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import islice
from typing import Any

from mocksrv.engine.acting import CannotAct
from mocksrv.engine.player import RefusedStatus
from mocksrv.engine.scenarios.vocabulary import field_problems
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.providers.fields import did_you_mean
from mocksrv.providers.provider import Refusal
from mocksrv.web.control import shapes
from mocksrv.web.control.calls import PAGE, Calls, ControlCall, ControlRequest, every

UNKNOWN = {404: "there is no such subject"}
ID = {"id": "The provider's id of the subject."}


class Subjects(Calls):
    def declared(self) -> Sequence[ControlCall]:
        return (
            ControlCall(
                "GET", "/bindings", self.read_bindings, "Shows what new subjects play.", answer="subjects.Bindings"
            ),
            ControlCall(
                "PUT",
                "/bindings",
                self.put_bindings,
                "Says what new subjects play. What is left out stays.",
                body="subjects.BindingsBody",
                answer="subjects.Bindings",
            ),
            ControlCall(
                "GET",
                "/subjects",
                self.list,
                "Lists the subjects: what each provider connects and plays scenarios with.",
                query="subjects.SubjectFilter",
                answer="subjects.SubjectList",
                refusals={404: "there is no subject `after`"},
            ),
            ControlCall(
                "GET",
                "/subjects/<id>",
                self.read,
                "Shows a subject with its timeline.",
                None,
                None,
                "subjects.SubjectShown",
                UNKNOWN,
                ID,
            ),
            ControlCall(
                "PUT",
                "/subjects/<id>/scenario",
                self.move,
                "Moves a subject to another scenario: a flow of it now, or the next call plays one.",
                body="subjects.MoveBody",
                answer="subjects.SubjectShown",
                refusals=UNKNOWN,
                parameters=ID,
            ),
            ControlCall(
                "POST",
                "/subjects/<id>/act",
                self.act,
                "Does what a person does at the bank's page or in a widget: with a subject, a hosted link or a token.",
                body="subjects.ActBody",
                answer="subjects.SubjectShown",
                refusals=UNKNOWN | {409: "this cannot be done now"},
                parameters={"id": "The provider's id of the subject, or of a hosted link, or a token."},
            ),
            ControlCall(
                "PUT",
                "/subjects/<id>/status",
                self.push,
                "Pushes a subject into a status, with all that follows from it.",
                body="subjects.PushBody",
                answer="subjects.SubjectShown",
                refusals=UNKNOWN,
                parameters=ID,
            ),
        )

    def read_bindings(self, request: ControlRequest) -> Any:
        return shapes.bindings(request.sandbox)

    def put_bindings(self, request: ControlRequest) -> Any:
        given = dict(request.body)
        for place, name in enumerate(given.get("next", ())):
            self.scenario(request.sandbox, name, where=f"next.{place}", status=422)
        if given.get("default") is not None:
            self.scenario(request.sandbox, given["default"], where="default", status=422)
        if "next" in given:
            given["next"] = tuple(given["next"])
        with self.engine.change(request.sandbox) as world:
            world.configure(**given)
        return self.read_bindings(request)

    def list(self, request: ControlRequest) -> Any:
        query, sandbox, newest = request.query, request.sandbox, request.backwards
        play = {name: query[name] for name in ("provider", "scenario") if name in query}
        status, limit = query.get("status"), query.get("limit", PAGE)
        members = {role.status_member for role in self.engine.player.roles.values()}
        body = dict.fromkeys(sorted(members), status) if status is not None else {}
        self.known_provider(query.get("provider"))
        if status is not None:
            words = self.engine.vocabularies
            asked = [words[query["provider"]]] if "provider" in query else words.values()
            _check_status(status, {each for vocabulary in asked for each in vocabulary.statuses})

        def find() -> Sequence[dict[str, Any]]:
            self.engine.schedule.catch_up(sandbox)
            with self.engine.look(sandbox) as world:
                records = every(
                    lambda seq: world.tx.subjects(sandbox.name, seq, limit, newest=newest, play=play, body=body),
                    lambda record: record.seq,
                    _subject(world, query["after"]).seq if "after" in query else None,
                    backwards=newest,
                )
                rows = (self._summary(record) for record in records)
                return [*islice((row for row in rows if status in (None, row["status"])), limit)]

        return {"subjects": self.hold(request, find)}

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

    def read(self, request: ControlRequest, id: str) -> Any:
        self.engine.schedule.catch_up(request.sandbox, id)
        with self.engine.look(request.sandbox) as world:
            subject, timeline = world.subject(id), world.tx.timeline(world.sandbox.name, id)
            if subject is None and not timeline:
                _subject(world, id)
            shown = {"id": id, "status": None, "deleted": True} if subject is None else self._summary(subject)
        return {**shown, "timeline": [shapes.moment(row) for row in timeline]}

    def move(self, request: ControlRequest, id: str) -> Any:
        flow = request.body.get("flow")
        with self.engine.change(request.sandbox) as world:
            subject = _subject(world, id)
            provider = subject.playing.provider
            scenario = self.scenario(request.sandbox, request.body["scenario"], provider, where="scenario", status=422)
            if flow is not None and request.sandbox.scenarios.flow(scenario, flow) is None:
                flows = sorted(request.sandbox.scenarios.flows(scenario))
                raise Refusal(
                    422,
                    f"flow: {scenario.name} has no flow {flow!r}; it has {', '.join(flows)}{did_you_mean(flow, flows)}",
                )
            self.engine.player.move(world, subject, scenario.name, flow)
        return self.read(request, id)

    def act(self, request: ControlRequest, id: str) -> Any:
        do, answers = request.body["do"], request.body.get("answers", ())
        self.engine.schedule.catch_up(request.sandbox, id)
        with self.engine.change(request.sandbox) as world:
            found = ((actions, actions.find(world, id)) for actions in (each.actions() for each in self.providers))
            actions, record = next(((each, record) for each, record in found if record is not None), (None, None))
            if actions is None or record is None:
                _subject(world, id)
                raise Refusal(409, f"{id} does not wait for a person")
            try:
                subject = actions.act(world, record, do, answers)
            except CannotAct as error:
                raise Refusal(409, str(error)) from None
            except ValueError as error:
                raise Refusal(422, f"answers: {error}") from None
        return self.read(request, subject)

    def push(self, request: ControlRequest, id: str) -> Any:
        status, fields = request.body["status"], request.body.get("set", {})
        with self.engine.change(request.sandbox) as world:
            subject = _subject(world, id)
            words = self.engine.player.role(subject).vocabulary
            _check_status(status, words.statuses)
            wrong = field_problems(fields, words) or [
                f"{name}: {why}" for name, why in words.disagreements(status, fields).items()
            ]
            if wrong:
                raise Refusal(422, f"set: {wrong[0]}", problems=wrong)
            try:
                self.engine.player.push(world, subject, status, fields)
            except RefusedStatus as error:
                raise Refusal(409, f"status: {error}") from None
        return self.read(request, id)


def _check_status(status: str, statuses: Collection[str]) -> None:
    """Raises Refusal 422 for a status that there is not."""
    if status not in statuses:
        allowed = sorted(statuses)
        told = f"allowed are {', '.join(allowed)}{did_you_mean(status, allowed)}"
        raise Refusal(422, f"status: {status!r} is not a status; {told}")


def _subject(world: World, id: str) -> Record:
    subject = world.subject(id)
    if subject is None:
        raise Refusal(404, f"there is no subject {id} in the sandbox {world.sandbox.name}; GET /subjects lists them")
    return subject
