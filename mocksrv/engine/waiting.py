"""What a subject waits for: the steps up to the next wait, the questions that are open, and what answers come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from mocksrv.engine.play import Asked, OpenChallenge, OpenOption
from mocksrv.engine.role import Role
from mocksrv.engine.scenarios.lookup import ScenarioLookup
from mocksrv.engine.scenarios.model import Ask, Challenge, Scenario, Step
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World

MOST_STEPS = 1_000  # in one instant; more is a script that turns in a circle


class NotWaiting(Exception):
    """The subject does not wait for an answer."""


@dataclass(slots=True)
class NextSteps:
    """The steps that are played in one instant, and what the play waits for after them.

    ``ends``: the flow ends with them. ``endless``: they turn in a circle, and were cut off. ``waits``: the step that
    happens after a wait (None: challenges or the bank's page wait, or nothing), and ``act`` the act that it waits for
    (0: none).
    """

    steps: list[Step]
    ends: bool = False
    endless: bool = False
    waits: Step | None = None
    act: int = 0


def next_steps(
    world: World | None,
    subject: Record,
    role: Role,
    scenarios: ScenarioLookup,
    scenario: Scenario,
    *,
    opening: bool,
    due: bool,
) -> NextSteps:
    """The steps from where the subject stands to the next wait. Without a world it only looks ahead.

    ``opening``: a job begins here. ``due``: what the first step waited for has come.
    """
    play, job, present = subject.playing, subject.job, role.status(subject)
    login, flow, index, steps = play.login, play.flow or "", play.step, list[Step]()
    led = True  # what led here may have entered the first step's status
    alone = login and job is not None and role.jobs[job.name].background
    for _ in range(MOST_STEPS):
        script = scenarios.flow(scenario, flow) or ()
        if index >= len(script):
            return NextSteps(steps, ends=True)
        step = script[index]
        act = role.vocabulary.acts.get(step.status or "", 0)
        if act > play.acted:
            return NextSteps(steps, waits=step, act=act)
        if (step.after_ms or (step.after_polls and not alone)) and not due:
            return NextSteps(steps, waits=step)
        if index == 0 and opening and job and step.status and step.status == _opening(role, flow):
            step = replace(step, status=role.jobs[job.name].opening)
        again = opening and step.status is not None and role.counting.counts(step.status)  # a failure of this job
        if led and not steps and not due and step.status == present and not again:
            step = replace(step, status=None)  # already entered by what led here
        due = alone and step.status in role.delayed  # what is not told of is not waited for
        if login and step.status in role.successful and world is not None and job:
            if job.supersedes:
                _adopt(world, subject, role, script[index:])
            login = alone = led = play.login = False
            onward = role.after_login(world, subject, job.name)
            if onward:
                flow, index = onward, 0
                continue
        if login and job and not job.supersedes:
            step = _login_alone(step) if not alone else _unwatched(_login_alone(step), role)
        steps.append(step)
        if step.ask or step.oauth or step.delete:
            return NextSteps(steps)
        flow, index = (step.then, 0) if step.then else (flow, index + 1)
    return NextSteps(steps, ends=True, endless=True)


def _opening(role: Role, flow: str) -> str | None:
    """The status with which a flow begins where its own job plays it."""
    if flow == role.first_flow:
        return role.first_status
    return role.jobs[flow].opening if flow in role.jobs else None


def _adopt(world: World, subject: Record, role: Role, steps: Sequence[Step]) -> None:
    """The data that the rest of a flow would have brought are the subject's, though nothing fetches them."""
    for step in steps:
        if step.data:
            role.adopt(world, subject, step.data)


def _login_alone(step: Step) -> Step:
    """What a step of another flow is in the login part of a job: its status, its wait, its question."""
    return replace(step, data=None, fault=None, event=None, payload={}, webhooks={})


def _unwatched(step: Step, role: Role) -> Step:
    """What such a step is in a job that nobody watches: nothing is asked, as if it had been answered well, and nobody
    is told that it takes long.
    """
    if step.ask:
        return replace(step, status=None, set={}, ask=None, then=step.ask.right or role.branches["right"])
    if step.oauth:
        return replace(step, status=None, set={}, oauth=None, then=step.oauth.approved or role.branches["approved"])
    return replace(step, status=None, set={}) if step.status in {role.resumed, *role.delayed} else step


def open_challenges(world: World, subject: Record, role: Role, ask: Ask) -> Asked:
    """Opens a round of challenges, with new guids."""
    return Asked(
        [_open(world, subject, role, challenge) for challenge in ask.challenges],
        selects=isinstance(ask.challenges[0].options, str),
        answers=dict(ask.answers),
        right=ask.right,
        wrong=ask.wrong,
        silent=ask.silent,
    )


def _open(world: World, subject: Record, role: Role, challenge: Challenge) -> OpenChallenge:
    guid, options = world.guid(role.challenge_prefix), challenge.options or ()
    if isinstance(options, str):
        options = tuple(role.choices(world, subject, options))
    return OpenChallenge(
        guid,
        challenge.type,
        challenge.label,
        challenge.field_name,
        challenge.image,
        [OpenOption(world.guid(role.option_prefix), each.label, each.value, each.image) for each in options],
        None if challenge.answer is None else list(challenge.answer),
    )


class Answers(NamedTuple):
    """What the answers to a round come to. ``flow``: where one of them has a flow of its own. ``first``: the value of
    the first.
    """

    right: bool
    flow: str | None
    first: str


def read_answers(asked: Asked, given: Mapping[str, str]) -> Answers:
    """What answers by guid come to. Raises ValueError when one is missing or unknown."""
    missing = [each.guid for each in asked.challenges if each.guid not in given]
    unknown = given.keys() - {each.guid for each in asked.challenges}
    if missing:
        raise ValueError(f"challenge {missing[0]} has no answer")
    if unknown:
        raise ValueError(f"challenge {next(guid for guid in given if guid in unknown)} is not open on this member")
    meanings = [(challenge, challenge.meaning(given[challenge.guid])) for challenge in asked.challenges]
    return Answers(
        right=all(challenge.accepts(meaning) for challenge, meaning in meanings),
        flow=next((asked.answers[text] for _, meaning in meanings for text in meaning if text in asked.answers), None),
        first=meanings[0][1][0],
    )
