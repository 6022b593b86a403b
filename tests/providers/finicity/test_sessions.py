"""Sessions that are played by logins of FinBank, act by act, and by users' own scenarios."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mocksrv.engine.engine import Engine
from mocksrv.providers.finicity.bank.institutions import Institutions
from mocksrv.providers.finicity.sessions import Sessions
from mocksrv.providers.provider import Refusal
from mocksrv.web.app import App
from tests.conftest import Receiver
from tests.providers.finicity.client import Finicity

LOGIN = ["started", "institutionSupported"]
REST = ["discovered", "adding", "added", "done"]


@pytest.mark.parametrize(
    ("institution", "username", "password", "events"),
    [
        ("101732", "demo", "go", [*LOGIN, *REST]),
        ("101732", "anybody", "secret", [*LOGIN, *REST]),
        ("101732", "demo", "123", [*LOGIN, "unableToConnect"]),
        ("FinBank", "invalid_user", "go", [*LOGIN, "invalidCredentials"]),
        ("102105", "tfa_text", "go", [*LOGIN, "mfa", "mfaUpdated", *REST]),
        (176082, None, None, ["started", "institutionNotSupported"]),
        ("176078", None, None, [*LOGIN, "unableToConnect"]),
        ("bank of nowhere", None, None, ["started", "institutionNotFound"]),
        ("FinBank OAuth", None, None, [*LOGIN, "adding", "processing", "added", "done"]),
    ],
)
def test_logins_choose_what_happens(
    finicity: Finicity, institution: Any, username: Any, password: Any, events: list[str]
) -> None:
    link = finicity.generate(finicity.customer())
    wishes = {"institution": institution, "username": username, "password": password}
    assert finicity.play(link, **wishes) == {"status": events[-1], "events": events}
    assert finicity.told() == events


def test_payloads_that_say_why(finicity: Finicity) -> None:
    finicity.play(finicity.generate(finicity.customer()), institution="bank of nowhere")
    finicity.play(
        finicity.generate(finicity.customer("customer-43")), institution="101732", username="demo", password="128"
    )
    payloads = [item["json"]["payload"] for item in finicity.received()]
    assert payloads[1] == {"query": "bank of nowhere"}
    assert payloads[-1] == {"institutionId": "101732", "code": 128}


@pytest.mark.parametrize(("answers", "last"), [(["mfa", "x"], "done"), (["fail"], "invalidCredentials"), ([], "done")])
def test_answers(finicity: Finicity, answers: list[str], last: str) -> None:
    played = finicity.play(finicity.generate(finicity.customer(), scenario="mfa"), answers=answers)
    assert (played["status"], played["events"].count("mfa")) == (last, max(1, len(answers)))


def test_a_second_login_is_played_as_it_is_typed(finicity: Finicity) -> None:
    link = finicity.generate(finicity.customer())
    first = finicity.play(link, institution="101732", username="invalid_user", password="go")
    assert first == {"status": "invalidCredentials", "events": [*LOGIN, "invalidCredentials"]}
    assert finicity.play(link, username="invalid_user", password="go")["events"] == ["invalidCredentials"]
    second = finicity.play(link, username="tfa_text", password="go", answers=["mfa", "Rex"])
    assert second["events"] == ["credentialsUpdated", "mfa", "mfaUpdated", "mfa", "mfaUpdated", *REST]
    assert second["status"] == "done"


def test_a_second_login_after_a_bank_that_was_down(finicity: Finicity) -> None:
    link = finicity.generate(finicity.customer())
    down = finicity.play(link, institution="101732", username="demo", password="123")
    assert down["status"] == "unableToConnect"
    again = finicity.play(link, username="demo", password="go")
    assert (again["status"], again["events"][-2:]) == ("done", ["added", "done"])


@pytest.mark.parametrize(
    ("institution", "wanted", "types"),
    [
        ("101732", ["savings"], {"savings"}),
        ("101732", ["Rainy Day Savings", "creditCard"], {"savings", "creditCard"}),
        ("102176", ["checking"], {"checking"}),  # chosen at the bank's own page
    ],
)
def test_accounts_can_be_chosen(finicity: Finicity, institution: str, wanted: list[str], types: set[str]) -> None:
    customer = finicity.customer()
    finicity.play(finicity.generate(customer), institution=institution, username="somebody", accounts=wanted)
    assert {account["type"] for account in finicity.accounts(customer)} == types
    told = {item["json"]["eventType"]: item["json"]["payload"] for item in finicity.received()}
    assert {account["type"] for account in told["added"]["accounts"]} == types
    assert len(told.get("discovered", {"accounts": [0] * 3})["accounts"]) == 3


@pytest.mark.parametrize(
    ("wanted", "said"), [(["gold"], "Everyday Checking"), ([], "at least one"), ([1], ""), ("savings", "")]
)
def test_accounts_that_cannot_be_chosen(finicity: Finicity, wanted: Any, said: str) -> None:
    link = finicity.generate(finicity.customer())
    body = {"link": link, "username": "somebody", "accounts": wanted}
    refused = finicity.control("POST", "/finicity/play", body, status=422)
    assert "accounts" in refused["detail"]
    assert said in refused["detail"]


def test_the_lite_session_has_its_bank(finicity: Finicity) -> None:
    link = finicity.generate(finicity.customer(), "lite", institutionId=102176)
    assert finicity.play(link)["events"] == [*LOGIN, "adding", "processing", "done"]
    assert len(finicity.accounts(finicity.receiver.bodies()[0]["customerId"])) == 3


def test_a_script_of_ones_own_with_time_in_it(finicity: Finicity) -> None:
    text = """
name: slow
provider: finicity
flows:
  connect:
    - status: started
    - {after: 2s, status: institutionSupported}
    - {after: 10s, status: adding}
    - {status: added, data: wealthy}
    - {status: done, event: finicity.unableToConnect, payload: {code: 999}}
"""
    finicity.http.put("/_mocksrv/scenarios/slow", data=text.encode(), content_type="application/yaml")
    customer = finicity.customer()
    assert finicity.play(finicity.generate(customer, scenario="slow")) == {"status": "started", "events": ["started"]}
    finicity.control("POST", "/clock/advance", {"by": "12s"})
    assert finicity.told() == ["started", "institutionSupported", "adding", "added", "done", "unableToConnect"]
    assert finicity.received()[-1]["json"]["payload"]["code"] == 999
    assert len(finicity.accounts(customer)) == 9


def test_links_that_are_none(finicity: Finicity) -> None:
    for link in ("http://localhost/finicity/connect?signature=0", "http://["):
        finicity.play(link, status=404)
    finicity.control("POST", "/finicity/play", {}, status=422)
    finicity.control("POST", "/finicity/play", {"link": "x", "passwort": "y"}, status=422)


def test_a_code_that_is_no_number(finicity: Finicity) -> None:
    finicity.generate(finicity.customer())
    session = finicity.control("GET", "/subjects")["subjects"][0]["id"]
    for code in ("x", "9" * 5000):
        push = {"status": "unableToConnect", "set": {"code": code}}
        refused = finicity.control("PUT", f"/subjects/{session}/status", push, status=422)
        assert refused["detail"].startswith("set: 'code' must be a whole number, not ")


# the acts one by one, as the pages do them


class Pages:
    """One session, driven as its pages will drive it."""

    def __init__(self, engine: Engine, app: App, receiver: Receiver, scenario: str | None = None) -> None:
        self.engine = engine
        self.app = Finicity(app, receiver)
        self.customer = self.app.customer()
        self.link = self.app.generate(self.customer, scenario=scenario)
        role: Any = engine.player.roles["finicity"]
        self.banks = Institutions(list)
        self.sessions = Sessions(engine, role, role.bank, self.banks)

    def act(self, name: str, *arguments: Any) -> str:
        """Does an act; the status after it."""
        with self.engine.change(self.engine.sandbox("default")) as world:
            session = self.sessions.find(world, self.link)
            getattr(self.sessions, name)(world, session, *arguments)
            status: str = session.body["status"]
            return status

    def choose(self, id: str) -> str:
        return self.act("choose_institution", self.banks.get(id))


@pytest.fixture
def open_pages(make_server: Callable[..., tuple[Engine, App]], receiver: Receiver) -> Callable[..., Pages]:
    """Generates a session and opens its first page: ``open_pages(scenario)``."""

    def make(scenario: str | None = None) -> Pages:
        pages = Pages(*make_server(), receiver, scenario)
        assert pages.act("open") == "started"
        return pages

    return make


def test_act_by_act(open_pages: Callable[..., Pages]) -> None:
    pages = open_pages()
    assert pages.choose("101732") == "institutionSupported"
    assert pages.act("log_in", "demo", "go") == "adding"
    assert pages.app.accounts(pages.customer) == []
    pending = pages.app.call("GET", f"/aggregation/v1/customers/{pages.customer}/accounts?status=pending")["accounts"]
    assert [account["status"] for account in pending] == ["pending"] * 9
    assert pages.act("choose_accounts", [pending[0]["id"]]) == "added"
    assert [account["id"] for account in pages.app.accounts(pages.customer)] == [pending[0]["id"]]
    assert pages.act("submit") == "done"
    events = {item["json"]["eventType"]: item["json"]["payload"] for item in pages.app.received()}
    assert [account["id"] for account in events["discovered"]["accounts"]] == [account["id"] for account in pending]
    assert [account["id"] for account in events["added"]["accounts"]] == [pending[0]["id"]]


def test_a_wrong_login_and_then_the_right_one(open_pages: Callable[..., Pages]) -> None:
    pages = open_pages()
    pages.choose("101732")
    assert pages.act("log_in", "invalid_user", "go") == "invalidCredentials"
    assert pages.act("log_in", "invalid_user", "go") == "invalidCredentials"
    assert pages.act("log_in", "tfa_text", "go") == "mfa"
    assert pages.act("answer", ["Rex"]) == "adding"
    pages.act("choose_accounts")
    assert pages.act("submit") == "done"
    wrong = ["invalidCredentials", "invalidCredentials", "credentialsUpdated", "mfa", "mfaUpdated"]
    assert pages.app.told() == [*LOGIN, *wrong, *REST]
    updated = next(item["json"] for item in pages.app.received() if item["json"]["eventType"] == "credentialsUpdated")
    assert updated["payload"] == {"institutionId": "101732", "mfa": True}


def test_another_bank_after_one_that_does_not_work(open_pages: Callable[..., Pages]) -> None:
    pages = open_pages()
    assert pages.act("search", "bank of nowhere") == "institutionNotFound"
    assert pages.choose("176082") == "institutionNotSupported"
    assert pages.choose("176078") == "institutionSupported"
    assert pages.act("log_in", "demo", "go") == "unableToConnect"
    assert pages.choose("101732") == "institutionSupported"
    assert pages.act("log_in", "demo", "go") == "adding"


def test_the_banks_own_page(open_pages: Callable[..., Pages]) -> None:
    pages = open_pages("oauth")
    pages.choose("102176")
    assert pages.act("log_in", None, None) == "adding"
    assert pages.act("consent", "deny") == "adding"  # it may be tried again
    assert pages.act("consent", "approve") == "added"
    assert pages.act("submit") == "done"


def test_acts_that_do_not_fit(open_pages: Callable[..., Pages]) -> None:
    pages = open_pages()
    for act in (("log_in", "demo", "go"), ("answer", ["x"]), ("consent", "approve")):
        with pytest.raises(Refusal):
            pages.act(*act)
    pages.choose("102105")
    pages.act("log_in", "tfa_text", "go")
    with pytest.raises(Refusal):
        pages.act("answer", [])
