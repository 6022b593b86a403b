"""Plays flows: enters steps, waits, asks, jumps. What the statuses mean is the provider's: its `Role`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mocksrv.engine.clock import SECOND
from mocksrv.engine.role import Role
from mocksrv.engine.sandbox import Fault
from mocksrv.engine.scenarios.library import Library, UnknownScenario
from mocksrv.engine.scenarios.model import Ask, Challenge, Consent, Scenario, Step
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World

# What a subject is asked that was pushed into the asking status by hand.
_CITY = Challenge(type="TEXT", label="What city were you born in?", answer=("correct",))
QUESTION = Ask(challenges=(_CITY,))
MOST_STEPS = 1_000  # in one instant; more is a script that turns in a circle
AUTO_ANSWER = SECOND  # how long an `auto:` consent takes


class NotWaiting(Exception):
    """The subject does not wait for an answer."""


@dataclass(slots=True)
class Burst:
    """The steps that are played in one instant, and where the play goes on after a wait (None: it does not wait for
    time).
    """

    steps: list[Step]
    ends: bool  # the flow ends with them
    waits: Step | None = None
    act: int = 0  # what somebody must do before it goes on; 0: nothing
    stuck: bool = False


class Player:
    """Plays the scenarios of all subjects. ``roles`` by provider name."""

    def __init__(self, library: Library, roles: Mapping[str, Role]) -> None:
        self.library = library
        self.roles = roles

    # starting

    def start(
        self,
        world: World,
        subject: Record,
        job: str,
        *,
        flow: str | None = None,
        step: int = 0,
        created: bool = False,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Starts a job: plays the flow of its name (or ``flow``) from ``step`` (counted from 0) until the first wait.

        ``created``: the subject is new and not stored yet. ``details`` are kept with the job (headers to echo); with
        ``skip`` among them only the opening status is entered, and nothing is fetched. A role that has put ``instead``
        (job -> flow) into the subject's play changes what its jobs play from then on, until it is moved to another
        scenario.
        """
        role, play = self.role(subject), self._play(subject)
        play.pop("playing", None)
        scenario = self._scenario_or_happy(world, subject)
        self._halt(world, subject)
        login = role.jobs[job].login and not flow and not self.library.writes(scenario, job)
        flow = flow or (role.first_flow if login else play.get("instead", {}).get(job, job))
        play.update(job=_new_job(world, job, details), flow=flow, step=step, login=login)
        skip = play["job"].get("skip") and role.status(subject) != role.consenting
        steps = [] if skip else self._burst(None, subject, scenario, opening=True, due=False).steps
        world.directives = steps[0].webhooks if steps else {}
        if not skip:
            role.begin(world, subject)
        if created:
            world.add(subject)
            role.announce(world, subject, "created")
            world.mark(subject.guid, "created", status=role.status(subject), flow=play["flow"])
            self._limit_life(world, subject)
        if skip:
            if not created:
                role.enter(world, subject, role.jobs[job].opening, {}, True)
                world.mark(subject.guid, "nothing is fetched", status=role.status(subject), flow=play["flow"])
            self._rest(world, subject)
            return
        if not created and not _changes_first(steps):
            role.enter(world, subject, None, {}, False)
        self._go_on(world, subject, opening=True)

    def push(
        self, world: World, subject: Record, status: str, fields: Mapping[str, Any], cause: str = "pushed by hand"
    ) -> None:
        """Puts a subject into a status by hand (or for another ``cause``): ends its play and acts as a flow of this one
        step.
        """
        role, play = self.role(subject), self._play(subject)
        play.pop("playing", None)
        self._halt(world, subject)
        if not play.get("job"):
            play.update(job=_new_job(world, role.plain_job, None))
            role.begin(world, subject)
        play.update(flow=None, step=0, login=False)
        step = Step(flow="pushed", index=0, file="by hand", line=0, status=status, set=dict(fields))
        if status == role.asking:
            step = replace(step, ask=QUESTION)
        elif status == role.consenting:
            step = replace(step, oauth=Consent())
        self._perform(world, subject, Burst([step], ends=step.ask is None and step.oauth is None), cause=cause)

    def move(self, world: World, subject: Record, scenario: str, flow: str | None) -> None:
        """Moves a subject to another scenario; plays ``flow`` of it now, or nothing until the next call."""
        play = self._play(subject)
        if play.get("job"):
            play.setdefault("playing", play["scenario"])  # the job under way is played to its end as it was
        play.update(scenario=scenario, by="hand")
        play.pop("instead", None)
        world.mark(subject.guid, f"moved to scenario {scenario}", flow=flow)
        if flow:
            job = flow if flow in self.role(subject).jobs else self.role(subject).plain_job
            self.start(world, subject, job, flow=None if job == flow else flow)
        else:
            world.save_play(subject)

    def stop(self, world: World, subject: Record, reason: str) -> None:
        """Ends a play that cannot go on: the subject rests in the status it has."""
        self._halt(world, subject)
        job = self._play(subject).get("job")
        if job:
            job["stopped"] = True
        self.role(subject).enter(world, subject, None, {}, True)
        world.mark(subject.guid, f"stopped: {reason}")
        self._rest(world, subject)

    # what moves a play on

    def due(self, world: World, subject: Record, kind: str) -> None:
        """A timer of the subject has fallen due; those of records that play nothing are their role's affair."""
        if subject.play is None:
            self.roles[subject.kind.partition(".")[0]].timers[kind](world, subject)
            return
        {
            "step": self._due_step,
            "silent": self._due_silent,
            "consent": self._due_consent,
            "auto": self._due_auto,
            "lifetime": self._due_lifetime,
            "background": self._due_background,
        }[kind](world, subject)

    def _due_step(self, world: World, subject: Record) -> None:
        self._go_on(world, subject, due=True)

    def polled(self, world: World, subject: Record) -> None:
        """The subject's status has been read. The step that waits for reads happens after the last of them."""
        play = self._play(subject)
        play["polls"] -= 1
        if play["polls"] > 0:
            world.save_play(subject)
            return
        del play["polls"]
        self._go_on(world, subject, due=True)

    def answer(self, world: World, subject: Record, given: Mapping[str, str]) -> None:
        """The answers to the open challenges, by guid. Raises NotWaiting; ValueError when one is missing or unknown."""
        role, play = self.role(subject), self._play(subject)
        ask = play.get("ask")
        if not ask:
            raise NotWaiting
        missing = [c["guid"] for c in ask["challenges"] if c["guid"] not in given]
        unknown = [guid for guid in given if guid not in {c["guid"] for c in ask["challenges"]}]
        if missing or unknown:
            raise ValueError(
                f"challenge {(missing or unknown)[0]} {'has no answer' if missing else 'is not open on this member'}"
            )
        values = [_chosen(challenge, given[challenge["guid"]]) for challenge in ask["challenges"]]
        right = all(
            wanted is None or set(value) & set(wanted)
            for value, wanted in zip(values, ask["right_answers"], strict=True)
        )
        particular = next((flow for value in values for text in value if (flow := ask["answers"].get(text))), None)
        verdict = "right" if right else "wrong"
        if ask["selects"]:
            play["job"]["selected"] = values[0][0]
        self._halt(world, subject)
        role.enter(world, subject, role.resumed, {}, False)
        world.mark(subject.guid, f"answered: {verdict}", status=role.resumed, flow=play.get("flow"))
        self._jump(world, subject, particular or ask[verdict] or role.branches[verdict])

    def acted(self, world: World, subject: Record, act: int) -> None:
        """A person has done this one of the acts that the vocabulary counts, and so all before it."""
        play = self._play(subject)
        play["acted"] = max(act, play.get("acted", 0))
        if 0 < play.get("act", 0) <= play["acted"]:
            del play["act"]
            self._go_on(world, subject)
        else:
            world.save_play(subject)

    def consent(self, world: World, subject: Record, approved: bool, cause: str = "the bank's page") -> None:
        """The bank's page was answered. Raises NotWaiting."""
        role, play = self.role(subject), self._play(subject)
        consent = play.get("consent")
        if not consent:
            raise NotWaiting
        world.mark(subject.guid, f"{cause}: {'approved' if approved else 'denied'}", flow=play.get("flow"))
        flow = consent["approved"] or role.branches["approved"] if approved else consent["denied"]
        if flow is None:
            world.save_play(subject)  # a denied consent leaves the subject waiting, it may be tried again
            return
        self._halt(world, subject)
        if not approved:
            self._jump(world, subject, flow)
            return
        job = play["job"]
        job.update(name=role.first_flow, started_at=world.now)
        role.enter(world, subject, role.first_status, {}, bool(job.get("skip")))
        world.mark(subject.guid, "scenario", status=role.first_status, flow=flow)
        if job.get("skip"):
            self._rest(world, subject)
        else:
            self._jump(world, subject, flow, opening=True)

    def _due_silent(self, world: World, subject: Record) -> None:
        ask = self._play(subject).get("ask")
        if ask:
            self._halt(world, subject)
            world.mark(subject.guid, "no answer in time")
            self._jump(world, subject, ask["silent"] or self.role(subject).branches["silent"])

    def _due_consent(self, world: World, subject: Record) -> None:
        consent = self._play(subject).get("consent")
        if not consent:
            return
        self._halt(world, subject)
        world.mark(subject.guid, "no answer from the bank's page in time")
        if consent["silent"]:
            self._jump(world, subject, consent["silent"])
        else:
            self._expire(world, subject)

    def _due_auto(self, world: World, subject: Record) -> None:
        consent = self._play(subject).get("consent")
        if consent:
            self.consent(world, subject, consent["auto"] == "approve", cause="the scenario's own answer")

    def _due_lifetime(self, world: World, subject: Record) -> None:
        if self.role(subject).status(subject) in self.role(subject).lifetimes:
            self._expire(world, subject)

    def _expire(self, world: World, subject: Record) -> None:
        """Only a subject whose status ends by itself is deleted."""
        role = self.role(subject)
        if role.status(subject) in role.lifetimes:
            world.mark(subject.guid, "expired, deleted by the provider")
            role.remove(world, subject)
        else:
            self._rest(world, subject)

    def _due_background(self, world: World, subject: Record) -> None:
        role = self.role(subject)
        if role.status(subject) not in role.refreshable:
            return
        if self._play(subject).get("job") or not role.refresh_wanted(world, subject):  # it may be wanted again tomorrow
            world.set_timer(subject.guid, "background", role.refresh_at(world))
            return
        self.start(world, subject, role.refresh_job)

    # playing

    def role(self, subject: Record) -> Role:
        return self.roles[self._play(subject)["provider"]]

    def scenario(self, subject: Record) -> Scenario:
        """What the subject plays. Raises UnknownScenario when it has gone from the library."""
        play = self._play(subject)
        return self.library.get(play["provider"], play.get("playing") or play["scenario"])

    def _scenario_or_happy(self, world: World, subject: Record) -> Scenario:
        """The same; in place of one that has gone the provider's happy one."""
        try:
            return self.scenario(subject)
        except UnknownScenario as gone:
            happy = self.role(subject).vocabulary.happy
            world.mark(subject.guid, f"{gone}; {happy} is played")
            self._play(subject).update(scenario=happy, by="happy")
            return self.scenario(subject)

    @staticmethod
    def _play(subject: Record) -> dict[str, Any]:
        assert subject.play is not None, f"{subject.guid} does not play"
        return subject.play

    def _halt(self, world: World, subject: Record) -> None:
        """Ends whatever the subject waits for."""
        play = self._play(subject)
        for waited_for in ("polls", "act", "ask", "consent"):
            play.pop(waited_for, None)
        world.cancel_timers(subject.guid, "step", "silent", "consent", "auto")

    def _jump(self, world: World, subject: Record, flow: str, *, opening: bool = False) -> None:
        self._play(subject).update(flow=flow, step=0)
        self._go_on(world, subject, opening=opening)

    def _go_on(self, world: World, subject: Record, *, opening: bool = False, due: bool = False) -> None:
        try:
            scenario = self.scenario(subject)
        except UnknownScenario as gone:
            self.stop(world, subject, str(gone))
            return
        burst = self._burst(world, subject, scenario, opening=opening, due=due)
        self._perform(world, subject, burst, cause="scenario")

    def _burst(self, world: World | None, subject: Record, scenario: Scenario, *, opening: bool, due: bool) -> Burst:
        """The steps from where the subject stands to the next wait. Without a world it only looks ahead."""
        role, play = self.role(subject), self._play(subject)
        login, present = play.get("login", False), role.status(subject)
        flow, index, steps = play["flow"], play["step"], list[Step]()
        while len(steps) < MOST_STEPS:
            script = self.library.flow(scenario, flow) or ()
            if index >= len(script):
                return Burst(steps, ends=True)
            step = script[index]
            act = role.vocabulary.acts.get(step.status or "", 0)
            if act > play.get("acted", 0):
                return Burst(steps, ends=False, waits=step, act=act)
            if (step.after_ms or step.after_polls) and not due:
                return Burst(steps, ends=False, waits=step)
            if index == 0 and opening and step.status == role.first_status and flow == role.first_flow:
                step = replace(step, status=role.jobs[play["job"]["name"]].opening)
            if not steps and not due and step.status == present:
                step = replace(step, status=None)  # already entered by what led here
            due = False
            if login and step.status in role.successful and world is not None:
                login = play["login"] = False
                onward = role.after_login(world, subject, play["job"]["name"])
                if onward:
                    flow, index = onward, 0
                    continue
            steps.append(step)
            if step.ask or step.oauth or step.delete:
                return Burst(steps, ends=False)
            flow, index = (step.then, 0) if step.then else (flow, index + 1)
        return Burst(steps, ends=True, stuck=True)

    def _perform(self, world: World, subject: Record, burst: Burst, cause: str) -> None:
        """Plays the steps of a burst; then waits, rests, or is gone."""
        role, play = self.role(subject), self._play(subject)
        changes = [i for i, step in enumerate(burst.steps) if step.status or step.set]
        last = changes[-1] if burst.ends and changes else None
        if any(step.data for step in burst.steps) and play.get("job"):
            play["job"]["loaded"] = True
        for i, step in enumerate(burst.steps):
            self._step(world, subject, step, over=i == last, cause=cause)
            if step.delete:
                return
        world.directives = {}
        if burst.stuck:
            world.mark(subject.guid, f"stopped: {MOST_STEPS} steps in one instant; a flow that never waits")
        if burst.ends:
            if last is None:
                self._close(world, subject, None, {})
            else:
                world.directives = burst.steps[last].webhooks
            job = play.get("job")
            if job and job.get("done"):
                role.complete(world, subject)
            world.directives = {}
            self._rest(world, subject)
        elif burst.waits is not None:
            self._wait(world, subject, burst.waits, burst.act)
        world.save_play(subject)

    def _wait(self, world: World, subject: Record, step: Step, act: int) -> None:
        self._play(subject).update(flow=step.flow, step=step.index)
        if act:
            self._play(subject)["act"] = act
        elif step.after_polls:
            self._play(subject)["polls"] = step.after_polls
        else:
            world.set_timer(subject.guid, "step", world.now + step.after_ms)

    def _rest(self, world: World, subject: Record) -> None:
        """The flow has ended: nothing moves the subject but a call, or the daily refresh."""
        play = self._play(subject)
        job = play.get("job")
        play.update(job=None, flow=None, step=0)
        play.pop("playing", None)
        if job and job.get("done"):
            world.set_timer(subject.guid, "background", self.role(subject).refresh_at(world))
        world.save_play(subject)

    def _step(self, world: World, subject: Record, step: Step, *, over: bool, cause: str) -> None:
        """One step, in the order the language promises."""
        role, play = self.role(subject), self._play(subject)
        world.directives, world.rank = step.webhooks, None
        play.update(at={"flow": step.flow, "step": step.index, "file": step.file, "line": step.line})
        if step.fault:
            world.configure(faults=(*world.sandbox.settings.faults, Fault.make(**step.fault)))
        if step.data:
            role.load(world, subject, step.data)
        if over:
            self._close(world, subject, step.status, step.set)
        elif step.status or step.set:
            role.enter(world, subject, step.status, step.set, False)
        if step.status or step.set or step.event:
            place = f"{step.file}:{step.line}"
            world.mark(subject.guid, cause, status=role.status(subject), flow=step.flow, step=place)
        if step.status:
            self._limit_life(world, subject)
        if step.event:
            with world.overriding(step.payload):
                role.trigger(world, subject, step.event)
        if step.ask:
            self._open(world, subject, step.ask)
        elif step.oauth:
            self._await_consent(world, subject, step.oauth)
        elif step.delete:
            world.mark(subject.guid, "deleted by the scenario")
            role.remove(world, subject)

    def _close(self, world: World, subject: Record, status: str | None, fields: Mapping[str, Any]) -> None:
        """The job is over with this change; if it ended well, what it fetched is there before."""
        role, job = self.role(subject), self._play(subject).get("job")
        if job and (status or role.status(subject)) in role.successful:
            role.bring(world, subject)
            job["done"] = True
        role.enter(world, subject, status, fields, True)

    def _limit_life(self, world: World, subject: Record) -> None:
        role = self.role(subject)
        lifetime = role.lifetimes.get(role.status(subject) or "")
        if lifetime is not None:
            world.set_timer(subject.guid, "lifetime", world.now + lifetime)

    def _open(self, world: World, subject: Record, ask: Ask) -> None:
        """Opens a round of challenges; every round has new guids."""
        self._play(subject)["ask"] = {
            "challenges": self.role(subject).ask(world, subject, ask),
            "right_answers": [None if c.answer is None else list(c.answer) for c in ask.challenges],
            "selects": isinstance(ask.challenges[0].options, str),  # from a list that the provider made
            "answers": dict(ask.answers),
            "right": ask.right,
            "wrong": ask.wrong,
            "silent": ask.silent,
        }
        world.set_timer(subject.guid, "silent", world.now + ask.wait_ms)

    def _await_consent(self, world: World, subject: Record, consent: Consent) -> None:
        self._play(subject)["consent"] = {
            "approved": consent.approved,
            "denied": consent.denied,
            "silent": consent.silent,
            "auto": consent.auto,
        }
        if consent.wait_ms is not None:
            world.set_timer(subject.guid, "consent", world.now + consent.wait_ms)
        if consent.auto:
            world.set_timer(subject.guid, "auto", world.now + AUTO_ANSWER)


def _changes_first(steps: Sequence[Step]) -> bool:
    """Whether what these steps do first, of all that can be seen, is a change of the subject."""
    return next((bool(step.status or step.set) for step in steps if step.status or step.set or step.event), False)


def _chosen(challenge: Mapping[str, Any], given: str) -> list[str]:
    """What an answer means: the text, and for an option both its value and its label, the value first."""
    for option in challenge.get("options") or challenge.get("image_options") or ():
        if given in (option["value"], option["label"], option["guid"]):
            return [option["value"], option["label"]]
    return [given]


def _new_job(world: World, name: str, details: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"name": name, "started_at": world.now, "loaded": False, "selected": None, **(details or {})}
