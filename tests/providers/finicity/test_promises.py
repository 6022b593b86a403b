"""What Finicity's pages promise, sentence by sentence: the subject of the sentence, and what must be seen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import Receiver, started
from tests.providers.finicity.client import PARTNER, SECRET, Finicity, parameters
from tests.providers.seen import Seen

ALL_TIME = "fromDate=0&toDate=4000000000"
C = "/aggregation/v1/customers"


class World(Seen):
    """One customer with accounts, the callbacks of the session that brought them, and what calls answered."""

    def __init__(self, finicity: Finicity) -> None:
        self.finicity = finicity
        made = finicity.call("POST", "/aggregation/v2/customers/testing", {"username": "customer-1"}, status=201)
        self.customer: str = made["id"]
        link = finicity.generate(self.customer, webhookData={"order": "A-77"})
        finicity.play(link, username="demo", password="go")
        finicity.advance("1s")
        self.events = {item["json"]["eventType"]: item for item in finicity.receiver.received}
        self.account = finicity.accounts(self.customer)[0]
        path = f"/aggregation/v3/customers/{self.customer}/transactions?{ALL_TIME}"
        transactions = finicity.call("GET", path)
        consumer = finicity.consumer(self.customer)
        voa = finicity.call("POST", f"/decisioning/v2/customers/{self.customer}/voa", {})
        self.seen = {
            "token": finicity.authenticate(),
            "new customer": made,
            "customers": finicity.call("GET", C),
            "customer": finicity.call("GET", f"{C}/{self.customer}"),
            "account": self.account,
            "transactions": transactions,
            "transaction": transactions["transactions"][0],
            "institutions": finicity.call("GET", "/institution/v2/institutions"),
            "institution": finicity.call("GET", "/institution/v2/institutions/102105"),
            "consumer": {"id": consumer},
            "new consumer": finicity.call("GET", f"/decisioning/v1/consumers/{consumer}"),
            "report": voa,
            "link": parameters(link),
            **{name: item["json"] for name, item in self.events.items()},
            "signature": {"value": self.events["done"]["headers"]["x-finicity-signature"]},
        }


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    engine, app = started()
    receiver = Receiver()
    yield World(Finicity(app, receiver))
    engine.close()
    receiver.close()


FORMS = [  # subject -> where, and its form
    ("a token has 20 letters and digits", "token: token", r"[A-Za-z0-9]{20}"),
    ("a customer's id is a text of digits", "new customer: id", r"[0-9]+"),
    ("dates of a customer's record are texts", "customer: createdDate", r"[0-9]{10}"),
    ("so is the date of its last change", "customer: lastModifiedDate", r"[0-9]{10}"),
    ("an account's id is a text of digits", "account: id", r"[0-9]+"),
    ("an account names its customer by a text", "account: customerId", r"[0-9]+"),
    ("an account names its institution by a text", "account: institutionId", r"101732"),
    ("a callback's id is a moment and 24 digits", "done: eventId", r"[0-9]{13}-[0-9a-f]{24}"),
    ("a callback names its customer by a text", "done: customerId", r"[0-9]+"),
    ("a callback names its institution by a text", "adding: payload.institutionId", r"101732"),
    ("a signature has 64 lower-case digits", "signature: value", r"[0-9a-f]{64}"),
    ("a link has such a signature, too", "link: signature", r"[0-9a-f]{64}"),
    ("a link's moments are milliseconds", "link: timestamp", r"[0-9]{13}"),
    ("a link says what callbacks are written in", "link: webhookContentType", r"application/json"),
    ("a consumer's id has 32 digits", "consumer: id", r"[0-9a-f]{32}"),
    ("a consumer shows the end of the number alone", "new consumer: ssn", r"1234"),
    ("of transactions more is said as a text", "transactions: moreAvailable", r"true|false"),
    ("the range of transactions comes back as text", "transactions: fromDate", r"0"),
    ("their order comes back", "transactions: sort", r"desc"),
    ("a unique id is made of account and number", "transaction: uniqueTransactionId", r"[0-9]+-[0-9]+"),
    ("a report's id has 12 letters and digits", "report: id", r"[a-z0-9]{12}"),
    ("a portfolio is named by the report's sort of id", "report: portfolioId", r"[a-z0-9]{12}-[0-9]+-port"),
    ("a report is in progress first", "report: status", r"inProgress"),
    ("an account that is discovered is pending", "discovered: payload.accounts.0.status", r"pending"),
    ("an account that is added is active", "added: payload.accounts.0.status", r"active"),
    ("currencies are codes", "account: currency", r"USD"),
    ("an institution's status is one of seven", "institution: institution.status", r"online|offline|testing"),
]


@pytest.mark.parametrize(("place", "form"), [row[1:] for row in FORMS], ids=[row[0] for row in FORMS])
def test_forms_of_values(world: World, place: str, form: str) -> None:
    value = world.value(place)
    assert isinstance(value, str)
    assert re.fullmatch(form, value)


TYPES = [
    ("a new customer's date is a number", "new customer: createdDate", int),
    ("of customers more is said as a boolean", "customers: moreAvailable", bool),
    ("of institutions too", "institutions: moreAvailable", bool),
    ("an institution's id is a number", "institution: institution.id", int),
    ("a login is a number in an account", "account: institutionLoginId", int),
    ("a transaction's id is a number", "transaction: id", int),
    ("it names its account by a number", "transaction: accountId", int),
    ("it names its customer by a number", "transaction: customerId", int),
    ("dates of accounts are numbers", "account: createdDate", int),
    ("dates of transactions are numbers", "transaction: transactionDate", int),
    ("a report's customer is a number", "report: customerId", int),
    ("a report's date is a number", "report: createdDate", int),
    ("a payload of nothing is an empty object", "started: payload", dict),
    ("what the app gave comes back as it was", "done: webhookData", dict),
]


@pytest.mark.parametrize(("place", "type"), [row[1:] for row in TYPES], ids=[row[0] for row in TYPES])
def test_types_of_values(world: World, place: str, type: type) -> None:
    assert world.value(place).__class__ is type


def test_the_order_of_a_callback(world: World) -> None:
    """Receivers that sign what they parsed need it."""
    order = ["customerId", "eventType", "eventId", "payload", "webhookData"]
    assert all(list(item["json"]) == order for item in world.events.values())
    assert all(b": " not in item["raw"] and b", " not in item["raw"] for item in world.events.values())


def test_a_link_lives_two_hours_and_names_its_parts_in_order(world: World) -> None:
    link = world.seen["link"]
    assert int(link["ttl"]) - int(link["timestamp"]) == 7_200_000
    assert list(link) == sorted(link)
    assert "webhook" not in link


ACCEPTED = [  # subject, call, body, status
    ("a refresh of all accounts", f"POST {C}/{{customer}}/accounts", None, 200),
    ("the same without an answer", "POST /aggregation/v2/customers/{customer}/accounts", None, 204),
    ("a refresh of one login", f"POST {C}/{{customer}}/institutionLogins/{{login}}/accounts", None, 200),
    ("two years of history", f"POST {C}/{{customer}}/accounts/{{account}}/transactions/historic", None, 204),
    ("a search that finds nothing", "GET /institution/v2/institutions?search=zzzzzz", None, 200),
    ("a page after the last", f"GET {C}?start=999999999999999999999999", None, 200),
    ("a page of more than may be", f"GET {C}?limit=999999999999999999999999", None, 200),
    ("a change of a first name alone", f"PUT {C}/{{customer}}", {"firstName": "Bea"}, 204),
    ("languages by their codes", "POST /connect/v2/generate", {"language": "fr-CA"}, 200),
    (
        "experience by its guid",
        "POST /connect/v2/generate",
        {"experience": "c9a3c7a5-6a0c-4a1c-9a8e-3f1f3c1c2b6d"},
        200,
    ),
    ("the default experience", "POST /connect/v2/generate", {"experience": "default"}, 200),
    ("a date of ten digits", "POST /connect/v2/generate", {"fromDate": 1767225600}, 200),
    ("institutions of the app's choice", "POST /connect/v2/generate", {"institutionSettings": {"x": 1}}, 200),
]


@pytest.mark.parametrize(("call", "body", "status"), [row[1:] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
def test_what_is_accepted(world: World, call: str, body: Any, status: int) -> None:
    method, _, path = call.format(
        customer=world.customer, account=world.account["id"], login=world.account["institutionLoginId"]
    ).partition(" ")
    if "generate" in path:
        body = {"partnerId": PARTNER, "customerId": world.customer, **body}
    answer = world.finicity.http.open(f"/finicity{path}", method=method, json=body, headers=world.finicity.headers)
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert (answer.headers.get("Content-Type"), answer.get_data()) == (None, b"") if status == 204 else answer.is_json


def test_a_new_secret_is_accepted_and_the_old_one_again_at_once(world: World) -> None:
    for now, then in ((SECRET, SECRET + "1"), (SECRET + "1", SECRET)):
        body = {"partnerId": PARTNER, "partnerSecret": now, "newPartnerSecret": then, "immediate": True}
        path = "/finicity/aggregation/v2/partners/authentication"
        answer = world.finicity.http.put(path, json=body, headers=world.finicity.headers)
        assert (answer.status_code, answer.headers.get("Content-Type"), answer.get_data()) == (204, None, b"")


REFUSED = [  # subject, call, body, status, code
    ("an unknown path", "GET /nowhere", None, 404, 14001),
    ("a method that a path has not", f"PATCH {C}", None, 404, 14001),
    ("an id with a slash", f"GET {C}/a%2Fb", None, 404, 14001),
    ("an id of other letters", f"GET {C}/ü", None, 404, 14001),
    ("a page before the first", f"GET {C}?start=0", None, 400, 41003),
    ("a page that is no number", f"GET {C}?start=one", None, 400, 41003),
    ("a page of nothing", f"GET {C}?limit=0", None, 400, 41004),
    ("a page of less than nothing", f"GET {C}?limit=-5", None, 400, 41004),
    ("transactions without a beginning", "GET /aggregation/v3/customers/{customer}/transactions", None, 400, 10005),
    ("a phone of 16", "POST /aggregation/v2/customers/testing", {"username": "six666", "phone": "1" * 16}, 400, 10010),
    ("a name of 5", "POST /aggregation/v2/customers/testing", {"username": "five5"}, 400, 110039),
    ("a name of 256", "POST /aggregation/v2/customers/testing", {"username": "x" * 256}, 400, 110039),
    ("a name with a space", "POST /aggregation/v2/customers/testing", {"username": "six 666"}, 400, 45003),
    ("a name that is taken", "POST /aggregation/v2/customers/testing", {"username": "customer-1"}, 409, 110002),
    ("a change of nothing", f"PUT {C}/{{customer}}", {}, 400, 10025),
    ("an account of another customer", "GET /aggregation/v2/customers/1/accounts/{account}", None, 404, 14001),
    ("a date in milliseconds", "POST /connect/v2/generate", {"fromDate": 1767225600000}, 400, "10010"),
    ("six fields of a report", "POST /connect/v2/generate", {"reportCustomFields": [{}] * 6}, 400, "10010"),
    ("an experience that is no guid", "POST /connect/v2/generate", {"experience": "mine"}, 400, "10010"),
    ("a web view without a way back", "POST /connect/v2/generate", {"isWebView": True}, 400, "10005"),
    ("callbacks as plain text", "POST /connect/v2/generate", {"webhookContentType": "text/plain"}, 400, "10010"),
    ("a lite link without its bank", "POST /connect/v2/generate/lite", {}, 400, "10005"),
    ("a fix of a login that is not", "POST /connect/v2/generate/fix", {"institutionLoginId": "1"}, 404, "38007"),
]


@pytest.mark.parametrize(
    ("call", "body", "status", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_what_is_refused(world: World, call: str, body: Any, status: int, code: int | str) -> None:
    method, _, path = call.format(customer=world.customer, account=world.account["id"]).partition(" ")
    if "generate" in path:
        body = {"partnerId": PARTNER, "customerId": world.customer, **body}
    answer = world.finicity.http.open(f"/finicity{path}", method=method, json=body, headers=world.finicity.headers)
    assert (answer.status_code, answer.mimetype) == (status, "application/json")
    told = answer.get_json()
    assert told["code"] == code
    assert type(told["code"]) is type(code)
    assert told["message"]
    assert "URL" not in told["message"]


@pytest.mark.parametrize("type", ["checking", "creditCard", "mortgage", "brokerageAccount"])
def test_daily_balances_follow_from_the_transactions(world: World, type: str) -> None:
    account = next(each for each in world.finicity.accounts(world.customer) if each["type"] == type)
    path = f"/aggregation/v4/customers/{world.customer}/accounts/{account['id']}/transactions?{ALL_TIME}&limit=1000"
    answer = world.finicity.call("GET", f"{path}&showDailyBalance=true")
    days, sign = answer["dailyBalances"], -1 if type in ("creditCard", "brokerageAccount") else 1
    assert days[-1]["ending"] == account["balance"]
    assert [day["beginning"] for day in days[1:]] == [day["ending"] for day in days[:-1]]
    for day in days:
        posted = [row for row in answer["transactions"] if row["transactionDate"] // 86400 == day["date"] // 86400]
        change = sign * sum(row["amount"] for row in posted)
        assert day["ending"] - day["beginning"] == pytest.approx(change)
    assert "dailyBalances" not in world.finicity.call("GET", path)


def test_daily_balances_of_a_range(world: World) -> None:
    path = (
        f"/aggregation/v4/customers/{world.customer}/accounts/{world.account['id']}/transactions?showDailyBalance=true"
    )
    every = world.finicity.call("GET", f"{path}&{ALL_TIME}")["dailyBalances"]
    some = world.finicity.call("GET", f"{path}&fromDate={every[2]['date']}&toDate={every[5]['date'] + 1}")
    assert some["dailyBalances"] == every[2:6]


def test_five_wrong_secrets_lock_a_partner() -> None:
    engine, app = started()
    receiver = Receiver()
    finicity = Finicity(app, receiver)
    codes = [finicity.authenticate("wrong-secret-1", status=401)["code"] for _ in range(5)]
    assert codes == [10001] * 5
    assert finicity.authenticate(status=401)["code"] == 24302
    engine.close()
    receiver.close()
