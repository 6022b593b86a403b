"""What Mono's pages promise, sentence by sentence, as tables: the subject of the sentence, and what must be seen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from mocksrv.engine.engine import Engine
from tests.conftest import Receiver, started
from tests.providers.mono.client import Mono
from tests.providers.seen import Seen

MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z"
ID = r"[0-9a-f]{24}"
CUSTOMER = {"name": "Ada Obi", "email": "ada@example.com"}
LINK = {"customer": CUSTOMER, "scope": "auth", "redirect_url": "https://app.example.com/back", "meta": {"ref": "r-1"}}


class World(Seen):
    """One account that a hosted link brought, what calls answered about it, and the callbacks of all its events."""

    def __init__(self, engine: Engine, mono: Mono) -> None:
        self.engine, self.mono = engine, mono
        self.code = mono.connect(institution="GTBank", ref="loan-1")
        self.id = mono.call("POST", "/account/auth", {"code": self.code})["id"]
        mono.advance("2s")
        path = f"/v2/accounts/{self.id}"
        self.seen = {
            "exchange": mono.call("POST", "/v2/accounts/auth", {"code": self.code}),
            "old exchange": mono.call("POST", "/account/auth", {"code": self.code}),
            "code": {"value": self.code},
            "details": mono.call("GET", path),
            "old details": mono.call("GET", f"/accounts/{self.id}"),
            "balance": mono.call("GET", f"{path}/balance"),
            "identity": mono.call("GET", f"{path}/identity"),
            "old identity": mono.call("GET", f"/accounts/{self.id}/identity"),
            "transactions": mono.call("GET", f"{path}/transactions?limit=2"),
            "old transactions": mono.call("GET", f"/accounts/{self.id}/transactions?limit=2"),
            "statement": mono.call("GET", f"/accounts/{self.id}/statement?period=last3months"),
            "file": mono.call("GET", f"/accounts/{self.id}/statement?output=pdf"),
            "link": mono.call("POST", "/v2/accounts/initiate", LINK),
            "again": mono.call("POST", "/v2/accounts/initiate", {"scope": "reauth", "account": self.id}),
            "token": mono.call("POST", f"/accounts/{self.id}/reauthorise"),
            "new token": mono.call("POST", f"/v2/accounts/{self.id}/reauthorise"),
            "sync": mono.call("POST", f"/accounts/{self.id}/sync"),
            "institution": {"first": mono.call("GET", "/v3/institutions")["data"][0]},
            "coverage": {"first": mono.call("GET", "/coverage")[0]},
        }
        mono.call("GET", f"{path}/balance", x_realtime="true")
        for event in ("reauthorisation_required", "account_reauthorized", "sync_failed", "account_synced"):
            mono.control("POST", "/trigger", {"event": f"mono.{event}", "subject": self.id})
        mono.call("GET", f"{path}/income")
        mono.advance("1m")
        mono.call("POST", f"/accounts/{self.id}/unlink")
        for body in mono.news():
            self.seen.setdefault(body["event"].removeprefix("mono.").removeprefix("events."), body)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    engine, app = started()
    receiver = Receiver()
    yield World(engine, Mono(app, receiver))
    engine.close()
    receiver.close()


FORMS = [  # subject, where, the form of the text
    ("a code for the app", "code: value", r"code_[a-z0-9]{20,24}"),
    ("an account's id", "exchange: data.id", ID),
    ("the same beside the envelope", "exchange: id", ID),
    ("an account's id in the first version", "old exchange: id", ID),
    ("a customer's id", "details: data.customer.id", ID),
    ("a transaction's id", "transactions: data.0.id", ID),
    ("a transaction's id in the first version", "old transactions: data.0._id", ID),
    ("a file's id", "file: id", ID),
    ("the app in callbacks", "account_connected: data.app", ID),
    ("the business in callbacks", "account_connected: data.business", ID),
    ("a callback's id", "account_connected: event_id", r"[A-Za-z0-9]{37,43}"),
    ("a callback's moment", "account_connected: timestamp", MOMENT),
    ("an answer's moment", "details: timestamp", MOMENT),
    ("an answer's status", "details: status", r"successful"),
    ("an account's moments", "account_updated: data.account.created_at", MOMENT),
    ("a transaction's moment", "transactions: data.0.date", MOMENT),
    ("an old token", "token: token", r"auth_[A-Za-z0-9]{10,20}"),
    ("a token in its envelope", "new token: data.token", r"auth_[A-Za-z0-9]{10,20}"),
    ("a hosted link", "link: data.mono_url", r"http://.*/AL[A-Z0-9]{7,12}"),
    ("a link's customer", "link: data.customer", ID),
    ("a link's reference", "link: data.meta.ref", r"r-1"),
    ("a link's scope", "link: data.scope", r"auth"),
    ("where a link leads back to", "link: data.redirect_url", r"https://app\.example\.com/back"),
    ("when a link was made", "link: data.created_at", MOMENT),
    ("the account of a link to reauthorise", "again: data.account", ID),
    ("its institution", "again: data.institution", ID),
    ("its way of signing in", "again: data.auth_method", r"internet_banking|mobile_banking"),
    ("currencies", "details: data.account.currency", r"NGN"),
    ("the end of a bank verification number", "details: data.account.bvn", r"[0-9]{4}"),
    ("the same in the first version", "old details: account.bvn", r"[0-9]{4}"),
    ("the same in callbacks", "account_updated: data.account.bvn", r"[0-9]{4}"),
    ("the whole of it in the identity", "identity: data.bvn", r"[0-9]{11}"),
    ("the whole of it in the first version's", "old identity: bvn", r"[0-9]{11}"),
    ("account numbers", "balance: data.account_number", r"[0-9]{10}"),
    ("a bank's code", "details: data.account.institution.bank_code", r"058"),
    ("a bank's type", "details: data.account.institution.type", r"PERSONAL_BANKING"),
    ("the way of signing in", "details: data.meta.auth_method", r"internet_banking|mobile_banking"),
    ("whether data are there", "details: data.meta.data_status", r"AVAILABLE"),
    ("whether data are there right after linking", "account_connected: data.meta.data_status", r"PROCESSING"),
    ("the reference of who linked", "account_connected: data.meta.ref", r"loan-1"),
    ("the reference with the data", "account_updated: data.meta.ref", r"loan-1"),
    ("the reference in the details", "details: data.meta.ref", r"loan-1"),
    ("the next page", "transactions: meta.next", r"http://.*/mono/v2/accounts/[0-9a-f]{24}/transactions\?.*page=2.*"),
    ("the next page in the first version", "old transactions: paging.next", r"http://.*page=2.*"),
    ("a sync that went well", "sync: code", r"SYNC_SUCCESSFUL"),
    ("a job's name", "accounts.jobs.update: data.name", r"jobs\.accounts\.sync_balance"),
    ("a job's id", "accounts.jobs.update: data.id", ID),
    ("a job's state", "accounts.jobs.update: data.status", r"processing"),
    ("an institution's id", "institution: first._id", ID),
    ("an institution's country", "institution: first.country", r"ng"),
    ("what an institution gives", "institution: first.scope.0.type", r"financial_data"),
    ("how to sign in", "institution: first.auth_methods.0.type", r"internet_banking|mobile_banking"),
    ("what is typed", "institution: first.auth_methods.0.ui.form.0.type", r"elements\.input"),
    ("how it is typed", "institution: first.auth_methods.0.ui.form.0.contentType", r"string|password"),
    ("the account of a refresh is its id alone", "account_synced: data.account", ID),
    ("so is that of a job", "accounts.jobs.update: data.account", ID),
    ("so is that of an income", "account_income: data.account", ID),
]


@pytest.mark.parametrize(("place", "form"), [row[1:] for row in FORMS], ids=[row[0] for row in FORMS])
def test_forms_of_values(world: World, place: str, form: str) -> None:
    value = world.value(place)
    assert isinstance(value, str)
    assert re.fullmatch(form, value)


MEMBERS = [  # subject, where, its members
    ("an answer", "details: data", {"account", "customer", "meta"}),
    (
        "an answer of the first version",
        "old details: account",
        "_id institution name accountNumber type balance currency bvn",
    ),
    ("an account", "details: data.account", "id name account_number currency balance type bvn institution"),
    ("a bank", "details: data.account.institution", "name bank_code type"),
    ("a bank in the first version", "old details: account.institution", "name bankCode type"),
    ("a bank in callbacks", "account_updated: data.account.institution", "name bankCode type"),
    ("a balance", "balance: data", "id name account_number balance currency"),
    ("a transaction", "transactions: data.0", "id narration amount type balance date category"),
    (
        "a transaction of the first version",
        "old transactions: data.0",
        "_id type amount narration date balance currency category",
    ),
    ("pages", "transactions: meta", "total page previous next"),
    ("pages of the first version", "old transactions: paging", "total page previous next"),
    ("a row of a statement", "statement: data.0", "_id type amount narration date balance"),
    ("what a statement says of itself", "statement: meta", "count"),
    ("a file that is being made", "file: .", "id status path"),
    ("a sync", "sync: .", "status hasNewData code message"),
    ("an account that must be reauthorised", "reauthorisation_required: data", "account"),
    ("its account", "reauthorisation_required: data.account", "_id"),
    ("an account that was reauthorised", "account_reauthorized: data", "account"),
    ("its account, too", "account_reauthorized: data.account", "_id"),
    ("a refresh that failed", "sync_failed: data.account", "_id"),
    ("a refresh", "account_synced: data", "account updated"),
    ("an unlinked account", "account_unlinked: data.account", "_id id"),
    ("a job", "accounts.jobs.update: data", "account business app id name status"),
    ("a new account", "account_connected: data", "id customer meta app business"),
    ("an envelope of a new account", "account_connected: .", "event event_id timestamp data"),
    ("an envelope of what has none of that", "sync_failed: .", "event data"),
    ("a bank of the first version's list", "coverage: first", "name icon website coverage products"),
    ("where it is", "coverage: first.coverage", "personal business countries"),
]


@pytest.mark.parametrize(("place", "members"), [row[1:] for row in MEMBERS], ids=[row[0] for row in MEMBERS])
def test_members(world: World, place: str, members: Any) -> None:
    name, _, rest = place.partition(": ")
    found = world.seen[name] if rest == "." else world.value(place)
    assert set(found) == set(members.split() if isinstance(members, str) else members)


KOBO = [
    "balance: data.balance",
    "details: data.account.balance",
    "old details: account.balance",
    "transactions: data.0.amount",
    "transactions: data.0.balance",
    "account_updated: data.account.balance",
]


@pytest.mark.parametrize("place", KOBO)
def test_money_is_whole_kobo(world: World, place: str) -> None:
    assert world.value(place).__class__ is int


def test_booleans(world: World) -> None:
    assert world.value("sync: hasNewData") is False
    assert world.value("account_synced: data.updated") in (True, False)
    assert world.value("sync: message") is None


REFUSED = [  # subject, call, body, status
    ("an account that is none", "GET /v2/accounts/000000000000000000000000", None, 404),
    ("an id with a slash", "GET /v2/accounts/a%2Fb", None, 404),
    ("an id of other letters", "GET /v2/accounts/ü/balance", None, 404),
    ("a path that is none", "GET /v2/nothing", None, 404),
    ("a method that a path has not", "PATCH /v2/accounts/{id}", None, 404),
    ("no code", "POST /v2/accounts/auth", {}, 400),
    ("a code that is none", "POST /v2/accounts/auth", {"code": "code_x"}, 404),
    ("a code that is no text", "POST /v2/accounts/auth", {"code": 5}, 400),
    ("a link without a customer", "POST /v2/accounts/initiate", {"scope": "auth", "redirect_url": "https://a.b"}, 400),
    ("a link without a way back", "POST /v2/accounts/initiate", {"scope": "auth", "customer": CUSTOMER}, 400),
    ("a link of another scope", "POST /v2/accounts/initiate", LINK | {"scope": "payments"}, 400),
    ("a link to reauthorise nothing", "POST /v2/accounts/initiate", {"scope": "reauth"}, 400),
    ("a link to reauthorise what is none", "POST /v2/accounts/initiate", {"scope": "reauth", "account": "x"}, 404),
    ("a page before the first", "GET /v2/accounts/{id}/transactions?page=0", None, 400),
    ("a page of nothing", "GET /v2/accounts/{id}/transactions?limit=0", None, 400),
    ("a page of less than nothing", "GET /v2/accounts/{id}/transactions?limit=-1", None, 400),
    ("a page that is no number", "GET /v2/accounts/{id}/transactions?page=one", None, 400),
    ("a day in another form", "GET /v2/accounts/{id}/transactions?start=2026-01-01", None, 400),
    ("a day that is none", "GET /v2/accounts/{id}/transactions?start=31-02-2026", None, 400),
    ("a type that is none", "GET /v2/accounts/{id}/transactions?type=both", None, 400),
    ("no months of a statement", "GET /v2/accounts/{id}/statement?period=last0months", None, 400),
    ("thirteen months", "GET /v2/accounts/{id}/statement?period=last13months", None, 400),
    ("another file", "GET /v2/accounts/{id}/statement?output=csv", None, 400),
    ("a job that is none", "GET /v2/accounts/{id}/jobs/x", None, 404),
    ("a file that is none", "GET /v2/accounts/{id}/statement/jobs/x", None, 404),
]


@pytest.fixture(scope="module")
def linked() -> Iterator[tuple[Mono, str]]:
    """An account that stays."""
    engine, app = started()
    receiver = Receiver()
    mono = Mono(app, receiver)
    yield mono, mono.link()
    engine.close()
    receiver.close()


@pytest.mark.parametrize(("call", "body", "status"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_is_refused(linked: tuple[Mono, str], call: str, body: Any, status: int) -> None:
    mono, id = linked
    method, _, path = call.format(id=id).partition(" ")
    answer = mono.ask(method, path, body)
    assert (answer.status_code, answer.mimetype) == (status, "application/json")
    told = answer.get_json()
    assert set(told) == {"status", "message", "timestamp", "data"}
    assert (told["status"], told["data"]) == ("failed", None)
    assert told["message"]


ACCEPTED = [  # subject, path, what is said of the page
    ("a page after the last", "page=999999999999999999999999", (0, None)),
    ("a page of more than there is", "limit=999999999999999999999999", (None, None)),
    ("all at once", "paginate=false&limit=1", (None, None)),
    ("a range that ends before it begins", "start=02-01-2026&end=01-01-2026", (0, None)),
    ("words of what was paid for", "narration=no such words", (0, None)),
]


@pytest.mark.parametrize(("query", "expected"), [row[1:] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
def test_what_is_accepted(linked: tuple[Mono, str], query: str, expected: tuple[int | None, None]) -> None:
    mono, id = linked
    answer = mono.call("GET", f"/v2/accounts/{id}/transactions?{query}")
    count, following = expected
    assert len(answer["data"]) == (answer["meta"]["total"] if count is None else count)
    assert answer["meta"]["next"] is following
