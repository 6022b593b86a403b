"""Plays flows: enters steps, waits, asks, changes flows. What the statuses mean is the provider's: its `Role`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mocksrv.engine.play import Job
from mocksrv.engine.role import telling
from mocksrv.engine.scenarios.lookup import UnknownScenario
from mocksrv.engine.scenarios.model import OUTCOMES, Ask, Challenge, Consent, Scenario, Step
from mocksrv.engine.step_player import StepPlayer
from mocksrv.engine.storage.records import Record
from mocksrv.engine.waiting import MOST_STEPS, NextSteps, NotWaiting, next_steps, read_answers
from mocksrv.engine.world import World

# What a subject is asked that was pushed into the asking status by hand.
QUESTION = Ask(challenges=(Challenge(type="TEXT", label="What city were you born in?", answer=("correct",)),))


class RefusedStatus(Exception):
    """The subject cannot be in this status; the message says why."""


class Player(StepPlayer):
    """Plays the scenarios of all subjects."""

    # starting

    def start(
        self,
        world: World,
        subject: Record,
        name: str,
        *,
        flow: str | None = None,
        step: int = 0,
        created: bool = False,
        skip: bool = False,
        supersedes: bool = False,
        details: object | None = None,
    ) -> None:
        """Starts the job of this ``name``: plays the flow of that name (or ``flow``) from ``step`` (counted from 0)
        until the first wait.

        ``created``: the subject is new and not stored yet. ``skip``: only the opening status is entered, and nothing is
        fetched. ``supersedes``: it takes the place of the job that the subject's creation started. ``details`` are what
        the provider keeps with the job, an instance of its dataclass (`Job.details`).
        """
        role, play = self.role(subject), subject.playing
        play.started_in = None
        scenario = self._scenario_or_happy(world, subject)
        if not created:
            self._stop_waiting(world, subject)
        play.renewed = play.renewed or role.jobs[name].renews
        play.job = Job(name, world.now, skip=skip, supersedes=supersedes, kept=details)
        login = None if flow else self._login_flow(world, subject, scenario, play.job)
        play.login = login is not None
        play.flow = flow or login or play.instead.get(name, name)
        play.step = step
        skipped = skip and role.status(subject) != role.consenting
        scenarios = world.sandbox.scenarios
        ahead = None if skipped else next_steps(None, subject, role, scenarios, scenario, opening=True, due=False)
        steps = ahead.steps if ahead else []
        world.directives = steps[0].webhooks if steps else {}
        if not skipped:
            role.begin_job(world, subject)
        if created:
            self._add(world, subject)
        if not skipped:
            if not created and not _changes_first(steps):
                self._enter(world, subject, None, {}, False)
            self._play_to_next_wait(world, subject, opening=True)
            return
        if not created:
            self._enter(world, subject, role.jobs[name].opening, {}, True)
            world.mark(subject, "nothing is fetched", status=role.status(subject), flow=play.flow)
        self._end_flow(world, subject)

    def push(
        self, world: World, subject: Record, status: str, fields: Mapping[str, Any], cause: str = "pushed by hand"
    ) -> None:
        """Puts a subject into a status by hand (or for another ``cause``): ends its play and acts as a flow of this one
        step. Raises RefusedStatus.
        """
        role, play = self.role(subject), subject.playing
        if refusal := role.refuses(world, subject, status):
            raise RefusedStatus(refusal)
        play.started_in = None
        play.attempts = {}
        self._stop_waiting(world, subject)
        if play.job is None:
            play.job = Job(role.plain_job, world.now)
            role.begin_job(world, subject)
        play.flow, play.step, play.login = None, 0, False
        step = Step(flow="pushed", index=0, file="by hand", line=0, status=status, set=dict(fields))
        if status == role.asking:
            step = replace(step, ask=QUESTION)
        elif status == role.consenting:
            step = replace(step, oauth=Consent())
        ends = step.ask is None and step.oauth is None
        self._play_steps(world, subject, NextSteps([step], ends=ends), cause=cause)

    def move(self, world: World, subject: Record, scenario: str, flow: str | None) -> None:
        """Moves a subject to another scenario; plays ``flow`` of it now, or nothing until the next call."""
        play = subject.playing
        if play.job is not None:
            play.started_in = play.started_in or play.scenario  # the job under way is played to its end as it was
        play.scenario, play.by = scenario, "hand"
        play.instead, play.renewed = {}, False
        world.mark(subject, f"moved to scenario {scenario}", flow=flow)
        if flow:
            name = flow if flow in self.role(subject).jobs else self.role(subject).plain_job
            self.start(world, subject, name, flow=None if name == flow else flow)
        else:
            world.save_play(subject)

    def stop(self, world: World, subject: Record, reason: str) -> None:
        """Ends a play that cannot go on: the subject stays in the status it has."""
        self._stop_waiting(world, subject)
        if subject.job is not None:
            subject.job.stopped = True
        self.role(subject).enter(world, subject, None, {}, True)
        world.mark(subject, f"stopped: {reason}")
        self._end_flow(world, subject)

    # what a person or an app does

    def polled(self, world: World, subject: Record) -> None:
        """The subject's status has been read. The step that waits for reads happens after the last of them."""
        play = subject.playing
        if play.polls == 0:
            return  # another read at the same time was the last
        play.polls -= 1
        if play.polls:
            world.save_play(subject)
        else:
            self._play_to_next_wait(world, subject, due=True)

    def acted(self, world: World, subject: Record, act: int) -> None:
        """A person has done this one of the acts that the vocabulary counts, and so all before it."""
        play = subject.playing
        play.acted = max(act, play.acted)
        if 0 < play.act <= play.acted:
            play.act = 0
            self._play_to_next_wait(world, subject)
        else:
            world.save_play(subject)

    def answer(self, world: World, subject: Record, given: Mapping[str, str]) -> None:
        """The answers to the open challenges, by guid. Raises NotWaiting; ValueError when one is missing or unknown."""
        role, play = self.role(subject), subject.playing
        asked = play.asked
        if asked is None:
            raise NotWaiting
        answers = read_answers(asked, given)
        if asked.selects and play.job is not None:
            play.job.selected = answers.first
        self._stop_waiting(world, subject)
        verdict, written = ("right", asked.right) if answers.right else ("wrong", asked.wrong)
        self._enter(world, subject, role.resumed, {}, False)
        world.mark(subject, f"answered: {verdict}", status=role.resumed, flow=play.flow)
        self._play_flow(world, subject, answers.flow or written or role.branches[verdict])

    def expire(self, world: World, subject: Record) -> None:
        """The time for answers, or for the bank's page, runs out now."""
        self._due_silent(world, subject)
        self._due_consent(world, subject)

    def consent(self, world: World, subject: Record, do: str, cause: str = "the bank's page") -> None:
        """What a person did at the bank's page, of `OUTCOMES`. Raises NotWaiting."""
        role, play = self.role(subject), subject.playing
        consent, job = play.consent, play.job
        approved = do == "approve"
        if (consent is None or job is None) and not play.renewable:
            raise NotWaiting
        world.mark(subject, f"{cause}: {OUTCOMES[do]}", flow=play.flow)
        play.outcome = do
        world.cancel_timers(subject.guid, "auto")  # a person comes before the scenario's own answer
        if consent is None or job is None:
            self._renew(world, subject, approved)
            return
        flow: str | None = getattr(consent, OUTCOMES[do]) or (role.branches["approved"] if approved else None)
        if flow is None:
            world.save_play(subject)  # without an approval the subject goes on waiting, it may be tried again
            return
        self._stop_waiting(world, subject)
        if not approved:
            self._play_flow(world, subject, flow)
            return
        job.name, job.started_at = role.first_flow, world.now
        self._enter(world, subject, role.first_status, {}, job.skip)
        world.mark(subject, "scenario", status=role.first_status, flow=flow)
        if job.skip:
            self._end_flow(world, subject)
        else:
            self._play_flow(world, subject, flow, opening=True)

    def _renew(self, world: World, subject: Record, approved: bool) -> None:
        """The bank's page was met again by a subject that did not wait for it: only an approval changes anything."""
        role, play = self.role(subject), subject.playing
        if not approved:
            world.save_play(subject)
            return
        play.renewable, play.renewed = False, True
        role.renew(world, subject)
        if play.job is not None:  # as new credentials: while a job runs they start nothing
            self._enter(world, subject, None, {}, False)
            return
        name = next(job.name for job in role.jobs.values() if job.renews)
        self.start(world, subject, name, skip=play.renewable_skip)

    # timers

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
        self._play_to_next_wait(world, subject, due=True)

    def _due_silent(self, world: World, subject: Record) -> None:
        asked = subject.playing.asked
        if asked is not None:
            self._stop_waiting(world, subject)
            world.mark(subject, "no answer in time")
            self._play_flow(world, subject, asked.silent or self.role(subject).branches["silent"])

    def _due_consent(self, world: World, subject: Record) -> None:
        consent = subject.playing.consent
        if consent is None:
            return
        self._stop_waiting(world, subject)
        world.mark(subject, "no answer from the bank's page in time")
        if consent.silent:
            self._play_flow(world, subject, consent.silent)
        else:
            self._expire(world, subject)

    def _due_auto(self, world: World, subject: Record) -> None:
        consent = subject.playing.consent
        if consent is not None:
            self.consent(world, subject, consent.auto or "approve", cause="the scenario's own answer")

    def _due_lifetime(self, world: World, subject: Record) -> None:
        if self.role(subject).status(subject) in self.role(subject).lifetimes:
            self._expire(world, subject)

    def _expire(self, world: World, subject: Record) -> None:
        """Only a subject whose status ends by itself is deleted."""
        role = self.role(subject)
        if role.status(subject) in role.lifetimes:
            world.mark(subject, "expired, deleted by the provider")
            self._remove(world, subject)
        else:
            self._end_flow(world, subject)

    def _due_background(self, world: World, subject: Record) -> None:
        role = self.role(subject)
        if role.status(subject) not in role.refreshable:
            return
        if subject.job is not None or not role.refresh_wanted(world, subject):  # it may be wanted again tomorrow
            self._set_refresh(world, subject)
            return
        self.start(world, subject, role.refresh_job)

    # playing

    def _login_flow(self, world: World, subject: Record, scenario: Scenario, job: Job) -> str | None:
        """The flow whose login part comes before the own part of a job; None for a job that plays a flow as a whole."""
        role, play, name, scenarios = self.role(subject), subject.playing, job.name, world.sandbox.scenarios
        if not role.jobs[name].login or scenarios.writes(scenario, name):
            return None
        if job.supersedes:
            return role.first_flow
        renewing = [kind.name for kind in role.jobs.values() if kind.renews and play.renewed]
        written = (flow for flow in (role.plain_job, *renewing) if scenarios.writes(scenario, flow))
        login = next(written, role.first_flow)
        return None if (name, login) == (role.plain_job, role.first_flow) else login

    def _scenario_or_happy(self, world: World, subject: Record) -> Scenario:
        """The same; in place of one that has gone the provider's happy one."""
        try:
            return self.scenario(world, subject)
        except UnknownScenario as gone:
            play, happy = subject.playing, self.role(subject).vocabulary.happy
            world.mark(subject, f"{gone}; {happy} is played")
            play.scenario, play.by = happy, "happy"
            return self.scenario(world, subject)

    def _play_flow(self, world: World, subject: Record, flow: str, *, opening: bool = False) -> None:
        subject.playing.flow, subject.playing.step = flow, 0
        self._play_to_next_wait(world, subject, opening=opening)

    def _play_to_next_wait(self, world: World, subject: Record, *, opening: bool = False, due: bool = False) -> None:
        """Plays from where the subject stands to the next wait."""
        try:
            scenario = self.scenario(world, subject)
        except UnknownScenario as gone:
            self.stop(world, subject, str(gone))
            return
        role = self.role(subject)
        following = next_steps(world, subject, role, world.sandbox.scenarios, scenario, opening=opening, due=due)
        self._play_steps(world, subject, following, cause="scenario")

    def _play_steps(self, world: World, subject: Record, following: NextSteps, cause: str) -> None:
        """Plays the steps of one instant; then waits, or ends the flow. A step may delete the subject."""
        job, steps = subject.job, following.steps
        changes = [i for i, step in enumerate(steps) if step.status or step.set]
        last = changes[-1] if following.ends and changes else None
        if job is not None and any(step.data for step in steps):
            job.loaded = True
        for i, step in enumerate(steps):
            refusal = self._refusal(world, subject, step)
            if refusal:
                self.stop(world, subject, f"{step.file}:{step.line}: {refusal}")
                return
            self._play_step(world, subject, step, ends_job=i == last, cause=cause)
            if step.delete:
                return
        world.directives = {}
        if following.endless:
            world.mark(subject, f"stopped: {MOST_STEPS} steps in one instant; a flow that never waits")
        if following.ends:
            if last is None:
                self._end_job(world, subject, None, {})
            else:
                world.directives = steps[last].webhooks
            if job is not None and job.done:
                role = self.role(subject)
                with telling(role, world, subject, "complete"):
                    role.complete(world, subject, job)
            world.directives = {}
            self._end_flow(world, subject)
            return
        if following.waits is not None:
            self._wait(world, subject, following.waits, following.act)
        world.save_play(subject)

    def _refusal(self, world: World, subject: Record, step: Step) -> str | None:
        """Why a step cannot be played here: its status, or what it sets; None when it can."""
        role = self.role(subject)
        refusal = role.refuses(world, subject, step.status) if step.status else None
        status = step.status or role.status(subject)
        if refusal or not step.set or status is None:
            return refusal
        wrong = role.vocabulary.disagreements(status, step.set)
        return next((f"set: {name}: {why}" for name, why in wrong.items()), None)

    # ends and waits

    def _end_flow(self, world: World, subject: Record) -> None:
        """From now on nothing moves the subject but a call, or the daily refresh."""
        play, job = subject.playing, subject.job
        play.job, play.flow, play.step, play.started_in = None, None, 0, None
        if job is not None and not job.skip:
            self._set_refresh(world, subject)
        world.save_play(subject)

    def _set_refresh(self, world: World, subject: Record) -> None:
        """The daily refresh falls due, where the subject's status lets it."""
        role = self.role(subject)
        due = role.refresh_at(world, subject) if role.status(subject) in role.refreshable else None
        if due is not None:
            world.set_timer(subject.guid, "background", due)

    def _wait(self, world: World, subject: Record, step: Step, act: int) -> None:
        play = subject.playing
        play.flow, play.step = step.flow, step.index
        if act:
            play.act = act
        elif step.after_polls:
            play.polls = step.after_polls
        else:
            world.set_timer(subject.guid, "step", world.now + step.after_ms)

    def _stop_waiting(self, world: World, subject: Record) -> None:
        subject.playing.stop_waiting()
        world.cancel_timers(subject.guid, "step", "silent", "consent", "auto")


def _changes_first(steps: Sequence[Step]) -> bool:
    """Whether what these steps do first, of all that can be seen, is a change of the subject."""
    return next((bool(step.status or step.set) for step in steps if step.status or step.set or step.event), False)
