"""What MX's pages promise, sentence by sentence, as tables: the subject of the sentence, and what must be seen."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.conftest import MX, started
from tests.providers.mx.populated import Populated

V1, V2 = {"Accept": "application/vnd.mx.api.v1+json"}, {"Accept": "application/json", "Accept-Version": "v20250224"}
U, M = "/users/{user}", "/users/{user}/members/{member}"
BANK = "gringotts"  # neither MX Bank nor an institution of a scenario


class Names(dict[str, Any]):
    """The attributes of a world, by their names."""

    def __init__(self, world: Any) -> None:
        super().__init__()
        self.world = world

    def __missing__(self, name: str) -> Any:
        return getattr(self.world, name)


def asked(mx: MX, call: str, body: Any = None, headers: dict[str, str] = V1) -> TestResponse:
    method, _, path = call.partition(" ")
    return mx.http.open(mx.prefix + path, method=method, json=body, headers=headers, auth=("client", "key"))


@pytest.fixture(scope="module")
def world() -> Iterator[Populated]:
    """Everything that can be read; nothing of it is changed here."""
    engine, app = started()
    made = Populated(MX(app))
    assert all((made.member, made.plan, made.taggings, made.returns, made.rules, made.own_categories, made.item))
    yield made
    engine.close()


GUID = "-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
PREFIXES = [  # path, list, the beginning of its guids
    ("/users", "users", "USR"),
    (f"{U}/members", "members", "MBR"),
    (f"{U}/accounts", "accounts", "ACT"),
    (f"{M}/account_numbers", "account_numbers", "ACN"),
    (f"{M}/account_owners", "account_owners", "ACO"),
    (f"{M}/transactions", "transactions", "TRN"),
    (f"{M}/statements", "statements", "STA"),
    (f"{M}/rewards", "rewards", "RWD"),
    (f"{M}/credentials", "credentials", "CRD"),
    (f"{U}/investment_holdings", "investment_holdings", "HOL"),
    (f"{U}/categories", "categories", "CAT"),
    (f"{U}/tags", "tags", "TAG"),
    (f"{U}/taggings", "taggings", "TGN"),
    (f"{U}/transaction_rules", "transaction_rules", "TXR"),
    (f"{U}/goals", "goals", "GOL"),
    (f"{U}/insights", "insights", "BET"),
    (f"{U}/notifications", "notifications", "NTF"),
    (f"{U}/micro_deposits", "micro_deposits", "MIC"),
    (f"{U}/repeating_transactions", "repeating_transactions", "RPT"),
    (f"{U}/spending_plans", "spending_plans", "SPL"),
    (f"{U}/spending_plans/{{plan}}/iterations", "iterations", "SPI"),
    (f"{U}/spending_plans/{{plan}}/iterations/current/iteration_items", "iteration_items", "SII"),
    (f"{U}/spending_plans/{{plan}}/spending_plan_accounts", "spending_plan_accounts", "SPA"),
    ("/merchants", "merchants", "MCH"),
    ("/ach_returns", "ach_returns", "ACH"),
]


@pytest.mark.parametrize(("path", "key", "prefix"), PREFIXES, ids=[row[1] for row in PREFIXES])
def test_guids_begin_with_their_kind(world: Populated, path: str, key: str, prefix: str) -> None:
    assert all((world.goals, world.notifications, world.deposits))
    rows = asked(world.mx, f"GET {path.format_map(Names(world))}").get_json()[key]
    assert rows
    assert all(re.fullmatch(prefix + GUID, row["guid"]) for row in rows)


@pytest.mark.parametrize("path", [f"{M}/transactions", f"{U}/accounts", M, f"{M}/statements", f"{U}/insights"])
def test_moments_have_no_fraction(world: Populated, path: str) -> None:
    text = asked(world.mx, f"GET {path.format_map(Names(world))}").get_data(as_text=True)
    moments = re.findall(r'"[a-z_]+_at":"([^"]*)"', text.replace(" ", ""))
    assert moments
    assert all(re.fullmatch(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", moment) for moment in moments)


PAGES = [  # subject, path, list, query, the page, its size
    ("without a word", "/users", "", 1, 25),
    ("the smallest", "/users", "records_per_page=10", 1, 10),
    ("the largest", "/users", "records_per_page=1000", 1, 1000),
    ("too large", "/users", "records_per_page=1001", 1, 25),
    ("much too large", "/users", f"records_per_page={10**30}", 1, 25),
    ("too small", "/users", "records_per_page=9", 1, 25),
    ("nothing", "/users", "records_per_page=0", 1, 25),
    ("less than nothing", "/users", "records_per_page=-1", 1, 25),
    ("no number", "/users", "records_per_page=ten", 1, 25),
    ("the second", "/users", "page=2", 2, 25),
    ("before the first", "/users", "page=0", 1, 25),
    ("far before the first", "/users", f"page=-{10**30}", 1, 25),
    ("no page", "/users", "page=two", 1, 25),
    ("after the last", "/users", "page=99", 99, 25),
    ("far after the last", "/users", f"page={10**30}", 2**53 - 1, 25),
    ("of institutions the largest", "/institutions", "records_per_page=100", 1, 100),
    ("of institutions too large", "/institutions", "records_per_page=101", 1, 25),
    ("of default categories too large", "/categories/default", "records_per_page=101", 1, 25),
    ("of insights too large", f"{U}/insights", "records_per_page=101", 1, 25),
    ("of returns too large", "/ach_returns", "records_per_page=101", 1, 25),
    ("of transactions the largest", f"{U}/transactions", "records_per_page=1000", 1, 1000),
]


@pytest.mark.parametrize(("path", "query", "page", "size"), [row[1:] for row in PAGES], ids=[row[0] for row in PAGES])
def test_pages(world: Populated, path: str, query: str, page: int, size: int) -> None:
    answer = asked(world.mx, f"GET {path.format_map(Names(world))}?{query}").get_json()
    paging = answer.pop("pagination")
    [rows] = answer.values()
    total = paging["total_entries"]
    assert (paging["current_page"], paging["per_page"]) == (page, size)
    assert paging["total_pages"] == max(1, -(-total // size))
    assert len(rows) == max(0, min(size, total - (page - 1) * size))


REFUSED: list[
    tuple[str, str, Any, dict[str, str], int, str]
] = [  # subject, call, body, version, status, what the message has
    ("a path that is none", "GET /nowhere", None, V1, 404, "Invalid route"),
    ("a method that a path has not", "PATCH /users", None, V1, 404, "Invalid route"),
    ("webhooks are no matter of the API", "POST /webhooks", {}, V1, 404, "Invalid route"),
    ("an id with a slash", "GET /users/a%2Fb", None, V1, 404, "Invalid route"),
    ("an id of other letters", "GET /users/ü", None, V1, 404, "ü"),
    ("no version", "GET /users", None, {"Accept": "application/json"}, 406, "version"),
    ("a version that is none", "GET /users", None, V2 | {"Accept-Version": "v1"}, 406, "v20250224"),
    ("a user of nothing", "POST /users", {}, V1, 400, "user"),
    ("an empty user", "POST /users", {"user": {}}, V1, 400, "user"),
    ("an id like a guid", "POST /users", {"user": {"id": "USR-1"}}, V1, 422, "user.id"),
    ("an id with a space", "POST /users", {"user": {"id": "a b"}}, V1, 422, "user.id"),
    ("an id that is taken", "POST /users", {"user": {"id": "the-one"}}, V1, 409, "the-one"),
    ("an address without a domain", "POST /users", {"user": {"email": "a@b"}}, V1, 422, "user.email"),
    ("an address with a hyphen at the edge", "POST /users", {"user": {"email": "a@-b.c"}}, V1, 422, "user.email"),
    ("an address of two", "POST /users", {"user": {"email": "a@b@c.d"}}, V1, 422, "user.email"),
    ("an institution that is none", f"POST {U}/members", {"member": {"institution_code": "x"}}, V1, 404, "x"),
    (
        "a member without credentials",
        f"POST {U}/members",
        {"member": {"institution_code": "mxbank"}},
        V1,
        400,
        "PASSWORD",
    ),
    ("OAuth where there is none", f"GET {M}/oauth_window_uri", None, V1, 400, "Member cannot use OAuth"),
    (
        "answers that nobody waits for",
        f"PUT {M}/resume",
        {"member": {"challenges": [{"guid": "CRD-0", "value": "x"}]}},
        V1,
        405,
        "not waiting",
    ),
    ("a member of somebody else", "GET /users/{users[2]}/members/{member}", None, V1, 404, "not found"),
    ("an account of somebody else", "GET /users/{users[1]}/accounts/{account}", None, V1, 404, "not found"),
    ("a day in seconds", f"GET {U}/transactions?from_date=1700000000", None, V1, 400, "Please confirm YYYY-MM-DD"),
    ("a day that is none", f"GET {U}/transactions?to_date=2026-02-30", None, V1, 400, "Please confirm YYYY-MM-DD"),
    (
        "seconds as a day",
        f"GET {U}/transactions?from_date=2026-01-01",
        None,
        V2,
        400,
        "From date is not a valid integer",
    ),
    ("one bound alone", f"GET {U}/transactions?from_updated_at=2026-01-01", None, V1, 400, "are required"),
    (
        "more than half a year",
        f"GET {U}/transactions?from_updated_at=2025-01-01&to_updated_at=2025-12-01",
        None,
        V1,
        400,
        "6 months",
    ),
    ("a use case that is none", f"GET {U}/accounts?use_case=ALL", None, V1, 400, "PFM"),
    ("enrichments that are none", f"GET {U}/transactions?includes=merchants,names", None, V1, 400, "includes"),
    (
        "a transaction without its description",
        f"PUT {U}/transactions/{{manual_transactions[0]}}",
        {"transaction": {}},
        V2,
        400,
        "description",
    ),
    (
        "one part of a whole",
        f"POST {U}/transactions/{{manual_transactions[0]}}/split",
        {"transactions": [{"amount": 5}]},
        V1,
        422,
        "at least 2",
    ),
    ("a goal for nothing", f"POST {U}/goals", {"goal": {"name": "x"}}, V1, 400, "goal."),
    (
        "101 rows to enhance",
        "POST /transactions/enhance",
        {"transactions": [{"id": "1", "description": "x"}] * 101},
        V1,
        422,
        "100",
    ),
    (
        "a routing number with a wrong sum",
        f"POST {U}/micro_deposits",
        {"micro_deposit": {"routing_number": "222222226"}},
        V1,
        422,
        "micro_deposit.",
    ),
    (
        "parents of one's own",
        f"POST {U}/categories",
        {"category": {"name": "x", "parent_guid": "{own_categories[0]}"}},
        V1,
        422,
        "parent_guid",
    ),
]


@pytest.mark.parametrize(
    ("call", "body", "headers", "status", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_what_is_refused(
    world: Populated, call: str, body: Any, headers: dict[str, str], status: int, words: str
) -> None:
    text = json.dumps(body)
    if "{own_categories[0]}" in text:
        body = json.loads(text.replace("{own_categories[0]}", world.own_categories[0]))
    answer = asked(world.mx, call.format_map(Names(world)), body, headers)
    assert (answer.status_code, answer.mimetype) == (status, "application/json"), answer.get_data(as_text=True)
    error = answer.get_json()["error"]
    assert set(error) == {"message", "status", "type"}
    assert error["type"] == f"{error['status']}_error"
    assert words in error["message"]


# members


@pytest.fixture
def user(mx: MX) -> str:
    return mx.user()


@pytest.fixture
def member(mx: MX, user: str) -> str:
    """A member of a bank that can be throttled, whose data are there."""
    guid: str = mx.create(user, institution=BANK)["guid"]
    mx.advance("1m")
    return guid


JOBS = [
    ("verify", 200),
    ("identify", 202),
    ("check_balance", 202),
    ("extend_history", 202),
    ("fetch_statements", 202),
    ("fetch_rewards", 200),
]


@pytest.mark.parametrize(("job", "status"), JOBS, ids=[job for job, _ in JOBS])
def test_a_job_is_accepted_joined_and_kept_alone(mx: MX, user: str, job: str, status: int) -> None:
    """The same job while it runs is accepted and starts nothing; another one is refused."""
    member = mx.create(user)["guid"]
    mx.advance("1m")
    path = f"/users/{user}/members/{member}"
    first = mx.call("POST", f"{path}/{job}", status=status)["member"]
    assert first["is_being_aggregated"]
    mx.advance("1ms")
    assert mx.call("POST", f"{path}/{job}", status=202)["member"]["aggregated_at"] == first["aggregated_at"]
    mx.call("POST", f"{path}/{'identify' if job != 'identify' else 'verify'}", status=409)


def test_answers_to_creating(mx: MX, user: str) -> None:
    body: dict[str, Any] = {"institution_code": "mxbank", "credentials": mx.credentials()}
    started_ = asked(mx, f"POST /users/{user}/members", {"member": body})
    assert (started_.status_code, started_.get_json()["member"]["is_being_aggregated"]) == (202, True)
    body |= {"credentials": mx.credentials(username="another"), "skip_aggregation": True}
    skipped = asked(mx, f"POST /users/{user}/members", {"member": body})
    assert (skipped.status_code, skipped.get_json()["member"]["is_being_aggregated"]) == (200, False)
    oauth = asked(
        mx, f"POST /users/{user}/members", {"member": {"institution_code": "mx_bank_oauth", "is_oauth": True}}
    )
    assert oauth.status_code in (200, 202)
    made = oauth.get_json()["member"]
    assert (made["connection_status"], made["is_being_aggregated"]) == ("PENDING", False)
    assert made["oauth_window_uri"].startswith("http")


def test_a_product_that_cannot_start_is_a_201(mx: MX, user: str) -> None:
    institutions = mx.call("GET", "/institutions?records_per_page=100&supports_account_statement=false")["institutions"]
    code = next(each["code"] for each in institutions if not each["supports_oauth"])
    member = {"institution_code": code, "credentials": mx.credentials(code)}
    body = {"member": member, "data_request": {"products": ["transactions", "statements"]}}
    answer = asked(mx, f"POST /users/{user}/members", body, V2)
    assert answer.status_code == 201, answer.get_data(as_text=True)


MEMBER_STARTS = [
    ("its name is the institution's", "name", "MX Bank"),
    ("nothing is wrong with it", "error", {}),
    ("nothing was fetched", "aggregated_at", None),
    ("nothing succeeded", "successfully_aggregated_at", None),
    ("it is fetched at night", "background_aggregation_is_disabled", False),
    ("it needs no other credentials", "needs_updated_credentials", False),
    ("it is the user's", "is_managed_by_user", True),
    ("it is not tracked by hand", "is_manual", False),
    ("it has no page of a bank", "oauth_window_uri", None),
    ("its job says no more", "most_recent_job_detail_code", None),
]


@pytest.mark.parametrize(("field", "value"), [row[1:] for row in MEMBER_STARTS], ids=[row[0] for row in MEMBER_STARTS])
def test_a_new_member(mx: MX, user: str, field: str, value: Any) -> None:
    assert mx.create(user)[field] == value


def test_challenges_are_shown_while_they_are_open_only(mx: MX, user: str) -> None:
    member = mx.create(user, password="challenge")["guid"]
    path = f"/users/{user}/members/{member}"
    assert "challenges" not in mx.status(user, member)
    assert asked(mx, f"GET {path}/challenges").status_code == 204
    mx.advance("10s")
    status = mx.status(user, member)
    assert (status["is_being_aggregated"], status["is_authenticated"]) == (True, False)
    assert [each["type"] for each in status["challenges"]] == ["TEXT"]
    first = status["challenges"][0]["guid"]
    wrong = {"member": {"challenges": [{"guid": "CRD-0", "value": "correct"}]}}
    assert asked(mx, f"PUT {path}/resume", wrong).status_code == 400
    assert mx.answer(user, member, "challenge")["connection_status"] == "RESUMED"
    mx.advance("10s")
    assert mx.status(user, member)["challenges"][0]["guid"] != first  # another round
    mx.answer(user, member, "correct")
    mx.advance("10s")
    assert mx.status(user, member)["connection_status"] == "CONNECTED"
    assert "challenges" not in mx.status(user, member)


def test_a_user_has_25_members(mx: MX, user: str) -> None:
    for _ in range(25):
        mx.create(user, skip_aggregation=True)
    body = {"institution_code": "mxbank", "credentials": mx.credentials(username="one-more")}
    assert asked(mx, f"POST /users/{user}/members", {"member": body}).status_code == 405


def test_an_id_of_a_member_is_one_members_of_all_users(mx: MX, user: str) -> None:
    mx.create(user, id="m-1")
    body = {"institution_code": "mxbank", "credentials": mx.credentials(), "id": "m-1"}
    assert asked(mx, f"POST /users/{mx.user()}/members", {"member": body}).status_code == 409


def test_a_consent_that_nobody_gives_is_removed_after_an_hour(mx: MX, user: str) -> None:
    body = {"member": {"institution_code": "mx_bank_oauth", "is_oauth": True}}
    member = asked(mx, f"POST /users/{user}/members", body).get_json()["member"]["guid"]
    mx.advance("59m59s")
    assert mx.status(user, member)["connection_status"] == "PENDING"
    mx.advance("2s")
    assert asked(mx, f"GET /users/{user}/members/{member}").status_code == 404


def test_what_is_deleted_is_gone(mx: MX, user: str, member: str) -> None:
    answer = asked(mx, f"DELETE /users/{user}/members/{member}")
    assert (answer.status_code, answer.get_data(), "Content-Type" in answer.headers) == (204, b"", False)
    for path in ("", "/status", "/accounts", "/transactions", "/credentials"):
        assert asked(mx, f"GET /users/{user}/members/{member}{path}").status_code == 404
    assert mx.create(user, institution=BANK)["guid"] != member
    assert asked(mx, f"DELETE /users/{user}").status_code == 204
    assert asked(mx, f"GET /users/{user}").status_code == 404
    assert mx.call("GET", "/users")["users"] == []


def test_balances_are_checked_five_times_in_two_hours_at_mx_bank_too(mx: MX, user: str) -> None:
    path = f"/users/{user}/members/{mx.create(user)['guid']}/check_balance"
    for _ in range(5):
        mx.advance("1m")
        mx.call("POST", path, status=202)
    mx.advance("1m")
    mx.call("POST", path, status=429)
    mx.advance("2h")
    mx.call("POST", path, status=202)


@pytest.mark.parametrize(
    ("status", "tried"),
    [("CONNECTED", True), ("RECONNECTED", False), ("DISABLED", False), ("PREVENTED", False), ("LOCKED", False)],
)
def test_who_is_fetched_at_night(mx: MX, user: str, member: str, status: str, tried: bool) -> None:
    if status != "CONNECTED":
        mx.control("PUT", f"/subjects/{member}/status", {"status": status})
    before = mx.status(user, member)["aggregated_at"]
    mx.advance("30h")
    assert (mx.status(user, member)["aggregated_at"] != before) is tried


def test_a_member_that_forbids_it_is_not_fetched_at_night(mx: MX, user: str) -> None:
    member = mx.create(user, background_aggregation_is_disabled=True)["guid"]
    mx.advance("1m")
    before = mx.call("GET", f"/users/{user}/members/{member}")["member"]
    mx.advance("3d")
    assert mx.call("GET", f"/users/{user}/members/{member}")["member"] == before


def test_a_disabled_user_is_out_of_reach_and_not_fetched(mx: MX, user: str, member: str) -> None:
    mx.call("PUT", f"/users/{user}", {"user": {"is_disabled": True}})
    assert asked(mx, f"GET /users/{user}/members/{member}").status_code == 403
    mx.advance("3d")
    mx.call("PUT", f"/users/{user}", {"user": {"is_disabled": False}})
    assert mx.call("GET", f"/users/{user}/members/{member}")["member"]["aggregated_at"] == "2026-01-01T12:00:00Z"
