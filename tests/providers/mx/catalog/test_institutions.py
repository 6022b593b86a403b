"""The catalogue of institutions and the default categories."""

from __future__ import annotations

import re

import pytest

from mocksrv.providers.mx.bank import categories
from mocksrv.providers.mx.bank.institutions import MANUAL, Institution, Institutions
from mocksrv.providers.profiles import Profiles

SCENARIOS = [("challenged", "Asks a question."), ("oauth", "The bank's page."), ("oauth-denied", "Refused there.")]


@pytest.fixture
def institutions() -> Institutions:
    return Institutions(lambda: SCENARIOS)


def known(institutions: Institutions, name: str) -> Institution:
    found = institutions.get(name)
    assert found is not None
    return found


def test_there_are_many(institutions: Institutions) -> None:
    listed = institutions.search()
    assert len(listed) >= 60 + len(SCENARIOS)
    assert (
        len({each.code for each in listed})
        == len({each.guid for each in listed})
        == len({each.name for each in listed})
        == len(listed)
    )
    assert {each.iso_country_code for each in listed} == {"US", "CA", "MX"}
    for each in listed:
        assert re.fullmatch(r"INS-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", each.guid)
        assert institutions.get(each.code) is institutions.get(each.guid) is each
        assert institutions.data_profile(each) in Profiles().names()


def test_the_test_institutions_are_mx_s_own(institutions: Institutions) -> None:
    bank, oauth = known(institutions, "mxbank"), known(institutions, "mx_bank_oauth")
    assert (bank.guid, bank.name, bank.url) == (
        "INS-1572a04c-912b-59bf-5841-332c7dfafaef",
        "MX Bank",
        "https://www.mx.com",
    )
    assert bank.supports_account_verification
    assert bank.supports_account_statement
    assert not bank.supports_oauth
    assert bank.guid in (bank.medium_logo_url or "")
    assert (oauth.guid, oauth.name) == ("INS-68e96dd6-eabd-42d3-9f05-416897f0746c", "MX Bank (OAuth)")
    assert oauth.supports_oauth
    assert not oauth.supports_transaction_history
    assert known(institutions, "mxcu_oauth").supports_oauth
    assert known(institutions, "mxcu_credential").supports_transaction_history
    assert [institutions.data_profile(each) for each in (bank, oauth)] == ["mxbank", "mxbank-oauth"]


def test_the_manual_institution_is_not_listed(institutions: Institutions) -> None:
    manual = known(institutions, MANUAL)
    assert (manual.name, manual.url) == ("Manual Institution", "none")
    assert manual not in institutions.search()
    assert institutions.search("manual") == []


def test_guids_are_stable(institutions: Institutions) -> None:
    assert known(institutions, "harborlight_bank").guid == known(Institutions(), "harborlight_bank").guid


def test_an_unknown_one_is_none(institutions: Institutions) -> None:
    assert institutions.get("mock_nothing") is None
    assert institutions.get("") is None


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("mx bank", ["MX Bank", "MX Bank (OAuth)"]),
        ("MXBANK", ["MX Bank"]),
        ("oauth-denied", ["Mock: oauth-denied"]),
        ("oauth", ["Mock: oauth", "Mock: oauth-denied", "MX Bank (OAuth)", "MXCU (OAuth)"]),
        ("mock_challenged", ["Mock: challenged"]),
        ("riviere", ["Banque Rivière-aux-Loutres"]),
        ("union tallpine", ["Tallpine Teachers Credit Union"]),
        ("no such bank", []),
    ],
)
def test_a_search_puts_the_best_first(institutions: Institutions, asked: str, first: list[str]) -> None:
    found = [each.name for each in institutions.search(asked)]
    assert found[: len(first)] == first
    assert bool(found) == bool(first)


def test_without_a_name_the_order_is_by_name(institutions: Institutions) -> None:
    found = [each.name.casefold() for each in institutions.search("  ", {"US"})]
    assert found == sorted(found)


def test_filters(institutions: Institutions) -> None:
    assert {each.iso_country_code for each in institutions.search(countries={"CA", "MX"})} == {"CA", "MX"}
    with_statements = institutions.search(supports={"supports_account_statement": True})
    without = institutions.search(supports={"supports_account_statement": False})
    assert known(institutions, "mxbank") in with_statements
    assert len(with_statements) + len(without) == len(institutions.search())
    for each in institutions.search(products={"history", "rewards"}):
        assert {"transaction_history", "rewards"} <= set(each.supported_products)
    assert institutions.search(products={"nothing of the kind"}) == []
    assert institutions.search("bank", {"MX"}, {"supports_oauth": True}, {"account_verification"}) == []


def test_every_scenario_is_an_institution(institutions: Institutions) -> None:
    mock = known(institutions, "mock_oauth-denied")
    assert (mock.scenario, mock.name, mock.instructional_text) == (
        "oauth-denied",
        "Mock: oauth-denied",
        "Refused there.",
    )
    assert mock.supports_oauth
    assert not known(institutions, "mock_challenged").supports_oauth
    assert len(mock.supported_products) == 7
    assert [each.field_name for each in institutions.credentials(mock)] == ["LOGIN", "PASSWORD"]


def test_credentials(institutions: Institutions) -> None:
    shown = [
        (each.display_order, each.field_name, each.field_type, each.label, each.guid)
        for each in institutions.credentials(known(institutions, "mxbank"))
    ]
    assert shown == [
        (1, "LOGIN", "LOGIN", "Username", "CRD-9f61fb4c-912c-bd1e-b175-ccc7f0275cc1"),
        (2, "PASSWORD", "PASSWORD", "Password", "CRD-e3d7ea81-aac7-05e9-fbdd-4b493c6e474d"),
    ]
    three = institutions.credentials(known(institutions, "ironbrook_savings_bank"))
    assert [(each.display_order, each.field_name, each.type) for each in three] == [
        (1, "LOGIN", "LOGIN"),
        (2, "PASSWORD", "PASSWORD"),
        (3, "PIN", "PASSWORD"),
    ]
    assert institutions.credentials(known(institutions, "mx_bank_oauth")) == []
    guids = [each.guid for institution in institutions.search() for each in institutions.credentials(institution)]
    assert len(guids) == len(set(guids))


def test_favorites(institutions: Institutions) -> None:
    assert institutions.favorites()[0].code == "mxbank"


def test_default_categories() -> None:
    assert len(categories.CATEGORIES) == len(categories.BY_NAME) == len(categories.BY_GUID) == 118
    assert sum(each.parent_guid is None for each in categories.CATEGORIES) == 21
    gas = categories.BY_NAME["Gas"]
    assert gas.guid == "CAT-b6d63a19-30a7-e852-2703-bdfb4072289e"
    assert categories.top_level(gas).name == "Auto & Transport"
    assert categories.BY_NAME["Paycheck"].is_income
    for each in categories.CATEGORIES:
        assert re.fullmatch(r"CAT-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", each.guid)
        assert categories.top_level(each).parent_guid is None


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("chase", "chase"),
        ("Chase Bank", "chase"),
        ("jp morgan", "chase"),
        ("bank of america", "bank_of_america"),
        ("BofA", "bank_of_america"),
        ("wells", "wells_fargo"),
        ("citi", "citibank"),
        ("us bank", "us_bank"),
        ("capital one", "capital_one"),
        ("navy federal", "navy_federal_credit_union"),
        ("amex", "american_express"),
        ("schwab", "charles_schwab"),
        ("gringotts", "gringotts"),
        ("Royal Bank of Canada", "rbc_royal_bank"),
        ("scotia", "scotiabank"),
        ("desjardins", "desjardins"),
    ],
)
def test_what_people_type_finds_their_bank(institutions: Institutions, asked: str, first: str) -> None:
    assert institutions.search(asked)[0].code == first


def test_a_large_bank_takes_a_login_form_and_oauth(institutions: Institutions) -> None:
    chase = known(institutions, "chase")
    assert chase.supports_oauth
    assert [each.field_name for each in institutions.credentials(chase)] == ["LOGIN", "PASSWORD"]
    assert chase.guid == "INS-d21073d6-6b5f-511b-a225-373274d0b6fa"
