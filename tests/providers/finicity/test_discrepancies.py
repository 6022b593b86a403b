"""Where Finicity's sources disagree: `--fidelity sdk` (the default) follows the provider's page of events, `--fidelity
wire` newer pages and captured traffic. A test for each row of Finicity's first table in docs/discrepancies.md.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import Receiver, started
from tests.providers.finicity.client import Finicity

DOCUMENT = Path(__file__).parents[3] / "docs" / "discrepancies.md"
ROWS = {
    "`ping`": "test_the_ping",
    "events of Fix sessions": "test_fix_sessions",
    "`added` of Lite sessions": "test_added_of_lite_sessions",
}


@contextmanager
def client(fidelity: str) -> Iterator[Finicity]:
    engine, app = started(fidelity=fidelity)
    receiver = Receiver()
    yield Finicity(app, receiver)
    engine.close()
    receiver.close()


def events(finicity: Finicity, kind: str, customer: str, scenario: str | None = None, **fields: Any) -> list[str]:
    """What a session sends after its ping."""
    played: list[str] = finicity.play(finicity.generate(customer, kind, scenario=scenario, **fields))["events"]
    return played


def test_every_row_has_a_test() -> None:
    table = DOCUMENT.read_text("utf-8").partition("\n## Finicity\n")[2].partition("In these places")[0]
    rows = [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines() if line.startswith("| ")]
    assert [row for row in rows if row != "place" and not row.startswith("---")] == list(ROWS)
    assert all(inspect.isfunction(globals()[name]) for name in ROWS.values())


def test_the_ping() -> None:
    with client("sdk") as finicity:
        customer = finicity.customer()
        finicity.generate(customer, webhookData={"order": 7})
        (body,) = finicity.receiver.bodies()
        assert list(body) == ["customerId", "eventType", "eventId", "payload", "webhookData"]
        assert (body["customerId"], body["payload"]) == (customer, {})
    with client("wire") as finicity:
        finicity.generate(finicity.customer(), webhookData={"order": 7})
        (item,) = finicity.receiver.received
        assert item["raw"] == b'{"eventType":"ping","payload":{}}'
        assert len(item["headers"]["x-finicity-signature"]) == 64
        (event,) = finicity.control("GET", "/webhooks")["webhooks"]
        assert event["payload"] == {"eventType": "ping", "payload": {}}


def test_fix_sessions() -> None:
    for fidelity, legacy, oauth in (
        ("sdk", ["processing", "done"], ["processing", "done"]),
        ("wire", ["credentialsUpdated", "processing", "done"], ["processing", "added", "done"]),
    ):
        with client(fidelity) as finicity:
            customer = finicity.customer()
            account = finicity.connected(customer)[0]
            login = str(account["institutionLoginId"])
            for _ in range(2):  # told once in each session
                assert events(finicity, "fix", customer, institutionLoginId=login) == legacy
            other = finicity.customer("customer-43")
            accounts = finicity.connected(other, institution="102176")
            login = str(accounts[0]["institutionLoginId"])
            assert events(finicity, "fix", other, institutionLoginId=login) == oauth
            told = {item["json"]["eventType"]: item["json"]["payload"] for item in finicity.received()}
            assert len(told["added"]["accounts"]) == len(accounts)


def test_added_of_lite_sessions() -> None:
    for fidelity, added in (("sdk", []), ("wire", ["added"])):
        with client(fidelity) as finicity:
            customer = finicity.customer()
            sent = events(finicity, "lite", customer, institutionId=102176)
            assert sent == ["started", "institutionSupported", "adding", "processing", *added, "done"]
            assert finicity.accounts(customer)  # added all the same
