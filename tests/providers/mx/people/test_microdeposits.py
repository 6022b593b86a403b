"""Microdeposits: their way to DEPOSITED, amounts, test values, what is refused, and their callbacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mocksrv.engine.engine import Engine
from mocksrv.web.app import App
from tests.conftest import MX

V2 = {"Accept": "application/json", "Accept-Version": "v20250224"}
PERSON = {"email": "sam@example.com", "first_name": "Sam", "last_name": "O'Neil-Grobanne"}
ACCOUNT = {
    "account_number": "333312345",
    "account_type": "CHECKING",
    "routing_number": "091000019",
    "account_name": "My test account",
}


@pytest.fixture
def user(mx: MX) -> str:
    return mx.user(id="u-1")


@pytest.fixture
def wire(make_server: Callable[..., tuple[Engine, App]]) -> MX:
    """A client of a server that answers what is on MX's wire."""
    return MX(make_server(fidelity="wire")[1])


def create(mx: MX, user: str, *, status: int | None = None, headers: Any = None, **fields: Any) -> Any:
    body = {"micro_deposit": {**ACCOUNT, **PERSON, **fields}}
    answer = mx.call("POST", f"/users/{user}/micro_deposits", body, status=status, headers=headers)
    return answer if status else answer["micro_deposit"][0]


def read(mx: MX, user: str, guid: str, **more: Any) -> Any:
    return mx.call("GET", f"/users/{user}/micro_deposits/{guid}", **more)["micro_deposit"][0]


def verify(mx: MX, guid: str, one: float, two: float, **more: Any) -> Any:
    body = {"micro_deposit": {"deposit_amount_1": one, "deposit_amount_2": two}}
    answer = mx.call("PUT", f"/micro_deposits/{guid}/verify", body, **more)
    return answer if "status" in more else answer["micro_deposit"][0]


def told(mx: MX) -> list[tuple[str, str]]:
    """The statuses that callbacks have told, with their actions."""
    hooks = [
        w for w in mx.control("GET", "/webhooks?limit=1000")["webhooks"] if w["event"].startswith("mx.micro_deposit")
    ]
    return [(w["event"].rpartition(".")[2], w["payload"]["micro_deposit"]["status_name"]) for w in hooks]


def listen(mx: MX, url: str = "http://127.0.0.1:9/x") -> None:
    mx.control("PUT", "/endpoints", {"endpoints": [{"url": url, "events": ["mx.*"]}]})


@pytest.mark.parametrize("headers", [None, V2])
def test_the_deposits_arrive_after_two_minutes(mx: MX, user: str, headers: Any) -> None:
    made = create(mx, user, headers=headers)
    assert (made["status"], made["guid"][:4], made["account_number"]) == ("INITIATED", "MIC-", "333312345")
    assert (made["institution_code"], made["institution_name"], made["error_message"]) == ("mxbank", "MX Bank", None)
    mx.advance("119s")
    assert read(mx, user, made["guid"], headers=headers)["status"] == "REQUESTED"
    mx.advance("1s")
    assert read(mx, user, made["guid"], headers=headers)["status"] == "DEPOSITED"


def test_mx_looks_each_minute_and_when_it_is_read(mx: MX, user: str, receiver: Any) -> None:
    listen(mx, receiver.url)
    one, two = (create(mx, user, account_number=number)["guid"] for number in ("33331", "33332"))
    assert read(mx, user, one)["status"] == "INITIATED"
    mx.advance("10s")
    listed = mx.call("GET", f"/users/{user}/micro_deposits")
    assert [each["status"] for each in listed["micro_deposits"]] == ["INITIATED", "INITIATED"]
    assert read(mx, user, one)["status"] == "REQUESTED"
    assert told(mx) == [("created", "INITIATED"), ("created", "INITIATED"), ("updated", "REQUESTED")]
    mx.advance("50s")
    assert told(mx)[3:] == [("updated", "REQUESTED")]
    mx.advance("1m")
    assert told(mx)[4:] == [("updated", "DEPOSITED")] * 2
    assert read(mx, user, two)["status"] == "DEPOSITED"
    mx.call("DELETE", f"/users/{user}/micro_deposits/{two}", status=204)
    assert len(told(mx)) == 6  # MX tells of no deletion


def test_a_callback_has_the_numbers_of_the_statuses(mx: MX, user: str, receiver: Any) -> None:
    listen(mx, receiver.url)
    guid = create(mx, user, account_type="SAVINGS")["guid"]
    mx.advance("2m")
    assert receiver.bodies()[-1] == {
        "action": "updated",
        "version": 1,
        "micro_deposit": {
            "account_number": "333312345",
            "account_type": 2,
            "created_at": "2026-01-01T12:00:00.000+00:00",
            "guid": guid,
            "institution_guid": "INS-1572a04c-912b-59bf-5841-332c7dfafaef",
            "routing_number": "091000019",
            "status": 2,
            "status_name": "DEPOSITED",
            "updated_at": "2026-01-01T12:02:00.000+00:00",
            "user_guid": user,
            "user_id": "u-1",
        },
    }


@pytest.mark.parametrize("amounts", [(0.09, 0.09), (0.12, 0.15), (0.15, 0.12)])
def test_right_amounts_verify(mx: MX, user: str, amounts: tuple[float, float]) -> None:
    guid = create(mx, user)["guid"]
    mx.advance("2m")
    found = verify(mx, guid, *amounts)
    assert (found["status"], found["verified_at"]) == ("VERIFIED", "2026-01-01T12:02:00Z")
    assert "VERIFIED" in verify(mx, guid, *amounts, status=422)["error"]["message"]


def test_the_third_wrong_attempt_is_the_last(mx: MX, user: str, receiver: Any) -> None:
    listen(mx, receiver.url)
    guid = create(mx, user)["guid"]
    verify(mx, guid, 0.09, 0.09, status=422)  # nothing was deposited yet: no attempt
    mx.advance("2m")
    assert [verify(mx, guid, 0.01, wrong)["status"] for wrong in (0.02, 0.03)] == ["DENIED", "DENIED"]
    last = verify(mx, guid, 0.09, 0.01)
    assert (last["status"], last["verified_at"]) == ("PREVENTED", None)
    assert "three times" in last["error_message"]
    verify(mx, guid, 0.09, 0.09, status=422)
    assert told(mx)[3:] == [("updated", "DENIED"), ("updated", "DENIED"), ("updated", "PREVENTED")]
    assert create(mx, user)["status"] == "INITIATED"  # a new one may begin


def test_a_wrong_attempt_may_be_followed_by_a_right_one(mx: MX, user: str) -> None:
    guid = create(mx, user)["guid"]
    mx.advance("2m")
    assert verify(mx, guid, 0.01, 0.02)["error_message"] is not None
    right = verify(mx, guid, 0.09, 0.09)
    assert (right["status"], right["error_message"]) == ("VERIFIED", None)


@pytest.mark.parametrize(
    ("number", "way"), [("44441", ["REQUESTED", "ERRORED", "ERRORED"]), ("55551", ["REJECTED", "REJECTED", "REJECTED"])]
)
def test_account_numbers_that_end_badly(mx: MX, user: str, number: str, way: list[str]) -> None:
    guid = create(mx, user, account_number=number)["guid"]
    seen = []
    for _ in way:
        mx.advance("1m")
        seen.append(read(mx, user, guid)["status"])
    assert seen == way
    assert read(mx, user, guid)["error_message"]


def test_one_account_has_one_microdeposit_at_a_time(mx: MX, user: str) -> None:
    first = create(mx, user)
    second = create(mx, user)
    assert (second["status"], bool(second["error_message"])) == ("CONFLICTED", True)
    assert create(mx, user, account_number="33339")["status"] == "INITIATED"
    assert create(mx, mx.user())["status"] == "INITIATED"
    mx.call("DELETE", f"/users/{user}/micro_deposits/{first['guid']}", status=204)
    mx.call("GET", f"/users/{user}/micro_deposits/{first['guid']}", status=404)
    mx.advance("1h")
    assert read(mx, user, second["guid"])["status"] == "CONFLICTED"
    assert create(mx, user)["status"] == "INITIATED"


def test_a_person_alone_is_preinitiated(mx: MX, user: str) -> None:
    made = mx.call("POST", f"/users/{user}/micro_deposits", {"micro_deposit": PERSON})["micro_deposit"][0]
    assert (made["status"], made["first_name"], made["account_number"], made["account_type"]) == (
        "PREINITIATED",
        "Sam",
        "",
        "ANY",
    )
    mx.advance("30d")
    assert read(mx, user, made["guid"])["status"] == "PREINITIATED"
    assert mx.call("GET", f"/users/{user}/account_verifications")["micro_deposit"] == []
    mx.call("POST", f"/users/{user}/micro_deposits", {"micro_deposit": {"email": "a@b.co"}}, status=400)


def test_a_preinitiated_one_gives_way_to_an_instant_verification(mx: MX, user: str) -> None:
    made = mx.call("POST", f"/users/{user}/micro_deposits", {"micro_deposit": PERSON})["micro_deposit"][0]
    started, strange = create(mx, user)["guid"], mx.user()
    others = mx.call("POST", f"/users/{strange}/micro_deposits", {"micro_deposit": PERSON})["micro_deposit"][0]
    member = mx.create(user)["guid"]
    mx.advance("1m")
    assert read(mx, user, made["guid"])["status"] == "PREINITIATED"
    mx.call("POST", f"/users/{user}/members/{member}/verify")
    mx.advance("10s")
    mx.answer(user, member, mx.status(user, member)["challenges"][0]["options"][0]["value"])
    mx.advance("1m")
    mx.call("GET", f"/users/{user}/micro_deposits/{made['guid']}", status=404)
    assert [each["guid"] for each in mx.call("GET", f"/users/{user}/micro_deposits")["micro_deposits"]] == [started]
    assert read(mx, strange, others["guid"])["status"] == "PREINITIATED"


def test_one_that_waits_is_removed_after_21_days(mx: MX, user: str) -> None:
    waiting = create(mx, user)["guid"]
    verified = create(mx, user, account_number="33339")["guid"]
    mx.advance("2m")
    verify(mx, verified, 0.09, 0.09)
    mx.advance("20d")
    assert read(mx, user, waiting)["status"] == "DEPOSITED"
    mx.advance("1d")
    mx.call("GET", f"/users/{user}/micro_deposits/{waiting}", status=404)
    assert read(mx, user, verified)["status"] == "VERIFIED"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("routing_number", "091000018"),
        ("routing_number", "222222226"),
        ("routing_number", "021000021"),
        ("routing_number", "91000019"),
        ("routing_number", 91000019),
        ("account_number", ""),
        ("account_number", "3" * 18),
        ("account_type", "LOAN"),
        ("account_name", "n" * 51),
        ("first_name", "D#ve"),
        ("last_name", "Sm_th"),
        ("first_name", None),
        ("email", "nobody"),
    ],
)
def test_a_bad_value_creates_nothing(mx: MX, user: str, field: str, value: Any) -> None:
    assert f"micro_deposit.{field}" in create(mx, user, status=422, **{field: value})["error"]["message"]
    assert mx.call("GET", f"/users/{user}/micro_deposits")["pagination"]["total_entries"] == 0


@pytest.mark.parametrize("lacking", ["account_number", "account_type", "routing_number"])
def test_what_an_account_needs(mx: MX, user: str, lacking: str) -> None:
    body = {"micro_deposit": {name: value for name, value in ACCOUNT.items() if name != lacking}}
    answer = mx.call("POST", f"/users/{user}/micro_deposits", body, status=400)
    assert answer["error"]["message"] == f"Required parameter missing: micro_deposit.{lacking}"


def test_what_is_not_there(mx: MX, user: str) -> None:
    guid = create(mx, user)["guid"]
    mx.call("POST", f"/users/{user}/micro_deposits", {}, status=400)
    mx.call("GET", f"/users/{mx.user()}/micro_deposits/{guid}", status=404)
    mx.call("DELETE", f"/users/{user}/micro_deposits/MIC-0", status=404)
    verify(mx, "MIC-0", 0.09, 0.09, status=404)
    mx.call("PUT", f"/micro_deposits/{guid}/verify", {"micro_deposit": {"deposit_amount_1": 0.09}}, status=400)
    verify(mx, guid, 0, 0.09, status=422)


def test_they_are_listed_in_pages(mx: MX, user: str) -> None:
    guids = [create(mx, user, account_number=f"3333{n}")["guid"] for n in range(12)]
    page = mx.call("GET", f"/users/{user}/micro_deposits?page=2&records_per_page=10")
    assert [each["guid"] for each in page["micro_deposits"]] == guids[10:]
    assert page["pagination"] == {"current_page": 2, "per_page": 10, "total_entries": 12, "total_pages": 2}
    assert "account_number" not in page["micro_deposits"][0]  # the list shows less
    whole = mx.call("GET", f"/users/{user}/account_verifications")
    assert ([each["guid"] for each in whole["micro_deposit"]], list(whole)) == (guids, ["micro_deposit"])
    assert whole["micro_deposit"][0]["account_number"] == "33330"


def test_on_the_wire_one_microdeposit_is_an_object_and_nothing_is_null(wire: MX) -> None:
    user = wire.user()
    made = wire.call("POST", f"/users/{user}/micro_deposits", {"micro_deposit": PERSON})["micro_deposit"]
    assert (made["account_type"], made["account_number"], made["institution_code"]) == (None, None, None)
    guid = wire.call("POST", f"/users/{user}/micro_deposits", {"micro_deposit": ACCOUNT})["micro_deposit"]["guid"]
    wire.advance("2m")
    body = {"micro_deposit": {"deposit_amount_1": 0.12, "deposit_amount_2": 0.15}}
    assert wire.call("PUT", f"/micro_deposits/{guid}/verify", body)["micro_deposit"]["status"] == "VERIFIED"
    assert wire.call("GET", f"/users/{user}/micro_deposits/{guid}")["micro_deposit"]["status"] == "VERIFIED"
