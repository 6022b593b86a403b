"""What an enrichment finds in an account's transactions: insights of the statement, categories, metadata."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mocksrv.engine.clock import DAY, day
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.mono.bank.transactions import TRANSACTION

REPEATS = 3  # times that the same amount goes the same way, until it is a recurring transaction
CHANNELS: Mapping[str, re.Pattern[str]] = {  # channel -> how narrations begin that came by it
    "pos": re.compile(r"POS |[0-9]+ POS "),
    "atm": re.compile(r"ATM |CASH WDL"),
    "web": re.compile(r"WEB |PAYSTACK|FLW"),
    "ussd": re.compile(r"USSD |QUICKTELLER"),
    "mobile": re.compile(r"MOBILE |AIRTIME"),
    "transfer": re.compile(r"NIP |TRF"),
}
PROCESSORS: Mapping[str, re.Pattern[str]] = {
    "Paystack": re.compile("PAYSTACK"),
    "Flutterwave": re.compile("FLW"),
    "Interswitch": re.compile("QUICKTELLER"),
    "NIBSS": re.compile("NIP "),
}
REFERENCE = re.compile(r"[0-9]{9}")
LOCATION = re.compile(r"[ /]([A-Z]+(?: [A-Z]+)?) (LA|FC|OY|RI|KN)\b")
STATES = {"LA": "Lagos", "FC": "Abuja", "OY": "Oyo", "RI": "Rivers", "KN": "Kano"}


def insights(world: World, account: Record) -> dict[str, Any]:
    """Figures of the whole statement. Amounts are kobo."""
    rows = _rows(world, account)
    coming_in, going_out = (_amounts(rows, type) for type in ("credit", "debit"))
    inflow, outflow = sum(coming_in), sum(going_out)
    balances = [row.body["balance"] for row in rows]
    days = (rows[-1].sort - rows[0].sort) // DAY + 1 if rows else 0
    return {
        "account": account.guid,
        "start_date": day(rows[0].sort) if rows else None,
        "end_date": day(rows[-1].sort) if rows else None,
        "transaction_length": days,
        "transaction_count": len(rows),
        "balance_after_expense": inflow - outflow,
        "account_summary": {
            "opening_balance": _before(rows[0]) if rows else 0,
            "closing_balance": balances[-1] if rows else 0,
            "average_balance": _average(balances),
            "highest_balance": max(balances, default=0),
            "lowest_balance": min(balances, default=0),
        },
        "activity_insights": {
            "active_days": len({day(row.sort) for row in rows}),
            "debit_to_credit_ratio": round(outflow / inflow, 2) if inflow else 0,
        },
        "transaction_details": {"credit_count": len(coming_in), "debit_count": len(going_out)},
        "inflow": _flow(coming_in),
        "outflow": _flow(going_out),
        "recurring_transactions": _recurring(rows),
    }


def _rows(world: World, account: Record) -> list[Record]:
    """Oldest first."""
    return list(world.pages(Query(TRANSACTION, parent=account.guid)))


def _amounts(rows: Sequence[Record], type: str) -> list[int]:
    return [row.body["amount"] for row in rows if row.body["type"] == type]


def _before(row: Record) -> int:
    """The balance before a transaction."""
    amount: int = row.body["amount"]
    return int(row.body["balance"]) - (amount if row.body["type"] == "credit" else -amount)


def _average(amounts: Sequence[int]) -> int:
    return round(sum(amounts) / len(amounts)) if amounts else 0


def _flow(amounts: Sequence[int]) -> dict[str, int]:
    return {"total": sum(amounts), "average": _average(amounts), "highest": max(amounts, default=0)}


def _recurring(rows: Sequence[Record]) -> list[dict[str, Any]]:
    """The same amount, the same way and from or to the same, again and again."""
    groups: dict[tuple[str, int, str], list[Record]] = {}
    for row in rows:
        words = re.sub(r"[0-9]+", "", row.body["narration"])
        groups.setdefault((row.body["type"], row.body["amount"], words), []).append(row)
    return [
        {"type": type, "amount": amount, "narration": each[-1].body["narration"], "count": len(each)}
        for (type, amount, _), each in groups.items()
        if len(each) >= REPEATS
    ]


def categories(world: World, account: Record) -> dict[str, Any]:
    """Gives each transaction the category that the bank did not tell, and says which."""
    found = []
    for row in _rows(world, account):
        category = re.sub(r"[^a-z]+", "_", row.body["kind"].lower()) if row.body["kind"] else row.body["category"]
        if category != row.body["category"]:
            row.body["category"] = category
            world.save(row)
        found.append({"id": row.guid, "narration": row.body["narration"], "category": category})
    return {"account": account.guid, "transactions": found}


def metadata(world: World, account: Record) -> dict[str, Any]:
    """What the narrations tell beside the category."""
    found = [
        {"id": row.guid, "narration": row.body["narration"], "metadata": _metadata(row)}
        for row in _rows(world, account)
    ]
    return {"account": account.guid, "transactions": found}


def _metadata(row: Record) -> dict[str, str | None]:
    text = row.body["narration"]
    place, reference = LOCATION.search(text), REFERENCE.search(text)
    return {
        "channel": next((name for name, pattern in CHANNELS.items() if pattern.match(text)), None),
        "payment_processor": next((name for name, pattern in PROCESSORS.items() if pattern.search(text)), None),
        "reference_number": reference[0] if reference else None,
        "location": f"{place[1].title()}, {STATES[place[2]]}" if place else None,
    }


RESULTS: Mapping[str, Callable[[World, Record], dict[str, Any]]] = {
    "mono.statement_insights": insights,
    "mono.transaction_categorisation": categories,
    "mono.transaction_metadata": metadata,
}
