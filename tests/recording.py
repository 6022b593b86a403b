"""Scripts of calls whose answers are the same again, byte for byte: one for each provider, written down as text.

``python -m tests.recording PROVIDER`` prints the recording that this process makes; ``python -m tests.recording`` keeps
those of all providers in `tests/recordings`.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import faker

from tests.conftest import Receiver, started
from tests.providers.finicity.client import SECRET
from tests.providers.mono.client import KEY

SANDBOX = "ci-17"
MX = {"Accept": "application/json", "Accept-Version": "v20250224", "Authorization": "Basic YW55OmtleQ=="}
OLD_MX = MX | {"Accept": "application/vnd.mx.api.v1+json"}
FINICITY = {"Accept": "application/json", "Finicity-App-Key": "key"}
FAKER = f"Names are those of Faker {faker.VERSION}."
SHOWN_BYTES = 1500  # of an answer; of the rest a digest
# What is not the sandbox's: where the receiver listens, how long something took, where the package lies.
OTHERS = (
    (re.compile(r"http://127\.0\.0\.1:\d+/"), "http://receiver/"),
    (re.compile(r'("duration_ms": ?)[0-9.]+'), r"\g<1>0"),
    (re.compile(r'"[^"]*/(scenarios/\w+/[\w-]+\.yaml)'), r'"\1'),
)


class Recorder:
    """Calls a sandbox of a server in this process, with a seed and a manual clock, and writes down what it answers."""

    def __init__(self) -> None:
        self.receiver = Receiver()
        self.engine, app = started(webhook_url=self.receiver.url)
        self._http = app.test_client()
        self.lines: list[str] = []

    def __call__(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """One call; its JSON, None where it is none."""
        answer = self._http.open(f"/sandbox/{SANDBOX}{path}", method=method, json=body, headers=headers)
        sent = f" {json.dumps(body)}" if body is not None else ""
        self.lines += [_settled(f"{method} {path}{sent}"), f"{answer.status_code} {answer.content_type}"]
        self.lines += [*shown(answer.get_data()), ""]
        return json.loads(answer.get_data()) if answer.is_json else None

    def control(self, method: str, path: str, body: Any = None) -> Any:
        return self(method, f"/_mocksrv{path}", body)

    def advance(self, by: str) -> None:
        self.control("POST", "/clock/advance", {"by": by})

    def close(self) -> None:
        self.engine.close()
        self.receiver.close()


def _settled(text: str) -> str:
    for pattern, stand_in in OTHERS:
        text = pattern.sub(stand_in, text)
    return text


def shown(data: bytes) -> Iterator[str]:
    """An answer, as far as it is text and not too long; of all of it a digest."""
    try:
        text = _settled(data.decode())
        data = text.encode()
        yield text[:SHOWN_BYTES]
    except UnicodeDecodeError:
        text = ""
    if len(text) > SHOWN_BYTES or not text:
        yield f"{len(data)} bytes, {hashlib.sha256(data).hexdigest()}"


def mx(call: Recorder) -> None:
    """A user, members that connect, are asked, and refused, and what is made of their accounts."""

    def ask(method: str, path: str, body: Any = None, *, old: bool = False) -> Any:
        return call(method, path, body, OLD_MX if old else MX)

    def answer(member: str) -> None:
        """Answers two rounds of questions, where they are asked."""
        for _ in range(2):
            asked = ask("GET", f"{member}/status")["member"].get("challenges", ())
            choices = [each.get("options") or each.get("image_options") or [{"value": "correct"}] for each in asked]
            given = [{"guid": each["guid"], "value": of[0]["value"]} for each, of in zip(asked, choices, strict=True)]
            if given:
                ask("PUT", f"{member}/resume", {"member": {"challenges": given}})
                call.advance("5s")

    user = ask("POST", "/users", {"user": {"id": "customer-42", "email": "sam@example.com"}})["user"]["guid"]
    ask("GET", "/institutions?name=mx%20bank&records_per_page=10")
    form = ask("GET", "/institutions/mxbank/credentials")["credentials"]
    members = []
    for name, scenario in (("first", "connected"), ("second", "challenged-twice"), ("third", "denied")):
        call.control("PUT", "/bindings", {"next": [scenario]})
        typed = [{"guid": each["guid"], "value": name} for each in form]
        member = {"institution_code": "mxbank", "credentials": typed}
        guid = ask("POST", f"/users/{user}/members", {"member": member})["member"]["guid"]
        members.append(f"/users/{user}/members/{guid}")
        call.advance("5s")
        answer(members[-1])
        ask("GET", f"{members[-1]}/status", old=True)
    ask("GET", f"/users/{user}/members")
    first, _, third = members
    accounts = ask("GET", f"/users/{user}/accounts")["accounts"]
    ask("GET", f"/users/{user}/transactions?records_per_page=100")
    ask("GET", f"/users/{user}/transactions?records_per_page=25&page=2", old=True)
    for job in ("identify", "check_balance", "extend_history", "fetch_statements", "fetch_rewards", "verify"):
        ask("POST", f"{first}/{job}")
        call.advance("10s")
    answer(first)
    ask("GET", f"{first}/account_numbers")
    ask("GET", f"{first}/account_owners")
    statements = ask("GET", f"{first}/statements")["statements"]
    ask("GET", f"{first}/statements/{statements[0]['guid']}.pdf")
    for made in ("budgets/generate", "repeating_transactions"):
        ask("GET" if made[0] == "r" else "POST", f"/users/{user}/{made}")
    goal = {"name": "A boat", "amount": 5000, "goal_type_name": "SAVE_AMOUNT", "meta_type_name": "OTHER"}
    ask("POST", f"/users/{user}/goals", {"goal": {**goal, "account_guid": accounts[0]["guid"]}})
    for read in ("insights", "categories", "holdings", "budgets", "goals", "tags", "spending_plans"):
        ask("GET", f"/users/{user}/{read}?records_per_page=10")
    ask("POST", f"/users/{user}/widget_urls", {"widget_url": {"widget_type": "connect_widget"}})
    ask(
        "GET", f"/vc/users/{user}/accounts/{accounts[0]['guid']}/transactions?start_time=2025-12-01&end_time=2026-01-01"
    )
    call.control("PUT", "/bindings", {"next": ["messy-webhooks"]})
    ask("POST", f"{first}/aggregate")
    call.advance("3d")
    ask("DELETE", third)
    call.advance("0s")


def mono(call: Recorder) -> None:
    """Accounts that are linked, synchronised overnight and authorised anew, and what is read of them."""

    def ask(method: str, path: str, body: Any = None) -> Any:
        return call(method, f"/mono{path}", body, KEY)

    customer = {"email": "sam@example.com", "first_name": "Samuel", "last_name": "Olamide", "phone": "08012345678"}
    ask("POST", "/v2/customers", {**customer, "address": "1 Marina", "identity": {"type": "bvn", "number": "1" * 11}})
    ask("GET", "/v3/institutions?scope=financial_data")
    for scenario in ("synced", "reauthorisation-required"):
        code = call.control("POST", "/mono/connect", {"institution": "any", "scenario": scenario})["code"]
        id = ask("POST", "/v2/accounts/auth", {"code": code})["data"]["id"]
        call.advance("5s")
        for read in ("", "/identity", "/transactions", "/balance", "/credits", "/debits", "/income", "/assets"):
            ask("GET", f"/v2/accounts/{id}{read}")
        ask("GET", f"/v2/accounts/{id}/statement?period=last3months&output=pdf")
        call.advance("1d")
        ask("GET", f"/v2/accounts/{id}")
        ask("POST", "/v2/accounts/initiate", {"account": id, "scope": "reauth", "redirect_url": "https://app.test"})
    ask("GET", "/v2/accounts")
    ask("GET", "/v2/customers")
    ask("POST", f"/v2/accounts/{id}/unlink")
    call.advance("0s")


def finicity(call: Recorder) -> None:
    """A partner whose customer connects banks in sessions of several kinds, and what is read of the accounts."""
    headers = dict(FINICITY)

    def ask(method: str, path: str, body: Any = None) -> Any:
        return call(method, f"/finicity{path}", body, headers)

    partner = {"partnerId": "2445500000001", "partnerSecret": SECRET}
    headers["Finicity-App-Token"] = ask("POST", "/aggregation/v2/partners/authentication", partner)["token"]
    customer = ask("POST", "/aggregation/v2/customers/testing", {"username": "customer-42"})["id"]
    ask("GET", "/institution/v2/institutions?search=finbank")
    for scenario in ("connect-full", "mfa", "invalid-credentials"):
        call.control("PUT", "/bindings", {"next": [scenario]})
        said = {"partnerId": partner["partnerId"], "customerId": customer, "webhook": call.receiver.url}
        link = ask("POST", "/connect/v2/generate", said)["link"]
        call.control("POST", "/finicity/play", {"link": link, "username": scenario})
        call.advance("0s")
    accounts = ask("GET", f"/aggregation/v1/customers/{customer}/accounts")["accounts"]
    ask("POST", f"/aggregation/v1/customers/{customer}/accounts")
    first = f"/aggregation/v1/customers/{customer}/accounts/{accounts[0]['id']}"
    for read in ("", "/owner", "/details", "/availableBalance"):
        ask("GET", f"{first}{read}")
    ask("GET", f"/aggregation/v3/customers/{customer}/transactions?fromDate=1700000000&toDate=1800000000&limit=25")
    call.advance("1d")


SCRIPTS: dict[str, Callable[[Recorder], None]] = {"mx": mx, "mono": mono, "finicity": finicity}


def recording(provider: str) -> str:
    """What is called and answered, and at the end all callbacks, in their order."""
    call = Recorder()
    try:
        SCRIPTS[provider](call)
        for webhook in call.control("GET", "/webhooks?limit=1000")["webhooks"]:
            call.lines.append(webhook["event"])
        for item in call.receiver.received:
            call.lines += [item["path"], *shown(item["raw"])]
        call.control("GET", "/subjects")
    finally:
        call.close()
    return "\n".join([FAKER, *call.lines]) + "\n"


def kept(provider: str) -> Path:
    """Where a recording is kept."""
    return Path(__file__).with_name("recordings") / f"{provider}.txt"


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.stdout.write(recording(sys.argv[1]))
    else:
        for each in SCRIPTS:
            kept(each).write_text(recording(each), encoding="utf-8")
