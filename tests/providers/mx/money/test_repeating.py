"""Repeating transactions: the series in a user's transactions are found, and what merely happens often is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocksrv.engine.clock import SEEDED_START, parse_moment
from mocksrv.engine.engine import Engine
from mocksrv.providers.mx.bank import recurrence
from mocksrv.providers.mx.bank.categories import BY_NAME
from mocksrv.providers.mx.bank.recurrence import Dated
from mocksrv.providers.profiles import Profiles
from mocksrv.web.app import App
from tests.conftest import MX

V2 = {"Accept": "application/json", "Accept-Version": "v20250224"}
EPOCH = date(1970, 1, 1)
START = date(2025, 3, 1)
# what the everyday profile says happens again and again: description -> recurrence and type
EVERYDAY = {
    "Paycheck": ("EVERY_OTHER_WEEK", "INCOME"),
    "Interest": ("EVERY_MONTH", "INCOME"),
    **dict.fromkeys(
        (
            "Maple Court Apartments",
            "City Power & Light",
            "Fiberwave Internet",
            "Skylark Mobile",
            "Beacon Auto Insurance",
        ),
        ("EVERY_MONTH", "BILL"),
    ),
    "Credit Card Payment": ("EVERY_MONTH", "BILL"),
    **dict.fromkeys(
        ("Streamhouse", "Tunebox Premium", "Cloudshelf Storage", "Ironworks Gym", "The Daily Courier"),
        ("EVERY_MONTH", "SUBSCRIPTION"),
    ),
    **dict.fromkeys(
        ("Transfer to Savings", "Transfer from Checking", "Transfer to Brightwater Brokerage", "Payment Thank You"),
        ("EVERY_MONTH", "UNKNOWN"),
    ),
}


@pytest.fixture
def user(mx: MX) -> str:
    return mx.user(id="customer-42")


def connect(mx: MX, user: str, institution: str) -> None:
    mx.create(user, institution=institution)
    mx.advance("10s")


def listed(mx: MX, user: str, **more: Any) -> list[dict[str, Any]]:
    answer = mx.call("GET", f"/users/{user}/repeating_transactions", **more)
    assert list(answer) == ["repeating_transactions"]  # no pagination
    found: list[dict[str, Any]] = answer["repeating_transactions"]
    return found


# what banks bring


def test_the_series_of_an_everyday_login_are_found_and_nothing_else(mx: MX, user: str) -> None:
    connect(mx, user, "amberlock_bank")
    found = listed(mx, user)
    assert {
        each["description"]: (each["recurrence_type"], each["repeating_transaction_type"]) for each in found
    } == EVERYDAY
    assert len({each["guid"] for each in found}) == len(found)


def test_three_series_on_the_card_of_mx_bank(mx: MX, user: str) -> None:
    connect(mx, user, "mxbank")
    found = {each["description"]: (each["amount"], each["repeating_transaction_type"]) for each in listed(mx, user)}
    assert found == {
        "Netflix.com": (15.49, "SUBSCRIPTION"),
        "Gold's Gym": (29.99, "SUBSCRIPTION"),
        "Comcast": (64.95, "BILL"),
    }


@pytest.mark.parametrize("headers", [None, V2], ids=["v20111101", "v20250224"])
def test_a_series_shows_its_last_payment_and_the_next(mx: MX, user: str, headers: dict[str, str] | None) -> None:
    connect(mx, user, "amberlock_bank")
    rent = next(each for each in listed(mx, user, headers=headers) if each["description"] == "Maple Court Apartments")
    rows = mx.call("GET", f"/users/{user}/transactions?records_per_page=1000")["transactions"]
    last = next(row for row in rows if row["description"] == rent["description"])
    assert rent == {
        "account_guid": last["account_guid"],
        "amount": 1640.0,
        "description": "Maple Court Apartments",
        "guid": rent["guid"],
        "last_posted_date": "2026-01-01",
        "member_guid": last["member_guid"],
        "merchant_guid": last["merchant_guid"] or "",
        "predicted_occurs_on": "2026-02-01",
        "recurrence_type": "EVERY_MONTH",
        "repeating_transaction_type": "BILL",
        "transaction_type": "DEBIT",
        "user_guid": user,
    }
    assert rent["guid"].startswith("RPT-")


def test_a_series_keeps_its_guid_and_goes_on(mx: MX, user: str) -> None:
    connect(mx, user, "amberlock_bank")
    before = {
        each["description"]: each for each in listed(mx, user) if each["description"] in ("Paycheck", "Streamhouse")
    }
    mx.advance("21d")
    after = {each["description"]: each for each in listed(mx, user) if each["description"] in before}
    assert {name: each["guid"] for name, each in before.items()} == {name: each["guid"] for name, each in after.items()}
    assert before["Paycheck"]["predicted_occurs_on"] == "2026-01-02"
    assert after["Paycheck"]["last_posted_date"] == "2026-01-16"
    assert after["Streamhouse"]["predicted_occurs_on"] == "2026-02-03"


def test_a_single_one_is_read_as_the_file_has_it(mx: MX, user: str) -> None:
    connect(mx, user, "mxbank")
    first = listed(mx, user)[0]
    path = f"/users/{user}/repeating_transactions/{first['guid']}"
    assert mx.call("GET", path) == {"repeating_transactions": [first]}
    mx.call("GET", f"/users/{mx.user()}/repeating_transactions/{first['guid']}", status=404)
    mx.call("GET", f"/users/{user}/repeating_transactions/RPT-unknown", status=404)
    mx.call("GET", "/users/USR-unknown/repeating_transactions", status=404)


def test_a_single_one_is_an_object_on_the_wire(make_server: Callable[..., tuple[Engine, App]]) -> None:
    mx = MX(make_server(fidelity="wire")[1])
    user = mx.user()
    connect(mx, user, "amberlock_bank")
    found = listed(mx, user)
    path = f"/users/{user}/repeating_transactions/{found[0]['guid']}"
    assert mx.call("GET", path) == {"repeating_transaction": found[0]}
    assert next(each for each in found if each["description"] == "Interest")["merchant_guid"] is None


def test_a_transaction_names_its_series(mx: MX, user: str) -> None:
    connect(mx, user, "amberlock_bank")
    paycheck = next(each for each in listed(mx, user) if each["description"] == "Paycheck")
    rows = mx.call("GET", f"/users/{user}/transactions?records_per_page=1000&includes=repeating_transactions")[
        "transactions"
    ]
    named = {row["description"]: row["repeating_transaction"] for row in rows}
    assert named["Paycheck"] == {
        name: paycheck[name] for name in ("guid", "recurrence_type", "repeating_transaction_type")
    }
    assert named["Green Basket"] is None


# what a client enters


def test_series_among_transactions_entered_by_hand(mx: MX, user: str) -> None:
    account = mx.call("POST", f"/users/{user}/accounts", {"account": {"account_type": "CHECKING", "name": "Mine"}})[
        "account"
    ]["guid"]

    def enter(description: str, type: str, *payments: tuple[date, float]) -> None:
        for day, amount in payments:
            body = {"amount": amount, "date": day.isoformat(), "description": description, "type": type}
            mx.call("POST", f"/users/{user}/accounts/{account}/transactions", {"transaction": body})

    today = date(2026, 1, 1)
    enter("Piano lessons", "DEBIT", *((today - timedelta(7 * week), 40.0) for week in range(4)))
    enter("Side job", "CREDIT", *((today - timedelta(14 * turn + 3), 310.0 + turn) for turn in range(4)))
    enter("Club", "DEBIT", *((date(2025, month, day), 20.0) for month in (11, 12) for day in (1, 15)))
    enter("Car wash 0123", "DEBIT", (date(2025, 10, 31), 18.0), (date(2025, 11, 28), 18.0), (date(2025, 12, 31), 18.0))
    enter("Magazine", "DEBIT", (date(2024, 12, 20), 60.0), (date(2025, 12, 21), 60.0))
    enter("Closed long ago", "DEBIT", *((date(2025, month, 5), 12.0) for month in (4, 5, 6, 7)))
    enter("Coffee", "DEBIT", *((today - timedelta(back), 3.5 + back % 3) for back in (1, 2, 4, 9, 11, 12, 18, 25)))
    found = {each["description"]: (each["recurrence_type"], each["predicted_occurs_on"]) for each in listed(mx, user)}
    assert found == {
        "Piano lessons": ("EVERY_WEEK", "2026-01-08"),
        "Side job": ("EVERY_OTHER_WEEK", "2026-01-12"),
        "Club": ("TWICE_A_MONTH", "2026-01-01"),
        "Car wash 0123": ("EVERY_MONTH", "2026-01-31"),
        "Magazine": ("EVERY_YEAR", "2026-12-21"),
    }


# properties


def on_weekday(day: date) -> date:
    """As banks post: on Monday what falls on a weekend."""
    return day + timedelta((7 - day.weekday()) % 7 if day.weekday() > 4 else 0)


def in_month(number: int, day: int) -> date:
    first = date(START.year + (START.month - 1 + number) // 12, (START.month - 1 + number) % 12 + 1, 1)
    last = date(first.year + first.month // 12, first.month % 12 + 1, 1) - timedelta(1)
    return first.replace(day=min(day, last.day))


PLANTED: dict[str, Callable[[int, int], Sequence[date]]] = {
    "EVERY_WEEK": lambda count, shift: [START + timedelta(7 * turn + shift) for turn in range(count)],
    "EVERY_OTHER_WEEK": lambda count, shift: [START + timedelta(14 * turn + shift) for turn in range(count)],
    "TWICE_A_MONTH": lambda count, shift: [
        in_month(turn, day) for turn in range(count) for day in (shift % 14 + 1, shift % 14 + 16)
    ],
    "EVERY_MONTH": lambda count, shift: [on_weekday(in_month(turn, shift)) for turn in range(count)],
}


def payments(days: Sequence[date], cents: Callable[[int], int]) -> list[Dated]:
    return [Dated((day - EPOCH).days, cents(place)) for place, day in enumerate(days)]


@given(
    st.sampled_from(sorted(PLANTED)),
    st.integers(5, 12),
    st.integers(1, 31),
    st.integers(500, 300_000),
    st.integers(0, 9),
    st.booleans(),
)
def test_what_is_planted_is_found(name: str, count: int, shift: int, amount: int, percent: int, dearer: bool) -> None:
    """Amounts that differ by some per cent or rise once, days that weekends and short months move."""
    planted = payments(
        PLANTED[name](count, shift), lambda place: amount + (amount * percent // 100 if dearer == (place > 2) else 0)
    )
    ((found, rhythm),) = recurrence.series(planted, lambda payment: payment)
    assert (rhythm.name, found) == (name, planted)
    last = planted[-1].day
    following = rhythm.after(last, last + 1)
    assert rhythm.period * 0.6 <= following - last <= rhythm.period * 1.4
    assert not rhythm.ended(last, following)
    assert rhythm.ended(last, last + 2 * rhythm.period + 1)


@given(st.sampled_from(["EVERY_WEEK", "EVERY_MONTH"]), st.integers(6, 12), st.integers(1, 28), st.integers(0, 10**9))
def test_a_subscription_is_found_among_other_purchases_at_the_same_shop(
    name: str, count: int, shift: int, seed: int
) -> None:
    planted = payments(PLANTED[name](count, shift), lambda _: 999)
    chance = Random(seed)
    others = [Dated(planted[0].day + chance.randrange(60), 1000 + chance.randrange(9000)) for _ in range(7)]
    found = recurrence.series(sorted([*planted, *others]), lambda payment: payment)
    assert (planted, name) in [(series, rhythm.name) for series, rhythm in found]


def test_noise_has_next_to_no_series() -> None:
    chance = Random(7)
    found = 0
    for _ in range(2000):
        noise = [
            Dated(20_000 + chance.randrange(90), chance.randrange(300, 7000)) for _ in range(chance.randrange(2, 30))
        ]
        found += len(recurrence.series(sorted(noise), lambda payment: payment))
    assert found <= 10  # half a per cent


def test_everyday_logins_have_the_series_that_are_written_and_hardly_another() -> None:
    """What 90 days show twice only is found if its amount is the same; what settles an account has any amount, or does
    not come.
    """
    settling = {"Transfer to Brightwater Brokerage", "Transfer to Savings", "Transfer from Checking"}
    profiles = Profiles(categories=BY_NAME)
    wrong: Counter[str] = Counter()
    for number in range(30):
        data = profiles.generate("everyday", key=f"k{number}", until=SEEDED_START + number * 13 * 86_400_000)
        found, seldom = set(), set(settling)
        for account in data.accounts:
            groups: dict[tuple[str, str], list[Dated]] = {}
            for row in account.transactions:
                dated = Dated(parse_moment(row["date"]) // 86_400_000, round(row["amount"] * 100))
                groups.setdefault((row["type"], row["description"]), []).append(dated)
            for (_, description), group in groups.items():
                seldom |= {description} if len(group) < 3 else set()
                found |= {description for _ in recurrence.series(sorted(group), lambda payment: payment)}
        wrong.update(found - EVERYDAY.keys())
        assert EVERYDAY.keys() - found <= seldom
    assert wrong.total() <= 3, wrong
