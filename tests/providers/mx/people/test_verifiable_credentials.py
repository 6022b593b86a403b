"""Verifiable credentials: JWTs that an independent implementation verifies, and what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from mocksrv.engine.engine import Engine
from mocksrv.web.app import App
from tests.conftest import MX

BETA = {"Accept": "application/vnd.mx.api.v2beta+json"}
ZBASE32 = "ybndrfg8ejkmcpqxot1uwisza345h769"


def key_of(issuer: str) -> Ed25519PublicKey:
    """The public key that a did:dht is made of."""
    number = 0
    for letter in issuer.removeprefix("did:dht:"):
        number = number * 32 + ZBASE32.index(letter)
    return Ed25519PublicKey.from_public_bytes((number >> 4).to_bytes(32, "big"))


def claims(mx: MX, path: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """What a credential says, after its signature was verified."""
    token = mx.call("GET", path, headers=headers or BETA)["verifiableCredential"]
    header = jwt.get_unverified_header(token)
    issuer, _, fragment = header["kid"].partition("#")
    assert (header["alg"], header["typ"], fragment) == ("EdDSA", "JWT", "0")
    said: dict[str, Any] = jwt.decode(
        token, key_of(issuer), algorithms=["EdDSA"], issuer=issuer, options={"verify_iat": False}
    )
    return said


@pytest.fixture
def connected(mx: MX) -> tuple[MX, str, str]:
    """A client with a user and a member of MX Bank whose owners are known."""
    user = mx.user()
    member = mx.create(user)["guid"]
    mx.advance("1m")
    mx.call("POST", f"/users/{user}/members/{member}/identify")
    mx.advance("1m")
    return mx, user, member


def test_accounts(connected: tuple[MX, str, str]) -> None:
    mx, user, member = connected
    path = f"/vc/users/{user}/members/{member}/accounts"
    said = claims(mx, path)
    assert said["sub"] == user
    assert said["jti"] == said["vc"]["id"] == f"http://localhost{path}"
    assert said["iat"] == 1_767_268_920
    assert said["iss"] == said["vc"]["issuer"]
    assert said["vc"]["issuanceDate"] == "2026-01-01T12:02:00Z"
    assert said["vc"]["type"] == ["VerifiableCredential", "FinancialAccountCredential"]
    assert said["vc"]["credentialSubject"]["id"] == user
    shown = said["vc"]["credentialSubject"]["accounts"]
    assert [next(iter(each)) for each in shown] == [
        "depositAccount",
        "depositAccount",
        "locAccount",
        "loanAccount",
        "loanAccount",
        "investmentAccount",
    ]
    accounts = {a["guid"]: a for a in mx.call("GET", f"/users/{user}/accounts")["accounts"]}
    checking, card, investment = shown[0]["depositAccount"], shown[2]["locAccount"], shown[5]["investmentAccount"]
    known = accounts[checking["accountId"]]
    assert (checking["accountType"], checking["accountNumber"], checking["accountNumberDisplay"]) == (
        "CHECKING",
        "4921710685",
        "****0685",
    )
    assert checking["productName"] is None
    assert [pair["name"] for pair in checking["fiAttributes"]] == [
        "member_guid",
        "institution_guid",
        "external_guid",
        "institution_name",
    ]
    assert (checking["currentBalance"], checking["availableBalance"]) == (known["balance"], known["available_balance"])
    assert {"name": "member_guid", "value": member} in checking["fiAttributes"]
    assert {"name": "external_guid", "value": "act-23445745"} in checking["fiAttributes"]
    assert (card["accountType"], card["balanceType"], card["availableCredit"]) == ("CREDITCARD", "LIABILITY", 3000.0)
    assert card["nextPaymentDate"] == "2021-05-07T11:57:00Z"
    assert (investment["accountType"], investment["currentValue"]) == ("INVESTMENTACCOUNT", 10000.0)
    assert not investment.keys() & {"holdings", "availableCashBalance"}
    for each in (shown[3]["loanAccount"], shown[4]["loanAccount"]):
        nulls = ("principalBalance", "payOffAmount", "lastPaymentAmount", "lastPaymentDate", "maturityDate")
        assert tuple(each)[-5:] == nulls
        assert {each[name] for name in (*nulls, "interestRate")} == {None}


def test_identity_and_its_filters(connected: tuple[MX, str, str]) -> None:
    mx, user, member = connected
    path = f"/vc/users/{user}/members/{member}/customers"
    said = claims(mx, f"{path}?filters=name,addresses")
    assert said["vc"]["type"][1] == "FinancialIdentityCredential"
    assert said["jti"] == said["vc"]["id"] == f"http://localhost{path}?filters=name,addresses"
    shown = said["vc"]["credentialSubject"]["customers"]
    owners = mx.call("GET", f"/users/{user}/members/{member}/account_owners")["account_owners"]
    ids = {each["guid"]: each["id"] for each in mx.call("GET", f"/users/{user}/accounts")["accounts"]}
    place = {"line1": "3401 N Thanksgiving Way #500", "city": "Lehi", "state": "Utah", "postalCode": "84034"}
    assert shown == [
        {
            "customerId": owner["guid"],
            "name": {"first": "MX", "last": "Test"},
            "addresses": [place],
            "telephones": [{"number": "555-555-5555"}],
            "email": ["mxuser@mx.com"],
            "accounts": [{"accountId": ids[owner["account_guid"]]}],
        }
        for owner in owners
    ]
    assert "act-12323223" in {customer["accounts"][0]["accountId"] for customer in shown}
    assert claims(mx, path)["vc"]["credentialSubject"]["customers"] == shown
    (first, *_) = claims(mx, f"{path}?filters=name")["vc"]["credentialSubject"]["customers"]
    assert first.keys() == {"customerId", "name", "telephones", "email", "accounts"}
    mx.call("GET", f"{path}?filters=name,shoes", headers=BETA, status=400)


def test_transactions_and_their_range(connected: tuple[MX, str, str]) -> None:
    mx, user, _ = connected
    account = next(a["guid"] for a in mx.call("GET", f"/users/{user}/accounts")["accounts"] if a["type"] == "CHECKING")
    path = f"/vc/users/{user}/accounts/{account}/transactions"
    said = claims(mx, path)
    assert said["vc"]["type"][1] == "FinancialTransactionCredential"
    rows = [each["depositTransaction"] for each in said["vc"]["credentialSubject"]["transactions"]]
    listed = mx.call("GET", f"/users/{user}/accounts/{account}/transactions?records_per_page=1000")["transactions"]
    assert {row["transactionId"]: row["amount"] for row in rows} == {t["guid"]: t["amount"] for t in listed}
    assert len(rows) == 182
    assert rows[0]["transactionTimestamp"] >= rows[-1]["transactionTimestamp"]
    original = {t["guid"]: t["original_description"] for t in listed}
    assert {"name": "original_description", "value": original[rows[0]["transactionId"]]} in rows[0]["fiAttributes"]
    assert [pair["name"] for pair in rows[0]["fiAttributes"]] == [
        "member_guid",
        "institution_guid",
        "account_guid",
        "external_guid",
        "original_description",
    ]
    assert (rows[0]["checkNumber"], "subCategory" in rows[0]) == (None, False)
    assert {row["transactionId"]: row["category"] for row in rows} == {t["guid"]: t["category"] for t in listed}
    some = claims(mx, f"{path}?startTime=2025-12-01&endTime=2025-12-03")["vc"]["credentialSubject"]["transactions"]
    assert {each["depositTransaction"]["transactionTimestamp"][:10] for each in some} == {
        "2025-12-01",
        "2025-12-02",
        "2025-12-03",
    }
    for query in (
        "startTime=yesterday",
        "endTime=2025-13-01",
        "startTime=1733011200",
        "startTime=2024-12-01&endTime=2025-12-31",
    ):
        mx.call("GET", f"{path}?{query}", headers=BETA, status=400)
    assert claims(mx, f"{path}?startTime=2024-12-31&endTime=2025-12-31")


def test_a_split_transaction_is_there_once_as_the_bank_gave_it(connected: tuple[MX, str, str]) -> None:
    mx, user, _ = connected
    account = next(a["guid"] for a in mx.call("GET", f"/users/{user}/accounts")["accounts"] if a["type"] == "CHECKING")
    row = mx.call("GET", f"/users/{user}/accounts/{account}/transactions")["transactions"][0]
    path = f"/vc/users/{user}/accounts/{account}/transactions"
    before = claims(mx, path)["vc"]["credentialSubject"]
    parts = [{"amount": 0.5}, {"amount": round(row["amount"] - 0.5, 2)}]
    mx.call("POST", f"/users/{user}/transactions/{row['guid']}/split", {"transactions": parts})
    assert claims(mx, path)["vc"]["credentialSubject"] == before


def test_a_seed_makes_the_key(make_server: Callable[..., tuple[Engine, App]]) -> None:
    issuers = []
    for seed in (1, 1, 2):
        mx = MX(make_server(seed=seed)[1])
        user = mx.user()
        member = mx.create(user)["guid"]
        issuers.append(claims(mx, f"/vc/users/{user}/members/{member}/accounts")["iss"])
    assert issuers[0] == issuers[1] != issuers[2]


@pytest.mark.parametrize(
    "accept",
    [
        {"Accept": "application/vnd.mx.api.v1beta+json"},
        {"Accept": "application/vnd.mx.api.v1+json"},
        {"Accept": "application/json", "Accept-Version": "v20250224"},
    ],
)
def test_all_known_media_types_are_taken(connected: tuple[MX, str, str], accept: dict[str, str]) -> None:
    mx, user, member = connected
    path = f"/vc/users/{user}/members/{member}/customers"
    assert claims(mx, path, accept)["sub"] == user
    answer = mx.http.get(path, headers=accept, auth=("client", "key"))
    assert answer.mimetype == "application/vnd.mx.api.v2beta+json"


def test_unknown_ones_are_not_found(connected: tuple[MX, str, str]) -> None:
    mx, _, member = connected
    other = mx.user()
    for path in (
        f"/vc/users/{other}/members/{member}/accounts",
        f"/vc/users/{other}/members/{member}/customers",
        f"/vc/users/{other}/accounts/ACT-none/transactions",
        f"/vc/users/USR-none/members/{member}/accounts",
    ):
        mx.call("GET", path, headers=BETA, status=404)
