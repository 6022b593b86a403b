"""Linking: the widget's part, codes, hosted links, reauthorisation, keys and errors."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Receiver
from tests.providers.mono.client import Mono

PERSON = {"name": "Ada Obi", "email": "ada@example.com"}


def test_the_widget_links_and_the_code_becomes_the_account(mono: Mono) -> None:
    code = mono.connect(institution="GTBank")
    assert re.fullmatch(r"code_[a-z0-9]{24}", code)
    v1 = mono.call("POST", "/account/auth", {"code": code})
    assert list(v1) == ["id"]
    assert re.fullmatch(r"[0-9a-f]{24}", v1["id"])
    v2 = mono.call("POST", "/v2/accounts/auth", {"code": code})
    assert (v2["status"], v2["data"], v2["id"]) == ("successful", v1, v1["id"])
    subject = mono.control("GET", f"/subjects/{v1['id']}")
    assert (subject["provider"], subject["status"], subject["scenario"]) == ("mono", "PROCESSING", "synced")


def test_an_institution_by_id_by_name_by_scenario(mono: Mono) -> None:
    wanted = {
        "5f2d08c060b92e2888287707": "First Bank",
        "zenith bank": "Zenith Bank",
        "mock_sync-failed": "Mock: sync-failed",
    }
    for institution, name in wanted.items():
        id = mono.link(institution=institution)
        assert mono.call("GET", f"/v2/accounts/{id}")["data"]["account"]["institution"]["name"] == name
    assert mono.control("GET", f"/subjects/{id}")["scenario"] == "sync-failed"


def test_scenarios_are_chosen_as_everywhere(mono: Mono) -> None:
    def chosen(**given: str) -> str:
        id = mono.link(**given)
        return str(mono.control("GET", f"/subjects/{id}")["scenario"])

    mono.control("PUT", "/bindings", {"default": "mono/no-new-data", "next": ["connected", "sync-failed"]})
    assert chosen(scenario="reauthorisation-required") == "reauthorisation-required"
    assert chosen() == "sync-failed"
    assert chosen() == "no-new-data"
    assert mono.control("GET", "/bindings")["next"] == ["connected"]


@pytest.mark.parametrize(
    ("given", "status", "words"),
    [
        ({"institution": "Bank of Nowhere"}, 422, "GET /mono/coverage"),
        ({"institution": "any", "scenario": "sinced"}, 422, "did you mean synced"),
        ({"token": "auth_nothing"}, 404, "no token"),
        ({"account": "0" * 24}, 404, "no linked account"),
        ({"account": "0" * 24, "token": "auth_nothing"}, 422, "one of the two"),
        ({"account": 5}, 422, "account: must be a text"),
        ({"institution": "any", "auth_method": "telepathy"}, 422, "internet_banking, mobile_banking"),
        ({"institution": "any", "customer": {"id": "nobody"}}, 422, "Customer with ID nobody"),
        ({"institution": "any", "user": "x"}, 422, "user: unknown"),
        ({"institution": 5}, 422, "must be a text"),
        ({"institution": "any", "customer": {"id": [1]}}, 422, "customer.id: "),
        ({"institution": "any", "customer": PERSON | {"email": {}}}, 422, "customer.email: "),
        ({"token": "http://["}, 404, "no token"),
    ],
)
def test_what_the_widget_cannot_do(mono: Mono, given: dict[str, object], status: int, words: str) -> None:
    assert words in mono.control("POST", "/mono/connect", given, status=status)["detail"]
    assert mono.control("GET", "/subjects")["subjects"] == []


def test_a_code_lives_ten_minutes(mono: Mono) -> None:
    code = mono.connect(institution="any")
    mono.advance("9m59s")
    mono.call("POST", "/account/auth", {"code": code})
    mono.advance("1s")
    assert mono.call("POST", "/account/auth", {"code": code}, status=404) == {
        "message": "Code is invalid or has expired"
    }
    refused = mono.call("POST", "/v2/accounts/auth", {"code": code}, status=404)
    assert list(refused) == ["status", "message", "timestamp", "data"]
    assert (refused["status"], refused["data"]) == ("failed", None)


def test_a_body_that_is_wrong(mono: Mono) -> None:
    assert "code" in mono.call("POST", "/account/auth", {}, status=400)["message"]
    assert "code" in mono.call("POST", "/account/auth", {"code": 5}, status=400)["message"]
    answer = mono.http.post("/mono/account/auth", data="{", headers={"mono-sec-key": "k"})
    assert (answer.status_code, answer.get_json()) == (400, {"message": "The request body is not valid JSON"})


def test_without_a_key(mono: Mono) -> None:
    for path in ("/accounts/1", "/v3/institutions"):
        answer = mono.http.get(f"/mono{path}")
        assert answer.status_code == 401
        assert "mono-sec-key" in answer.get_json()["message"]
    mono.call("GET", "/v3/institutions")
    mono.http.get("/mono/v3/institutions", headers={"mono-sec-key": "test_pk_of_the_widget"})
    assert [each["rule"] for each in mono.control("GET", "/violations")["violations"]] == [
        "missing-header",
        "missing-header",
        "credentials",
    ]


def test_only_the_configured_key(make_server: Callable[..., Any], receiver: Receiver) -> None:
    _, app = make_server(client_id="id", api_key="sk")
    mono = Mono(app, receiver)
    assert mono.call("GET", "/accounts/1", status=401) == {"message": "Unauthorized: unknown secret key"}
    mono.call("GET", "/v3/institutions", mono_sec_key="sk")


def test_unknown_paths(mono: Mono) -> None:
    assert mono.call("GET", "/nothing", status=404) == {"message": "Resource not found"}
    answer = mono.ask("GET", "/v2/accounts/1/transaction")
    assert (answer.status_code, answer.get_json()["status"]) == (404, "failed")
    entry = mono.control("GET", f"/requests/{answer.headers['X-Mocksrv-Request']}")
    assert entry["nearest"] == "GET /mono/v2/accounts/<id>/transactions"


def test_a_hosted_link(mono: Mono) -> None:
    body = {
        "customer": PERSON,
        "scope": "auth",
        "meta": {"ref": "loan-5521"},
        "redirect_url": "https://app.example.test/done",
        "institution": {"id": "5f2d08c060b92e2888287707", "auth_method": "mobile_banking"},
    }
    data = mono.call("POST", "/v2/accounts/initiate", body)["data"]
    assert list(data) == ["mono_url", "customer", "meta", "scope", "redirect_url", "created_at"]
    assert re.fullmatch(r"http://localhost/mono/link/AL[A-Z0-9]{8}", data["mono_url"])
    assert (data["meta"], data["scope"], data["redirect_url"]) == (
        {"ref": "loan-5521"},
        "auth",
        "https://app.example.test/done",
    )
    mono.connect(token=data["mono_url"])
    connected = mono.news()[0]["data"]  # the only way in which the id reaches the app
    assert (connected["customer"], connected["meta"]["ref"]) == (data["customer"], "loan-5521")
    account = mono.call("GET", f"/v2/accounts/{connected['id']}")["data"]
    assert account["customer"] == {"id": data["customer"]}
    assert account["account"]["institution"]["name"] == "First Bank"
    assert (account["meta"]["auth_method"], account["meta"]["ref"]) == ("mobile_banking", "loan-5521")


def test_a_customer_is_known_again(mono: Mono) -> None:
    def initiate(customer: dict[str, str], status: int = 200) -> str:
        body = {"customer": customer, "scope": "auth", "redirect_url": "https://app.example.test"}
        answer = mono.call("POST", "/v2/accounts/initiate", body, status=status)
        return str(answer["data"]["customer"] if status == 200 else answer["message"])

    first = initiate(PERSON)
    assert initiate(PERSON) == first
    assert initiate({"id": first}) == first
    assert initiate({**PERSON, "email": "other@example.com"}) != first
    assert initiate({"id": "nobody"}, 404) == "Customer with ID nobody not found"
    assert initiate({"name": "Ada Obi"}, 400) == "customer.email is required"


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"customer": PERSON, "redirect_url": "x"}, 400, "scope"),
        ({"customer": PERSON, "redirect_url": "x", "scope": "both"}, 400, "auth, reauth"),
        ({"customer": PERSON, "scope": "auth"}, 400, "redirect_url is required"),
        ({"redirect_url": "x", "scope": "auth"}, 400, "customer is required"),
        ({"scope": "reauth"}, 400, "account is required"),
        ({"scope": "reauth", "account": "0" * 24}, 404, "Account with ID"),
        (
            {"customer": PERSON, "scope": "auth", "redirect_url": "x", "institution": {"id": "y"}},
            404,
            "Institution with ID y",
        ),
    ],
)
def test_a_link_that_cannot_be_made(mono: Mono, body: dict[str, object], status: int, words: str) -> None:
    assert words in mono.call("POST", "/v2/accounts/initiate", body, status=status)["message"]


def test_whether_the_account_is_the_one_that_was_given(mono: Mono) -> None:
    def matched(number: str) -> bool:
        body = {
            "customer": PERSON,
            "scope": "auth",
            "redirect_url": "x",
            "check_account_match": True,
            "institution": {"id": "5f2d08bf60b92e2888287703", "account_number": number},
        }
        mono.connect(token=mono.call("POST", "/v2/accounts/initiate", body)["data"]["mono_url"])
        mono.advance("2s")
        return bool(mono.news()[-1]["data"]["account"]["account_match"])

    assert matched("0123456789") is False
    mono.script("link: [{status: PROCESSING}, {after: 1s, status: AVAILABLE, set: {account_number: '0014417007'}}]")
    mono.control("PUT", "/bindings", {"default": "mine"})
    assert matched("0014417007") is True
    assert matched("00014417007") is True  # as people write it, with another 0


@pytest.mark.parametrize("number", ["12345678901", "123456789", "001234567890", "٠١٢٣٤٥٦٧٨٩", ""])
def test_a_number_to_match_that_is_none(mono: Mono, number: str) -> None:
    bank = {"id": "5f2d08bf60b92e2888287703", "account_number": number}
    body = {"customer": PERSON, "scope": "auth", "redirect_url": "x", "institution": bank}
    assert "institution.account_number" in mono.call("POST", "/v2/accounts/initiate", body, status=400)["message"]


@pytest.mark.parametrize("way", ["v1", "v2", "link", "account"])
def test_reauthorisation(mono: Mono, way: str) -> None:
    id = mono.link("reauthorisation-required")
    mono.midnight()
    mono.news()
    if way == "link":
        data = mono.call("POST", "/v2/accounts/initiate", {"scope": "reauth", "account": id})["data"]
        assert (data["account"], data["institution"], data["auth_method"]) == (
            id,
            "5f2d08be60b92e2888287702",
            "internet_banking",
        )
        token = data["mono_url"]
    elif way != "account":
        answer = mono.call("POST", f"{'/v2' if way == 'v2' else ''}/accounts/{id}/reauthorise")
        token = (answer["data"] if way == "v2" else answer)["token"]
    mono.connect(**({"account": id} if way == "account" else {"token": token}))
    mono.advance("2s")
    assert mono.events() == ["account_reauthorized", "account_updated"]


def test_a_token_lives_ten_minutes(mono: Mono) -> None:
    id = mono.link()
    token = mono.call("POST", f"/accounts/{id}/reauthorise")["token"]
    mono.advance("10m")
    assert "expired" in mono.connect(404, token=token)


def test_a_reauthorisation_that_fails(mono: Mono) -> None:
    mono.script("midnight: [{status: REAUTHORISATION_REQUIRED}]\nreauthorise: [{status: REAUTHORISATION_REQUIRED}]")
    id = mono.link("mine")
    mono.midnight()
    token = mono.call("POST", f"/accounts/{id}/reauthorise")["token"]
    assert "REAUTHORISATION_REQUIRED" in mono.connect(409, token=token)
    assert mono.status(id) == "REAUTHORISATION_REQUIRED"
    mono.news()
    mono.midnight()
    assert mono.events() == []


def test_links_stay_in_their_sandbox(mono: Mono) -> None:
    other = Mono(mono.http.application, mono.receiver, "ci-17")
    body = {"customer": PERSON, "scope": "auth", "redirect_url": "x"}
    link = other.call("POST", "/v2/accounts/initiate", body)["data"]["mono_url"]
    assert link.startswith("http://localhost/sandbox/ci-17/mono/link/")
    mono.connect(404, token=link)
    other.connect(token=link)
    assert len(other.control("GET", "/subjects")["subjects"]) == 1
    assert mono.control("GET", "/subjects")["subjects"] == []
