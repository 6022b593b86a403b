"""What people type when they look for their bank finds it, first, at every provider that has it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mocksrv.web.app import App
from tests.conftest import MX, Receiver, started
from tests.providers.finicity.client import Finicity
from tests.providers.mono.client import Mono

AMERICAN = {  # the bank's name -> what is typed
    "Chase Bank": ("chase", "JPMorgan", "jp morgan", "jpm", "021000021"),
    "Bank of America": ("bank of america", "BofA", "boa", "026009593"),
    "Wells Fargo": ("wells", "wells fargo bank", "WF", "121000248"),
    "Citibank": ("citi", "citibank", "021000089"),
    "U.S. Bank": ("us bank", "usbank", "u.s. bank"),
    "PNC Bank": ("pnc", "043000096"),
    "Truist": ("truist", "suntrust", "bb&t"),
    "Capital One": ("capital one", "cap one", "capone"),
    "TD Bank": ("td bank", "td"),
    "Fifth Third Bank": ("fifth third", "5/3", "53"),
    "M&T Bank": ("m&t", "m and t"),
    "KeyBank": ("key bank", "keybank"),
    "First Citizens Bank": ("svb", "silicon valley bank"),
    "Ally Bank": ("ally", "124003116"),
    "USAA": ("usaa", "314074269"),
    "Navy Federal Credit Union": ("navy fed", "nfcu", "256074974"),
    "PenFed Credit Union": ("penfed", "pentagon federal"),
    "BECU": ("boeing employees", "becu"),
    "American Express": ("amex", "american express"),
    "Charles Schwab": ("schwab", "charles schwab"),
    "Fidelity Investments": ("fidelity",),
    "E*TRADE": ("etrade", "e*trade"),
    "Merrill": ("merrill lynch",),
    "Edward Jones": ("edward jones",),
    "PayPal": ("paypal",),
    "Cash App": ("cash app",),
    "Coinbase": ("coinbase",),
    "RBC Royal Bank": ("rbc", "royal bank of canada"),
    "TD Canada Trust": ("td canada",),
    "Scotiabank": ("scotia", "bank of nova scotia"),
    "CIBC": ("cibc", "canadian imperial"),
    "National Bank of Canada": ("banque nationale",),
    "Wealthsimple": ("wealthsimple",),
    "Gringotts": ("gringotts",),
}
NIGERIAN = {  # the bank's code -> what is typed
    "058": ("gtb", "gtbank", "GT Bank", "guaranty trust", "guaranty", "058", "000013"),
    "044": ("access", "access bank", "diamond bank", "044"),
    "057": ("zenith", "Zenith Bank", "057"),
    "011": ("first bank", "firstbank", "FBN", "011"),
    "033": ("uba", "united bank for africa", "united bank", "033"),
    "070": ("fidelity", "fidelity bank"),
    "214": ("fcmb", "first city", "214"),
    "221": ("stanbic", "stanbic ibtc"),
    "232": ("sterling",),
    "032": ("union", "union bank"),
    "035": ("wema", "alat"),
    "076": ("polaris", "skye bank"),
    "082": ("keystone",),
    "101": ("providus",),
    "50211": ("kuda",),
    "999992": ("opay",),
    "50515": ("moniepoint",),
    "566": ("vfd",),
    "565": ("carbon",),
}


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    engine, made = started()
    yield made
    engine.close()


@pytest.fixture(scope="module")
def mono(app: App) -> Iterator[Mono]:
    receiver = Receiver()
    yield Mono(app, receiver)
    receiver.close()


def pairs(table: dict[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    return [(typed, name) for name, each in table.items() for typed in each]


@pytest.mark.parametrize(("typed", "name"), pairs(AMERICAN))
def test_mx(app: App, typed: str, name: str) -> None:
    answer = MX(app).http.get(
        "/institutions", query_string={"name": typed}, headers={"Accept-Version": "v20250224"}, auth=("a", "b")
    )
    assert answer.get_json()["institutions"][0]["name"] == name


@pytest.fixture(scope="module")
def finicity(app: App) -> Iterator[Finicity]:
    receiver = Receiver()
    yield Finicity(app, receiver)
    receiver.close()


@pytest.mark.parametrize(("typed", "name"), pairs(AMERICAN))
def test_finicity(finicity: Finicity, typed: str, name: str) -> None:
    answer = finicity.http.get(
        "/finicity/institution/v2/institutions", query_string={"search": typed}, headers=finicity.headers
    )
    assert answer.get_json()["institutions"][0]["name"] == name


@pytest.mark.parametrize(("typed", "code"), pairs(NIGERIAN))
def test_mono(mono: Mono, typed: str, code: str) -> None:
    id = mono.call("POST", "/account/auth", {"code": mono.connect(institution=typed)})["id"]
    assert mono.call("GET", f"/v2/accounts/{id}")["data"]["account"]["institution"]["bank_code"] == code


@pytest.mark.parametrize("typed", ["first", "no such bank"])
def test_mono_says_what_is_none_or_several(mono: Mono, typed: str) -> None:
    assert "institution" in mono.connect(institution=typed, status=422)
