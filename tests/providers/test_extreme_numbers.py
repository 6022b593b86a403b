"""No provider and no control call sends NaN, Infinity or a whole number that JavaScript does not keep, whatever number
stands in whatever field that takes one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml

from mocksrv.providers.numbers import LARGEST
from tests.attacks.test_odd_values import strict
from tests.conftest import MX, MX_HEADERS, SHARED, Receiver, SandboxClient, started
from tests.providers.finicity.client import Finicity
from tests.providers.finicity.test_openapi import CASES, filled, known_of
from tests.providers.mono.client import Mono
from tests.providers.mono.test_analyses import LOAN, OPEN
from tests.providers.mono.test_numbers import READS
from tests.providers.mx.populated import Populated
from tests.providers.mx.test_lists import LISTINGS
from tests.web.control.examples import EXAMPLES

NO_JSON = ["1e999", "-1e999", "NaN", "-Infinity"]
NUMBERS = [
    "1e308",
    "-1e308",
    "1e16",
    str(LARGEST),
    str(2**53),
    str(2**63),
    str(-(2**63) - 1),
    "1" + "0" * 400,
    "-0.0",
    "1e-320",
    "0",
]
TEXTS = ['"1e999"', '"NaN"', '"Infinity"', '"-0"', f'"{2**63}"', '"1e308"']
EXTREMES = [*NO_JSON, *NUMBERS, *TEXTS]


def places(body: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where a number stands in a body."""
    inner = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for name, value in inner:
        yield from places(value, (*at, name))
    if isinstance(body, (int, float)) and not isinstance(body, bool):
        yield at


def spoilt(body: Any, at: tuple[Any, ...], literal: str) -> str:
    """The body as JSON, with this literal at a place."""
    if not at:
        return literal
    parts = [
        (json.dumps(str(name)) + ":" if isinstance(body, dict) else "")
        + (spoilt(value, at[1:], literal) if name == at[0] else json.dumps(value))
        for name, value in (body.items() if isinstance(body, dict) else enumerate(body))
    ]
    return f"{{{','.join(parts)}}}" if isinstance(body, dict) else f"[{','.join(parts)}]"


def wrong(text: str) -> str | None:
    """The number in a JSON text that may not be sent."""
    found: list[str] = []

    def whole(digits: str) -> int:
        if abs(int(digits)) > LARGEST:
            found.append(digits[:40])
        return int(digits)

    json.loads(text, parse_int=whole)
    strict(text)
    return found[0] if found else None


class Answers:
    """Sends bodies with extremes in the place of each of their numbers, and looks at every answer."""

    def __init__(self, client: SandboxClient, headers: dict[str, str]) -> None:
        self.client, self.headers = client, headers
        self.faults: list[str] = []
        self.taken = 0

    def look(self, call: str, text: str) -> None:
        number = wrong(text) if text else None
        if number is not None:
            self.faults.append(f"{call}: {number}")

    def ask(self, call: str, text: str | None = None) -> int:
        method, _, path = call.partition(" ")
        type = {"content_type": "application/json"} if text is not None else {}
        answer = self.client.http.open(path, method=method, data=text, headers=self.headers, **type)
        assert answer.status_code < 500, f"{call} {text}: {answer.status_code}"
        if answer.is_json:
            self.look(f"{call} {text or ''}"[:300], answer.get_data(as_text=True))
        return answer.status_code

    def spoil(self, call: str, body: Any) -> None:
        for at in places(body):
            for literal in EXTREMES:
                status = self.ask(call, spoilt(body, at, literal))
                assert literal not in NO_JSON or 400 <= status < 500, f"{call} took {literal} at {at}"
                self.taken += status < 300

    def finish(self, receiver: Receiver) -> None:
        """Reads what the control API shows, and what was sent."""
        self.client.advance("1h")
        for path in ("webhooks", "requests", "violations", "subjects", "events", "sandbox", "endpoints", "faults"):
            self.ask(f"GET /_mocksrv/{path}?newest=true&limit=1000")
        for item in receiver.received:
            self.look("a callback", item["raw"].decode())
        assert self.taken
        assert self.faults == []


RATES = "apr", "apy", "interest_rate"
SUMS = "available_balance", "balance", "cash_surrender_value", "credit_limit", "death_benefit", "loan_amount"
MONEY = dict.fromkeys((*RATES, *SUMS, "original_balance"), 1)
PAYMENTS = "last_payment", "minimum_payment", "minimum_balance", "payoff_balance"
MANAGED = MONEY | dict.fromkeys((*PAYMENTS, "available_credit", "day_payment_is_due"), 1)
PLACE = {"latitude": 1, "longitude": 1, "merchant_category_code": 1}
ROW = {"date": "2026-01-01", "description": "x", "type": "DEBIT"}
MANAGED_ROW = {"amount": 1, "description": "x", "status": "POSTED", "type": "DEBIT"} | PLACE
GOAL = {"goal_type_name": "SAVE_AMOUNT", "meta_type_name": "VACATION", "name": "x", "amount": 1, "position": 1}
U, OURS = "/users/{user}", "/users/{user}/managed_members/{managed_member}/accounts"
ITEMS = f"{U}/spending_plans/{{plan}}/iterations/current/iteration_items"
BY_HAND = f"{U}/accounts/{{manual_accounts[0]}}"
MX_CALLS: dict[str, Any] = {
    "POST /ach_returns": {
        "ach_return": {
            "id": "x",
            "user_guid": "{user}",
            "member_guid": "{member}",
            "account_guid": "{account}",
            "return_code": "R01",
            "transaction_amount": 1,
            "transaction_amount_range": 1,
        }
    },
    "POST /transactions/enhance": {
        "transactions": [{"id": "1", "description": "x", "amount": 1, "merchant_category_code": 1}]
    },
    f"POST {U}/accounts": {"account": {"account_type": "SAVINGS", "name": "x"} | MONEY},
    f"PUT {U}/members/{{member}}/accounts/{{account}}": {"account": MONEY},
    f"POST {BY_HAND}/transactions": {"transaction": ROW | {"amount": 1}},
    f"POST {U}/connect_widget_url": {"config": {"ui_message_version": 4}},
    f"POST {U}/widget_urls": {"widget_url": {"widget_type": "connect_widget", "ui_message_version": 4}},
    f"POST {OURS}": {"account": {"id": "x", "name": "x", "type": "SAVINGS"} | MANAGED},
    f"PUT {OURS}/{{managed_account}}": {"account": MANAGED},
    f"POST {OURS}/{{managed_account}}/transactions": {"transaction": MANAGED_ROW | {"id": "x"}},
    f"PUT {OURS}/{{managed_account}}/transactions/{{managed_transactions[0]}}": {"transaction": MANAGED_ROW},
    f"POST {ITEMS}": {"planned_amount": 1, "item_type": 2},
    f"PUT {ITEMS}/{{item}}": {"planned_amount": 1, "item_type": 2},
    f"POST {U}/budgets": {"budget": {"amount": 1, "category_guid": "{own_categories[0]}", "parent_guid": None}},
    f"PUT {U}/budgets/{{budget}}": {"budget": {"amount": 1}},
    f"POST {U}/goals": {"goal": GOAL | {"account_guid": "{manual_accounts[0]}"}},
    f"PUT {U}/goals/{{goals[0]}}": {"goal": {"amount": 1, "position": 1}},
    f"PUT {U}/goals/reposition": {"goals": [{"guid": "{goals[0]}", "position": 1}]},
    f"POST {U}/transactions/{{manual_transactions[0]}}/split": {
        "transactions": [{"amount": 1, "description": "x"}, {"amount": 4, "description": "y"}]
    },
    f"PUT {U}/monthly_cash_flow_profile": {"monthly_cash_flow_profile": {"goals_contribution": 1}},
    "PUT /micro_deposits/{deposits[0]}/verify": {"micro_deposit": {"deposit_amount_1": 1, "deposit_amount_2": 1}},
}


def named(value: Any, world: Any) -> Any:
    """Names of `Populated` in braces, put in."""
    if isinstance(value, str):
        return value.format_map(Names(world))
    if isinstance(value, dict):
        return {name: named(inner, world) for name, inner in value.items()}
    return [named(inner, world) for inner in value] if isinstance(value, list) else value


class Names(dict[str, Any]):
    """The attributes of a world, by their names."""

    def __init__(self, world: Any) -> None:
        super().__init__()
        self.world = world

    def __missing__(self, name: str) -> Any:
        return getattr(self.world, name)


@contextmanager
def sending(provider: str) -> Iterator[tuple[Any, Receiver]]:
    """A server's application, and a receiver that every callback goes to."""
    receiver = Receiver()
    engine, app = started(webhook_url=receiver.url)
    yield app, receiver
    engine.close()
    receiver.close()


@pytest.mark.slow
def test_mx() -> None:
    with sending("mx") as (app, receiver):
        world = Populated(MX(app))
        assert all((world.member, world.deposits, world.returns, world.goals))
        budget = {"budget": {"amount": 1, "category_guid": next(g for g, p in world.categories.items() if p is None)}}
        world.budget = world.mx.call("POST", f"/users/{world.user}/budgets", budget)["budget"]["guid"]  # type: ignore[attr-defined]
        world.mx.advance("3m")
        answers = Answers(world.mx, MX_HEADERS | {"Authorization": "Basic YTpi"})
        for number, (call, body) in enumerate(MX_CALLS.items()):
            sent = named(body, world)
            text = json.dumps(sent).replace('"id": "x"', f'"id": "x{number}"')
            answers.spoil(call.format_map(Names(world)), json.loads(text))
        for listing in LISTINGS:
            if "asked" not in listing.path:
                answers.ask(f"GET {listing.path.format_map(Names(world))}?records_per_page=1000")
        for single in ("budgets", "monthly_cash_flow_profile", "accounts/{manual_accounts[0]}", "goals/{goals[0]}"):
            answers.ask(f"GET /users/{world.user}/{single.format_map(Names(world))}")
        answers.finish(receiver)


@pytest.mark.slow
def test_finicity() -> None:
    with sending("finicity") as (app, receiver):
        finicity = Finicity(app, receiver)
        known = known_of(finicity) | {"new": "extreme"}
        answers = Answers(finicity, finicity.headers)
        moments = dict.fromkeys(("fromDate", "toDate", "incomeFromDate"), 1)
        birthday = {"year": 1980, "month": 1, "day": 1, "dayOfMonth": 1}
        for call, body in CASES.items():
            method, _, path = call.format_map(known).partition(" ")
            if method in ("POST", "PUT") and body is not None and "authentication" not in path:
                more = {"webhookData": {"order": 1}, "fromDate": 1767225600} if "/connect/" in path else moments
                more = {"birthday": birthday} if "consumer" in path else more
                answers.spoil(f"{method} /finicity{path}", filled(body, known) | more)
        for name in ("start", "limit", "fromDate", "toDate"):
            for literal in EXTREMES:
                query = {"fromDate": 0, "toDate": 4000000000, name: literal.strip('"')}
                text = "&".join(f"{each}={value}" for each, value in query.items())
                for path in ("v1/customers", f"v3/customers/{known['customer']}/transactions"):
                    answers.ask(f"GET /finicity/aggregation/{path}?{text}")
        for call in CASES:
            if call.startswith("GET"):
                answers.ask(f"GET /finicity{call.format_map(known).partition(' ')[2]}")
        answers.finish(receiver)


def test_mono() -> None:
    with sending("mono") as (app, receiver):
        mono = Mono(app, receiver)
        id = mono.link()
        answers = Answers(mono, {"mono-sec-key": "test_sk_example"})
        loan = LOAN | {"existing_loans": [OPEN]}
        answers.spoil(f"POST /mono/v2/accounts/{id}/creditworthiness", loan)
        link = {"scope": "auth", "redirect_url": "https://a.example", "meta": {"ref": 1}}
        answers.spoil("POST /mono/v2/accounts/initiate", link | {"customer": {"name": "A B", "email": "a@example.com"}})
        for literal in EXTREMES:
            for name in ("page", "limit"):
                answers.ask(f"GET /mono/v2/accounts/{id}/transactions?{name}={literal.strip(chr(34))}")
        customer = mono.call("GET", f"/v2/accounts/{id}")["data"]["customer"]["id"]
        for path in READS:
            answers.ask(f"GET /mono{path.format(id=id, job='x', file='x', sync='x', customer=customer)}")
        answers.finish(receiver)


def test_the_control_api() -> None:
    with sending("mx") as (app, receiver):
        mx = MX(app)
        user = mx.user()
        names = {"user": user, "member": mx.create(user)["guid"], "receiver": receiver.url}
        answers = Answers(mx, {})
        bodies = [(call, body) for *call, body in EXAMPLES if isinstance(body, dict) and "{" not in call[1]]
        for event in ("mx.balance", "mono.account_updated", "finicity.added"):
            bodies.append((["POST", "/trigger"], {"event": event, "payload": {"x": 1}, "extra": True}))
        for (method, path), body in bodies:
            text = json.dumps(body)
            for name, value in names.items():
                text = text.replace(f"{{{name}}}", value)
            answers.spoil(f"{method} /_mocksrv{path}", json.loads(text))
        for literal in EXTREMES:
            for path in ("webhooks", "requests", "violations", "subjects", "events"):
                answers.ask(f"GET /_mocksrv/{path}?limit={literal.strip(chr(34))}")
        answers.finish(receiver)


@pytest.mark.parametrize("version", ["v20111101", "v20250224"])
def test_every_number_that_mx_takes_is_tried(version: str) -> None:
    file = SHARED / "openapi" / f"{version}.yml"
    if not file.exists():
        pytest.skip(f"{file.name} is not beside the project: {file.parent}")
    document = yaml.load(file.read_text("utf-8"), Loader=yaml.CSafeLoader)
    declared = {
        name
        for methods in document["paths"].values()
        for operation in methods.values()
        if isinstance(operation, dict)
        for content in operation.get("requestBody", {}).get("content", {}).values()
        for name in numbers(document, content["schema"])
    }
    tried = {at[-1] for body in MX_CALLS.values() for at in places(body)}
    assert declared - tried == set()


def numbers(document: Any, schema: Any, name: str = "") -> Iterator[str]:
    """The names of the numbers of a schema."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if schema.get("type") in ("number", "integer"):
        yield name
    for inner, declared in schema.get("properties", {}).items():
        yield from numbers(document, declared, inner)
    if "items" in schema:
        yield from numbers(document, schema["items"], name)
