"""What Nigerian banks print on transactions: the narration and Mono's category of what a data profile says."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mocksrv.engine.clock import day
from mocksrv.providers.mono.bank.people import People

BANKS = ("GTB", "ACCESS", "ZENITH", "UBA", "FBN", "FCMB", "WEMA", "STANBIC", "KUDA", "OPAY")
PLACES = ("IKEJA LA", "LEKKI LA", "YABA LA", "WUSE FC", "GARKI FC", "BODIJA OY", "GRA RI", "SABON GARI KN")
FRIENDS = 6  # other people of one account
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


class Style(NamedTuple):
    """A category of Mono's (None: it has none), and patterns of narrations for money that goes out and that comes
    in.
    """

    category: str | None
    out: Sequence[str]
    into: Sequence[str]


_TRANSFER = Style(
    "transfer",
    ("NIP TRF TO {friend}/{bank}/{ref}", "MOBILE TRF TO {friend} {bank}", "TRF/{what}/TO {friend}"),
    ("NIP CR/MOB/{friend}/{bank}/{ref}", "MOBILE TRF FROM {friend} {bank}", "TRF/{what}/FRM {friend}"),
)
_ONLINE = Style(
    "online_transactions",
    ("WEB PYMT {what} LAG NG {ref}", "PAYSTACK*{what} {ref}", "FLW*{what} {ref}"),
    ("WEB RFND {what}",),
)
_CARD = Style(
    "unknown",
    ("POS PURCHASE {what} {place}", "POS TRAN-{what}/{place}", "{ref} POS {what} {place} NG"),
    ("POS RFND {what}",),
)
_BILL = Style(
    "online_transactions", ("USSD BILLPAY {what} {ref}", "QUICKTELLER/{what}/{ref}"), ("BILLPAY RVSL {what}",)
)
_CHARGE = Style(
    "bank_charges",
    ("SMS ALERT CHARGE {month}", "ELECTRONIC MONEY TRANSFER LEVY", "CARD MAINTENANCE FEE"),
    ("CHARGE RVSL",),
)
STYLES: Mapping[str, Style] = {
    "Transfer": _TRANSFER,
    "Credit Card Payment": Style("transfer", ("TRF/{what}/CARD {ref}",), ("TRF/{what}",)),
    "Investments": Style("transfer", ("TRF TO {what}/{ref}",), ("TRF FRM {what}/{ref}",)),
    "Rental Income": _TRANSFER,
    "Mortgage & Rent": Style("transfer", ("NIP TRF RENT/{what}/{ref}",), ("NIP CR/RENT/{friend}",)),
    "Cash": Style(None, ("ATM WDL {place} {ref}", "CASH WDL OWN ATM {place}"), ("CASH DEP BY {friend}",)),
    "Paycheck": Style("unknown", (), ("SALARY {month}/{what}",)),
    "Income": Style("unknown", (), ("NIP CR/{what}/{bank}",)),
    "Interest Income": Style("unknown", (), ("CREDIT INTEREST {month}",)),
    "Banking Fee": _CHARGE,
    "Service Fee": _CHARGE,
    "Utilities": Style("online_transactions", ("IKEDC PREPAID/{ref}", "USSD BILLPAY EKEDC {ref}"), ("BILLPAY RVSL",)),
    "Mobile Phone": Style("online_transactions", ("AIRTIME MTN {ref}", "USSD AIRTIME AIRTEL {ref}"), ("AIRTIME RVSL",)),
    "Internet": _BILL,
    "Auto Insurance": _BILL,
    "Health Insurance": _BILL,
    **dict.fromkeys(
        ("Shopping", "Electronics & Software", "Movies & DVDs", "Music", "Advertising", "Air Travel"), _ONLINE
    ),
}


def narrate(people: People, key: str, row: Mapping[str, Any], chance: random.Random) -> tuple[str, str | None]:
    """Narration and category of a profile's transaction. ``key`` is the account's: it says who the owner's friends
    are.
    """
    style = STYLES.get(row["category"], _CARD)
    pattern = chance.choice((style.out if row["type"] == "DEBIT" else style.into) or ("{what}",))
    words = {
        "friend": people.name(f"{key}:friend:{chance.randrange(FRIENDS)}").upper() if "{friend}" in pattern else "",
        "bank": chance.choice(BANKS),
        "place": chance.choice(PLACES),
        "ref": f"{chance.randrange(10**9):09d}",
        "what": _employer(row) if is_salary(row) else row["description"].upper(),
        "month": _month(row["posted_at"]),
    }
    return pattern.format(**words), style.category


def is_salary(row: Mapping[str, Any]) -> bool:
    return bool(row["is_direct_deposit"] or row["category"] == "Paycheck")


def _employer(row: Mapping[str, Any]) -> str:
    """Who pays a salary: what the bank prints before the word."""
    words = (row["original_description"] or row["description"]).upper()
    return words.partition(" PAYROLL")[0].partition(" PAYRL")[0]


def _month(moment: int) -> str:
    year, month, _ = day(moment).split("-")
    return f"{MONTHS[int(month) - 1]} {year}"
