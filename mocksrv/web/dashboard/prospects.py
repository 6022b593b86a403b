"""What can happen next with a subject, as the dashboard offers it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mocksrv.engine.clock import iso_ms
from mocksrv.engine.play import OpenChallenge, Play
from mocksrv.engine.sandbox import Sandbox
from mocksrv.engine.scenarios.model import ANSWER, EXPIRE
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.web.control import Control
from mocksrv.web.dashboard.diagrams import drawing_with

WRONG = "a wrong answer"
LABELS = {EXPIRE: "Let it run out"}


def prospects(control: Control, sandbox: Sandbox, id: str) -> dict[str, Any]:
    """The acts that are possible now, each with its label, the body of its control call and a test id; the questions
    that are open; the statuses that it can be pushed into, the scenarios that it can be moved to, and where it stands.
    """
    with control.engine.look(sandbox) as world:
        subject = world.subject(id)
        if subject is None:
            return {"acts": (), "questions": (), "statuses": (), "scenarios": (), "drawing": None}
        role = control.engine.player.role(subject)
        asked = subject.playing.asked
        return {
            "acts": _acts(control, world, subject),
            "questions": [challenge.label for challenge in asked.challenges] if asked else (),
            "statuses": sorted(role.vocabulary.statuses),
            "scenarios": sorted(sandbox.scenarios.names(subject.playing.provider)),
            "drawing": drawing_with(sandbox, subject),
        }


def awaited(control: Control, sandbox: Sandbox, id: str) -> dict[str, Any]:
    """What a subject waits for in its scenario: ``what`` in words, and ``until`` when at most (None: for ever)."""
    with control.engine.look(sandbox) as world:
        subject = world.subject(id)
        if subject is None:
            return {"what": "nothing, it is deleted", "until": None}
        what, timers = _awaited(subject.playing)
        due = [moment for timer in timers if (moment := world.timer(id, timer)) is not None]
        return {"what": what, "until": iso_ms(min(due)) if due else None}


def _awaited(play: Play) -> tuple[str, Sequence[str]]:
    """What a play waits for, and the timers that end the waiting."""
    if play.asked is not None:
        return "an answer", ("silent",)
    if play.consent is not None:
        return "the bank's page", ("auto", "consent")
    if play.polls:
        return f"{play.polls} reads of its status", ()
    if play.act:
        return "a person", ()
    return "its next step", ("step",)


def _acts(control: Control, world: World, subject: Record) -> list[dict[str, Any]]:
    provider = next(each for each in control.providers if each.name == subject.playing.provider)
    asked = subject.playing.asked
    acts: list[dict[str, Any]] = []
    for do in provider.actions().possible(world, subject):
        if do == ANSWER and asked is not None:
            acts += _answers(asked.challenges)
        else:
            acts.append({"label": LABELS.get(do, do.capitalize()), "body": {"do": do}, "testid": f"act-{do}"})
    return acts


def _answers(challenges: Sequence[OpenChallenge]) -> list[dict[str, Any]]:
    """Answering right, and wrong where that is possible."""
    right, wrong = [_right(each) for each in challenges], [_wrong(each) for each in challenges]
    acts = [{"label": "Answer right", "body": {"do": ANSWER, "answers": right}, "testid": "act-right"}]
    if right != wrong:
        acts.append({"label": "Answer wrong", "body": {"do": ANSWER, "answers": wrong}, "testid": "act-wrong"})
    return acts


def _right(challenge: OpenChallenge) -> str:
    if challenge.right:
        return challenge.right[0]
    return challenge.options[0].value if challenge.options else "any answer"


def _wrong(challenge: OpenChallenge) -> str:
    """An answer that is not right; the right one where every answer is."""
    offered = [option.value for option in challenge.options] or [WRONG]
    return next((each for each in offered if not challenge.accepts(challenge.meaning(each))), _right(challenge))
