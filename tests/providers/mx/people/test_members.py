"""The calls on members: what each answers, what it starts, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import MX, Receiver

BANK = "harborlight_bank"  # an institution of the catalogue: throttled, unlike mxbank
V2 = {"Accept": "application/json", "Accept-Version": "v20250224"}
JOBS = {
    "aggregate": (202, "mx.aggregation"),
    "verify": (200, None),  # asks which account before it is done
    "identify": (202, None),  # has no callback of its own
    "check_balance": (202, "mx.balance"),
    "extend_history": (202, "mx.history"),
    "fetch_statements": (202, "mx.statement"),
    "fetch_rewards": (200, "mx.rewards"),
}
CALLS = [
    ("GET", ""),
    ("PUT", ""),
    ("DELETE", ""),
    ("GET", "/status"),
    ("GET", "/challenges"),
    ("GET", "/credentials"),
    ("GET", "/oauth_window_uri"),
    ("PUT", "/resume"),
    *(("POST", f"/{job}") for job in JOBS),
]
BODIES = {"": {"member": {"metadata": "x"}}, "/resume": {"member": {"challenges": [{"guid": "CRD-1", "value": "x"}]}}}
PREMIUM_FROM = {
    "CREATED",
    "CONNECTED",
    "DEGRADED",
    "DISCONNECTED",
    "EXPIRED",
    "FAILED",
    "IMPEDED",
    "RECONNECTED",
    "UPDATED",
}
BLOCKED = {"PREVENTED", "DENIED", "IMPAIRED", "IMPORTED", "DISCONTINUED", "CLOSED", "DISABLED", "PENDING"}
STATUSES = {*PREMIUM_FROM, *BLOCKED, "CHALLENGED", "REJECTED", "LOCKED", "DELAYED", "RESUMED"}


@pytest.fixture
def user(mx: MX) -> str:
    return mx.user(id="customer-42")


@pytest.fixture
def path(mx: MX, user: str) -> str:
    """The path of a member of MX Bank whose first aggregation is done."""
    member = mx.create(user)["guid"]
    mx.advance("10s")
    return f"/users/{user}/members/{member}"


def oauth(mx: MX, user: str, **beside: Any) -> dict[str, Any]:
    """A new OAuth member."""
    body = {"member": {"institution_code": "mx_bank_oauth", "is_oauth": True}, **beside}
    member: dict[str, Any] = mx.call("POST", f"/users/{user}/members", body, status=200)["member"]
    return member


def flags(member: dict[str, Any]) -> tuple[Any, ...]:
    return (
        member["connection_status"],
        member["is_being_aggregated"],
        member["aggregated_at"],
        member["successfully_aggregated_at"],
    )


def push(mx: MX, path: str, status: str) -> None:
    mx.control("PUT", f"/subjects/{path.split('/')[-1]}/status", {"status": status})


def echoed(mx: MX) -> dict[str, set[str | None]]:
    """By event, the X-CALLBACK-PAYLOAD headers of its callbacks."""
    found: dict[str, set[str | None]] = {}
    for webhook in mx.control("GET", "/webhooks")["webhooks"]:
        found.setdefault(webhook["event"], set()).add(webhook["headers"].get("X-CALLBACK-PAYLOAD"))
    return found


# creating


def test_a_new_member_is_being_aggregated(mx: MX, user: str) -> None:
    body = {
        "institution_code": "mxbank",
        "credentials": mx.credentials(),
        "id": "m-1",
        "metadata": "note",
        "use_cases": ["PFM"],
    }
    member = mx.call("POST", f"/users/{user}/members", {"member": body}, status=202)["member"]
    guid = member["guid"]
    assert guid.startswith("MBR-")
    assert member == {
        "aggregated_at": None,
        "background_aggregation_is_disabled": False,
        "connection_status": "CREATED",
        "connection_status_message": "Connecting to MX Bank ...",
        "error": {},
        "guid": guid,
        "id": "m-1",
        "institution_code": "mxbank",
        "institution_guid": "INS-1572a04c-912b-59bf-5841-332c7dfafaef",
        "is_being_aggregated": True,
        "is_managed_by_user": True,
        "is_manual": False,
        "is_oauth": False,
        "metadata": "note",
        "most_recent_job_detail_code": None,
        "most_recent_job_detail_text": None,
        "most_recent_job_guid": None,
        "name": "MX Bank",
        "needs_updated_credentials": False,
        "oauth_window_uri": None,
        "successfully_aggregated_at": None,
        "use_cases": ["PFM"],
        "user_guid": user,
        "user_id": "customer-42",
    }


def test_an_aggregation_connects_then_ends(mx: MX, user: str) -> None:
    member = mx.create(user)["guid"]
    mx.advance("1s")
    loading = mx.status(user, member)
    assert (flags(loading), loading["is_authenticated"]) == (("CONNECTED", True, None, None), True)
    assert not loading["has_processed_accounts"]
    mx.advance("1s")
    done = mx.status(user, member)
    assert flags(done) == ("CONNECTED", False, "2026-01-01T12:00:00Z", "2026-01-01T12:00:02Z")
    assert (
        done["has_processed_accounts"],
        done["has_processed_transactions"],
        done["has_processed_account_numbers"],
    ) == (
        True,
        True,
        False,
    )
    assert mx.events() == ["mx.member.created", "mx.member.updated", "mx.member.updated", "mx.aggregation"]


def test_skip_aggregation_starts_nothing(mx: MX, user: str) -> None:
    body = {"institution_code": "mxbank", "credentials": mx.credentials(), "skip_aggregation": True}
    member = mx.call("POST", f"/users/{user}/members", {"member": body}, status=200)["member"]
    assert flags(member) == ("CREATED", False, None, None)
    mx.advance("2d")
    assert flags(mx.status(user, member["guid"])) == ("CREATED", False, None, None)
    assert mx.events() == ["mx.member.created"]
    mx.call("POST", f"/users/{user}/members/{member['guid']}/verify", status=200)


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"institution_code": None}, 422, "institution_code"),
        ({"institution_code": "no_bank"}, 404, "Institution no_bank not found"),
        ({"credentials": []}, 400, "Required parameter missing: member.credentials (LOGIN, PASSWORD)"),
        ({"credentials": [{"guid": "CRD-1", "value": "x"}]}, 400, "CRD-1 is not a credential of mxbank"),
        ({"credentials": [{"guid": "CRD-1"}]}, 422, "value"),
        ({"credentials": "password"}, 422, "credentials"),
        ({"is_oauth": True}, 400, "Credentials must not be sent"),
        ({"is_oauth": True, "credentials": []}, 400, "Member's institution does not support OAuth."),
        ({"is_oauth": "yes"}, 422, "is_oauth"),
        ({"use_cases": ["PARTY"]}, 422, "use_cases"),
        ({"metadata": {"a": 1}}, 422, "metadata"),
        ({"id": "MBR-1"}, 422, "May not begin with 'MBR-'"),
        ({"id": "with space"}, 422, "Only letters"),
        ({"id": "line\n"}, 422, "Only letters"),
        ({"id": ""}, 422, "id"),
        ({"id": "x" * 1025}, 422, "id"),
    ],
)
def test_what_create_refuses(mx: MX, user: str, change: dict[str, Any], status: int, message: str) -> None:
    body = {"institution_code": "mxbank", "credentials": mx.credentials()} | change
    assert message in mx.call("POST", f"/users/{user}/members", {"member": body}, status=status)["error"]["message"]
    assert mx.call("GET", f"/users/{user}/members")["members"] == []


@pytest.mark.parametrize("body", [{}, {"member": None}, {"member": []}, {"members": {}}, {"member": {}}])
def test_create_wants_a_member(mx: MX, user: str, body: dict[str, Any]) -> None:
    assert (
        "Required parameter missing" in mx.call("POST", f"/users/{user}/members", body, status=400)["error"]["message"]
    )


def test_a_duplicate_has_the_same_institution_and_login_name(mx: MX, user: str) -> None:
    first = mx.create(user, institution=BANK)["guid"]
    same = {"member": {"institution_code": BANK, "credentials": mx.credentials(BANK)}}
    assert first in mx.call("POST", f"/users/{user}/members", same, status=409)["error"]["message"]
    other = {"member": {"institution_code": BANK, "credentials": mx.credentials(BANK, password="another")}}
    assert first in mx.call("POST", f"/users/{user}/members", other, status=409)["error"]["message"]
    second = mx.create(user, institution=BANK, username="another")["guid"]
    mx.call("PUT", f"/users/{user}/members/{second}", {"member": {"credentials": mx.credentials(BANK)}}, status=409)
    mx.create(user, institution="mxbank")
    mx.create(mx.user(), institution=BANK)
    mx.call("DELETE", f"/users/{user}/members/{first}", status=204)
    assert mx.create(user, institution=BANK)["guid"] != first


def test_a_user_has_25_members_at_most(mx: MX, user: str) -> None:
    for number in range(25):
        mx.create(user, username=f"login-{number}", skip_aggregation=True)
    body = {"member": {"institution_code": "mxbank", "credentials": mx.credentials(password="more")}}
    mx.call("POST", f"/users/{user}/members", body, status=405)
    mx.create(mx.user(), password="more")


def test_an_id_is_unique_among_all_members(mx: MX, user: str) -> None:
    mine, other = mx.create(user, id="m-1")["guid"], mx.create(mx.user(), id="m-2")["guid"]
    body = {"member": {"institution_code": "mxbank", "credentials": mx.credentials(password="x"), "id": "m-2"}}
    mx.call("POST", f"/users/{user}/members", body, status=409)
    mx.call("PUT", f"/users/{user}/members/{mine}", {"member": {"id": "m-2"}}, status=409)
    assert mx.call("PUT", f"/users/{user}/members/{mine}", {"member": {"id": "m-1"}})["member"]["id"] == "m-1"
    assert mx.call("PUT", f"/users/{user}/members/{mine}", {"member": {"id": None}})["member"]["id"] is None
    assert other != mine


# OAuth


def test_an_oauth_member_waits_for_the_banks_page(mx: MX, user: str) -> None:
    member = oauth(mx, user, referral_source="APP", client_redirect_url="https://app.example.com/back")
    assert flags(member) == ("PENDING", False, None, None)
    assert member["is_oauth"]
    assert member["oauth_window_uri"].startswith("http://localhost/oauth/authorize?")
    assert member["connection_status_message"] is None


@pytest.mark.parametrize(
    "beside",
    [
        {"referral_source": "EMAIL"},
        {"referral_source": ["APP"]},
        {"client_redirect_url": {"deep": []}},
        {"ui_message_webview_url_scheme": 7},
        {"enable_app2app": "perhaps"},
    ],
)
def test_the_way_back_is_checked(mx: MX, user: str, beside: dict[str, Any]) -> None:
    mx.call(
        "POST",
        f"/users/{user}/members",
        {"member": {"institution_code": "mx_bank_oauth", "is_oauth": True}, **beside},
        status=422,
    )


def test_an_oauth_uri_is_new_every_time(mx: MX, user: str) -> None:
    member = oauth(mx, user)
    path = f"/users/{user}/members/{member['guid']}/oauth_window_uri"
    again = [
        mx.call("GET", f"{path}?referral_source=BROWSER&enable_app2app=false&skip_aggregation=true")["member"]
        for _ in range(2)
    ]
    assert [set(shown) for shown in again] == [{"guid", "oauth_window_uri"}] * 2
    assert len({member["oauth_window_uri"], *(shown["oauth_window_uri"] for shown in again)}) == 3
    mx.call("GET", f"{path}?referral_source=EMAIL", status=400)
    mx.call("GET", f"{path}?skip_aggregation=perhaps", status=400)


def test_a_member_with_a_password_has_no_oauth_uri(mx: MX, path: str) -> None:
    assert mx.call("GET", f"{path}/oauth_window_uri", status=400)["error"]["message"] == "Member cannot use OAuth"


def test_a_pending_member_is_deleted_after_an_hour(mx: MX, user: str) -> None:
    member = oauth(mx, user)["guid"]
    mx.advance("59m59s")
    assert mx.status(user, member)["connection_status"] == "PENDING"
    mx.advance("1s")
    mx.call("GET", f"/users/{user}/members/{member}", status=404)
    assert mx.events() == ["mx.member.created", "mx.member.deleted"]


@pytest.mark.parametrize("job", ["aggregate", "verify", "identify", "check_balance", "fetch_rewards"])
def test_nothing_starts_while_pending(mx: MX, user: str, job: str) -> None:
    mx.call("POST", f"/users/{user}/members/{oauth(mx, user)['guid']}/{job}", status=409)


# changing


def test_metadata_changes_without_a_job(mx: MX, path: str) -> None:
    before = mx.call("GET", path)["member"]
    after = mx.call(
        "PUT", path, {"member": {"metadata": "new", "background_aggregation_is_disabled": True}}, status=200
    )["member"]
    assert after == before | {"metadata": "new", "background_aggregation_is_disabled": True}
    assert mx.events()[-1] == "mx.member.updated"


def test_new_credentials_start_a_job(mx: MX, path: str) -> None:
    push(mx, path, "DENIED")
    assert mx.call("GET", path)["member"]["needs_updated_credentials"]
    shown = mx.call("PUT", path, {"member": {"credentials": mx.credentials(password="right")}}, status=200)["member"]
    assert (shown["connection_status"], shown["is_being_aggregated"], shown["needs_updated_credentials"]) == (
        "UPDATED",
        True,
        False,
    )
    mx.advance("10s")
    assert mx.call("GET", path)["member"]["connection_status"] == "CONNECTED"


def test_new_credentials_with_skip_aggregation_start_none(mx: MX, path: str) -> None:
    before = mx.call("GET", path)["member"]
    shown = mx.call(
        "PUT", path, {"member": {"credentials": mx.credentials(password="right"), "skip_aggregation": True}}
    )["member"]
    assert flags(shown) == ("UPDATED", False, before["aggregated_at"], before["successfully_aggregated_at"])


def test_new_credentials_are_kept_while_a_job_runs(mx: MX, user: str) -> None:
    path = f"/users/{user}/members/{mx.create(user)['guid']}"
    shown = mx.call("PUT", path, {"member": {"credentials": mx.credentials(password="challenge")}}, status=200)[
        "member"
    ]
    assert flags(shown) == ("CREATED", True, None, None)
    mx.advance("10s")
    assert mx.call("GET", path)["member"]["connection_status"] == "CONNECTED"
    duplicate = {"member": {"institution_code": "mxbank", "credentials": mx.credentials(password="challenge")}}
    mx.call("POST", f"/users/{user}/members", duplicate, status=409)


def test_a_part_of_the_credentials_may_change(mx: MX, path: str) -> None:
    [password] = [c for c in mx.credentials(password="new") if c["value"] == "new"]
    assert mx.call("PUT", path, {"member": {"credentials": [password]}})["member"]["connection_status"] == "UPDATED"
    mx.call("PUT", path, {"member": {"credentials": [{"guid": "CRD-1", "value": "x"}]}}, status=400)


# jobs


@pytest.mark.parametrize(("job", "status", "event"), [(job, *expected) for job, expected in JOBS.items()])
def test_a_job_runs(mx: MX, path: str, job: str, status: int, event: str | None) -> None:
    before = mx.call("GET", path)["member"]
    shown = mx.call("POST", f"{path}/{job}", status=status)["member"]
    assert flags(shown) == ("CONNECTED", True, "2026-01-01T12:00:10Z", before["successfully_aggregated_at"])
    mx.advance("5s")
    assert mx.events()[-1] == (event or ("mx.connection_status.changed" if job == "verify" else "mx.member.updated"))
    if job != "verify":
        after = mx.call("GET", path)["member"]
        assert after["connection_status"] == "CONNECTED"
        assert not after["is_being_aggregated"]
        assert after["aggregated_at"] == "2026-01-01T12:00:10Z"
        assert after["successfully_aggregated_at"] > after["aggregated_at"]


@pytest.mark.parametrize("running", JOBS)
def test_a_second_job(mx: MX, path: str, running: str) -> None:
    mx.call("POST", f"{path}/{running}")
    job = mx.control("GET", f"/subjects/{path.split('/')[-1]}")["job"]
    for asked in JOBS:
        mx.call("POST", f"{path}/{asked}", status=202 if asked == running else 409)
        assert mx.control("GET", f"/subjects/{path.split('/')[-1]}")["job"] == job
    told = 2 if running == "check_balance" else 3  # two of the first aggregation, one of the job that runs
    assert mx.events().count("mx.member.updated") == told


def test_of_all_jobs_only_verify_takes_the_place_of_the_first_aggregation(mx: MX, user: str) -> None:
    path = f"/users/{user}/members/{mx.create(user)['guid']}"
    for job in set(JOBS) - {"verify", "aggregate"}:
        mx.call("POST", f"{path}/{job}", status=409)
    mx.call("POST", f"{path}/aggregate", status=202)
    mx.call("POST", f"{path}/verify", status=200)
    mx.call("POST", f"{path}/aggregate", status=409)


def test_where_a_job_may_start(mx: MX, path: str) -> None:
    for status in sorted(STATUSES - {"PENDING"}):  # for which see above
        for job, starts in (("verify", status in PREMIUM_FROM), ("aggregate", status not in BLOCKED)):
            push(mx, path, status)
            mx.call("POST", f"{path}/{job}", status=JOBS[job][0] if starts else 409)


@pytest.mark.parametrize(
    ("job", "field", "message"),
    [
        (
            "verify",
            "supports_account_verification",
            "Member's institution does not support instant account verification.",
        ),
        (
            "extend_history",
            "supports_transaction_history",
            "Member's institution does not support extended transaction history.",
        ),
        (
            "identify",
            "supports_account_identification",
            "Member's institution does not support account identification.",
        ),
        ("fetch_statements", "supports_account_statement", "Member's institution does not support account statements."),
    ],
)
def test_a_premium_job_needs_an_institution_that_supports_it(
    mx: MX, user: str, job: str, field: str, message: str
) -> None:
    found = mx.call("GET", f"/institutions?{field}=false&supports_oauth=false&records_per_page=100")["institutions"]
    code = next(each["code"] for each in found if not each["supports_oauth"])
    member = mx.create(user, institution=code)["guid"]
    mx.advance("10s")
    assert mx.call("POST", f"/users/{user}/members/{member}/{job}", status=400)["error"]["message"] == message


# throttle and quota


def test_an_aggregation_soon_after_a_good_one_starts_nothing(mx: MX, user: str) -> None:
    member = mx.create(user, institution=BANK)["guid"]
    mx.advance("10s")
    before, callbacks = mx.status(user, member), mx.events()
    mx.advance("2h59m50s")
    assert not mx.call("POST", f"/users/{user}/members/{member}/aggregate", status=202)["member"]["is_being_aggregated"]
    assert (mx.status(user, member), mx.events()) == (before, callbacks)
    mx.advance("2s")
    assert mx.call("POST", f"/users/{user}/members/{member}/aggregate", status=202)["member"]["is_being_aggregated"]


@pytest.mark.parametrize("institution", ["mxbank", "mock_connected"])
def test_test_institutions_are_never_throttled(mx: MX, user: str, institution: str) -> None:
    member = mx.create(user, institution=institution)["guid"]
    mx.advance("10s")
    assert mx.call("POST", f"/users/{user}/members/{member}/aggregate")["member"]["is_being_aggregated"]


def test_premium_jobs_neither_mind_nor_start_the_throttle(mx: MX, user: str) -> None:
    member = mx.create(user, institution=BANK, skip_aggregation=True)["guid"]
    for job in ("check_balance", "aggregate", "check_balance"):
        assert mx.call("POST", f"/users/{user}/members/{member}/{job}")["member"]["is_being_aggregated"]
        mx.advance("10s")


def test_a_failed_aggregation_starts_no_throttle(mx: MX, user: str) -> None:
    member = mx.create(user, institution=BANK)["guid"]
    push(mx, member, "FAILED")
    assert mx.call("POST", f"/users/{user}/members/{member}/aggregate")["member"]["is_being_aggregated"]


def test_an_unchanged_aggregation_touches_no_data(mx: MX, path: str) -> None:
    def data() -> list[Any]:
        """The transactions, and the accounts but for when they were imported."""
        imported = ("imported_at", "updated_at")
        accounts = mx.call("GET", f"{path}/accounts")["accounts"]
        kept = [{name: value for name, value in each.items() if name not in imported} for each in accounts]
        return [kept, mx.call("GET", f"{path}/transactions?records_per_page=1000")]

    before = data()
    mx.advance("1h")
    mx.call("POST", f"{path}/aggregate")
    mx.advance("10s")
    assert data() == before


def test_balances_can_be_checked_five_times_in_two_hours(mx: MX, user: str) -> None:
    path = f"/users/{user}/members/{mx.create(user, institution=BANK)['guid']}/check_balance"
    mx.advance("10s")
    for _ in range(5):
        mx.call("POST", path, status=202)
        mx.advance("10s")
    mx.call("POST", path, status=429)
    mx.advance("2h")
    mx.call("POST", path, status=202)


# the daily refresh


def test_a_day_after_a_good_job_a_background_aggregation_runs(mx: MX, receiver: Receiver, path: str) -> None:
    mx.advance("23h59m")
    assert [body["is_background"] for body in receiver.bodies() if body.get("type") == "AGGREGATION"] == [False]
    mx.advance("2m")
    assert [body["is_background"] for body in receiver.bodies() if body.get("type") == "AGGREGATION"] == [False, True]
    mx.advance("3d")
    assert mx.events().count("mx.aggregation") == 5
    assert flags(mx.call("GET", path)["member"])[:2] == ("CONNECTED", False)


@pytest.mark.parametrize("status", ["DENIED", "LOCKED", "RECONNECTED", "CLOSED"])
def test_only_resting_members_are_refreshed(mx: MX, path: str, status: str) -> None:
    push(mx, path, status)
    mx.advance("3d")
    assert mx.events().count("mx.aggregation") == 1


def test_the_refresh_can_be_switched_off(mx: MX, path: str) -> None:
    mx.call("PUT", path, {"member": {"background_aggregation_is_disabled": True}})
    mx.advance("3d")
    assert mx.events().count("mx.aggregation") == 1


# challenges


def test_challenges_are_answered_together(mx: MX, user: str, path: str) -> None:
    push(mx, path, "CHALLENGED")
    status = mx.call("GET", f"{path}/status")["member"]
    assert flags(status)[:2] == ("CHALLENGED", True)
    assert not status["is_authenticated"]
    [challenge] = status["challenges"]
    assert challenge == {
        "field_name": None,
        "guid": challenge["guid"],
        "label": "What city were you born in?",
        "type": "TEXT",
    }
    listed = mx.call("GET", f"{path}/challenges", status=200)
    assert listed["challenges"] == [challenge | {"field_name": challenge["label"]}]
    assert listed["pagination"]["total_entries"] == 1
    answer = {"member": {"challenges": [{"guid": challenge["guid"], "value": "correct"}]}}
    assert flags(mx.call("PUT", f"{path}/resume", answer, status=202)["member"])[:2] == ("RESUMED", True)
    mx.advance("5s")
    assert flags(mx.call("GET", path)["member"])[:2] == ("CONNECTED", False)
    assert "challenges" not in mx.call("GET", f"{path}/status")["member"]


def test_a_member_that_asks_nothing_has_no_challenges(mx: MX, path: str) -> None:
    assert mx.call("GET", f"{path}/challenges", status=204) is None


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"challenges": []},
        {"challenges": None},
        {"challenges": "correct"},
        {"challenges": ["correct"]},
        {"challenges": [{"guid": "CRD-1", "value": "correct"}]},
        {"challenges": [{"value": "correct"}]},
        {"challenges": [{"guid": 1, "value": "correct"}]},
    ],
)
def test_an_answer_that_fits_no_challenge_changes_nothing(mx: MX, path: str, answers: dict[str, Any]) -> None:
    push(mx, path, "CHALLENGED")
    before = mx.call("GET", f"{path}/status")
    mx.call("PUT", f"{path}/resume", {"member": answers}, status=400)
    assert mx.call("GET", f"{path}/status") == before


def test_who_asks_nothing_cannot_be_answered(mx: MX, path: str) -> None:
    mx.call("PUT", f"{path}/resume", BODIES["/resume"], status=405)


# reading and deleting


def test_the_credentials_are_the_institutions_and_no_values(mx: MX, path: str) -> None:
    assert mx.call("GET", f"{path}/credentials") == mx.call("GET", "/institutions/mxbank/credentials")


def test_members_are_listed_by_use_case(mx: MX, user: str) -> None:
    pfm, both = (
        mx.create(user, password=str(n), use_cases=cases)["guid"]
        for n, cases in enumerate((["PFM"], ["PFM", "MONEY_MOVEMENT"]))
    )

    def listed(query: str) -> list[str]:
        return [member["guid"] for member in mx.call("GET", f"/users/{user}/members{query}")["members"]]

    assert listed("") == listed("?use_case=PFM") == [pfm, both]
    assert listed("?use_case=MONEY_MOVEMENT") == [both]
    mx.call("GET", f"/users/{user}/members?use_case=PARTY", status=400)


@pytest.mark.parametrize(
    ("query", "page", "size", "count"),
    [
        ("", 1, 25, 12),
        ("?records_per_page=10", 1, 10, 10),
        ("?records_per_page=10&page=2", 2, 10, 2),
        ("?records_per_page=10&page=3", 3, 10, 0),
        ("?records_per_page=1000", 1, 1000, 12),
        ("?records_per_page=1001", 1, 25, 12),
        ("?records_per_page=9", 1, 25, 12),
        ("?records_per_page=0", 1, 25, 12),
        ("?records_per_page=-10", 1, 25, 12),
        ("?records_per_page=many", 1, 25, 12),
        ("?page=0", 1, 25, 12),
        ("?page=last&records_per_page=", 1, 25, 12),
    ],
)
def test_paging(mx: MX, user: str, query: str, page: int, size: int, count: int) -> None:
    for number in range(12):
        mx.create(user, password=str(number), skip_aggregation=True)
    shown = mx.call("GET", f"/users/{user}/members{query}")
    assert len(shown["members"]) == count
    assert shown["pagination"] == {
        "current_page": page,
        "per_page": size,
        "total_entries": 12,
        "total_pages": 2 if size == 10 else 1,
    }


def test_a_member_of_another_user_is_not_found(mx: MX, path: str) -> None:
    stranger = f"/users/{mx.user()}/members/{path.split('/')[-1]}"
    before = mx.call("GET", path)
    for method, call in CALLS:
        mx.call(method, stranger + call, BODIES.get(call) if method == "PUT" else None, status=404)
    assert mx.call("GET", path) == before


def test_a_deleted_member_is_not_found(mx: MX, path: str) -> None:
    mx.call("DELETE", path, status=204)
    for method, call in CALLS:
        mx.call(method, path + call, BODIES.get(call) if method == "PUT" else None, status=404)


def test_deleting_a_member_takes_its_data_along(mx: MX, user: str, path: str) -> None:
    account = mx.call("GET", f"{path}/accounts")["accounts"][0]["guid"]
    mx.call("POST", f"{path}/identify")
    mx.call("DELETE", path, status=204)
    assert mx.call("GET", f"/users/{user}/members")["members"] == []
    assert mx.call("GET", f"/users/{user}/accounts")["accounts"] == []
    assert mx.call("GET", f"/users/{user}/transactions")["transactions"] == []
    mx.call("GET", f"/users/{user}/accounts/{account}", status=404)
    callbacks = mx.events()
    assert callbacks[-1] == "mx.member.deleted"
    mx.advance("2d")
    assert mx.events() == callbacks


def test_deleting_a_user_deletes_the_members(mx: MX, user: str, path: str) -> None:
    mx.call("DELETE", f"/users/{user}", status=204)
    for gone in (f"/users/{user}", f"/users/{user}/members", path, f"{path}/status"):
        mx.call("GET", gone, status=404)
    assert mx.events()[-1] == "mx.member.deleted"


def test_a_disabled_user_is_closed_to_readers(mx: MX, user: str, path: str) -> None:
    mx.call("PUT", f"/users/{user}", {"user": {"is_disabled": True}})
    for closed in (path, f"{path}/status", f"/users/{user}/members", f"/users/{user}/accounts"):
        mx.call("GET", closed, status=403)
    mx.call("POST", f"{path}/aggregate", status=403)
    mx.call("PUT", f"/users/{user}", {"user": {"is_disabled": False}})
    mx.call("GET", path)


# addressing by id


def test_the_newer_version_takes_ids_for_guids(mx: MX, user: str) -> None:
    guid = mx.create(user, id="m-1")["guid"]
    for who in (user, "customer-42"):
        for member in (guid, "m-1"):
            assert mx.call("GET", f"/users/{who}/members/{member}", headers=V2)["member"]["guid"] == guid
    mx.call("GET", "/users/customer-42/members/m-2", headers=V2, status=404)
    mx.call("GET", f"/users/{mx.user(id='other')}/members/m-1", headers=V2, status=404)


@pytest.mark.parametrize(
    "path", ["/users/customer-42", "/users/customer-42/members/m-1", "/users/customer-42/members/m-1/status"]
)
def test_the_older_version_takes_guids_only(mx: MX, user: str, path: str) -> None:
    mx.create(user, id="m-1")
    mx.call("GET", path, status=404)
    mx.call("GET", path, headers=V2, status=200)


def test_the_newer_version_shows_the_job_guid(mx: MX, path: str) -> None:
    assert mx.call("GET", path)["member"]["most_recent_job_guid"] is None
    assert mx.call("GET", path, headers=V2)["member"]["most_recent_job_guid"].startswith("JOB-")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"products": ["account_verification", "transactions"]}, 202),
        ({"products": []}, 202),
        ({"products": ["gossip"]}, 422),
        ({"products": [["transactions"]]}, 422),
        ({"products": "transactions"}, 422),
        ("transactions", 422),
    ],
)
def test_products_are_requested_beside_the_member(mx: MX, user: str, request_: Any, status: int) -> None:
    body = {"member": {"institution_code": "mxbank", "credentials": mx.credentials()}, "data_request": request_}
    mx.call("POST", f"/users/{user}/members", body, headers=V2, status=status)


# X-CALLBACK-PAYLOAD

PAYLOAD = {"X-CALLBACK-PAYLOAD": "Y29ycmVsYXRpb24="}


def test_create_echoes_on_member_callbacks_only(mx: MX, user: str) -> None:
    member = mx.create(user, headers=PAYLOAD)["guid"]
    mx.advance("10s")
    push(mx, member, "DENIED")
    assert echoed(mx) == {
        "mx.user.created": {None},
        "mx.member.created": {"Y29ycmVsYXRpb24="},
        "mx.member.updated": {"Y29ycmVsYXRpb24=", None},  # the push has no call behind it
        "mx.aggregation": {None},
        "mx.connection_status.changed": {None},
    }


@pytest.mark.parametrize("change", [{"metadata": "new"}, {"credentials": True}])
def test_update_echoes_on_member_callbacks_only(mx: MX, user: str, change: dict[str, Any]) -> None:
    member = mx.create(user, skip_aggregation=True)["guid"]
    fields = {"credentials": mx.credentials(password="new")} if "credentials" in change else change
    mx.call("PUT", f"/users/{user}/members/{member}", {"member": fields}, headers=PAYLOAD)
    mx.advance("10s")
    found = echoed(mx)
    assert found["mx.member.updated"] == {"Y29ycmVsYXRpb24="}
    assert found["mx.member.created"] == {None}
    assert found.get("mx.aggregation", {None}) == {None}


def test_aggregate_and_verify_echo_on_what_their_job_ends_with(mx: MX, user: str) -> None:
    member = mx.create(user, skip_aggregation=True)["guid"]
    mx.call("POST", f"/users/{user}/members/{member}/aggregate", headers=PAYLOAD)
    mx.advance("10s")
    mx.call("POST", f"/users/{user}/members/{member}/verify", headers=PAYLOAD)
    mx.advance("10s")
    mx.answer(user, member, "act-23445745")
    mx.advance("10s")
    found = echoed(mx)
    assert found["mx.aggregation"] == found["mx.verification"] == {"Y29ycmVsYXRpb24="}
    assert found["mx.member.updated"] == found["mx.connection_status.changed"] == {None}


def test_no_other_call_echoes(mx: MX, receiver: Receiver, path: str) -> None:
    mx.call("POST", f"{path}/check_balance", headers=PAYLOAD)
    mx.advance("2d")
    assert {headers for found in echoed(mx).values() for headers in found} == {None}
    assert not any("X-CALLBACK-PAYLOAD" in item["headers"] for item in receiver.received)


@pytest.mark.parametrize(("method", "call"), [("POST", "s"), ("PUT", ""), ("POST", "/aggregate"), ("POST", "/verify")])
def test_a_payload_is_short_and_base64(mx: MX, path: str, method: str, call: str) -> None:
    path = path.rpartition("/")[0] if call == "s" else path + call
    body = (
        {"member": {"institution_code": "mxbank", "credentials": mx.credentials(username="x")}}
        if call == "s"
        else BODIES.get(call)
    )
    for payload in ("x" * 1025, "A" * 1028, "not base64!", "abc", "YWJj\u00ff"):
        headers = {"X-CALLBACK-PAYLOAD": payload}
        assert "X-CALLBACK-PAYLOAD" in mx.call(method, path, body, headers=headers, status=400)["error"]["message"]
    mx.call(method, path, body, headers={"X-CALLBACK-PAYLOAD": "A" * 1024})


# choosing the scenario


def test_an_unknown_scenario_is_refused(mx: MX, user: str) -> None:
    body = {"member": {"institution_code": "mxbank", "credentials": mx.credentials()}}
    answer = mx.call("POST", f"/users/{user}/members", body, headers={"X-Mocksrv-Scenario": "conected"}, status=400)
    assert "did you mean connected" in answer["error"]["message"]


# what a client asks the first job for


OLDER = {"Accept": "application/vnd.mx.api.v1+json"}
BETA = {"Accept": "application/vnd.mx.api.v2beta+json"}


def ask_for(mx: MX, institution: str, *products: str, status: int, headers: dict[str, str] = V2) -> tuple[str, str]:
    """A user and their new member, created for these products."""
    user = mx.user()
    member = {"institution_code": institution, "credentials": mx.credentials(institution)}
    body = {"member": member, "data_request": {"products": list(products)}}
    return user, mx.call("POST", f"/users/{user}/members", body, headers=headers, status=status)["member"]["guid"]


@pytest.mark.parametrize("headers", [V2, OLDER, BETA], ids=["newer", "older", "beta"])
def test_the_products_asked_for_are_what_is_fetched_and_told(
    mx: MX, receiver: Receiver, headers: dict[str, str]
) -> None:
    mx.control("PUT", "/endpoints", {"endpoints": [{"url": receiver.url, "events": ["mx.*"]}]})
    asked = ("account_verification", "identity_verification")
    user, member = ask_for(mx, "mxbank", *asked, status=202, headers=headers)
    mx.advance("10s")
    found = {
        what: len(mx.call("GET", f"/users/{user}/members/{member}/{what}")[what])
        for what in ("account_numbers", "account_owners")
    }
    assert found == {"account_numbers": 2, "account_owners": 6}
    assert mx.call("GET", f"/users/{user}/transactions")["pagination"]["total_entries"] == 0
    assert mx.events().count("mx.initial_data_ready") == 1
    assert "mx.verification" in mx.events()
    assert mx.control("GET", "/violations")["violations"] == []


def test_a_product_that_the_institution_lacks_is_201_and_the_others_are_fetched(mx: MX) -> None:
    user, member = ask_for(mx, _lacking(mx, "supports_account_statement"), "transactions", "statements", status=201)
    mx.advance("10s")
    assert mx.call("GET", f"/users/{user}/members/{member}/transactions")["pagination"]["total_entries"] > 0
    assert mx.events()[-1] == "mx.aggregation"


def _lacking(mx: MX, support: str) -> str:
    """The code of an institution without OAuth that does not support something."""
    listed = mx.call("GET", f"/institutions?{support}=false&records_per_page=100")["institutions"]
    return next(each["code"] for each in listed if not each["supports_oauth"])


def test_an_unknown_product_is_refused_with_those_that_there_are(mx: MX) -> None:
    user = mx.user()
    body = {
        "member": {"institution_code": "mxbank", "credentials": mx.credentials()},
        "data_request": {"products": ["moon"]},
    }
    answer = mx.call("POST", f"/users/{user}/members", body, headers=V2, status=422)
    assert "'moon' is not a product; allowed are account_verification" in answer["error"]["message"]


def test_an_aggregation_can_leave_the_transactions_out(mx: MX) -> None:
    user = mx.user()
    member = mx.create(user, skip_aggregation=True)["guid"]
    mx.call("POST", f"/users/{user}/members/{member}/aggregate?include_transactions=false", status=202)
    mx.advance("10s")
    assert len(mx.call("GET", f"/users/{user}/accounts")["accounts"]) == 6
    assert mx.call("GET", f"/users/{user}/transactions")["pagination"]["total_entries"] == 0


def test_new_credentials_may_not_be_those_of_another_member(mx: MX) -> None:
    user = mx.user()
    mx.create(user, username="one")
    second = mx.create(user, username="two")["guid"]
    mx.advance("10s")
    body = {"member": {"credentials": mx.credentials(username="one", password="another")}}
    mx.call("PUT", f"/users/{user}/members/{second}", body, status=409)
    mx.call(
        "PUT",
        f"/users/{user}/members/{second}",
        {"member": {"credentials": mx.credentials(username="two", password="new")}},
        status=200,
    )
