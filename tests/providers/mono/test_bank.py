"""Nigerian banks: account numbers, people, data profiles; the same person at every provider."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mocksrv.providers.mono.bank.institutions import Institutions, nuban
from mocksrv.providers.mono.bank.people import People
from tests.conftest import MX, Receiver
from tests.providers.mono.client import Mono


def valid_nuban(code: str, number: str) -> bool:
    """The check of the Central Bank's standard, written down on its own: the weights are 373 373 373 373 (373)."""
    digits = f"{'9' if len(code) == 5 else ''}{code}{number}"
    weights = ("373" * 5)[: len(digits) - 1] + "1"
    return (
        len(number) == 10
        and sum(int(digit) * int(weight) for digit, weight in zip(digits, weights, strict=True)) % 10 == 0
    )


def test_the_example_of_the_standard() -> None:
    assert nuban("011", "000001457") == "0000014579"


@pytest.mark.parametrize("name", ["GTBank", "Zenith Bank", "Kuda", "OPay", "Paystack"])
def test_account_numbers(mono: Mono, name: str) -> None:
    code = next(each.bank_code for each in Institutions(list, list).all() if each.name == name) or "999"
    for _ in range(3):
        id = mono.link(institution=name)
        assert valid_nuban(code, mono.call("GET", f"/v2/accounts/{id}")["data"]["account"]["account_number"])


def test_people_are_nigerian_and_always_the_same() -> None:
    people = [People().identity(f"key {n}") for n in range(40)]
    assert people == [People().identity(f"key {n}") for n in range(40)]
    assert len({person["name"] for person in people}) > 35
    for person in people:
        assert re.fullmatch(r"22\d{9}", person["bvn"])
        assert re.fullmatch(r"0[789]0\d{8}|0[789]1\d{8}", person["phone"])
        assert person["email"].isascii()
    assert {"Lagos", "Abuja"} & {person["address_line2"].partition(", ")[2] for person in people}


def test_the_same_world_again(make_server: Any, receiver: Receiver) -> None:
    def world() -> list[Any]:
        _, app = make_server()
        mono = Mono(app, receiver)
        id = mono.link(ref="customer-42")
        mono.midnight()
        return [mono.call("GET", f"/v2/accounts/{id}"), mono.transactions(id), mono.news()]

    assert world() == world()


def test_the_same_person_as_at_mx(mono: Mono) -> None:
    mx = MX(mono.http.application)
    user = mx.user(id="customer-42")
    mx.create(user, institution="amberlock_bank")
    mx.advance("2s")
    mono.news()
    id = mono.link(ref="customer-42")
    accounts = {each["type"]: each for each in mx.call("GET", f"/users/{user}/accounts")["accounts"]}
    member = mx.call("GET", f"/users/{user}/members")["members"][0]["guid"]
    mx.call("POST", f"/users/{user}/members/{member}/identify")
    mx.advance("2s")
    owner = mx.call("GET", f"/users/{user}/members/{member}/account_owners")["account_owners"][0]
    identity = mono.call("GET", f"/v2/accounts/{id}/identity")["data"]
    assert mono.call("GET", f"/v2/accounts/{id}")["data"]["account"]["name"] == owner["owner_name"].upper()
    assert identity["email"] == owner["email"]
    assert mono.call("GET", f"/v2/accounts/{id}/balance")["data"]["balance"] == round(
        accounts["CHECKING"]["balance"] * 100
    )
    customer = mono.call("GET", f"/v2/accounts/{id}")["data"]["customer"]["id"]
    savings = mono.link(customer={"id": customer})
    account = mono.call("GET", f"/v2/accounts/{savings}")["data"]["account"]
    assert (account["name"], account["type"]) == (owner["owner_name"].upper(), "SAVINGS")
    assert account["balance"] == round(accounts["SAVINGS"]["balance"] * 100)


@pytest.mark.parametrize("profile", ["wealthy", "overdrawn", "empty", "mxbank"])
def test_data_profiles(mono: Mono, profile: str) -> None:
    mono.script(f"link: [{{status: PROCESSING}}, {{after: 1s, data: {profile}, status: AVAILABLE}}]")
    id = mono.link("mine")
    balance = mono.call("GET", f"/v2/accounts/{id}/balance")["data"]["balance"]
    rows = mono.transactions(id)
    assert {
        "wealthy": balance > 10_000_00,
        "overdrawn": balance < 0,
        "empty": balance == 0,
        "mxbank": balance == 500_000_00,
    }[profile]
    assert bool(rows) is (profile != "empty")
    mono.midnight()
    updated = mono.news()[-1]["data"]["updated"]
    assert updated is (len(mono.transactions(id)) > len(rows))
    if profile == "mxbank":
        assert updated is False


def test_the_data_of_another_profile_take_the_place_of_the_first(mono: Mono) -> None:
    mono.script("midnight: [{data: empty, status: AVAILABLE}]")
    id = mono.link("mine")
    number = mono.call("GET", f"/v2/accounts/{id}")["data"]["account"]["account_number"]
    mono.midnight()
    account = mono.call("GET", f"/v2/accounts/{id}")["data"]["account"]
    assert (account["balance"], account["account_number"]) == (0, number)
    assert mono.transactions(id) == []
