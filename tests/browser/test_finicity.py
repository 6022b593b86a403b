"""Mastercard's own SDK, unmodified, in a page of another origin: journeys through Connect, and what the app is told."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.browser.conftest import App, in_order

PARTNER = {"partnerId": "2445500000001", "partnerSecret": "secret-of-the-partner-1"}
FINBANK, PROFILES, OAUTH = "101732", "102105", "102176"


class Partner:
    """The backend of an app: what it asks Finicity for."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.headers = {"Finicity-App-Key": "key", "Accept": "application/json"}
        self.authenticate()
        self.customer = self.new_customer("customer-1")

    def authenticate(self) -> None:
        token = self.call("POST", "/aggregation/v2/partners/authentication", PARTNER)["token"]
        self.headers["Finicity-App-Token"] = token

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """One call of the API; its JSON."""
        url, said = f"{self.app.base}/finicity{path}", {**self.headers, **headers}
        answer = requests.request(method, url, json=body, headers=said, timeout=30)
        assert answer.status_code < 400, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def new_customer(self, name: str) -> str:
        id: str = self.call("POST", "/aggregation/v2/customers/testing", {"username": name})["id"]
        return id

    def link(self, kind: str = "", *, scenario: str | None = None, **more: Any) -> str:
        """A Connect URL."""
        body = {"partnerId": PARTNER["partnerId"], "customerId": self.customer, **more}
        headers = {"X-Mocksrv-Scenario": scenario} if scenario else {}
        link: str = self.call("POST", f"/connect/v2/generate{kind}", body, **headers)["link"]
        return link

    def accounts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("GET", f"/aggregation/v1/customers/{self.customer}/accounts")[
            "accounts"
        ]
        return found

    def sent(self) -> list[str]:
        """The webhooks that were sent."""
        events = self.app.control("GET", "/webhooks?event=finicity.*&limit=1000")["webhooks"]
        return [each["event"].removeprefix("finicity.") for each in events]


@pytest.fixture
def partner(app: App) -> Partner:
    return Partner(app)


class Opened:
    """Connect, opened by the SDK in ``page``; ``inside`` is where its elements are."""

    def __init__(self, page: Any, inside: Any) -> None:
        self.page = page
        self.inside = inside

    def at(self, id: str) -> Any:
        """The element of Connect with a test id."""
        return at(self.inside, id)

    def to(self, bank: str) -> None:
        """From the first page to a bank."""
        self.at("submit").click()
        self.at("search").wait_for()
        self.at(f"institution-{bank}").click()

    def log_in(self, username: str = "somebody", password: str = "any") -> None:
        self.at("field-Banking Userid").fill(username)
        self.at("field-Banking Password").fill(password)
        self.at("submit").click()

    def events(self) -> list[str]:
        """The callbacks that have fired, in short."""
        return [short(name, given) for name, given in self.page.evaluate("window.events")]

    def given(self, name: str) -> list[Any]:
        """What a callback was given, each time."""
        return [given[0] if given else None for event, given in self.page.evaluate("window.events") if event == name]

    def wait_for(self, name: str) -> Any:
        """What a callback was given, as soon as it has fired."""
        self.page.wait_for_function("(name) => window.events.some(([each]) => each === name)", arg=name)
        return self.given(name)[0]


def at(where: Any, id: str) -> Any:
    return where.locator(f'[data-testid="{id}"]:visible')


def short(name: str, given: list[Any]) -> str:
    """A callback in a line: ``onRoute search``, ``onUser AddAccounts True``, ``onDone 200 complete``."""
    data = given[0] if given else {}
    if not isinstance(data, dict):
        return " ".join([name, *map(str, given)])
    outcome = data.get("success", data.get("errorCode"))
    words = [data.get("screen"), data.get("action"), None if outcome is None else str(outcome)]
    return " ".join(
        [name, *(word for word in words if word), *(str(data[key]) for key in ("code", "reason") if key in data)]
    )


Open = Callable[..., Opened]


@pytest.fixture
def connect(context: Any, host_url: str) -> Open:
    """Opens a link by the SDK: in a frame, or with ``popup=True`` in a window."""

    def open_(link: str, **options: Any) -> Opened:
        page = context.new_page()
        page.goto(f"{host_url}/finicity.html")
        page.evaluate("([link, options]) => window.prepare(link, options)", [link, options])
        inside = page.frame_locator("#connectIframe")
        if options.get("popup"):
            with page.expect_popup() as window:
                page.locator("#open").click()
            inside = window.value
        else:
            page.locator("#open").click()
        return Opened(page, inside)

    return open_


FULL = [
    "onLoad",
    "onRoute landing",
    "onRoute search",
    "onRoute sign-in",
    "onUser AddAccounts",
    "onRoute add-accounts",
    "onUser AddAccounts True",
    "onRoute done",
    "onDone 200 complete",
]


@pytest.mark.parametrize("popup", [False, True], ids=["iframe", "popup"])
def test_full_with_a_choice_of_accounts(popup: bool, partner: Partner, connect: Open) -> None:
    opened = connect(partner.link(), popup=popup)
    opened.to(FINBANK)
    opened.log_in()
    boxes = opened.inside.locator("input[type=checkbox]")
    boxes.first.wait_for()
    left_out = boxes.first.get_attribute("value")
    boxes.first.uncheck()
    opened.at("submit").click()
    opened.at("done").click()
    done = opened.wait_for("onDone")
    assert (done["code"], done["reason"], done["reportData"]) == (200, "complete", [])
    in_order(FULL, opened.events())
    assert [route["params"] for route in opened.given("onRoute")][:2] == [{}, {}]
    chosen = [account["id"] for account in partner.accounts()]
    assert left_out not in chosen
    assert [each["accountIds"] for each in opened.given("onUser")] == [[], chosen]
    wanted = ["ping", "started", "institutionSupported", "discovered", "adding", "added", "done"]
    assert partner.sent() == wanted
    if popup:
        assert opened.inside.is_closed()
    else:
        assert opened.page.locator("#connectIframe").count() == 0


def test_events_are_held_back_until_the_host_has_asked(partner: Partner, connect: Open, context: Any) -> None:
    """The SDK asks a second after the frame is there; a new document of the frame is asked anew."""
    opened = connect(partner.link())
    opened.wait_for("onRoute")
    assert opened.page.evaluate("window.pings") == 1
    opened.at("submit").click()
    opened.at("search").fill("fin")
    opened.page.wait_for_function("window.events.some(([, given]) => given[0]?.params?.query === 'fin')")
    assert [each["screen"] for each in opened.given("onRoute")] == ["landing", "search", "search"]


def test_every_ping_of_a_popup_is_answered_and_a_reload_goes_on(partner: Partner, connect: Open) -> None:
    opened = connect(partner.link(), popup=True)
    opened.to(FINBANK)
    opened.at("field-Banking Userid").wait_for()
    opened.page.wait_for_function("window.pings >= 2")
    before = opened.page.evaluate("window.pings")
    opened.inside.reload()
    opened.page.wait_for_function("(before) => window.pings > before", arg=before)
    opened.log_in()
    opened.at("submit").click()
    opened.at("done").click()
    opened.wait_for("onDone")
    in_order(FULL, opened.events())


def test_a_host_without_an_origin_is_told(partner: Partner, context: Any) -> None:
    """A page of a file, or in a sandboxed frame: its origin is ``null``."""
    page = context.new_page()
    page.set_content(f'<iframe src="{html.escape(partner.link())}"></iframe>')
    at(page.frame_locator("iframe"), "submit").wait_for()
    page.evaluate("""() => {
      window.types = [];
      window.onmessage = ({ data }) => window.types.push(data.type);
      window.frames[0].postMessage({ type: "ping" }, "*");
    }""")
    page.wait_for_function("window.types.length === 2")
    assert page.evaluate("[window.origin, ...window.types]") == ["null", "ack", "route"]


@pytest.mark.parametrize("popup", [False, True], ids=["iframe", "popup"])
def test_the_user_leaves(popup: bool, partner: Partner, connect: Open) -> None:
    opened = connect(partner.link(redirectUri="http://127.0.0.1:9/back"), popup=popup)
    opened.to(FINBANK)
    opened.at("field-Banking Userid").wait_for()
    opened.at("close").click()
    assert opened.wait_for("onCancel") == {"code": 100, "reason": "exit"}
    assert opened.events()[-1] == "onCancel 100 exit"
    assert partner.sent() == ["ping", "started", "institutionSupported"]


def test_a_wrong_login_then_a_question(partner: Partner, connect: Open) -> None:
    opened = connect(partner.link())
    opened.to(FINBANK)
    opened.log_in("invalid_user", "go")
    opened.at("error").wait_for()
    opened.log_in("tfa_text", "go")
    opened.at("challenge-1").fill("Rex")
    opened.at("submit").click()
    opened.inside.locator("input[type=checkbox]").first.wait_for()
    opened.at("submit").click()
    opened.at("done").click()
    opened.wait_for("onDone")
    failed = ["onUser AddAccounts", "onUser AddAccounts False", "onUser DisplayAlert 103"]
    passed = ["onUser AddAccounts", "onRoute mfa", "onRoute add-accounts", "onUser AddAccounts True", "onRoute done"]
    in_order(["onRoute sign-in", *failed, *passed, "onDone 200 complete"], opened.events())
    sent = ["invalidCredentials", "credentialsUpdated", "mfa", "mfaUpdated", "discovered", "adding", "added", "done"]
    assert partner.sent()[3:] == sent


@pytest.mark.parametrize("status", [408, 503])
def test_no_click_and_nothing_typed_is_lost_where_the_server_cannot_answer(
    status: int, partner: Partner, connect: Open, context: Any
) -> None:
    refused: list[str] = []

    def refuse_once(route: Any) -> None:
        address = route.request.url.partition("?")[0]
        if address in refused:
            route.continue_()
        else:
            refused.append(address)
            route.fulfill(status=status, content_type="application/problem+json", body="{}")

    for act in ("agree", "select", "log_in"):
        context.route(f"**/{act}", refuse_once)
    opened = connect(partner.link())
    opened.to(FINBANK)
    opened.at("field-Banking Userid").fill("somebody")
    context.route("**/poll?*", refuse_once)
    with opened.page.expect_response(lambda answer: "/poll?" in answer.url and answer.status == status):
        pass
    with opened.page.expect_response(lambda answer: "/poll?" in answer.url and answer.status == 204):
        pass
    assert opened.at("field-Banking Userid").input_value() == "somebody"
    opened.log_in()
    opened.inside.locator("input[type=checkbox]").first.wait_for()
    assert len(refused) == 4
    assert opened.inside.locator("#lost").is_hidden()


def test_time_runs_out(partner: Partner, connect: Open) -> None:
    opened = connect(partner.link())
    opened.to(FINBANK)
    opened.at("field-Banking Userid").wait_for()
    partner.app.advance("2h")
    assert opened.wait_for("onError") == {"code": 1440, "reason": "timeout"}
    opened.page.locator("#connectIframe").wait_for(state="detached")


def test_a_session_that_cannot_go_on(partner: Partner, connect: Open) -> None:
    partner.app.put_scenario("mine", "name: mine\nprovider: finicity\nflows: {connect: [{status: started}]}\n")
    opened = connect(partner.link(scenario="mine"))
    opened.at("submit").click()
    opened.at("search").wait_for()
    partner.app.control("DELETE", "/scenarios/mine")
    opened.at(f"institution-{FINBANK}").click()
    assert opened.wait_for("onError") == {"code": 500, "reason": "error"}


def test_fix_and_nothing_to_fix(partner: Partner, connect: Open) -> None:
    link = partner.link(scenario="fix")
    partner.app.control("POST", "/finicity/play", {"link": link, "username": "somebody"})
    partner.app.advance("1h")
    login = str(partner.accounts()[0]["institutionLoginId"])
    opened = connect(partner.link("/fix", institutionLoginId=login))
    opened.at("submit").click()
    assert opened.at("field-Banking Userid").input_value() == "somebody"
    opened.log_in()
    opened.at("done").click()
    opened.wait_for("onDone")
    in_order(["onRoute landing", "onRoute sign-in", "onRoute done", "onDone 200 complete"], opened.events())
    assert partner.sent()[-3:] == ["ping", "processing", "done"]
    assert partner.accounts()[0]["aggregationStatusCode"] == 0

    opened = connect(partner.link("/fix", institutionLoginId=login))
    opened.at("submit").click()
    opened.at("done").click()
    assert opened.wait_for("onError") == {"code": 201, "reason": "error"}


def test_lite(partner: Partner, connect: Open) -> None:
    opened = connect(partner.link("/lite", institutionId=int(PROFILES)))
    opened.at("submit").click()
    opened.log_in()
    opened.at("done").click()
    opened.wait_for("onDone")
    in_order(["onRoute landing", "onRoute sign-in", "onUser AddAccounts True", "onDone 200 complete"], opened.events())
    assert len(partner.accounts()) == 3


def test_two_borrowers(partner: Partner, connect: Open) -> None:
    customers = [partner.customer, partner.new_customer("customer-2")]
    kinds = zip(("primary", "jointBorrower"), customers, strict=True)
    borrowers = [{"type": type, "customerId": customer, "consumerId": "0" * 32} for type, customer in kinds]
    opened = connect(partner.link("/jointBorrower", borrowers=borrowers))
    opened.at("submit").click()
    for bank in (FINBANK, PROFILES):
        opened.at(f"institution-{bank}").click()
        opened.log_in()
        opened.inside.locator("input[type=checkbox]").first.wait_for()
        opened.at("submit").click()
        if bank == FINBANK:
            opened.inside.get_by_text("The other borrower").wait_for()
            opened.at("submit").click()
    opened.at("done").click()
    opened.wait_for("onDone")
    assert partner.sent() == ["ping", "started", "done"]
    for partner.customer, bank in zip(customers, (FINBANK, PROFILES), strict=True):
        assert {account["institutionId"] for account in partner.accounts()} == {bank}


def test_a_long_page_scrolls_in_a_frame_that_does_not(partner: Partner, connect: Open) -> None:
    """The SDK's frame has ``scrolling="no"``."""
    opened = connect(partner.link())
    opened.at("submit").click()
    opened.at("search").hover()
    for _ in range(50):
        opened.page.mouse.wheel(0, 100)
        if opened.inside.locator("body").evaluate("(body) => body.scrollTop"):
            break
    assert opened.inside.locator("body").evaluate("(body) => body.scrollTop") > 0


# without an SDK


def test_the_browser_goes_back_to_the_app(partner: Partner, context: Any, host_url: str) -> None:
    page = context.new_page()
    page.goto(partner.link(redirectUri=f"{host_url}/finicity.html?order=7"))
    at(page, "submit").click()
    at(page, "close").click()
    page.wait_for_url(f"{host_url}/finicity.html?order=7&reason=exit&code=100")


def test_a_window_of_the_apps_own_goes_back_after_a_while(partner: Partner, context: Any, host_url: str) -> None:
    page = context.new_page()
    page.goto(f"{host_url}/finicity.html")
    with page.expect_popup() as window:
        page.evaluate("(link) => { window.open(link); }", partner.link(redirectUri=f"{host_url}/finicity.html"))
    at(window.value, "submit").click()
    at(window.value, "close").click()
    window.value.wait_for_url(f"{host_url}/finicity.html?reason=exit&code=100")


# the bank's own page


def decide(bank: Any) -> None:
    """Signs in at the bank, and shares all but the first account."""
    at(bank, "field-username").fill("any")
    at(bank, "field-password").fill("login")
    at(bank, "submit").click()
    bank.locator("input[type=checkbox]").first.uncheck()
    at(bank, "approve").click()


def test_the_hosts_window_of_the_bank(partner: Partner, connect: Open) -> None:
    opened = connect(partner.link())
    opened.to(OAUTH)
    opened.wait_for("onRoute")  # the host is known
    with opened.page.context.expect_page() as window:
        opened.at("submit").click()
    decide(window.value)
    opened.at("done").click()
    opened.wait_for("onDone")
    assert window.value.is_closed()  # by the SDK
    raw = [each["type"] for each in opened.page.evaluate("window.raw")]
    in_order(["url", "closePopup", "done"], raw)
    assert partner.sent()[3:] == ["adding", "processing", "added", "done"]
    assert [account["name"] for account in partner.accounts()] == ["Rainy Day Savings", "Cashback Credit Card"]


def test_the_app_opens_the_banks_window_itself(partner: Partner, connect: Open) -> None:
    opened = connect(partner.link(), urls=True)
    opened.to(OAUTH)
    opened.wait_for("onRoute")
    opened.at("submit").click()
    opened.wait_for("onUrl")
    (_, url), bank = (
        opened.page.evaluate("window.events.find(([name]) => name === 'onUrl')[1]"),
        opened.page.context.new_page(),
    )
    bank.goto(url)
    at(bank, "approve").click()
    opened.at("done").wait_for()
    assert [event for event in opened.events() if event.startswith("onUrl")][-1] == "onUrl CLOSE"


def test_a_popup_goes_to_the_bank_itself_and_comes_back(partner: Partner, connect: Open) -> None:
    """A window of the bank's by the SDK would have the name of this one, and take its place."""
    opened = connect(partner.link(), popup=True)
    opened.to(OAUTH)
    opened.at("submit").click()
    at(opened.inside, "deny").click()
    opened.at("error").wait_for()
    opened.at("retry").click()
    decide(opened.inside)
    opened.at("done").click()
    opened.wait_for("onDone")
    assert len(opened.page.context.pages) == 1
    in_order(
        ["onRoute sign-in", "onUser DisplayAlert", "onUser AddAccounts True", "onDone 200 complete"], opened.events()
    )
    assert "url" not in [each["type"] for each in opened.page.evaluate("window.raw")]


def test_a_window_that_the_browser_blocks(partner: Partner, connect: Open) -> None:
    opened = connect(partner.link())
    opened.to(OAUTH)
    opened.wait_for("onRoute")
    opened.page.evaluate("() => { [window.mayOpen, window.open] = [window.open, () => null]; }")
    opened.at("submit").click()
    opened.inside.get_by_text("did not let the bank").wait_for()
    opened.page.evaluate("() => { window.open = window.mayOpen; }")
    with opened.page.context.expect_page() as window:
        opened.at("retry").click()
    at(window.value, "approve").click()
    opened.at("done").wait_for()


def test_a_bank_that_answers_by_itself(partner: Partner, context: Any) -> None:
    text = """
name: by-itself
provider: finicity
flows:
  connect:
    - status: started
    - status: institutionSupported
    - {status: adding, oauth: {auto: approve, approved: back}}
  back:
    - status: processing
    - status: added
    - status: done
"""
    partner.app.put_scenario("by-itself", text)
    page = context.new_page()
    page.goto(partner.link(scenario="by-itself"))
    at(page, "submit").click()
    at(page, f"institution-{OAUTH}").click()
    at(page, "submit").click()
    at(page, "done").wait_for()
