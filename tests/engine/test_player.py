"""Plays of flows: waits, polls, questions, consents, jobs."""

from __future__ import annotations

import pytest

from mocksrv.engine.clock import DAY, HOUR, MINUTE, SECOND
from mocksrv.engine.play import Asked, OpenConsent
from mocksrv.engine.waiting import MOST_STEPS, NotWaiting
from tests.engine.toy import ToyEngine

ASKS = """
connect:
  - status: NEW
  - {after: 1s, then: ask}
ask:
  - status: ASKED
    challenges: [{type: TEXT, label: Who?, answer: "0123"}]
    wait: 10m
    right: in
    wrong: out
    silent: late
    answers: {bell: rung}
in:
  - status: HEARD
  - {after: 1s, status: OPEN}
out:
  - status: HEARD
  - {after: 1s, status: SHUT}
  - {after: 1s, then: ask}
late:
  - status: LATE
rung:
  - {event: toy.bell, payload: {loud: true}}
"""


def asked(toy: ToyEngine, door: str) -> Asked:
    """The open round of challenges."""
    found = toy.record(door).playing.asked
    assert found is not None
    return found


def test_a_flow_plays_its_steps_at_their_moments(toy: ToyEngine) -> None:
    door = toy.door(toy.script("connect: [{status: NEW}, {after: 1s, status: KNOCKED}, {after: 250ms, status: OPEN}]"))
    assert toy.status(door) == "NEW"
    assert toy.advance(999) == []
    toy.advance(1)
    assert toy.status(door) == "KNOCKED"
    toy.advance(250)
    assert toy.status(door) == "OPEN"


def test_steps_of_one_instant_are_played_together_and_the_last_change_ends_the_job(toy: ToyEngine) -> None:
    door = toy.door(toy.script("connect: [{status: NEW}, {after: 1s, status: KNOCKED}, {status: OPEN}]"))
    toy.advance(SECOND)
    record = toy.record(door)
    assert (record.body["status"], record.body["busy"], record.revision) == ("OPEN", False, 3)
    assert toy.events() == ["toy.door.changed"] * 3 + ["toy.opened"]


def test_only_a_successful_end_fetches_and_tells(toy: ToyEngine) -> None:
    opened = toy.door(toy.script("connect: [{status: NEW}, {after: 1s, status: OPEN}]", "opens"))
    shut = toy.door(toy.script("connect: [{status: NEW}, {after: 1s, status: SHUT}]", "shuts"))
    toy.advance(SECOND)
    assert toy.record(opened).body["loaded"] == ["default"]
    assert "loaded" not in toy.record(shut).body
    assert toy.events().count("toy.opened") == 1


def test_data_of_the_script_replaces_what_success_brings(toy: ToyEngine) -> None:
    door = toy.door(toy.script("connect: [{status: NEW}, {after: 1s, status: OPEN, data: furniture}]"))
    toy.advance(SECOND)
    assert toy.record(door).body["loaded"] == ["furniture"]


def test_a_wait_for_polls_ends_after_that_many_reads_and_the_last_still_shows_the_old_status(toy: ToyEngine) -> None:
    door = toy.door(toy.script("connect: [{status: NEW}, {after: 3 polls, status: OPEN}]"))
    assert [toy.poll(door) for _ in range(4)] == ["NEW", "NEW", "NEW", "OPEN"]


def test_a_read_beside_the_last_that_was_waited_for_changes_nothing(toy: ToyEngine) -> None:
    door = toy.door(toy.script("connect: [{status: NEW}, {after: 1 poll, status: KNOCKED}, {after: 1h}]"))
    assert [toy.poll(door), toy.poll(door), toy.poll(door)] == ["NEW", "KNOCKED", "KNOCKED"]
    assert [status for status, _ in toy.timeline(door)] == ["NEW", "KNOCKED"]


def test_advance_lists_the_subjects_that_wait_for_polls(toy: ToyEngine) -> None:
    door = toy.door(toy.script("connect: [{status: NEW}, {after: 3 polls, status: OPEN}]"))
    assert [(each.kind, each.subject, each.detail) for each in toy.advance(HOUR)] == [
        ("waits", door, "for 3 more polls")
    ]


@pytest.mark.parametrize(
    ("answer", "status"),
    [("0123", "OPEN"), ("123", "ASKED"), ("bell", "HEARD")],
    ids=["right", "wrong is asked again", "a particular answer has its own flow"],
)
def test_an_answer_decides_how_the_play_goes_on(toy: ToyEngine, answer: str, status: str) -> None:
    door = toy.door(toy.script(ASKS))
    toy.advance(SECOND)
    toy.answer(door, answer)
    assert toy.status(door) == "HEARD"
    toy.advance(2 * SECOND)
    assert toy.status(door) == status


def test_every_round_has_new_guids(toy: ToyEngine) -> None:
    door = toy.door(toy.script(ASKS))
    toy.advance(SECOND)
    first = asked(toy, door).challenges[0].guid
    toy.answer(door, "wrong")
    toy.advance(2 * SECOND)
    assert asked(toy, door).challenges[0].guid != first


def test_silence_has_its_flow_and_ends_the_question(toy: ToyEngine) -> None:
    door = toy.door(toy.script(ASKS))
    toy.advance(SECOND + 10 * MINUTE)
    assert toy.status(door) == "LATE"
    with pytest.raises(NotWaiting):
        toy.answer(door, "0123")


def test_an_answer_that_is_missing_or_unknown_changes_nothing(toy: ToyEngine) -> None:
    door = toy.door(toy.script(ASKS))
    toy.advance(SECOND)
    with pytest.raises(ValueError, match="has no answer"):
        toy.answer(door)
    assert toy.status(door) == "ASKED"


@pytest.mark.parametrize("given", ["blue", "The Blue One"])
def test_an_option_is_chosen_by_value_or_label(toy: ToyEngine, given: str) -> None:
    flows = """
connect:
  - status: ASKED
    challenges: [{type: OPTIONS, label: Which?,
      options: [{label: The Blue One, value: blue}, {label: Red, value: red}], answer: blue}]
"""
    door = toy.door(toy.script(flows))
    toy.answer(door, given)
    toy.advance(SECOND)
    assert toy.status(door) == "OPEN"


@pytest.mark.parametrize(("given", "status"), [("yes", "OPEN"), ("no", "SHUT"), (None, "LATE")])
def test_unwritten_branches_are_the_providers(toy: ToyEngine, given: str | None, status: str) -> None:
    door = toy.door(toy.script("connect: [{status: ASKED, challenges: [{type: TEXT, label: Ok?, answer: 'yes'}]}]"))
    if given:
        toy.answer(door, given)
    toy.advance(10 * MINUTE)
    assert toy.status(door) == status


def test_the_opening_status_reads_differently_by_job(toy: ToyEngine) -> None:
    door = toy.door(toy.script("connect: [{status: NEW}, {after: 1s, status: OPEN}]"))
    toy.advance(SECOND)
    toy.start(door, "update")
    assert toy.status(door) == "RENEWED"
    toy.advance(SECOND)
    toy.start(door, "aggregate")
    assert (toy.status(door), toy.record(door).body["busy"]) == ("OPEN", True)


def test_a_job_that_is_skipped_enters_its_opening_status_and_fetches_nothing(toy: ToyEngine) -> None:
    door = toy.door(toy.script("connect: [{status: NEW}, {after: 1s, status: OPEN}]"), skip=True)
    toy.advance(HOUR)
    assert (toy.status(door), toy.record(door).job) == ("NEW", None)
    toy.start(door, "update", skip=True)
    toy.advance(HOUR)
    assert toy.status(door) == "RENEWED"


def test_verify_plays_the_login_part_of_connect_first(toy: ToyEngine) -> None:
    door = toy.door(toy.script(ASKS))
    toy.start(door, "verify")
    toy.advance(SECOND)
    toy.answer(door, "0123")
    toy.advance(SECOND)
    assert asked(toy, door).challenges[0].label == "Which key?"
    toy.answer(door, "key-1")
    toy.advance(SECOND)
    assert toy.status(door) == "OPEN"


def test_verify_with_nothing_to_choose_goes_straight_through(toy: ToyEngine) -> None:
    toy.role.choosable = 0
    door = toy.door(toy.script("connect: [{status: NEW}, {after: 1s, status: OPEN}]"))
    toy.start(door, "verify")
    toy.advance(SECOND)
    assert toy.status(door) == "OPEN"


def test_an_approved_consent_goes_on_in_connect(toy: ToyEngine) -> None:
    door = toy.door(toy.script("connect: [{status: NEW}, {after: 1s, status: OPEN}]"), "oauth")
    assert (toy.status(door), toy.record(door).playing.consent) == ("AWAY", OpenConsent(approved="connect"))
    toy.consent(door, "approve")
    assert toy.status(door) == "NEW"
    toy.advance(SECOND)
    assert toy.status(door) == "OPEN"


def test_a_denied_consent_may_be_tried_again_until_the_status_expires(toy: ToyEngine) -> None:
    door = toy.door(toy.script("connect: [{status: NEW}, {after: 1s, status: OPEN}]"), "oauth")
    toy.consent(door, "deny")
    assert toy.status(door) == "AWAY"
    toy.advance(HOUR)
    assert not toy.there(door)
    assert toy.events()[-1] == "toy.door.changed"


@pytest.mark.parametrize(("auto", "status"), [("approve", "OPEN"), ("deny", "SHUT")])
def test_a_scenario_may_answer_its_consent_by_itself(toy: ToyEngine, auto: str, status: str) -> None:
    flows = f"""
oauth: [{{status: AWAY, oauth: {{auto: {auto}, denied: refused}}}}]
refused: [{{status: SHUT}}]
"""
    door = toy.door(toy.script(flows), "oauth")
    toy.advance(HOUR)
    assert toy.status(door) == status


def test_a_consent_nobody_gives_has_its_flow(toy: ToyEngine) -> None:
    door = toy.door(
        toy.script("oauth: [{status: AWAY, oauth: {wait: 5m, silent: gave up}}]\ngave up: [{status: LATE}]"), "oauth"
    )
    toy.advance(5 * MINUTE)
    assert toy.status(door) == "LATE"


def test_the_daily_refresh_runs_a_day_after_the_last_success(toy: ToyEngine) -> None:
    door = toy.door(toy.script("connect: [{status: NEW}, {after: 1s, status: OPEN}]"))
    toy.advance(3 * DAY + MINUTE)
    assert toy.events().count("toy.opened") == 4
    assert [cause for _, cause in toy.timeline(door)].count("scenario") == 4


def test_the_daily_refresh_leaves_out_those_that_do_not_want_it(toy: ToyEngine) -> None:
    door = toy.door(toy.script("connect: [{status: NEW}, {after: 1s, status: OPEN, set: {colour: red}}]"))
    toy.advance(SECOND)
    with toy.engine.change(toy.sandbox) as world:
        record = toy.record(door, world)
        record.body["quiet"] = True
        world.save(record)
    toy.advance(2 * DAY)
    assert toy.events().count("toy.opened") == 1


def test_pushing_a_status_ends_the_play(toy: ToyEngine) -> None:
    door = toy.door(toy.script("connect: [{status: NEW}, {after: 1h, status: OPEN}]"))
    with toy.engine.change(toy.sandbox) as world:
        toy.engine.player.push(world, toy.record(door, world), "SHUT", {"colour": "red"})
    toy.advance(2 * HOUR)
    assert (toy.status(door), toy.record(door).body["colour"]) == ("SHUT", "red")
    assert toy.timeline(door)[-1] == ("SHUT", "pushed by hand")


def test_a_subject_pushed_into_the_asking_status_can_be_answered(toy: ToyEngine) -> None:
    door = toy.door(toy.script("connect: [{status: NEW}, {after: 1h, status: OPEN}]"))
    with toy.engine.change(toy.sandbox) as world:
        toy.engine.player.push(world, toy.record(door, world), "ASKED", {})
    toy.answer(door, "correct")
    toy.advance(SECOND)
    assert toy.status(door) == "OPEN"


def test_moving_to_another_scenario_plays_a_flow_of_it_now(toy: ToyEngine) -> None:
    door = toy.door(toy.script("connect: [{status: NEW}, {after: 1h, status: OPEN}]"))
    other = toy.script("connect: [{status: NEW}, {after: 1s, then: slam}]\nslam: [{status: SHUT}]", "slams")
    with toy.engine.change(toy.sandbox) as world:
        toy.engine.player.move(world, toy.record(door, world), other, "slam")
    assert toy.status(door) == "SHUT"


def test_a_deleted_subject_is_gone_with_its_timers(toy: ToyEngine) -> None:
    door = toy.door(toy.script("connect: [{status: NEW}, {after: 1s, status: KNOCKED, delete: true}]"))
    toy.advance(HOUR)
    assert not toy.there(door)
    with toy.engine.look(toy.sandbox) as world:
        assert world.tx.next_timer("default") is None


def test_a_script_that_turns_in_a_circle_is_stopped_and_says_so(toy: ToyEngine) -> None:
    toy.script("connect: [{after: 1s, then: round}]\nround: [{after: 1s, status: OPEN}]", "parent")
    toy.put("name: child\nprovider: toy\nextends: parent\nflows: {round: [{then: connect}]}")
    door = toy.door("child")
    # Each of the two files was right when it was checked; together they never wait any more.
    toy.script("connect: [{status: KNOCKED}, {then: round}]\nround: [{after: 1s, status: OPEN}]", "parent")
    toy.advance(SECOND)
    toy.start(door, "aggregate")
    assert f"{MOST_STEPS} steps in one instant" in toy.timeline(door)[-1][1]


def test_a_scenario_that_has_gone_stops_the_play_and_says_so(toy: ToyEngine) -> None:
    door = toy.door(toy.script("connect: [{status: NEW}, {after: 1s, status: OPEN}]"))
    with toy.engine.change(toy.sandbox) as world:
        record = toy.record(door, world)
        record.playing.scenario = "gone"
        world.save_play(record)
    toy.advance(SECOND)
    assert toy.timeline(door)[-1][1].startswith("stopped: there is no scenario 'gone'")


def test_a_fault_step_makes_the_api_misbehave_from_there_on(toy: ToyEngine) -> None:
    toy.door(toy.script('connect: [{status: NEW}, {after: 1s, fault: {on: "GET /doors/*", status: 503, times: 2}}]'))
    toy.advance(SECOND)
    (fault,) = toy.sandbox.settings.faults
    assert (fault.status, fault.times) == (503, 2)
    assert fault.meets("GET", "/doors/1")
    assert not fault.meets("GET", "/doors/1/keys")
    assert not fault.meets("POST", "/doors/1")


# what a role may change of a play


def test_a_job_may_play_another_flow_until_the_subject_is_moved(toy: ToyEngine) -> None:
    name = toy.script(
        "connect: [{status: NEW}]\naggregate: [{after: 1s, status: SHUT}]\nverify: [{after: 1s, status: OPEN}]"
    )
    door = toy.door(name)
    with toy.engine.change(toy.sandbox) as world:
        record = toy.record(door, world)
        record.playing.instead = {"aggregate": "verify"}
        world.save_play(record)
    toy.start(door, "aggregate")
    toy.advance(SECOND)
    assert toy.status(door) == "OPEN"
    with toy.engine.change(toy.sandbox) as world:
        toy.engine.player.move(world, toy.record(door, world), name, None)
    toy.start(door, "aggregate")
    toy.advance(SECOND)
    assert toy.status(door) == "SHUT"


def test_a_push_says_its_cause(toy: ToyEngine) -> None:
    door = toy.door(toy.script("connect: [{status: NEW}]"))
    with toy.engine.change(toy.sandbox) as world:
        toy.engine.player.push(world, toy.record(door, world), "SHUT", {}, cause="the wind")
    assert toy.timeline(door)[-1] == ("SHUT", "the wind")
