"""Processor tokens: a client's code, the processor's token, and what a token opens."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from mocksrv.engine.engine import Engine
from mocksrv.web.app import App
from tests.conftest import MX, MX_HEADERS

V2 = {"Accept": "application/json", "Accept-Version": "v20250224"}


class Processor:
    """A payment processor, and the client whose user it serves: verified, identified, with the checking account
    chosen.
    """

    def __init__(self, mx: MX) -> None:
        self.mx = mx
        self.user = mx.user(id="u-1")
        self.member = mx.create(self.user)["guid"]
        mx.advance("1m")
        at = f"/users/{self.user}/members/{self.member}"
        mx.call("POST", f"{at}/verify")
        mx.advance("30s")
        mx.answer(self.user, self.member, "act-23445745")
        mx.advance("1m")
        mx.call("POST", f"{at}/identify")
        mx.advance("1m")
        self.account, self.other = (
            row["guid"] for row in mx.call("GET", f"/users/{self.user}/accounts")["accounts"][:2]
        )

    def scope(self, *extra: str, account: str | None = None) -> str:
        return " ".join(
            [f"user-guid:{self.user}", f"member-guid:{self.member}", f"account-guid:{account or self.account}", *extra]
        )

    def code(self, scope: str | None = None, **more: Any) -> Any:
        body = {"authorization_code": {"scope": scope or self.scope("read-protected")}}
        answer = self.mx.call("POST", "/authorization_code", body, **more)
        return answer if "status" in more else answer["authorization_code"]["code"]

    def token(self, scope: str | None = None) -> str:
        answer = self.mx.call("POST", f"/token?grant_type=authorization_code&code={self.code(scope)}")
        token: str = answer["access_token"]
        return token

    def read(self, path: str, token: str, *, method: str = "GET", status: int = 200, headers: Any = MX_HEADERS) -> Any:
        """A call with the token in place of credentials."""
        answer = self.mx.http.open(path, method=method, headers={**headers, "Authorization": f"Bearer {token}"})
        assert answer.status_code == status, answer.get_data(as_text=True)
        return answer.get_json(force=True)


@pytest.fixture
def processor(mx: MX) -> Processor:
    return Processor(mx)


@pytest.fixture
def wire(make_server: Callable[..., tuple[Engine, App]]) -> Processor:
    """The same, of a server that answers what is on MX's wire."""
    return Processor(MX(make_server(fidelity="wire")[1]))


def violations(mx: MX) -> list[str]:
    return [each["rule"] for each in mx.control("GET", "/violations")["violations"]]


def test_a_code_becomes_a_token_once(processor: Processor, mx: MX) -> None:
    code = processor.code()
    assert re.fullmatch(r"[A-Za-z0-9_-]{42,45}", code)
    given = mx.call("POST", f"/token?grant_type=authorization_code&code={code}")
    assert re.fullmatch(r"[A-Za-z0-9_-]{42,45}", given.pop("access_token"))
    assert given == {"expires_at": None, "scope": processor.scope("read-protected"), "token_type": "Bearer"}
    message = mx.call("POST", f"/token?grant_type=authorization_code&code={code}", status=400)["error"]["message"]
    assert "was used" in message
    assert violations(mx) == []


def test_a_code_comes_in_a_form_or_in_json_too(processor: Processor, mx: MX) -> None:
    mx.call("POST", "/token", {"grant_type": "authorization_code", "code": processor.code()})
    form = {"grant_type": "authorization_code", "code": processor.code()}
    assert mx.http.post("/token", data=form, headers=MX_HEADERS, auth=("processor", "key")).status_code == 200


def test_a_code_expires_after_ten_minutes(processor: Processor, mx: MX) -> None:
    early, late = processor.code(), processor.code()
    mx.advance("9m59s")
    mx.call("POST", f"/token?grant_type=authorization_code&code={early}")
    mx.advance("1s")
    mx.call("POST", f"/token?grant_type=authorization_code&code={late}", status=400)


@pytest.mark.parametrize("query", ["", "?grant_type=authorization_code", "?code=x", "?grant_type=password&code=x"])
def test_what_a_token_needs(mx: MX, query: str) -> None:
    mx.call("POST", f"/token{query}", status=400)


def test_codes_are_the_same_again_under_a_seed(make_server: Callable[..., tuple[Engine, App]]) -> None:
    one, two = (Processor(MX(make_server()[1])) for _ in range(2))
    assert one.code() == two.code()


def test_a_scope_names_what_is_there(processor: Processor, mx: MX) -> None:
    other = mx.user()
    elsewhere = mx.create(other)["guid"]
    for scope in (
        "user-guid:USR-0",
        f"user-guid:{processor.user} member-guid:MBR-0",
        f"user-guid:{processor.user} member-guid:{elsewhere}",
        f"user-guid:{other} account-guid:{processor.account}",
        f"user-guid:{other} member-guid:{elsewhere} account-guid:{processor.account}",
    ):
        processor.code(scope, status=404)
    for scope in ("read-protected", f"member-guid:{processor.member}", processor.scope("write-all"), "user-guid:"):
        processor.code(scope, status=400)
    mx.call("POST", "/authorization_code", {"authorization_code": {}}, status=400)


def test_a_member_is_verified_before(mx: MX) -> None:
    user = mx.user()
    member = mx.create(user)["guid"]
    body = {"authorization_code": {"scope": f"user-guid:{user} member-guid:{member}"}}
    mx.call("POST", "/authorization_code", body)
    assert violations(mx) == ["forbidden"]


def test_the_older_call_of_the_client(processor: Processor, mx: MX) -> None:
    parties = {"user_guid": processor.user, "member_guid": processor.member, "account_guid": processor.account}
    path, root = "/payment_processor_authorization_code", "payment_processor_authorization_code"
    code = mx.call("POST", path, {root: parties})[root]["authorization_code"]
    token = mx.call("POST", f"/token?grant_type=authorization_code&code={code}")["access_token"]
    assert processor.read("/payment_account", token)["payment_account"]["account_guid"] == processor.account
    assert violations(mx) == ["deprecated"]
    mx.call("POST", path, {root: {"user_guid": processor.user}}, status=400)
    mx.call("POST", path, {root: {**parties, "account_guid": "ACT-0"}}, status=404)
    mx.call("POST", path, {root: parties}, headers=V2, status=404)


@pytest.mark.parametrize("headers", [MX_HEADERS, V2])
def test_account_numbers(processor: Processor, headers: Any) -> None:
    (row,) = processor.read("/account/account_numbers", processor.token(), headers=headers)["account_numbers"]
    assert (row["account_number"], row["routing_number"], row["passed_validation"]) == (4921710685, 5026788, True)
    assert (row["account_guid"], row["member_guid"], row["user_guid"]) == (
        processor.account,
        processor.member,
        processor.user,
    )
    assert row["guid"].startswith("ACN-")


def test_an_account_that_was_not_verified_has_no_numbers(processor: Processor) -> None:
    token = processor.token(processor.scope("read-protected", account=processor.other))
    assert processor.read("/account/account_numbers", token)["account_numbers"] == []
    assert processor.read("/payment_account", token)["payment_account"]["account_number"] is None


@pytest.mark.parametrize("headers", [MX_HEADERS, V2])
def test_the_payment_account(processor: Processor, headers: Any) -> None:
    account = processor.read("/payment_account", processor.token(), headers=headers)["payment_account"]
    assert (account["account_type"], account["balance"], account["available_balance"]) == (
        "CHECKING",
        500000.0,
        500000.0,
    )
    assert (account["account_number"], account["routing_number"], account["transit_number"]) == (
        4921710685,
        5026788,
        None,
    )
    assert account["created_at"].startswith("2026-01-01T12:")


def test_the_balance_is_fetched_by_a_job(processor: Processor, mx: MX) -> None:
    member = processor.read("/account/check_balance", processor.token(), method="POST", headers=V2)["member"]
    assert (member["guid"], member["is_being_aggregated"]) == (processor.member, True)
    again = processor.read("/account/check_balance", processor.token(), method="POST", headers=V2)["member"]
    assert again["most_recent_job_guid"] == member["most_recent_job_guid"] is not None
    mx.advance("1m")
    assert mx.status(processor.user, processor.member)["is_being_aggregated"] is False
    assert mx.events().count("mx.balance") == 1


def test_owners_where_the_file_puts_them(processor: Processor) -> None:
    answer = processor.read("/account/transactions", processor.token())
    assert [(owner["owner_name"], owner["account_guid"]) for owner in answer["account_owners"]] == [
        ("MX Test", processor.account)
    ]
    assert answer["pagination"]["total_entries"] == 1
    processor.read("/account/transactions", processor.token(processor.scope()), status=403)


def test_transactions_where_the_wire_puts_them(wire: Processor) -> None:
    answer = wire.read("/account/transactions?records_per_page=10", wire.token(wire.scope()))
    assert {row["account_guid"] for row in answer["transactions"]} == {wire.account}
    assert (len(answer["transactions"]), answer["pagination"]["total_entries"]) == (10, 182)
    (row,) = wire.read("/account/account_numbers", wire.token())["account_numbers"]
    assert (row["account_number"], row["routing_number"]) == ("4921710685", "005026788")
    assert wire.read("/payment_account", wire.token())["payment_account"]["routing_number"] == "005026788"


def test_a_token_is_good_for_its_scope_only(processor: Processor) -> None:
    unprotected = processor.token(processor.scope())
    for path in ("/account/account_numbers", "/payment_account"):
        assert "read-protected" in processor.read(path, unprotected, status=403)["error"]["message"]
    user_only = processor.token(f"user-guid:{processor.user} read-protected")
    assert "account-guid" in processor.read("/payment_account", user_only, status=403)["error"]["message"]
    processor.read("/account/check_balance", user_only, method="POST", status=403)


def test_a_token_lives_60_days(processor: Processor, mx: MX) -> None:
    token = processor.token()
    (row,) = mx.call("GET", f"/tokens?account_guid={processor.account}")["tokens"]
    assert (row["access_token"], row["active"], row["payment_processor_guid"][:4]) == (token, True, "PPR-")
    assert row["expires_at"] == "2026-03-02T12:03:30Z"
    mx.advance("60d")
    assert mx.call("GET", "/tokens")["tokens"] == [{**row, "active": False}]
    assert "expired" in processor.read("/payment_account", token, status=401)["error"]["message"]
    processor.read("/payment_account", "made-up", status=401)
    assert mx.http.get("/payment_account", headers=MX_HEADERS, auth=("client", "key")).status_code == 401


@pytest.mark.parametrize("headers", [MX_HEADERS, V2])
def test_tokens_are_listed_by_scope(processor: Processor, mx: MX, headers: Any) -> None:
    one, two = processor.token(), processor.token(processor.scope(account=processor.other))

    def listed(body: Any, query: str = "", **more: Any) -> Any:
        answer = mx.call("GET", f"/tokens{query}", body, headers=headers, **more)
        return answer if "status" in more else [row["access_token"] for row in answer["tokens"]]

    assert listed({"scope": {"user_guid": processor.user}}) == [one, two]
    assert listed({"scope": {"member_guid": processor.member, "account_guid": processor.account}}) == [one]
    assert listed({"scope": processor.scope("read-protected", account=processor.other)}) == [two]
    assert listed(None, f"?member_guid={processor.member}") == [one, two]
    assert listed(None) == [one, two]
    assert listed({"scope": {"user_guid": mx.user()}}) == []
    listed({"scope": {"user_guid": "USR-0"}}, status=404)
    listed({"scope": 7}, status=422)


def test_a_token_goes_with_its_member_and_its_user(processor: Processor, mx: MX) -> None:
    token = processor.token()
    mx.call("PUT", f"/users/{processor.user}", {"user": {"is_disabled": True}})
    processor.read("/payment_account", token, status=403)
    mx.call("PUT", f"/users/{processor.user}", {"user": {"is_disabled": False}})
    mx.call("DELETE", f"/users/{processor.user}/members/{processor.member}", status=204)
    processor.read("/payment_account", token, status=401)
    assert mx.call("GET", "/tokens")["tokens"] == []
