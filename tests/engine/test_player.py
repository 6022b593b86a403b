"""Plays of flows: waits, polls, questions, consents, jobs."""

from __future__ import annotations

import pytest

from mocksrv.engine.clock import DAY, HOUR, MINUTE, SECOND
from mocksrv.engine.play import Asked, OpenConsent
from mocksrv.engine.waiting import MOST_STEPS, NotWaiting
from tests.engine.toy import House

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


def asked(house: House, door: str) -> Asked:
    """The open round of challenges."""
    found = house.record(door).playing.asked
    assert found is not None
    return found


def test_a_flow_plays_its_steps_at_their_moments(house: House) -> None:
    door = house.door(
        house.script("connect: [{status: NEW}, {after: 1s, status: KNOCKED}, {after: 250ms, status: OPEN}]")
    )
    assert house.status(door) == "NEW"
    assert house.advance(999) == []
    house.advance(1)
    assert house.status(door) == "KNOCKED"
    house.advance(250)
    assert house.status(door) == "OPEN"


def test_steps_of_one_instant_are_played_together_and_the_last_change_ends_the_job(house: House) -> None:
    door = house.door(house.script("connect: [{status: NEW}, {after: 1s, status: KNOCKED}, {status: OPEN}]"))
    house.advance(SECOND)
    record = house.record(door)
    assert (record.body["status"], record.body["busy"], record.revision) == ("OPEN", False, 3)
    assert house.events() == ["toy.door.changed"] * 3 + ["toy.opened"]


def test_only_a_successful_end_fetches_and_tells(house: House) -> None:
    opened = house.door(house.script("connect: [{status: NEW}, {after: 1s, status: OPEN}]", "opens"))
    shut = house.door(house.script("connect: [{status: NEW}, {after: 1s, status: SHUT}]", "shuts"))
    house.advance(SECOND)
    assert house.record(opened).body["loaded"] == ["default"]
    assert "loaded" not in house.record(shut).body
    assert house.events().count("toy.opened") == 1


def test_data_of_the_script_replaces_what_success_brings(house: House) -> None:
    door = house.door(house.script("connect: [{status: NEW}, {after: 1s, status: OPEN, data: furniture}]"))
    house.advance(SECOND)
    assert house.record(door).body["loaded"] == ["furniture"]


def test_a_wait_for_polls_ends_after_that_many_reads_and_the_last_still_shows_the_old_status(house: House) -> None:
    door = house.door(house.script("connect: [{status: NEW}, {after: 3 polls, status: OPEN}]"))
    assert [house.poll(door) for _ in range(4)] == ["NEW", "NEW", "NEW", "OPEN"]


def test_a_read_beside_the_last_that_was_waited_for_changes_nothing(house: House) -> None:
    door = house.door(house.script("connect: [{status: NEW}, {after: 1 poll, status: KNOCKED}, {after: 1h}]"))
    assert [house.poll(door), house.poll(door), house.poll(door)] == ["NEW", "KNOCKED", "KNOCKED"]
    assert [status for status, _ in house.timeline(door)] == ["NEW", "KNOCKED"]


def test_advance_lists_the_subjects_that_wait_for_polls(house: House) -> None:
    door = house.door(house.script("connect: [{status: NEW}, {after: 3 polls, status: OPEN}]"))
    assert [(each.kind, each.subject, each.detail) for each in house.advance(HOUR)] == [
        ("waits", door, "for 3 more polls")
    ]


@pytest.mark.parametrize(
    ("answer", "status"),
    [("0123", "OPEN"), ("123", "ASKED"), ("bell", "HEARD")],
    ids=["right", "wrong is asked again", "a particular answer has its own flow"],
)
def test_an_answer_decides_how_the_play_goes_on(house: House, answer: str, status: str) -> None:
    door = house.door(house.script(ASKS))
    house.advance(SECOND)
    house.answer(door, answer)
    assert house.status(door) == "HEARD"
    house.advance(2 * SECOND)
    assert house.status(door) == status


def test_every_round_has_new_guids(house: House) -> None:
    door = house.door(house.script(ASKS))
    house.advance(SECOND)
    first = asked(house, door).challenges[0].guid
    house.answer(door, "wrong")
    house.advance(2 * SECOND)
    assert asked(house, door).challenges[0].guid != first


def test_silence_has_its_flow_and_ends_the_question(house: House) -> None:
    door = house.door(house.script(ASKS))
    house.advance(SECOND + 10 * MINUTE)
    assert house.status(door) == "LATE"
    with pytest.raises(NotWaiting):
        house.answer(door, "0123")


def test_an_answer_that_is_missing_or_unknown_changes_nothing(house: House) -> None:
    door = house.door(house.script(ASKS))
    house.advance(SECOND)
    with pytest.raises(ValueError, match="has no answer"):
        house.answer(door)
    assert house.status(door) == "ASKED"


@pytest.mark.parametrize("given", ["blue", "The Blue One"])
def test_an_option_is_chosen_by_value_or_label(house: House, given: str) -> None:
    flows = """
connect:
  - status: ASKED
    challenges: [{type: OPTIONS, label: Which?,
      options: [{label: The Blue One, value: blue}, {label: Red, value: red}], answer: blue}]
"""
    door = house.door(house.script(flows))
    house.answer(door, given)
    house.advance(SECOND)
    assert house.status(door) == "OPEN"


@pytest.mark.parametrize(("given", "status"), [("yes", "OPEN"), ("no", "SHUT"), (None, "LATE")])
def test_unwritten_branches_are_the_providers(house: House, given: str | None, status: str) -> None:
    door = house.door(house.script("connect: [{status: ASKED, challenges: [{type: TEXT, label: Ok?, answer: 'yes'}]}]"))
    if given:
        house.answer(door, given)
    house.advance(10 * MINUTE)
    assert house.status(door) == status


def test_the_opening_status_reads_differently_by_job(house: House) -> None:
    door = house.door(house.script("connect: [{status: NEW}, {after: 1s, status: OPEN}]"))
    house.advance(SECOND)
    house.start(door, "update")
    assert house.status(door) == "RENEWED"
    house.advance(SECOND)
    house.start(door, "aggregate")
    assert (house.status(door), house.record(door).body["busy"]) == ("OPEN", True)


def test_a_job_that_is_skipped_enters_its_opening_status_and_fetches_nothing(house: House) -> None:
    door = house.door(house.script("connect: [{status: NEW}, {after: 1s, status: OPEN}]"), skip=True)
    house.advance(HOUR)
    assert (house.status(door), house.record(door).job) == ("NEW", None)
    house.start(door, "update", skip=True)
    house.advance(HOUR)
    assert house.status(door) == "RENEWED"


def test_verify_plays_the_login_part_of_connect_first(house: House) -> None:
    door = house.door(house.script(ASKS))
    house.start(door, "verify")
    house.advance(SECOND)
    house.answer(door, "0123")
    house.advance(SECOND)
    assert asked(house, door).challenges[0].label == "Which key?"
    house.answer(door, "key-1")
    house.advance(SECOND)
    assert house.status(door) == "OPEN"


def test_verify_with_nothing_to_choose_goes_straight_through(house: House) -> None:
    house.role.choosable = 0
    door = house.door(house.script("connect: [{status: NEW}, {after: 1s, status: OPEN}]"))
    house.start(door, "verify")
    house.advance(SECOND)
    assert house.status(door) == "OPEN"


def test_an_approved_consent_goes_on_in_connect(house: House) -> None:
    door = house.door(house.script("connect: [{status: NEW}, {after: 1s, status: OPEN}]"), "oauth")
    assert (house.status(door), house.record(door).playing.consent) == ("AWAY", OpenConsent(approved="connect"))
    house.consent(door, "approve")
    assert house.status(door) == "NEW"
    house.advance(SECOND)
    assert house.status(door) == "OPEN"


def test_a_denied_consent_may_be_tried_again_until_the_status_expires(house: House) -> None:
    door = house.door(house.script("connect: [{status: NEW}, {after: 1s, status: OPEN}]"), "oauth")
    house.consent(door, "deny")
    assert house.status(door) == "AWAY"
    house.advance(HOUR)
    assert not house.there(door)
    assert house.events()[-1] == "toy.door.changed"


@pytest.mark.parametrize(("auto", "status"), [("approve", "OPEN"), ("deny", "SHUT")])
def test_a_scenario_may_answer_its_consent_by_itself(house: House, auto: str, status: str) -> None:
    flows = f"""
oauth: [{{status: AWAY, oauth: {{auto: {auto}, denied: refused}}}}]
refused: [{{status: SHUT}}]
"""
    door = house.door(house.script(flows), "oauth")
    house.advance(HOUR)
    assert house.status(door) == status


def test_a_consent_nobody_gives_has_its_flow(house: House) -> None:
    door = house.door(
        house.script("oauth: [{status: AWAY, oauth: {wait: 5m, silent: gave up}}]\ngave up: [{status: LATE}]"), "oauth"
    )
    house.advance(5 * MINUTE)
    assert house.status(door) == "LATE"


def test_the_daily_refresh_runs_a_day_after_the_last_success(house: House) -> None:
    door = house.door(house.script("connect: [{status: NEW}, {after: 1s, status: OPEN}]"))
    house.advance(3 * DAY + MINUTE)
    assert house.events().count("toy.opened") == 4
    assert [cause for _, cause in house.timeline(door)].count("scenario") == 4


def test_the_daily_refresh_leaves_out_those_that_do_not_want_it(house: House) -> None:
    door = house.door(house.script("connect: [{status: NEW}, {after: 1s, status: OPEN, set: {colour: red}}]"))
    house.advance(SECOND)
    with house.engine.change(house.sandbox) as world:
        record = house.record(door, world)
        record.body["quiet"] = True
        world.save(record)
    house.advance(2 * DAY)
    assert house.events().count("toy.opened") == 1


def test_pushing_a_status_ends_the_play(house: House) -> None:
    door = house.door(house.script("connect: [{status: NEW}, {after: 1h, status: OPEN}]"))
    with house.engine.change(house.sandbox) as world:
        house.engine.player.push(world, house.record(door, world), "SHUT", {"colour": "red"})
    house.advance(2 * HOUR)
    assert (house.status(door), house.record(door).body["colour"]) == ("SHUT", "red")
    assert house.timeline(door)[-1] == ("SHUT", "pushed by hand")


def test_a_subject_pushed_into_the_asking_status_can_be_answered(house: House) -> None:
    door = house.door(house.script("connect: [{status: NEW}, {after: 1h, status: OPEN}]"))
    with house.engine.change(house.sandbox) as world:
        house.engine.player.push(world, house.record(door, world), "ASKED", {})
    house.answer(door, "correct")
    house.advance(SECOND)
    assert house.status(door) == "OPEN"


def test_moving_to_another_scenario_plays_a_flow_of_it_now(house: House) -> None:
    door = house.door(house.script("connect: [{status: NEW}, {after: 1h, status: OPEN}]"))
    other = house.script("connect: [{status: NEW}, {after: 1s, then: slam}]\nslam: [{status: SHUT}]", "slams")
    with house.engine.change(house.sandbox) as world:
        house.engine.player.move(world, house.record(door, world), other, "slam")
    assert house.status(door) == "SHUT"


def test_a_deleted_subject_is_gone_with_its_timers(house: House) -> None:
    door = house.door(house.script("connect: [{status: NEW}, {after: 1s, status: KNOCKED, delete: true}]"))
    house.advance(HOUR)
    assert not house.there(door)
    with house.engine.look(house.sandbox) as world:
        assert world.tx.next_timer("default") is None


def test_a_script_that_turns_in_a_circle_is_stopped_and_says_so(house: House) -> None:
    house.script("connect: [{after: 1s, then: round}]\nround: [{after: 1s, status: OPEN}]", "parent")
    house.engine.put_scenario(
        house.sandbox, "name: child\nprovider: toy\nextends: parent\nflows: {round: [{then: connect}]}"
    )
    door = house.door("child")
    # Each of the two files was right when it was checked; together they never wait any more.
    house.script("connect: [{status: KNOCKED}, {then: round}]\nround: [{after: 1s, status: OPEN}]", "parent")
    house.advance(SECOND)
    house.start(door, "aggregate")
    assert f"{MOST_STEPS} steps in one instant" in house.timeline(door)[-1][1]


def test_a_scenario_that_has_gone_stops_the_play_and_says_so(house: House) -> None:
    door = house.door(house.script("connect: [{status: NEW}, {after: 1s, status: OPEN}]"))
    with house.engine.change(house.sandbox) as world:
        record = house.record(door, world)
        record.playing.scenario = "gone"
        world.save_play(record)
    house.advance(SECOND)
    assert house.timeline(door)[-1][1].startswith("stopped: there is no scenario 'gone'")


def test_a_fault_step_makes_the_api_misbehave_from_there_on(house: House) -> None:
    house.door(
        house.script('connect: [{status: NEW}, {after: 1s, fault: {on: "GET /doors/*", status: 503, times: 2}}]')
    )
    house.advance(SECOND)
    (fault,) = house.sandbox.settings.faults
    assert (fault.status, fault.times) == (503, 2)
    assert fault.meets("GET", "/doors/1")
    assert not fault.meets("GET", "/doors/1/keys")
    assert not fault.meets("POST", "/doors/1")


# what a role may change of a play


def test_a_job_may_play_another_flow_until_the_subject_is_moved(house: House) -> None:
    name = house.script(
        "connect: [{status: NEW}]\naggregate: [{after: 1s, status: SHUT}]\nverify: [{after: 1s, status: OPEN}]"
    )
    door = house.door(name)
    with house.engine.change(house.sandbox) as world:
        record = house.record(door, world)
        record.playing.instead = {"aggregate": "verify"}
        world.save_play(record)
    house.start(door, "aggregate")
    house.advance(SECOND)
    assert house.status(door) == "OPEN"
    with house.engine.change(house.sandbox) as world:
        house.engine.player.move(world, house.record(door, world), name, None)
    house.start(door, "aggregate")
    house.advance(SECOND)
    assert house.status(door) == "SHUT"


def test_a_push_says_its_cause(house: House) -> None:
    door = house.door(house.script("connect: [{status: NEW}]"))
    with house.engine.change(house.sandbox) as world:
        house.engine.player.push(world, house.record(door, world), "SHUT", {}, cause="the wind")
    assert house.timeline(door)[-1] == ("SHUT", "the wind")
