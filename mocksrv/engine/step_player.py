"""Plays the steps of scenarios, one at a time: what a step's keys do is one method each, in the table at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from itertools import compress
from operator import attrgetter
from typing import Any

from mocksrv.engine.clock import SECOND
from mocksrv.engine.coverage import CHALLENGE
from mocksrv.engine.play import OpenConsent, Place
from mocksrv.engine.role import Role, telling
from mocksrv.engine.sandbox import Fault
from mocksrv.engine.scenarios.model import Scenario, Step
from mocksrv.engine.scenarios.steps import KEYS, covers
from mocksrv.engine.storage.records import Record
from mocksrv.engine.waiting import open_challenges
from mocksrv.engine.world import World

AUTO_ANSWER = SECOND  # how long an `auto:` consent takes


class StepPlayer:
    """Plays single steps. ``roles`` by provider name.

    The methods of the keys take a step that has them, whether the job ends with its change, and what caused it.
    """

    def __init__(self, roles: Mapping[str, Role]) -> None:
        self.roles = roles

    def role(self, subject: Record) -> Role:
        return self.roles[subject.playing.provider]

    def scenario(self, world: World, subject: Record) -> Scenario:
        """What the subject plays. Raises UnknownScenario when it is there no more."""
        play = subject.playing
        return world.sandbox.scenarios.get(play.provider, play.started_in or play.scenario)

    def _play_step(self, world: World, subject: Record, step: Step, *, ends_job: bool, cause: str) -> None:
        """One step, in the order the language promises."""
        world.directives, world.rank = {}, None
        subject.playing.at = Place(step.flow, step.index, step.file, step.line)
        for play in dict.fromkeys(compress(PLAYERS, held(step))):
            play(self, world, subject, step, ends_job, cause)

    def disturb(self, world: World, subject: Record, step: Step, ends_job: bool, cause: str) -> None:
        """``webhooks``: what happens to the callbacks of this step."""
        world.directives = step.webhooks

    def misbehave(self, world: World, subject: Record, step: Step, ends_job: bool, cause: str) -> None:
        """``fault``: calls of the API fail from here on."""
        assert step.fault is not None
        world.configure(faults=(*world.sandbox.settings.faults, Fault.make(**step.fault)))

    def load(self, world: World, subject: Record, step: Step, ends_job: bool, cause: str) -> None:
        """``data``: a profile's data come."""
        assert step.data is not None
        self.role(subject).load(world, subject, step.data)

    def change(self, world: World, subject: Record, step: Step, ends_job: bool, cause: str) -> None:
        """``status`` and ``set``: one change, with which the job may end."""
        if step.status:
            step = self._count(world, subject, step)
        if ends_job:
            self._end_job(world, subject, step.status, step.set)
        else:
            self._enter(world, subject, step.status, step.set, False)
        self._mark_step(world, subject, step, cause)
        if step.status:
            self._set_lifetime(world, subject)

    def send(self, world: World, subject: Record, step: Step, ends_job: bool, cause: str) -> None:
        """``event`` with its ``payload``."""
        assert step.event is not None
        if not (step.status or step.set):
            self._mark_step(world, subject, step, cause)
        role = self.role(subject)
        with world.overriding(step.payload), telling(role, world, subject, "trigger"):
            role.trigger(world, subject, step.event)

    def question(self, world: World, subject: Record, step: Step, ends_job: bool, cause: str) -> None:
        """``challenges``: answers are waited for."""
        assert step.ask is not None
        role = self.role(subject)
        subject.playing.asked = open_challenges(world, subject, role, step.ask)
        for challenge in step.ask.challenges:
            world.meet(role.vocabulary.provider, CHALLENGE, challenge.type)
        world.set_timer(subject.guid, "silent", world.now + step.ask.wait_ms)

    def await_consent(self, world: World, subject: Record, step: Step, ends_job: bool, cause: str) -> None:
        """``oauth``: the bank's page is waited for."""
        assert step.oauth is not None
        flows = {each.name: getattr(step.oauth, each.name) for each in fields(OpenConsent)}
        subject.playing.consent = OpenConsent(**flows)
        if step.oauth.wait_ms is not None:
            world.set_timer(subject.guid, "consent", world.now + step.oauth.wait_ms)
        if step.oauth.auto:
            world.set_timer(subject.guid, "auto", world.now + AUTO_ANSWER)

    def delete(self, world: World, subject: Record, step: Step, ends_job: bool, cause: str) -> None:
        """``delete``: the subject is no more."""
        world.mark(subject, "deleted by the scenario")
        self._remove(world, subject)

    def _mark_step(self, world: World, subject: Record, step: Step, cause: str) -> None:
        status, place = self.role(subject).status(subject), f"{step.file}:{step.line}"
        world.mark(subject, cause, status=status, flow=step.flow, step=place)

    def _count(self, world: World, subject: Record, step: Step) -> Step:
        """The step with the status that it enters, which may be another than it writes, by the provider's counting."""
        play, role = subject.playing, self.role(subject)
        play.counted = ""
        if not step.status or play.flow is None or not self._counts(world, subject):
            return step  # pushed by hand, or what is written is all that happens
        rule = role.counting.enter(play, step.status, world.now, subject.created_at)
        if rule is None or rule.status == step.status:
            return step
        play.counted = str(rule)
        world.mark(subject, play.counted, flow=step.flow)
        return replace(step, status=rule.status)

    def _counts(self, world: World, subject: Record) -> bool:
        """Whether statuses are reached by counting."""
        return world.sandbox.scenarios.counts(self.scenario(world, subject))

    def _enter(self, world: World, subject: Record, status: str | None, fields: Mapping[str, Any], over: bool) -> None:
        role = self.role(subject)
        with telling(role, world, subject, "enter", asked=bool(status or fields)):
            role.enter(world, subject, status, fields, over)

    def _add(self, world: World, subject: Record) -> None:
        """A new subject is stored, and told of."""
        role = self.role(subject)
        world.add(subject)
        with telling(role, world, subject, "announce"):
            role.announce(world, subject, "created")
        world.mark(subject, "created", status=role.status(subject), flow=subject.playing.flow)
        self._set_lifetime(world, subject)

    def _remove(self, world: World, subject: Record) -> None:
        role = self.role(subject)
        with telling(role, world, subject, "remove"):
            role.remove(world, subject)

    def _end_job(self, world: World, subject: Record, status: str | None, fields: Mapping[str, Any]) -> None:
        """The job is over with this change; if it ended well, what it fetched is there before."""
        role, job = self.role(subject), subject.job
        if job is not None and (status or role.status(subject)) in role.successful:
            role.fetch(world, subject, job)
            job.done = True
            subject.playing.attempts, subject.playing.succeeded_at = {}, world.now
        self._enter(world, subject, status, fields, True)

    def _set_lifetime(self, world: World, subject: Record) -> None:
        role = self.role(subject)
        lifetime = role.lifetimes.get(role.status(subject) or "")
        if lifetime is not None:
            world.set_timer(subject.guid, "lifetime", world.now + lifetime)


Playing = Callable[[StepPlayer, World, Record, Step, bool, str], None]
# key of a step -> what plays it, in the order that the language promises; None: `next_steps`, or with another key
PLAYING: Mapping[str, Playing | None] = {
    "after": None,
    "webhooks": StepPlayer.disturb,
    "fault": StepPlayer.misbehave,
    "data": StepPlayer.load,
    "set": StepPlayer.change,
    "status": StepPlayer.change,
    "payload": None,
    "event": StepPlayer.send,
    "challenges": StepPlayer.question,
    **dict.fromkeys(("wait", "right", "wrong", "silent", "answers"), None),
    "oauth": StepPlayer.await_consent,
    "then": None,
    "delete": StepPlayer.delete,
}
covers(PLAYING, f"{__name__}.PLAYING")
# the fields of `Step` that are played, and by which methods: each of these once, if one of its fields says something
PLAYED, PLAYERS = zip(
    *((name, method) for key, method in PLAYING.items() if method is not None for name in KEYS[key]), strict=True
)
held: Callable[[Step], Sequence[Any]] = attrgetter(*PLAYED)
