"""MX's guide "Deposit Account Opening with the API", driven with MX's own Python SDK: every answer and every callback.

The clock stands still and is moved by the control API, so nothing waits.
"""

from __future__ import annotations

from typing import Any

import mx_platform_python as sdk
import pytest

from tests.conftest import Receiver
from tests.sdk.conftest import Served

START = 1767268800  # 2026-01-01T12:00:00Z, where a manual clock with a seed begins
CHECKING = "act-23445745"
MEMBER_KEYS = {
    "aggregated_at",
    "connection_status",
    "connection_status_id",
    "connection_status_message",
    "created_at",
    "guid",
    "institution_code",
    "institution_guid",
    "id",
    "is_being_aggregated",
    "is_manual",
    "is_managed_by_user",
    "is_oauth",
    "is_user_created",
    "metadata",
    "most_recent_job_guid",
    "name",
    "needs_updated_credentials",
    "successfully_aggregated_at",
    "user_id",
    "revision",
    "updated_at",
    "use_cases",
    "user_guid",
}


class Guide:
    """The reader of the guide: a client of the API with an endpoint for callbacks."""

    def __init__(self, served: Served, receiver: Receiver) -> None:
        client = served.client
        self.users, self.institutions = sdk.UsersApi(client), sdk.InstitutionsApi(client)
        self.members, self.accounts = sdk.MembersApi(client), sdk.AccountsApi(client)
        self.transactions = sdk.TransactionsApi(client)
        self.control = served.control
        self.receiver = receiver
        self._seen = 0
        self.user = self.member = ""

    def open(self) -> None:
        """Steps 1 to 3: a user, the institution and its login form, a member."""
        self.user = self.users.create_user(
            sdk.UserCreateRequestBody(
                user=sdk.UserCreateRequest(id="customer-42", email="ada@example.com", metadata="{}")
            )
        ).user.guid
        institution = self.institutions.list_institutions(name="mx bank").institutions[0]
        form = self.institutions.list_institution_credentials(institution.code).credentials
        credentials = [sdk.CredentialRequest(guid=field.guid, value=field.field_name.lower()) for field in form]
        request = sdk.MemberCreateRequest(
            institution_code=institution.code, id="member-7", metadata="deposit", credentials=credentials
        )
        self.member = self.members.create_member(self.user, sdk.MemberCreateRequestBody(member=request)).member.guid

    def verify(self) -> None:
        self.members.verify_member(self.member, self.user)
        self.advance()

    def answer(self, value: str) -> Any:
        """Answers the open challenge."""
        challenge = self.status().challenges[0]
        answers = [sdk.CredentialRequest(guid=challenge.guid, value=value)]
        request = sdk.MemberResumeRequestBody(member=sdk.MemberResumeRequest(challenges=answers))
        return self.members.resume_aggregation(self.member, self.user, request).member

    def status(self) -> Any:
        return self.members.read_member_status(self.member, self.user).member

    def advance(self) -> None:
        """A second passes."""
        self.control.advance("1s")

    def callbacks(self) -> list[dict[str, Any]]:
        """What has arrived since the last look; all that is owed has arrived when time has been advanced."""
        self.control.advance("0s")
        fresh = self.receiver.bodies()[self._seen :]
        self._seen += len(fresh)
        return fresh


@pytest.fixture
def guide(served: Served, receiver: Receiver) -> Guide:
    made = Guide(served, receiver)
    made.open()
    return made


def flags(shown: Any) -> tuple[Any, ...]:
    """What the guide's trace shows of a member: status, aggregating, both timestamps."""
    return shown.connection_status, shown.is_being_aggregated, shown.aggregated_at, shown.successfully_aggregated_at


def brief(callback: dict[str, Any]) -> tuple[Any, ...]:
    """What a callback is about."""
    if "member" in callback:
        member = callback["member"]
        return callback["action"], member["connection_status"], member["is_being_aggregated"], member["revision"]
    return callback["action"], callback["type"]


def test_the_user_and_the_institution(guide: Guide) -> None:
    user = guide.users.read_user(guide.user).user
    assert (user.id, user.email, user.metadata, user.is_disabled) == ("customer-42", "ada@example.com", "{}", False)
    found = guide.institutions.list_institutions(name="mx bank")
    assert (found.institutions[0].code, found.institutions[0].name) == ("mxbank", "MX Bank")
    assert found.institutions[0].supports_account_verification
    assert (found.pagination.current_page, found.pagination.per_page) == (1, 25)
    form = guide.institutions.list_institution_credentials("mxbank").credentials
    assert [(field.display_order, field.field_name, field.field_type, field.label) for field in form] == [
        (1, "LOGIN", "LOGIN", "Username"),
        (2, "PASSWORD", "PASSWORD", "Password"),
    ]


def test_a_new_member_is_being_aggregated(guide: Guide) -> None:
    member = guide.members.read_member(guide.member, guide.user).member
    assert flags(member) == ("CREATED", True, None, None)
    assert (member.guid, member.id, member.metadata, member.name) == (guide.member, "member-7", "deposit", "MX Bank")
    assert (member.user_guid, member.user_id) == (guide.user, "customer-42")
    assert [brief(callback) for callback in guide.callbacks()] == [("created", "CREATED", True, 1)]


def test_verify_takes_the_place_of_the_first_aggregation(guide: Guide) -> None:
    guide.callbacks()
    assert flags(guide.members.verify_member(guide.member, guide.user).member) == ("CREATED", True, None, None)
    early = guide.status()
    assert flags(early) == ("CREATED", True, None, None)
    assert not early.is_authenticated
    assert early.challenges is None
    assert [brief(callback) for callback in guide.callbacks()] == [("updated", "CREATED", True, 2)]


def test_the_account_is_chosen_in_a_challenge(guide: Guide) -> None:
    guide.verify()
    asked = guide.status()
    assert flags(asked) == ("CHALLENGED", True, None, None)
    assert asked.is_authenticated
    [challenge] = asked.challenges
    assert (challenge.type, challenge.field_name, challenge.label) == ("OPTIONS", None, "Please select an account:")
    assert [(option.label, option.value) for option in challenge.options] == [
        ("Checking", CHECKING),
        ("Savings", "act-352386787"),
    ]
    [listed] = guide.members.list_member_challenges(guide.member, guide.user).challenges
    assert listed.guid == challenge.guid
    assert [brief(callback) for callback in guide.callbacks()] == [
        ("created", "CREATED", True, 1),
        ("updated", "CREATED", True, 2),
        ("updated", "CHALLENGED", True, 3),
        ("CHANGED", "CONNECTION_STATUS"),
    ]


def test_the_answer_ends_the_verification(guide: Guide) -> None:
    guide.verify()
    guide.callbacks()
    assert flags(guide.answer(CHECKING)) == ("RESUMED", True, None, None)
    guide.advance()
    done = guide.status()
    assert flags(done) == ("CONNECTED", False, "2026-01-01T12:00:00Z", "2026-01-01T12:00:02Z")
    assert (done.is_authenticated, done.has_processed_accounts, done.has_processed_account_numbers) == (
        True,
        True,
        True,
    )
    resumed, connected, verified = guide.callbacks()
    assert [brief(resumed), brief(connected)] == [("updated", "RESUMED", True, 4), ("updated", "CONNECTED", False, 5)]
    [account] = guide.accounts.list_account_numbers_by_member(guide.member, guide.user).account_numbers
    assert verified == {
        "action": "member_data_updated",
        "accounts": [account.account_guid],
        "completed_at": START + 2,
        "completed_on": "2026-01-01",
        "job_guid": connected["member"]["most_recent_job_guid"],
        "member_guid": guide.member,
        "type": "VERIFICATION",
        "user_guid": guide.user,
        "user_id": "customer-42",
    }


def test_the_chosen_account_has_its_numbers(guide: Guide) -> None:
    guide.verify()
    guide.answer(CHECKING)
    guide.advance()
    [numbers] = guide.accounts.list_account_numbers_by_member(guide.member, guide.user).account_numbers
    assert (numbers.account_number, numbers.routing_number, numbers.passed_validation) == (
        "4921710685",
        "005026788",
        True,
    )
    assert guide.accounts.list_account_numbers_by_account(numbers.account_guid, guide.user).account_numbers == [numbers]
    account = guide.accounts.read_account(numbers.account_guid, guide.user).account
    assert (account.id, account.type, account.account_number) == (CHECKING, "CHECKING", "****0685")
    assert (account.available_balance, account.is_closed) == (500000.0, False)


def test_identify_brings_the_owners(guide: Guide) -> None:
    guide.verify()
    guide.answer(CHECKING)
    guide.advance()
    guide.callbacks()
    assert flags(guide.members.identify_member(guide.member, guide.user).member)[:2] == ("CONNECTED", True)
    guide.advance()
    assert flags(guide.status()) == ("CONNECTED", False, "2026-01-01T12:00:02Z", "2026-01-01T12:00:03Z")
    owners = guide.accounts.list_account_owners_by_member(guide.member, guide.user).account_owners
    assert {(o.owner_name, o.address, o.city, o.state, o.postal_code, o.email, o.phone) for o in owners} == {
        ("MX Test", "3401 N Thanksgiving Way #500", "Lehi", "Utah", "84034", "mxuser@mx.com", "555-555-5555")
    }
    accounts = guide.accounts.list_member_accounts(guide.user, guide.member).accounts
    assert sorted(owner.account_guid for owner in owners) == sorted(account.guid for account in accounts)
    assert [brief(callback) for callback in guide.callbacks()] == [
        ("updated", "CONNECTED", True, 6),
        ("updated", "CONNECTED", False, 7),
    ]


def test_check_balance_advances_the_timestamps(guide: Guide) -> None:
    guide.verify()
    guide.answer(CHECKING)
    guide.advance()
    guide.callbacks()
    guide.advance()
    running = flags(guide.members.check_balances(guide.member, guide.user).member)
    assert running == ("CONNECTED", True, "2026-01-01T12:00:03Z", "2026-01-01T12:00:02Z")
    guide.advance()
    done = guide.status()
    assert flags(done) == ("CONNECTED", False, "2026-01-01T12:00:03Z", "2026-01-01T12:00:04Z")
    assert (done.is_authenticated, done.has_processed_accounts, done.has_processed_account_numbers) == (
        True,
        True,
        False,
    )
    [balance] = guide.callbacks()  # alone: it tells of no member
    assert balance == {
        "action": "member_data_updated",
        "completed_at": START + 4,
        "completed_on": "2026-01-01",
        "member_guid": guide.member,
        "type": "BALANCE",
        "user_guid": guide.user,
    }


def test_the_whole_guide_in_its_order(guide: Guide) -> None:
    guide.verify()
    guide.answer(CHECKING)
    guide.advance()
    [numbers] = guide.accounts.list_account_numbers_by_member(guide.member, guide.user).account_numbers
    guide.members.identify_member(guide.member, guide.user)
    guide.advance()
    guide.members.check_balances(guide.member, guide.user)
    guide.advance()
    again = guide.accounts.read_account(numbers.account_guid, guide.user).account
    assert (again.available_balance, again.is_closed) == (500000.0, False)
    assert guide.transactions.list_transactions(guide.user).transactions == []
    assert [brief(callback) for callback in guide.callbacks()] == [
        ("created", "CREATED", True, 1),
        ("updated", "CREATED", True, 2),
        ("updated", "CHALLENGED", True, 3),
        ("CHANGED", "CONNECTION_STATUS"),
        ("updated", "RESUMED", True, 4),
        ("updated", "CONNECTED", False, 5),
        ("member_data_updated", "VERIFICATION"),
        ("updated", "CONNECTED", True, 6),
        ("updated", "CONNECTED", False, 7),
        ("member_data_updated", "BALANCE"),
    ]


def test_every_callback_has_mx_s_headers(guide: Guide) -> None:
    guide.verify()
    guide.callbacks()
    for item in guide.receiver.received:
        assert {name.lower(): value for name, value in item["headers"].items()} == {
            "host": guide.receiver.url.split("/")[2],
            "content-length": str(len(item["raw"])),
            "content-type": "application/json; charset=utf-8",
            "accept": "application/json",
            "user-agent": "HTTPClient/1.0 (2.7.1, ruby 2.2.2 (2015-09-02))",
            "date": item["headers"]["Date"],
        }
    dates = [item["headers"]["Date"] for item in guide.receiver.received]
    assert dates == ["Thu, 01 Jan 2026 12:00:00 GMT"] * 2 + ["Thu, 01 Jan 2026 12:00:01 GMT"] * 2


def test_every_member_callback_is_whole(guide: Guide) -> None:
    guide.verify()
    guide.answer(CHECKING)
    guide.advance()
    bodies = [callback["member"] for callback in guide.callbacks() if "member" in callback]
    assert all(set(body) == MEMBER_KEYS for body in bodies)
    assert (
        len({body["most_recent_job_guid"] for body in bodies}) == 2
    )  # the aggregation that was superseded, the verification


def test_a_refusal_reaches_the_client_as_its_exception(guide: Guide) -> None:
    with pytest.raises(sdk.ApiException) as refused:
        guide.members.resume_aggregation(
            guide.member,
            guide.user,
            sdk.MemberResumeRequestBody(
                member=sdk.MemberResumeRequest(challenges=[sdk.CredentialRequest(guid="CRD-1", value="x")])
            ),
        )
    assert refused.value.status == 405
