"""Mono's own package, unmodified, in a page of another origin: journeys of a person, and what the app is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.browser.conftest import App, in_order

GTBANK = "5f2d08be60b92e2888287702"
PERSON = {"name": "Ada Obi", "email": "ada@example.com"}


class Connect:
    """A page of the app with Mono's widget in it."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.frame = page.frame_locator("#mono-connect--frame-id")

    def at(self, id: str) -> Any:
        """The element of the widget with a test id."""
        return self.frame.locator(f'[data-testid="{id}"]:visible')

    def sign_in(self) -> None:
        self.at("field-username").fill("ada")
        self.at("field-password").fill("any")
        self.at("submit").click()

    def through(self) -> None:
        """From the bank's login to the end."""
        self.sign_in()
        self.at("challenge-1").fill("123456")
        self.at("submit").click()

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        return [(name, data) for name, data in self.page.evaluate("window.events")]

    def wait_for(self, name: str) -> dict[str, Any]:
        """The data of an event or callback, as soon as it has fired."""
        self.page.wait_for_function("(name) => window.events.some(([each]) => each === name)", arg=name)
        return next(data for event, data in self.events() if event == name)


Open = Callable[..., Connect]


@pytest.fixture
def connect(app: App, context: Any, host_url: str) -> Open:
    """Opens Mono's widget in a page of the app."""

    def open_(account: str | None = None, **options: Any) -> Connect:
        page = context.new_page()
        page.goto(f"{host_url}/mono.html")
        page.evaluate("(mono) => window.prepare(mono)", f"{app.base}/mono")
        page.evaluate("([options, account]) => window.embed(options, account)", [options, account])
        return Connect(page)

    return open_


def mono(app: App, method: str, path: str, body: Any = None) -> Any:
    answer = requests.request(method, f"{app.base}/mono{path}", json=body, headers={"mono-sec-key": "k"}, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def linked(app: App, scenario: str = "synced") -> str:
    """The id of an account that is linked already."""
    code = app.control("POST", "/mono/connect", {"institution": "GTBank", "scenario": scenario})["code"]
    id: str = mono(app, "POST", "/account/auth", {"code": code})["id"]
    return id


def test_an_account_is_linked_and_every_callback_fires_in_order(app: App, connect: Open) -> None:
    opened = connect(scope="auth", data={"customer": PERSON}, reference="r-4417")
    opened.at("search").fill("gtb")
    opened.at("institution-5f2d08bf60b92e2888287704").wait_for(state="detached")
    opened.at(f"institution-{GTBANK}").click()
    opened.at("option-mobile_banking").click()
    opened.frame.locator('[data-testid="option-mobile_banking"][aria-pressed="true"]').wait_for()  # with a form anew
    opened.through()
    opened.at("option-2").check()
    opened.at("submit").click()
    opened.at("done").click()
    opened.wait_for("onClose")
    names = [name for name, _ in opened.events()]
    assert [name for name in names if name != "OPENED"] == [
        "onLoad",
        "LOADED",
        "INSTITUTION_SELECTED",
        "AUTH_METHOD_SWITCHED",
        "SUBMIT_CREDENTIALS",
        "SUBMIT_MFA",
        "ACCOUNT_SELECTED",
        "ACCOUNT_LINKED",
        "onSuccess",
        "SUCCESS",
        "onClose",
    ]
    assert names.count("OPENED") == 1  # the package's own, two seconds after `open()`
    told = dict(opened.events())
    gtbank = {"id": GTBANK, "name": "GTBank"}
    assert (told["INSTITUTION_SELECTED"]["institution"], told["ACCOUNT_LINKED"]["institution"]) == (gtbank, gtbank)
    assert told["INSTITUTION_SELECTED"]["authMethod"] == "internet_banking"
    switched = told["AUTH_METHOD_SWITCHED"]
    assert (switched["prevAuthMethod"], switched["authMethod"]) == ("internet_banking", "mobile_banking")
    assert told["SUBMIT_MFA"]["mfaType"] == "OTP"
    assert told["ACCOUNT_SELECTED"]["selectedAccountsCount"] == 1
    assert re.fullmatch(r"code_[a-z0-9]{24}", told["onSuccess"]["code"])
    of_pages = [data for name, data in opened.events() if name not in ("onLoad", "LOADED", "OPENED", "onClose")]
    assert {data["reference"] for data in of_pages} == {"r-4417"}
    assert all(isinstance(data["timestamp"], int) for data in of_pages)
    id = mono(app, "POST", "/v2/accounts/auth", {"code": told["onSuccess"]["code"]})["id"]
    assert mono(app, "GET", f"/v2/accounts/{id}")["data"]["meta"]["auth_method"] == "mobile_banking"
    webhooks = app.control("GET", "/webhooks?event=mono.*&wait=10s")["webhooks"]
    assert webhooks[0]["event"] == "mono.account_connected"


def test_an_institution_that_the_app_has_selected_and_keys_alone(app: App, connect: Open) -> None:
    opened = connect(data={"customer": PERSON}, selectedInstitution={"id": GTBANK, "auth_method": "mobile_banking"})
    opened.at("field-username").fill("ada")
    for keys in (("Tab", "any"), ("Enter", "123456")):
        opened.page.keyboard.press(keys[0])
        if keys[0] == "Enter":
            opened.at("challenge-1").focus()
        opened.page.keyboard.type(keys[1])
    opened.page.keyboard.press("Enter")
    opened.at("option-1").wait_for()
    assert opened.frame.locator("h1").evaluate("each => each === document.activeElement")
    opened.at("option-1").press("Enter")
    opened.at("done").press("Enter")
    opened.wait_for("onSuccess")


def test_reauthorisation_by_the_accounts_id(app: App, connect: Open) -> None:
    id = linked(app, "reauthorisation-required")
    app.control("PUT", f"/subjects/{id}/status", {"status": "REAUTHORISATION_REQUIRED"})
    opened = connect(account=id)
    opened.through()
    opened.at("done").click()
    code = opened.wait_for("onSuccess")["code"]
    assert mono(app, "POST", "/account/auth", {"code": code}) == {"id": id}
    in_order(["SUBMIT_CREDENTIALS", "SUBMIT_MFA", "ACCOUNT_LINKED", "onSuccess"], [name for name, _ in opened.events()])
    assert app.control("GET", "/subjects?status=AVAILABLE&wait=10s")["subjects"][0]["id"] == id


ASKS = """
name: asks
provider: mono
flows:
  link:
    - status: PROCESSING
      challenges:
        - {type: OPTIONS, label: '%s', options: [{label: '%s', value: yes}, {label: 'No', value: no}], answer: yes}
      right: accepted
      wrong: refused
  accepted: [{after: 1s, status: AVAILABLE}]
  refused: [{after: 1s, status: FAILED}]
"""


def test_a_failure_is_told_and_the_user_leaves(app: App, connect: Open) -> None:
    app.put_scenario("asks", ASKS % ("Is it you?", "Yes"))
    opened = connect()
    opened.at("search").fill("mock: asks")
    opened.frame.get_by_text("Mock: asks").click()
    opened.sign_in()
    opened.at("option-no").check()
    opened.at("submit").click()
    opened.at("retry").wait_for()
    error = opened.wait_for("ERROR")
    assert error["errorType"] == "LINK_REFUSED"
    assert error["errorMessage"] == opened.at("error").inner_text()
    assert opened.at("status").inner_text() == "FAILED"
    opened.at("close").click()
    opened.wait_for("onClose")
    assert opened.wait_for("EXIT")["pageName"] == "failure"
    assert [name for name, _ in opened.events()][-2:] == ["EXIT", "onClose"]


def test_the_packages_own_list_of_institutions_comes_from_here(context: Any, app: App, connect: Open) -> None:
    opened = connect()
    names = opened.page.evaluate("async () => (await window.connect.fetchInstitutions()).data.map((each) => each.name)")
    assert "GTBank" in names
    fetched = opened.page.evaluate("async () => (await fetch('https://api.withmono.com/coverage')).status")
    assert fetched == 200
