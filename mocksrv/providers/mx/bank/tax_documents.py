"""Tax documents as a bank issues them at the end of January: the interest that it paid on a deposit account in the year
before (1099-INT), and that it got for a mortgage (1098). The kinds are inferred: only the fields of MX's older SDKs are
known, which have a type and a year.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from mocksrv.engine.clock import DAY, parse_moment
from mocksrv.providers.mx.bank.statements import money
from mocksrv.providers.pdf import Page, document
from mocksrv.providers.profiles import Account

ISSUED = (1, 31)  # month and day of the year that follows
INTEREST = "Interest Income"  # the category of what is counted
LEAST = 1000  # cents of interest below which a bank issues none
INTEREST_PAID, MORTGAGE_INTEREST = "1099-INT Interest Income", "1098 Mortgage Interest Statement"
LEFT, RIGHT = 54, 558  # points from the left


def newest_year(now: int) -> int:
    """The last year of which documents are issued; ``now`` in ms."""
    today = datetime.fromtimestamp(now / 1000, UTC).date()
    return today.year - 1 if (today.month, today.day) >= ISSUED else today.year - 2


def days_since(year: int, now: int) -> int:
    """How many days have begun since the first of a year."""
    return (now - parse_moment(f"{year}-01-01")) // DAY + 1


def written(bank: str, account: Account, year: int) -> list[dict[str, Any]]:
    """The documents of an account, with the hashes of their files. It must have its transactions of that year."""
    kind = account.fields["type"]
    cents = _mortgage_interest(account) if kind == "MORTGAGE" else _interest_paid(account, year)
    if cents < LEAST:
        return []
    owner = account.owners[0] if account.owners else {}
    said = {
        "id": f"{account.id}-{year}",
        "bank": bank,
        "document_type": MORTGAGE_INTEREST if kind == "MORTGAGE" else INTEREST_PAID,
        "account": account.fields["name"],
        "owner": owner.get("owner_name") or "",
        "cents": cents,
        "issued_on": date(year + 1, *ISSUED).isoformat(),
        "tax_year": str(year),
    }
    return [said | {"content_hash": hashlib.sha256(pdf(said)).hexdigest()}]


def _interest_paid(account: Account, year: int) -> int:
    """Cents of interest that the bank has posted in a year."""
    first, end = parse_moment(f"{year}-01-01"), parse_moment(f"{year + 1}-01-01")
    return sum(
        round(row["amount"] * 100)
        for row in account.transactions
        if row["category"] == INTEREST and row["status"] == "POSTED" and first <= row["posted_at"] < end
    )


def _mortgage_interest(account: Account) -> int:
    """Cents of interest of a year, at the account's rate."""
    return round(abs(account.fields["balance"]) * (account.fields.get("interest_rate") or 0))


def pdf(said: Mapping[str, Any]) -> bytes:
    """The file of a document."""
    page = Page()
    page.text(LEFT, 64, said["bank"], size=16, bold=True)
    page.text(LEFT, 84, f"Form {said['document_type']}", size=12)
    page.text(LEFT, 116, f"Tax year {said['tax_year']}, issued {said['issued_on']}")
    page.text(LEFT, 140, said["owner"])
    page.text(LEFT, 154, f"Account: {said['account']}")
    page.line(LEFT, RIGHT, 172)
    page.text(LEFT, 190, "Interest, US dollars")
    page.amount(RIGHT, 190, money(said["cents"]), bold=True)
    return document([page], title=f"{said['document_type']} {said['tax_year']}")
