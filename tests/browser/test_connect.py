"""The Connect widget in MX's web SDK, unmodified: journeys of a person, and what the host is told on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import App, Host, in_order

Open = Callable[..., Host]
LOGIN = ["enterCredentials", "stepChange enterCreds>connecting"]
CONNECTED = ["memberStatusUpdate 6", "memberConnected", "stepChange connecting>connected"]


def choose(host: Host, institution: str, query: str = "mx bank") -> None:
    host.at("search").fill(query)
    host.wait_for("institutionSearch")
    host.at(f"institution-{institution}").click()


def log_in(host: Host, password: str, name: str = "mxuser") -> None:
    host.at("field-LOGIN").fill(name)
    host.at("field-PASSWORD").fill(password)
    host.at("submit").click()


def payloads(host: Host, name: str) -> list[dict[str, Any]]:
    return [payload for event, payload in host.events() if event == name]


def test_from_the_search_to_connected(app: App, host: Open) -> None:
    opened = host(app.widget())
    choose(opened, "mxbank")
    log_in(opened, "correct")
    opened.at("done").click()
    opened.wait_for("stepChange connected>search")
    in_order(
        [
            "load",
            "stepChange >search",
            "loaded search",
            "institutionSearch",
            "selectedInstitution",
            "stepChange search>enterCreds",
            *LOGIN,
            *CONNECTED,
            "connected/primaryAction",
            "backToSearch",
            "stepChange connected>search",
        ],
        opened.steps(),
    )
    (member,) = app.members()
    assert member["connection_status"] == "CONNECTED"
    assert payloads(opened, "MemberConnected")[0]["member_guid"] == member["guid"]
    assert payloads(opened, "InstitutionSearch")[0]["query"] == "mx bank"
    chosen = payloads(opened, "SelectedInstitution")[0]
    assert (chosen["code"], chosen["name"]) == ("mxbank", "MX Bank")
    assert chosen["guid"].startswith("INS-")
    assert {each["user_guid"] for each in payloads(opened, "StepChange")} == {app.user}
    # the one message that MX itself sends in a form that its SDK does not take
    assert [each for each in opened.events() if each[0] == "MessageUnknownError"] == []
    assert len(payloads(opened, "InvalidMessageError")) == 1


def test_keys_alone_connect(app: App, host: Open) -> None:
    opened = host(app.widget(current_institution_code="mxbank"))
    opened.at("field-LOGIN").fill("mxuser")
    opened.page.keyboard.press("Tab")
    opened.page.keyboard.type("correct")
    opened.page.keyboard.press("Enter")
    opened.at("done").wait_for()
    assert opened.frame.locator("h1").evaluate("each => each === document.activeElement")
    opened.page.keyboard.press("Tab")
    opened.page.keyboard.press("Enter")
    opened.wait_for("backToSearch")


@pytest.mark.parametrize("query", ["mxbank", "MX B", "091000019"])
def test_banks_are_found_by_name_code_and_routing_number(query: str, app: App, host: Open) -> None:
    opened = host(app.widget())
    opened.at("search").fill(query)
    opened.at("institution-harborlight_bank").wait_for(state="detached")
    opened.at("institution-mxbank").wait_for()
    opened.at("search").fill("no such bank")
    opened.at("institution-mxbank").wait_for(state="detached")
    assert "no such bank" in opened.frame.locator("#results").inner_text()


def test_nothing_can_be_used_before_the_scripts_have_come(app: App, host: Open, context: Any) -> None:
    """What is left by a click could not tell its host of itself without them."""
    held: list[Any] = []
    context.route("**/kit/page.js", lambda route: held.append(route))
    with context.expect_event("request", lambda asked: asked.url.endswith("/kit/page.js")):
        opened = host(app.widget())
    with pytest.raises(Exception, match="Timeout"):
        opened.at("search").wait_for(timeout=500)
    held[0].continue_()
    opened.at("search").fill("mxbank")
    opened.at("institution-harborlight_bank").wait_for(state="detached")
    opened.wait_for("institutionSearch")


def test_what_is_typed_while_the_page_still_comes_is_searched_for(app: App, host: Open, context: Any) -> None:
    """Its end is held back, by a script of this test."""
    url, held = app.widget(), []

    def with_an_end(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace("</body>", '<script src="/end.js"></script></body>'))

    context.route(url, with_an_end)
    context.route("**/end.js", lambda route: held.append(route))
    opened = host(url)
    opened.at("search").fill("mxbank")
    opened.at("institution-harborlight_bank").wait_for(state="detached")
    opened.wait_for("institutionSearch")
    opened.at("institution-mxbank").click()
    opened.at("field-LOGIN").wait_for()
    held[0].fulfill(content_type="text/javascript", body="")
    opened.wait_for("stepChange search>enterCreds")
    in_order(["load", "stepChange >search", "institutionSearch", "selectedInstitution"], opened.steps())


QUESTIONS = [
    ("challenge", lambda host: host.at("challenge-1").fill("correct")),
    ("options", lambda host: host.at("option-correct").check()),
    ("image", lambda host: host.at("challenge-1").fill("correct")),
]


@pytest.mark.parametrize(("password", "answer"), QUESTIONS, ids=[name for name, _ in QUESTIONS])
def test_questions_are_asked_and_answered(password: str, answer: Callable[[Host], None], app: App, host: Open) -> None:
    opened = host(app.widget(current_institution_code="mxbank"))
    log_in(opened, password)
    answer(opened)
    opened.at("submit").click()
    opened.at("done").wait_for()
    asked = ["memberStatusUpdate 3", "stepChange connecting>mfa", "submitMFA", "stepChange mfa>connecting"]
    in_order(["loaded enterCreds", *LOGIN, *asked, *CONNECTED], opened.steps())
    assert payloads(opened, "SubmitMFA")[0]["member_guid"] == app.members()[0]["guid"]


ASKS = """
name: {name}
provider: mx
extends: connected
flows:
  connect:
    - status: CHALLENGED
      challenges:
        - {challenge}
      right: accepted
  accepted:
    - status: CONNECTED
"""
OPTIONS = "[{label: Tree, value: tree}, {label: Fish, value: fish}]"
CHALLENGES: dict[str, tuple[str, Callable[[Host], None]]] = {
    "asks-pictures": (
        f"{{type: IMAGE_OPTIONS, label: Which?, options: {OPTIONS}, answer: fish}}",
        lambda host: host.at("option-fish").check(),
    ),
    "asks-token": (
        "{type: TOKEN, label: Code, answer: '0123'}",
        lambda host: host.at("challenge-1").fill("0123"),
    ),
}


def test_a_form_that_is_sent_while_a_poll_is_on_its_way_loses_nothing(app: App, host: Open, context: Any) -> None:
    """The poll's answer says what follows the form: it is neither overtaken nor forgotten."""
    app.manual()
    opened = host(app.widget(current_institution_code="mxbank"))
    log_in(opened, "challenge")
    opened.wait_for("stepChange enterCreds>connecting")
    app.advance("2s")
    opened.at("challenge-1").fill("correct")
    held: list[Any] = []
    free: list[bool] = []
    context.route("**/poll*", lambda route: route.continue_() if free else held.append(route))
    opened.page.wait_for_event("request", lambda request: "/poll" in request.url)
    opened.at("submit").click()
    opened.page.wait_for_timeout(1500)  # a form that does not wait has led on by now
    app.advance("10s")
    with opened.page.expect_response(lambda answer: "/poll" in answer.url):
        held[0].continue_()
    free.append(True)
    for each in held[1:]:
        each.continue_()
    opened.wait_for("stepChange mfa>connecting")
    app.advance("10s")
    opened.at("done").wait_for()
    in_order(["stepChange connecting>mfa", "submitMFA", "stepChange mfa>connecting", *CONNECTED], opened.steps())


@pytest.mark.parametrize("name", CHALLENGES)
def test_pictures_to_choose_from_and_tokens(name: str, app: App, host: Open) -> None:
    challenge, answer = CHALLENGES[name]
    app.put_scenario(name, ASKS.format(name=name, challenge=challenge))
    opened = host(app.widget(current_institution_code=f"mock_{name}"))
    log_in(opened, "any")
    answer(opened)
    opened.at("submit").click()
    opened.at("done").wait_for()
    assert app.members()[0]["connection_status"] == "CONNECTED"


def test_a_wrong_answer_is_asked_again(app: App, host: Open) -> None:
    opened = host(app.widget(current_institution_code="mxbank"))
    log_in(opened, "challenge")
    opened.at("challenge-1").fill("wrong")
    opened.at("submit").click()
    opened.wait_for("stepChange connecting>mfa", 2)
    opened.at("challenge-1").fill("correct")
    opened.at("submit").click()
    opened.at("done").wait_for()
    again = ["stepChange mfa>connecting", "memberStatusUpdate 3", "stepChange connecting>mfa"]
    in_order(["stepChange connecting>mfa", *again, "submitMFA", *CONNECTED], opened.steps())


def test_a_refused_login_is_entered_again(app: App, host: Open) -> None:
    opened = host(app.widget(current_institution_code="mxbank"))
    log_in(opened, "INVALID")
    opened.wait_for("memberError 2")
    in_order([*LOGIN, "memberStatusUpdate 2", "stepChange connecting>enterCreds", "memberError 2"], opened.steps())
    assert "did not accept" in opened.at("error").inner_text()
    log_in(opened, "correct")
    opened.at("done").wait_for()
    in_order(["memberError 2", "updateCredentials", "stepChange enterCreds>connecting", *CONNECTED], opened.steps())
    (member,) = app.members()
    assert payloads(opened, "UpdateCredentials")[0]["member_guid"] == member["guid"]


def test_a_locked_account(app: App, host: Open) -> None:
    opened = host(app.widget(current_institution_code="mxbank"))
    log_in(opened, "LOCKED")
    opened.wait_for("memberError 5")
    in_order(["memberStatusUpdate 5", "stepChange connecting>actionableError", "memberError 5"], opened.steps())
    assert opened.at("status").inner_text() == "LOCKED"
    assert "unlock" in opened.at("error").inner_text()
    opened.at("retry").click()
    opened.wait_for("stepChange actionableError>connecting")
    opened.wait_for("memberError 5", 2)


def test_new_credentials_of_a_member(app: App, host: Open) -> None:
    app.member(password="INVALID")
    (member,) = app.members()
    opened = host(app.widget(current_member_guid=member["guid"], update_credentials=True))
    log_in(opened, "correct")
    opened.at("done").wait_for()
    update = ["loaded enterCreds", "updateCredentials", "stepChange enterCreds>connecting"]
    in_order([*update, *CONNECTED], opened.steps())
    assert app.members()[0]["connection_status"] == "CONNECTED"


def test_the_same_login_twice(app: App, host: Open) -> None:
    app.member()
    opened = host(app.widget(current_institution_code="mxbank"))
    log_in(opened, "another")
    opened.wait_for("stepChange enterCreds>existingMember")
    opened.at("submit").click()
    opened.wait_for("stepChange existingMember>enterCreds")
    assert len(app.members()) == 1


def test_a_member_is_disconnected(app: App, host: Open) -> None:
    guid = app.member()["guid"]
    app.control("GET", "/subjects?status=CONNECTED&wait=30s")
    opened = host(app.widget(current_member_guid=guid))
    opened.at("disconnect").click()
    opened.at("option-unused").check()
    opened.at("submit").click()
    opened.wait_for("stepChange connected>deleteMemberSuccess")
    in_order(["loaded connected", "memberDeleted", "stepChange connected>deleteMemberSuccess"], opened.steps())
    assert payloads(opened, "MemberDeleted")[0]["member_guid"] == guid
    assert app.members() == []


def test_an_account_is_added_by_hand(app: App, host: Open) -> None:
    opened = host(app.widget())
    opened.at("manual-account").click()
    opened.at("field-name").fill("Piggy <b>bank</b>")
    opened.at("field-balance").fill("12.50")
    opened.at("option-SAVINGS").check()
    opened.at("submit").click()
    opened.wait_for("stepChange addManualAccount>search")
    in_order(["stepChange search>addManualAccount", "account/created", "backToSearch"], opened.steps())
    (account,) = app.mx("GET", f"/users/{app.user}/accounts")["accounts"]
    assert (account["name"], account["balance"], account["type"]) == ("Piggy <b>bank</b>", 12.5, "SAVINGS")
    assert payloads(opened, "AccountCreated")[0]["guid"] == account["guid"]


def test_the_hosts_back_button(app: App, host: Open) -> None:
    opened = host(app.widget())
    opened.at("search").wait_for()
    opened.page.evaluate("window.widget.navigateBack()")
    opened.wait_for("navigation")
    choose(opened, "mxbank")
    opened.at("field-LOGIN").wait_for()
    opened.page.evaluate("window.widget.navigateBack()")
    opened.at("search").wait_for()
    assert [each["did_go_back"] for each in payloads(opened, "Navigation")] == [False, True]


def test_a_verification_asks_for_the_account(app: App, host: Open) -> None:
    opened = host(app.widget(mode="verification", current_institution_code="mxbank"))
    log_in(opened, "correct")
    opened.at("challenge-1").wait_for()
    opened.frame.locator("input[type=radio]").first.check()
    opened.at("submit").click()
    opened.at("done").wait_for()
    asked = ["memberStatusUpdate 6", "memberStatusUpdate 3", "stepChange connecting>mfa", "submitMFA"]
    in_order([*LOGIN, *asked, "stepChange mfa>connecting", "memberStatusUpdate 6", "memberConnected"], opened.steps())
    (member,) = app.members()
    numbers = app.mx("GET", f"/users/{app.user}/members/{member['guid']}/account_numbers")["account_numbers"]
    assert len(numbers) == 1


def test_a_bank_without_an_account_to_verify(app: App, host: Open) -> None:
    opened = host(app.widget(mode="verification", current_institution_code="mock_no-accounts"))
    log_in(opened, "any")
    opened.wait_for("stepChange connecting>verifyError")
    (invalid,) = payloads(opened, "InvalidData")
    assert (invalid["code"], invalid["member_guid"]) == (1000, app.members()[0]["guid"])
    raw = next(each for each in opened.raw() if each.get("type") == "mx/connect/invalidData")
    assert raw["metadata"]["member"] == {"guid": invalid["member_guid"], "code": 1000}


def test_microdeposits_from_the_numbers_to_verified(app: App, host: Open) -> None:
    app.manual()
    opened = host(app.widget(mode="verification"))
    opened.at("microdeposits").click()
    opened.at("field-routing_number").fill("091000019")
    opened.at("field-account_number").fill("333398765")
    opened.at("submit").click()
    opened.at("field-first_name").fill("Ada")
    opened.at("field-last_name").fill("Lovelace")
    opened.at("field-email").fill("ada@example.com")
    opened.at("submit").click()
    opened.at("done").click()
    opened.wait_for("microdeposits/comeBack/primaryAction")
    in_order(
        ["stepChange search>microdeposits", "microdeposits/loaded account", "microdeposits/detailsSubmitted"],
        opened.steps(),
    )
    (deposit,) = app.mx("GET", f"/users/{app.user}/micro_deposits")["micro_deposits"]
    app.advance("10m")

    named = {"mode": "verification", "current_microdeposit_guid": deposit["guid"]}
    opened = host(app.widget({"Accept-Version": "v20250224"}, **named))  # v20111101 does not know this option
    for amounts in (("0.01", "0.02"), ("0.09", "0.09")):
        for place, amount in enumerate(amounts, 1):
            opened.at(f"field-amount_{place}").fill(amount)
        opened.at("submit").click()
        if amounts[0] == "0.01":
            assert "not the amounts" in opened.at("error").inner_text()
    opened.at("done").click()
    opened.wait_for("microdeposits/verified/primaryAction")
    in_order(["loaded microdeposits", "microdeposits/verified"], opened.steps())


def test_time_that_stands_still_is_said_and_moved(app: App, host: Open) -> None:
    app.manual()
    opened = host(app.widget(current_institution_code="mxbank"))
    log_in(opened, "challenge")
    opened.frame.get_by_text("Time stands still").first.wait_for()
    opened.frame.locator("main [data-to=next]").click()
    opened.at("challenge-1").wait_for()
    assert app.members()[0]["connection_status"] == "CHALLENGED"


def test_the_sandbox_line_fills_in_what_leads_on(app: App, host: Open) -> None:
    opened = host(app.widget(current_institution_code="mxbank"))
    opened.frame.locator("#sandbox summary").click()
    opened.frame.locator("li", has_text="Password challenge:").get_by_role("button").click()
    opened.at("submit").click()
    opened.at("challenge-1").wait_for()
    opened.at("hint-1").click()
    opened.at("submit").click()
    opened.at("done").wait_for()
    assert app.members()[0]["connection_status"] == "CONNECTED"
