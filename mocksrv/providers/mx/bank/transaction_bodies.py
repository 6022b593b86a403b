"""The transactions of data profiles in MX's fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mocksrv.engine.storage.records import dumps
from mocksrv.providers.mx.bank import categories
from mocksrv.providers.mx.bank.merchants import enrichment
from mocksrv.providers.profiles import EACH

OWN = tuple(name for name in EACH if name not in ("id", "date"))  # of what tells transactions apart, what bodies have


class TransactionBodies:
    """The bodies of an account's transactions. What those of one line share is made once."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._made: dict[int, tuple[dict[str, Any], str]] = {}  # by the identity of the line

    def body(self, row: Mapping[str, Any], line: Mapping[str, Any]) -> dict[str, Any]:
        """The body of a profile's transaction."""
        return {**self._shared(row, line)[0], **{name: row[name] for name in OWN}}

    def text(self, row: Mapping[str, Any], line: Mapping[str, Any]) -> str:
        """The same as JSON, which takes a fraction of the time."""
        beginning = self._shared(row, line)[1]
        return (
            f'{beginning},"transacted_at":{row["transacted_at"]},"posted_at":{row["posted_at"]},'
            f'"amount":{row["amount"]!r},"status":"{row["status"]}"}}'
        )

    def _shared(self, row: Mapping[str, Any], line: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        made = self._made.get(id(line))
        if made is None:
            category = categories.BY_NAME.get(row.get("category") or "", categories.UNCATEGORIZED)
            fields = {name: value for name, value in row.items() if name not in EACH}
            named = fields.pop("merchant", None) or row["description"]
            shared = {
                **categories.labels(category, credit=row["type"] == "CREDIT"),
                **enrichment(self._account, named, row["original_description"]),
                **fields,
                "category": category.name,
            }
            made = self._made[id(line)] = (shared, dumps(shared)[:-1])
        return made
