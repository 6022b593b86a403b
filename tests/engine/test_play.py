"""A play is kept as JSON, and comes back as it was."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocksrv.engine.play import Asked, Job, OpenChallenge, OpenConsent, OpenOption, Place, Play, PlayError


@dataclass(slots=True)
class DoorJob:
    """What a provider may keep with a job."""

    knocks: int = 0
    keys: list[str] = field(default_factory=list)
    loud: bool | None = None


NAMES = st.text(max_size=8)
MAYBE = st.none() | NAMES
NUMBERS = st.integers(0, 10**6)
DETAILS = st.builds(DoorJob, NUMBERS, st.lists(NAMES, max_size=2), st.none() | st.booleans())
FLAGS = (st.booleans(),) * 5
JOBS = st.builds(Job, NAMES, NUMBERS, *FLAGS, MAYBE, NAMES, st.none() | DETAILS)
OPTIONS = st.builds(OpenOption, NAMES, NAMES, NAMES, MAYBE)
CHALLENGES = st.builds(
    OpenChallenge,
    *(NAMES, NAMES, NAMES, MAYBE, MAYBE),
    st.lists(OPTIONS, max_size=2),
    st.none() | st.lists(NAMES, max_size=2),
)
FLOWS = st.dictionaries(NAMES, NAMES, max_size=2)
PLAYS = st.builds(
    Play,
    *(NAMES, NAMES, NAMES),
    job=st.none() | JOBS,
    flow=MAYBE,
    step=NUMBERS,
    login=st.booleans(),
    renewed=st.booleans(),
    renewable=st.booleans(),
    renewable_skip=st.booleans(),
    started_in=MAYBE,
    instead=FLOWS,
    at=st.none() | st.builds(Place, NAMES, NUMBERS, NAMES, NUMBERS),
    acted=NUMBERS,
    attempts=st.dictionaries(NAMES, st.lists(NUMBERS, max_size=3), max_size=2),
    succeeded_at=st.none() | NUMBERS,
    counted=NAMES,
    polls=NUMBERS,
    act=NUMBERS,
    asked=st.none() | st.builds(Asked, st.lists(CHALLENGES, max_size=2), st.booleans(), FLOWS, MAYBE, MAYBE, MAYBE),
    consent=st.none() | st.builds(OpenConsent, *(MAYBE,) * 6),
)


def stored(play: Play) -> Play:
    """The play after it was written and read."""
    return Play.load(json.loads(json.dumps(play.dump())))


@given(PLAYS)
def test_a_play_comes_back_as_it_was(play: Play) -> None:
    back = stored(play)
    assert back == play
    assert back.dump() == play.dump()


@given(DETAILS)
def test_details_come_back_as_the_dataclass_that_asks_for_them(details: DoorJob) -> None:
    back = stored(Play("toy", "opens", "hand", job=Job("connect", 1, kept=details))).job
    assert back is not None
    assert back.details(DoorJob) == details


def test_changes_of_details_are_stored_also_when_nobody_asks_for_them_in_between() -> None:
    play = Play("toy", "opens", "hand", job=Job("connect", 1))
    assert play.job is not None
    play.job.details(DoorJob).keys.append("brass")
    back = stored(stored(play)).job
    assert back is not None
    assert back.details(DoorJob) == DoorJob(keys=["brass"])


def test_a_play_that_has_just_begun_is_a_few_words() -> None:
    assert Play("toy", "opens", "hand").dump() == {"provider": "toy", "scenario": "opens", "by": "hand"}


START = {"provider": "toy", "scenario": "opens", "by": "hand"}


@pytest.mark.parametrize(
    ("kept", "named"),
    [
        ({**START, "pols": 3}, "pols"),
        ({**START, "job": {"name": "connect", "started_at": 1, "dne": True}}, "dne"),
        ({**START, "asked": {"challenges": [{"guid": "1", "type": "TEXT", "label": "?", "lable": ""}]}}, "lable"),
        ({**START, "consent": {"auot": "deny"}}, "auot"),
        ({"provider": "toy"}, "scenario"),
    ],
    ids=["play", "job", "challenge", "consent", "too little"],
)
def test_what_no_play_has_is_refused_by_name(kept: dict[str, Any], named: str) -> None:
    with pytest.raises(PlayError, match=named):
        Play.load(kept)


def test_details_that_another_dataclass_has_left_are_refused() -> None:
    job = Job("connect", 1, kept={"knocks": 1, "bell": True})
    with pytest.raises(PlayError, match="bell"):
        job.details(DoorJob)


def test_a_play_waits_for_nothing_once_it_has_stopped_waiting() -> None:
    play = Play("toy", "opens", "hand", polls=3, act=1, asked=Asked([]), consent=OpenConsent())
    play.stop_waiting()
    assert play == Play("toy", "opens", "hand")


@pytest.mark.parametrize("given", ["blue", "The blue one", "OPT-1"])
def test_an_option_is_meant_by_value_label_or_guid(given: str) -> None:
    challenge = OpenChallenge("ASK-1", "OPTIONS", "Which?", options=[OpenOption("OPT-1", "The blue one", "blue")])
    assert challenge.meaning(given) == ["blue", "The blue one"]


@pytest.mark.parametrize(("right", "accepted"), [(None, True), (["red", "blue"], True), (["red"], False)])
def test_an_answer_is_right_where_any_is_or_it_is_among_the_right_ones(right: list[str] | None, accepted: bool) -> None:
    assert OpenChallenge("ASK-1", "TEXT", "Which?", right=right).accepts(["blue"]) is accepted
