"""Account statements as a bank writes them: what was posted in a month, between the balances before and after, as a
PDF.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from mocksrv.engine.clock import DAY, day, parse_moment
from mocksrv.providers.pdf import Page, document
from mocksrv.providers.profiles import DEBTS, Account

LEFT, AMOUNT, RIGHT = 54, 470, 558  # points from the left: dates, the ends of amounts and of balances
DESCRIPTION = 124
FIRST_ROW, ROW, LAST_ROW = 248, 15, 724  # points from the top
LATER_FIRST_ROW = 84
LONGEST = 48  # letters of a description

Line = Sequence[Any]  # day, description, cents by which it changes the balance


def written(bank: str, account: Account, period: Mapping[str, Any]) -> dict[str, Any]:
    """What a statement of this period says (`starts_on`, `ends_on`), and the hash of its file. Amounts are cents.

    The account must have all transactions from before the period on: the balances are counted back from the one it has
    now. Where the account holds securities, they are the balances of its cash.
    """
    sign = -1 if account.fields["type"] in DEBTS else 1
    first, end = parse_moment(period["starts_on"]), parse_moment(period["ends_on"]) + DAY
    posted = [
        (
            row["posted_at"],
            row["original_description"],
            sign * round(row["amount"] * 100) * (1 if row["type"] == "CREDIT" else -1),
        )
        for row in account.transactions
        if row["status"] == "POSTED" and row["posted_at"] >= first
    ]
    lines = [[day(at), text, cents] for at, text, cents in sorted(posted, key=lambda row: row[0]) if at < end]
    balance = account.fields["cash_balance"] if account.holdings else account.fields["balance"]
    closing = round(balance * 100) - sum(cents for at, _, cents in posted if at >= end)
    owner = account.owners[0] if account.owners else {}
    said = {
        "bank": bank,
        "account": account.fields["name"],
        "number": f"****{account.account_number[-4:]}" if account.account_number else "",
        "owner": owner.get("owner_name") or "",
        "address": [
            owner.get("address") or "",
            " ".join(filter(None, (owner.get(part) for part in ("city", "state", "postal_code")))),
        ],
        "starts_on": period["starts_on"],
        "ends_on": period["ends_on"],
        "opening": closing - sum(line[2] for line in lines),
        "closing": closing,
        "lines": lines,
    }
    return said | {"content_hash": hashlib.sha256(pdf(said)).hexdigest()}


def pdf(said: Mapping[str, Any]) -> bytes:
    """The file of a statement."""
    rows = [("", "Opening balance", None), *said["lines"], ("", "Closing balance", None)]
    pages, balance = [_first_page(said)], said["opening"]
    top = FIRST_ROW
    for date, text, cents in rows:
        if top > LAST_ROW:
            pages.append(_later_page(said))
            top = LATER_FIRST_ROW
        balance += cents or 0
        page, strong = pages[-1], cents is None
        page.text(LEFT, top, date)
        page.text(DESCRIPTION, top, text[:LONGEST], bold=strong)
        if cents is not None:
            page.amount(AMOUNT, top, money(cents))
        page.amount(RIGHT, top, money(balance), bold=strong)
        top += ROW
    for number, page in enumerate(pages, 1):
        page.text(LEFT, 760, f"Page {number} of {len(pages)}", size=8)
    return document(pages, title=f"{said['account']} {said['starts_on']} to {said['ends_on']}")


def _first_page(said: Mapping[str, Any]) -> Page:
    page = Page()
    page.text(LEFT, 64, said["bank"], size=16, bold=True)
    page.text(LEFT, 84, "Account statement", size=12)
    for place, text in enumerate((said["owner"], *said["address"])):
        page.text(LEFT, 116 + 14 * place, text)
    page.text(LEFT, 172, f"Account: {said['account']} {said['number']}".rstrip())
    page.text(LEFT, 186, f"Period: {said['starts_on']} to {said['ends_on']}")
    _head(page, 224)
    return page


def _later_page(said: Mapping[str, Any]) -> Page:
    page = Page()
    page.text(LEFT, 44, f"{said['bank']}, {said['account']} {said['number']}".rstrip(), size=8)
    _head(page, 60)
    return page


def _head(page: Page, top: float) -> None:
    """The names of the columns."""
    page.text(LEFT, top, "Posted", bold=True)
    page.text(DESCRIPTION, top, "Description", bold=True)
    page.text(AMOUNT - 38, top, "Amount", bold=True)
    page.text(RIGHT - 40, top, "Balance", bold=True)
    page.line(LEFT, RIGHT, top + 6)


def money(cents: int) -> str:
    """``-1,234.50``"""
    return f"{cents / 100:,.2f}"
