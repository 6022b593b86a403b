"""What of a callback follows from fields that somebody puts over it, so that its body never contradicts itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

PARTS = ("identity", "balance", "transactions")
# data status -> what is fetched where it is entered
FETCHES: Mapping[str, Sequence[str]] = {"AVAILABLE": PARTS, "PARTIAL": ("identity", "balance")}
TOTALS = ("total_income", "annual_income", "monthly_income")  # which an income event has twice
LENDER = "ABC Bank Plc"  # of a debt that was only said in total

Data = dict[str, Any]


def agreeing(data: Data, over: Mapping[str, Any]) -> Data:
    """The data of an event with the fields that follow from those of ``over``, which are put over it next."""
    said = _leaves(over)
    if not said:
        return data
    meta, summary, debt = (data.get(name) for name in ("meta", "income_summary", "debt"))
    if isinstance(meta, dict) and "retrieved_data" in meta:
        return {**data, "meta": meta | _of_status(meta, said)}
    if isinstance(summary, dict):
        twice = {name: said[name] for name in TOTALS if name in said}
        return {**data, **twice, "income_summary": summary | twice}
    if isinstance(debt, dict):
        return {**data, "debt": debt | _of_debt(debt, said)}
    return data


def _leaves(over: Mapping[str, Any]) -> dict[str, Any]:
    """The fields by their names, whatever they are in."""
    found: dict[str, Any] = {}
    for name, value in over.items():
        found |= _leaves(value) if isinstance(value, Mapping) else {name: value}
    return found


def _of_status(meta: Mapping[str, Any], said: Mapping[str, Any]) -> Data:
    """What was fetched follows from the data status, or that from what was fetched; nothing fetched is no sync that
    went well.
    """
    found: Data = {}
    if "data_status" in said and "retrieved_data" not in said:
        found["retrieved_data"] = list(FETCHES.get(said["data_status"], ()))
    elif isinstance(said.get("retrieved_data"), list) and "data_status" not in said:
        halves = sum(part in said["retrieved_data"] for part in ("balance", "transactions"))
        found["data_status"] = ("UNAVAILABLE", "PARTIAL", "AVAILABLE")[halves]
    status = said.get("data_status", found.get("data_status", meta["data_status"]))
    if status not in FETCHES and meta.get("sync_status") == "SUCCESSFUL":
        found["sync_status"] = "FAILED"
    return found


def _of_debt(debt: Mapping[str, Any], said: Mapping[str, Any]) -> Data:
    """The debts and their sum are one; without a credit check there are none."""
    rows, total = said.get("debt_by_institution"), said.get("total_debt")
    if isinstance(rows, list):
        sums = [row.get("amount_owed", 0) for row in rows if isinstance(row, Mapping)]
        return {"total_debt": sum(amount for amount in sums if isinstance(amount, int)), "credit_check": bool(rows)}
    if isinstance(total, int):
        found = [{"institution": LENDER, "amount_owed": total}] if total else []
        return {"debt_by_institution": found, "credit_check": bool(total) or debt["credit_check"]}
    if said.get("credit_check") is False:
        return {"total_debt": 0, "debt_by_institution": []}
    return {}
