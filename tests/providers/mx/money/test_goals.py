"""Goals: what they show of their account, and their order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mocksrv.engine.engine import Engine
from mocksrv.web.app import App
from tests.conftest import MX, MX_HEADERS
from tests.properties import examples

V2 = {"Accept": "application/json", "Accept-Version": "v20250224"}
TRIP = {"amount": 4500.5, "goal_type_name": "SAVE_AMOUNT", "meta_type_name": "VACATION", "name": "Save for Europe"}
Server = tuple[Engine, App]


def with_data(mx: MX) -> tuple[str, dict[str, dict[str, Any]]]:
    """A user with the everyday data of a bank, and the accounts by type."""
    user = mx.user(id="customer-42")
    mx.create(user, institution="amberlock_bank")
    mx.advance("1m")
    return user, {account["type"]: account for account in mx.call("GET", f"/users/{user}/accounts")["accounts"]}


def goal(mx: MX, user: str, account: dict[str, Any], **more: Any) -> Any:
    return mx.call("POST", f"/users/{user}/goals", {"goal": {**TRIP, "account_guid": account["guid"], **more}})["goal"]


def manual_account(mx: MX, user: str, **more: Any) -> Any:
    body = {"account": {"account_type": "SAVINGS", "name": "Jar", "balance": 100, **more}}
    return mx.call("POST", f"/users/{user}/accounts", body)["account"]


def order(mx: MX, user: str) -> list[str]:
    """The goals' names; their positions are checked on the way."""
    goals = mx.call("GET", f"/users/{user}/goals?records_per_page=1000")["goals"]
    assert [each["position"] for each in goals] == list(range(1, len(goals) + 1))
    return [each["name"] for each in goals]


def fidelity(make_server: Callable[..., Server], kind: str) -> MX:
    return MX(make_server(fidelity=kind)[1])


def test_saving_follows_the_balance(mx: MX) -> None:
    user, accounts = with_data(mx)
    savings = accounts["SAVINGS"]
    far = goal(
        mx, user, savings, amount=savings["balance"] + 1000, targeted_to_complete_at="2026-12-08 00:00:00.000000"
    )
    assert far["current_amount"] == savings["balance"]
    assert (far["track_type_name"], far["targeted_to_complete_at"], far["is_complete"]) == (
        "SAVINGS_TRACK",
        "2026-12-08 00:00:00.000000",
        False,
    )
    near = goal(mx, user, savings, amount=100)
    assert (near["current_amount"], near["projected_to_complete_at"]) == (100, "2026-01-01T12:01:00Z")
    assert mx.call("GET", f"/users/{user}/goals/{far['guid']}", headers=V2)["goal"] == far


def test_paying_off_counts_what_is_owed_no_more(mx: MX) -> None:
    user, accounts = with_data(mx)
    card = accounts["CREDIT_CARD"]
    made = goal(mx, user, card, goal_type_name="PAYOFF", amount=1000)
    assert made["track_type_name"] == "DEBT_TRACK"
    assert made["current_amount"] == pytest.approx(1000 - card["balance"])
    assert goal(mx, user, card, goal_type_name="PAYOFF", amount=10)["current_amount"] == 0


def test_the_projection_is_the_pace_of_the_account(mx: MX) -> None:
    user, accounts = with_data(mx)
    moved: dict[str, float] = {}
    rows = mx.call("GET", f"/users/{user}/transactions?from_date=2025-10-04&to_date=2026-01-01&records_per_page=1000")[
        "transactions"
    ]
    for row in rows:
        moved[row["account_guid"]] = moved.get(row["account_guid"], 0) + (
            row["amount"] if row["type"] == "CREDIT" else -row["amount"]
        )
    for account in accounts.values():
        made = goal(mx, user, account, amount=50_000)
        assert bool(made["projected_to_complete_at"]) == (round(moved[account["guid"]], 2) > 0)
    assert any(gain > 0 for gain in moved.values())


@pytest.mark.parametrize(
    ("kind", "track"),
    [("RETIREMENT", "RETIREMENT_TRACK"), ("EMERGENCY_FUND", "EMERGENCY_FUND_TRACK"), ("HOUSE", "SAVINGS_TRACK")],
)
def test_the_track_follows_from_what_it_is_for(mx: MX, kind: str, track: str) -> None:
    user, accounts = with_data(mx)
    assert goal(mx, user, accounts["SAVINGS"], meta_type_name=kind)["track_type_name"] == track


def test_a_goal_is_completed_by_hand(mx: MX) -> None:
    user, accounts = with_data(mx)
    path = f"/users/{user}/goals/{goal(mx, user, accounts['SAVINGS'])['guid']}"
    done = mx.call("PUT", path, {"goal": {"is_complete": True, "has_been_spent": True}})["goal"]
    assert (done["is_complete"], done["has_been_spent"], done["completed_at"]) == (True, True, "2026-01-01T12:01:00Z")
    assert done["projected_to_complete_at"] == done["completed_at"]
    given = mx.call("PUT", path, {"goal": {"completed_at": "2025-06-19T10:37:04-06:00"}})["goal"]
    assert given["completed_at"] == "2025-06-19T16:37:04Z"
    assert mx.call("PUT", path, {"goal": {"is_complete": False}})["goal"]["completed_at"] == ""


def test_goals_have_an_order(mx: MX) -> None:
    user, accounts = with_data(mx)
    guids = {name: goal(mx, user, accounts["SAVINGS"], name=name)["guid"] for name in "abc"}
    goal(mx, user, accounts["SAVINGS"], name="d", position=2)
    assert order(mx, user) == ["a", "d", "b", "c"]
    moved = mx.call("PUT", f"/users/{user}/goals/{guids['a']}", {"goal": {"position": 99}})["goal"]
    assert moved["position"] == 4
    assert order(mx, user) == ["d", "b", "c", "a"]
    wanted = [{"guid": guids["a"], "position": 1}, {"guid": guids["c"], "position": 2}]
    answer = mx.call("PUT", f"/users/{user}/goals/reposition", {"goals": wanted})
    assert [(each["name"], each["position"]) for each in answer["goals"]] == [("a", 1), ("c", 2), ("d", 3), ("b", 4)]
    assert list(answer) == ["goals"]
    mx.call("DELETE", f"/users/{user}/goals/{guids['c']}")
    assert order(mx, user) == ["a", "d", "b"]


def test_goals_go_with_their_account(mx: MX) -> None:
    user, accounts = with_data(mx)
    other = mx.create(user, institution="bluewillow_bank")["guid"]
    mx.advance("1m")
    theirs = mx.call("GET", f"/users/{user}/members/{other}/accounts")["accounts"][0]
    moved = goal(mx, user, accounts["SAVINGS"], name="moved")
    goal(mx, user, theirs, name="theirs")
    goal(mx, user, accounts["SAVINGS"], name="stays")
    changed = mx.call("PUT", f"/users/{user}/goals/{moved['guid']}", {"goal": {"account_guid": theirs["guid"]}})["goal"]
    assert changed["account_guid"] == theirs["guid"]
    assert order(mx, user) == ["moved", "theirs", "stays"]
    mx.call("DELETE", f"/users/{user}/members/{other}")
    assert order(mx, user) == ["stays"]


def test_goals_of_a_manual_account_go_and_the_others_close_up(mx: MX) -> None:
    user = mx.user()
    kept, gone = manual_account(mx, user), manual_account(mx, user)
    goal(mx, user, gone, name="gone")
    stays = goal(mx, user, kept, name="stays")
    before = len(mx.events())
    mx.call("DELETE", f"/users/{user}/accounts/{gone['guid']}")
    assert order(mx, user) == ["stays"]
    assert mx.events()[before:] == ["mx.goal.deleted", "mx.goal.updated", "mx.account.deleted"]
    told = mx.control("GET", "/webhooks?limit=1000")["webhooks"][-2]["payload"]["goal"]
    assert (told["guid"], told["position"]) == (stays["guid"], 1)


def test_goals_follow_their_account_into_a_merged_one(mx: MX) -> None:
    user = mx.user()
    kept, other = manual_account(mx, user), manual_account(mx, user, balance=50)
    followed = goal(mx, user, other, name="followed")
    goal(mx, user, kept, name="last")
    mx.call(
        "POST",
        f"/users/{user}/accounts/merge",
        {"account": {"account_guids": [kept["guid"], other["guid"]]}},
        headers=V2,
    )
    assert order(mx, user) == ["followed", "last"]
    found = mx.call("GET", f"/users/{user}/goals/{followed['guid']}")["goal"]
    assert (found["account_guid"], found["current_amount"]) == (kept["guid"], 150)
    told = mx.events()
    assert "mx.goal.updated" in told
    assert "mx.goal.deleted" not in told


def test_a_list_is_paged(mx: MX) -> None:
    user, accounts = with_data(mx)
    for number in range(12):
        goal(mx, user, accounts["SAVINGS"], name=str(number))
    page = mx.call("GET", f"/users/{user}/goals?page=2&records_per_page=10")
    assert [(each["name"], each["position"]) for each in page["goals"]] == [("10", 11), ("11", 12)]
    assert page["pagination"] == {"current_page": 2, "per_page": 10, "total_entries": 12, "total_pages": 2}


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"name": ...}, 400, "goal.name"),
        ({"meta_type_name": ...}, 400, "goal.meta_type_name"),
        ({"goal_type_name": "SPEND"}, 422, "SAVE_AMOUNT, PAYOFF"),
        ({"account_guid": "ACT-unknown"}, 422, "ACT-unknown"),
        ({"amount": "4500"}, 422, "goal.amount"),
        ({"amount": -1}, 422, "goal.amount"),
        ({"position": 0}, 422, "goal.position"),
        ({"completed_at": "soon"}, 422, "goal.completed_at"),
        ({"is_complete": "yes"}, 422, "goal.is_complete"),
    ],
)
def test_what_is_refused(mx: MX, change: dict[str, Any], status: int, says: str) -> None:
    user, accounts = with_data(mx)
    wrong = {
        name: value
        for name, value in {**TRIP, "account_guid": accounts["SAVINGS"]["guid"], **change}.items()
        if value is not ...
    }
    assert says in mx.call("POST", f"/users/{user}/goals", {"goal": wrong}, status=status)["error"]["message"]
    assert order(mx, user) == []


def test_others_accounts_and_goals_are_out_of_reach(mx: MX) -> None:
    user, accounts = with_data(mx)
    other, guid = mx.user(), goal(mx, user, accounts["SAVINGS"])["guid"]
    stolen = {"goal": {**TRIP, "account_guid": accounts["SAVINGS"]["guid"]}}
    mx.call("POST", f"/users/{other}/goals", stolen, status=422)
    for method, body in (("GET", None), ("PUT", {"goal": {"name": "x"}}), ("DELETE", None)):
        mx.call(method, f"/users/{other}/goals/{guid}", body, status=404)


def test_what_cannot_be_repositioned(mx: MX) -> None:
    user, accounts = with_data(mx)
    guid, path = goal(mx, user, accounts["SAVINGS"])["guid"], f"/users/{user}/goals/reposition"
    mx.call("PUT", path, {}, status=400)
    mx.call("PUT", path, {"goals": [{"guid": guid}]}, status=400)
    mx.call("PUT", path, {"goals": [{"guid": guid, "position": 0}]}, status=422)
    mx.call("PUT", path, {"goals": [{"guid": "GOL-unknown", "position": 1}]}, status=422)
    mx.call("PUT", path, {"goals": [{"guid": guid, "position": 1}] * 2}, status=422)


def test_changes_are_told_also_those_of_goals_that_had_to_move(mx: MX) -> None:
    user, accounts = with_data(mx)
    first = goal(mx, user, accounts["SAVINGS"], name="first")
    goal(mx, user, accounts["SAVINGS"], name="second", position=1)
    mx.call("DELETE", f"/users/{user}/goals/{first['guid']}")
    mx.call(
        "POST",
        f"/users/{user}/goals",
        {"goal": {**TRIP, "account_guid": accounts["SAVINGS"]["guid"], "skip_webhook": True}},
    )
    sent = [(w["event"], w["payload"]["goal"]) for w in mx.control("GET", "/webhooks?event=mx.goal.*")["webhooks"]]
    assert [(event, shown["name"], shown["position"], shown["revision"]) for event, shown in sent] == [
        ("mx.goal.created", "first", 1, 1),
        ("mx.goal.updated", "first", 2, 2),
        ("mx.goal.created", "second", 1, 1),
        ("mx.goal.deleted", "first", 2, 3),
    ]
    assert (
        sent[0][1] | {"meta_type": "VACATION", "user_id": "customer-42", "completed_at": None, "created_by": None}
        == sent[0][1]
    )


@pytest.mark.parametrize(("kind", "nothing"), [("sdk", ""), ("wire", None)])
def test_what_a_goal_has_not_is_a_text_to_the_sdk(
    make_server: Callable[..., Server], kind: str, nothing: str | None
) -> None:
    mx = fidelity(make_server, kind)
    user, accounts = with_data(mx)
    made = goal(mx, user, accounts["CREDIT_CARD"], amount=50_000)
    assert [made[name] for name in ("completed_at", "metadata", "targeted_to_complete_at")] == [nothing] * 3
    again = mx.call("PUT", f"/users/{user}/goals/{made['guid']}", {"goal": {"completed_at": nothing}})["goal"]
    assert again["completed_at"] == nothing


@pytest.mark.parametrize(("kind", "status"), [("sdk", 200), ("wire", 406)])
def test_the_sdk_asks_for_goals_as_plain_json(make_server: Callable[..., Server], kind: str, status: int) -> None:
    mx = fidelity(make_server, kind)
    user, accounts = with_data(mx)
    path = f"/users/{user}/goals/{goal(mx, user, accounts['SAVINGS'])['guid']}"
    answer = mx.http.get(path, headers={"Accept": "application/json"}, auth=("client", "key"))
    assert (answer.status_code, answer.mimetype) == (status, "application/json")
    assert (
        mx.http.get(f"/users/{user}", headers={"Accept": "application/json"}, auth=("client", "key")).status_code == 406
    )
    ours = mx.http.get(path, headers=MX_HEADERS, auth=("client", "key"))
    assert ours.mimetype == ("application/json" if kind == "sdk" else MX_HEADERS["Accept"])


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("create"), st.none() | st.integers(1, 9)),
        st.tuples(st.just("delete"), st.integers(0, 9)),
        st.tuples(st.just("update"), st.integers(0, 9), st.integers(1, 9)),
        st.tuples(st.just("reposition"), st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), max_size=4)),
    ),
    max_size=12,
)


@given(steps=STEPS)
@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_positions_have_no_gaps_whatever_is_done(mx: MX, steps: list[Any]) -> None:
    user = mx.user()
    account = mx.call(
        "POST", f"/users/{user}/accounts", {"account": {"account_type": "SAVINGS", "name": "a", "balance": 1}}
    )["account"]
    names: list[str] = []  # as they should stand
    guids: dict[str, str] = {}
    for count, (action, *how) in enumerate(steps):
        if action == "create":
            name = str(count)
            guids[name] = goal(mx, user, account, name=name, **({"position": how[0]} if how[0] else {}))["guid"]
            names.insert(how[0] - 1 if how[0] else len(names), name)
        elif action == "reposition":
            moves = {names[place]: to for place, to in how[0] if place < len(names)}
            body = [{"guid": guids[name], "position": to} for name, to in moves.items()]
            mx.call("PUT", f"/users/{user}/goals/reposition", {"goals": body})
            moving = [name for name in names if name in moves]
            names = [name for name in names if name not in moves]
            for name in sorted(moving, key=lambda name: moves[name]):
                names.insert(moves[name] - 1, name)
        elif how[0] < len(names):
            name = names.pop(how[0])
            path = f"/users/{user}/goals/{guids[name]}"
            if action == "delete":
                mx.call("DELETE", path)
            else:
                mx.call("PUT", path, {"goal": {"position": how[1]}})
                names.insert(how[1] - 1, name)
    assert order(mx, user) == names
