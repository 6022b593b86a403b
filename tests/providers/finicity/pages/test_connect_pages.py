"""Connect's pages without a browser: what each act leads to, and that it is what the API and the webhooks show."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Receiver
from tests.providers.finicity.client import Finicity
from tests.providers.finicity.pages.visit import LOGIN, REST, Visit, start, told
from tests.providers.pages.sending import sent_at_once


def test_full_from_the_first_page_to_submit(finicity: Finicity) -> None:
    customer = finicity.customer()
    visit = Visit(finicity, finicity.generate(customer))
    assert visit.do("agree") == "Find your bank"
    visit.do("search", q="FinBank")
    assert visit.do("select", institution="101732") == "Sign in at FinBank"
    assert visit.log_in() == "Choose your accounts"
    first, *others = visit.accounts()
    assert visit.do("choose", account=others) == "Your accounts are connected"
    assert [account["id"] for account in finicity.accounts(customer)] == others
    assert visit.do("submit") == "All done"
    told = {item["json"]["eventType"]: item["json"]["payload"] for item in finicity.received()}
    assert list(told) == [*LOGIN, *REST]
    assert [account["id"] for account in told["discovered"]["accounts"]] == [first, *others]
    assert [account["id"] for account in told["added"]["accounts"]] == others
    assert visit.told() == [
        "route landing",
        "route search",
        "route search FinBank",
        "route sign-in 101732",
        "user AddAccounts None",
        "route add-accounts 101732",
        "user AddAccounts True",
        "route done 101732",
        "done 200 complete",
    ]


def test_adding_accounts_is_told_twice(finicity: Finicity) -> None:
    visit = start(finicity)
    visit.log_in()
    chosen = visit.accounts()[:2]
    visit.do("choose", account=chosen)
    begun, outcome = [each["data"] for each in visit.messages if each["type"] == "user"]
    names = ("institutionLoginId", "accounts", "accountIds", "success", "errorCode")
    assert [begun[name] for name in names] == [None, None, [], None, None]
    login = finicity.accounts(finicity.received()[0]["json"]["customerId"])[0]["institutionLoginId"]
    assert [outcome[name] for name in names] == [login, 2, chosen, True, None]
    assert begun["institutionId"] == outcome["institutionId"] == "101732"


@pytest.mark.parametrize(
    ("username", "password", "heading", "alert"),
    [
        ("invalid_user", "go", "Sign in at FinBank", "Incorrect sign-in"),
        ("demo", "128", "FinBank cannot be reached", "FinBank cannot be reached"),
    ],
)
def test_a_login_that_fails(finicity: Finicity, username: str, password: str, heading: str, alert: str) -> None:
    visit = start(finicity)
    assert visit.log_in(username, password) == heading
    assert f"user DisplayAlert {alert}" in visit.told()
    assert 'data-testid="error"' in visit.page
    visit.do("retry")
    assert visit.log_in("demo", "go") == "Choose your accounts"


def test_the_codes_of_a_failure(finicity: Finicity) -> None:
    visit = start(finicity)
    visit.log_in("demo", "128")
    outcome, alert = [each["data"] for each in visit.messages if each["type"] == "user"][-2:]
    assert (outcome["action"], outcome["success"], outcome["errorCode"]) == ("AddAccounts", False, 128)
    assert (alert["action"], alert["errorCode"], alert["institutionName"]) == ("DisplayAlert", 128, "FinBank")
    assert finicity.received()[-1]["json"]["payload"] == {"institutionId": "101732", "code": 128}


def test_a_code_that_has_no_words_is_said_once(finicity: Finicity) -> None:
    visit = start(finicity)
    visit.log_in("demo", "123")
    [error] = re.findall(r'data-testid="error"[^>]*>(.*?)</', visit.page, re.DOTALL)
    assert error.count("123") == 1


@pytest.mark.parametrize(
    ("answers", "heading"),
    [(["Rex"], "Choose your accounts"), (["mfa", "Rex"], "Choose your accounts"), (["fail"], "Sign in at FinBank")],
)
def test_questions(finicity: Finicity, answers: list[str], heading: str) -> None:
    visit = start(finicity)
    shown = visit.log_in("tfa_text", "go")
    for answer in answers:
        assert shown == "Confirm that it is you"
        shown = visit.do("answer", **{"answer-1": answer})
    assert shown == heading


def test_a_question_that_nobody_answers_in_time(finicity: Finicity) -> None:
    visit = start(finicity)
    visit.log_in("tfa_text", "go")
    assert visit.poll() == ""
    finicity.advance("10m")
    assert visit.poll() == "That took too long"
    visit.do("retry")
    assert visit.log_in() == "Choose your accounts"


def test_a_search_that_finds_nothing_tells_the_app(finicity: Finicity) -> None:
    visit = start(finicity, None)
    finicity.http.get(f"{visit.address}/search?q=nowher")  # only typed
    assert finicity.told() == ["started"]
    visit.do("search", q="nowhere")
    visit.do("search", q="nowhere")
    assert finicity.told() == ["started", "institutionNotFound"]
    assert finicity.received()[-1]["json"]["payload"] == {"query": "nowhere"}
    assert "Nothing found" in visit.page


def test_a_scenario_in_which_nothing_is_found(finicity: Finicity) -> None:
    visit = start(finicity, None, scenario="institution-not-found")
    assert "institution-101732" not in finicity.http.get(f"{visit.address}/search?q=FinBank").text
    visit.do("search", q="FinBank")
    assert "Nothing found" in visit.page
    assert finicity.told() == ["started", "institutionNotFound"]


def test_another_bank_after_one_that_is_not_supported(finicity: Finicity) -> None:
    visit = start(finicity, "176082")
    assert "FinBank Decertified is not supported" in visit.page
    visit.do("back")
    assert visit.do("select", institution="101732") == "Sign in at FinBank"
    visit.do("back")
    visit.do("select", institution="102105")
    visit.log_in()
    visit.do("choose", account=visit.accounts())
    banks = [item["json"]["payload"].get("institutionId") for item in finicity.received()]
    assert banks == [None, "176082", "101732", "102105", "102105", "102105", "102105"]
    assert finicity.told() == ["started", "institutionNotSupported", "institutionSupported", *LOGIN[1:], *REST[:-1]]


def test_a_second_bank_in_one_session(finicity: Finicity) -> None:
    customer = finicity.customer()
    visit = Visit(finicity, finicity.generate(customer))
    visit.do("agree")
    for bank in ("101732", "102105"):
        visit.do("select", institution=bank)
        visit.log_in()
        visit.do("choose", account=visit.accounts()[:1])
        assert visit.do("another") == "Find your bank"
    visit.do("select", institution="102168")
    visit.log_in()
    visit.do("choose", account=visit.accounts()[:1])
    assert {each["institutionId"] for each in finicity.accounts(customer)} == {"101732", "102105", "102168"}
    assert visit.do("submit") == "All done"
    assert finicity.told().count("added") == 3
    assert finicity.told().count("done") == 1


NOBODYS = """
name: nobodys
provider: finicity
extends: connect-full
flows:
  connect:
    - status: started
    - status: institutionSupported
    - {data: empty, status: discovered}
    - status: adding
    - status: added
"""


@pytest.mark.parametrize("scenario", ["no-accounts", "nobodys"])
def test_no_accounts(finicity: Finicity, scenario: str) -> None:
    finicity.put_scenario("nobodys", NOBODYS)
    visit = start(finicity, scenario=scenario)
    assert visit.log_in() == "No accounts found"


def test_accounts_that_another_session_had_added(finicity: Finicity) -> None:
    customer = finicity.customer()
    finicity.connected(customer)
    visit = Visit(finicity, finicity.generate(customer))
    visit.do("agree")
    visit.do("select", institution="101732")
    visit.log_in()
    visit.do("choose", account=visit.accounts()[:2])
    assert "Everyday Checking" in visit.page
    assert "Rainy Day Savings" in visit.page
    assert "Cashback Credit Card" not in visit.page


def test_one_account_at_least_and_no_field_empty(finicity: Finicity) -> None:
    visit = start(finicity)
    visit.log_in("", "x")
    assert "fill in all fields" in visit.page
    visit.log_in()
    visit.do("choose")
    assert "Choose at least one account" in visit.page
    assert "added" not in finicity.told()


def test_lite_has_one_bank_and_no_choice(finicity: Finicity) -> None:
    customer = finicity.customer()
    visit = Visit(finicity, finicity.generate(customer, "lite", institutionId=102105))
    assert visit.do("agree") == "Sign in at FinBank Profiles - A"
    assert 'data-testid="back"' not in visit.page
    assert visit.log_in() == "Your accounts are connected"
    assert len(finicity.accounts(customer)) == 3
    assert visit.do("submit") == "All done"


def broken(finicity: Finicity) -> tuple[str, str]:
    """A customer with a login that needs a repair; the customer and the login."""
    customer = finicity.customer()
    finicity.play(finicity.generate(customer, scenario="fix"), username="somebody")
    finicity.later("1h")
    account = finicity.accounts(customer)[0]
    assert account["aggregationStatusCode"] == 103
    return customer, str(account["institutionLoginId"])


def test_fix_repairs_a_login(finicity: Finicity) -> None:
    customer, login = broken(finicity)
    visit = Visit(finicity, finicity.generate(customer, "fix", institutionLoginId=login))
    assert "Repair your connection to FinBank" in visit.page
    assert visit.do("agree") == "Sign in at FinBank"
    assert 'value="somebody"' in visit.page
    assert visit.log_in() == "FinBank is connected again"
    assert visit.do("submit") == "All done"
    assert finicity.accounts(customer)[0]["aggregationStatusCode"] == 0
    assert finicity.told()[-2:] == ["processing", "done"]


def test_nothing_to_fix(finicity: Finicity) -> None:
    customer = finicity.customer()
    login = str(finicity.connected(customer)[0]["institutionLoginId"])
    link = finicity.generate(customer, "fix", institutionLoginId=login)
    visit = Visit(finicity, link)
    assert visit.do("agree") == "Nothing to repair"
    visit.do("close")
    assert visit.told()[-1] == "error 201 error"
    again = Visit(finicity, link)
    again.do("agree")
    assert again.do("retry") == "Sign in at FinBank"
    assert again.log_in() == "FinBank is connected again"


def test_joint_borrowers_connect_one_after_the_other(finicity: Finicity) -> None:
    customers = [finicity.customer("primary-1"), finicity.customer("joint-1")]
    borrowers = [
        {"type": type, "customerId": customer, "consumerId": finicity.consumer(customer)}
        for type, customer in zip(("primary", "jointBorrower"), customers, strict=True)
    ]
    link = finicity.generate("", "jointBorrower", customerId=None, borrowers=borrowers[::-1])
    visit = Visit(finicity, link)
    assert "primary borrower" in visit.page
    visit.do("agree")
    for customer, bank in zip(customers, ("101732", "102105"), strict=True):
        visit.do("select", institution=bank)
        visit.log_in()
        visit.do("choose", account=visit.accounts()[:1])
        assert [each["institutionId"] for each in finicity.accounts(customer)] == [bank]
        visit.do("next_borrower")
    assert visit.do("submit") == "All done"
    assert finicity.told() == ["started", "done"]


def test_what_is_played_without_the_page_shows_on_it(finicity: Finicity) -> None:
    visit = start(finicity)
    visit.log_in("tfa_text", "go")
    assert visit.poll() == ""
    session = finicity.control("GET", "/subjects")["subjects"][0]["id"]
    finicity.control("POST", f"/subjects/{session}/act", {"do": "answer", "answers": ["Rex"]})
    assert visit.poll() == "Choose your accounts"
    finicity.control("POST", f"/subjects/{session}/act", {"do": "approve"})
    assert visit.poll() == "All done"
    assert visit.told()[-1] == "done 200 complete"


def test_leaving_ends_the_visit_and_the_link_opens_again(finicity: Finicity) -> None:
    link = finicity.generate(finicity.customer())
    visit = Visit(finicity, link)
    visit.do("agree")
    visit.do("select", institution="101732")
    assert visit.do("close") == "You have left Connect"
    assert visit.told()[-1] == "cancel 100 exit"
    visit.log_in()
    assert finicity.told() == LOGIN
    again = Visit(finicity, link)
    assert finicity.told() == [*LOGIN, "started"]
    assert visit.do("agree", status=410) == "This page is open elsewhere"
    assert again.do("agree") == "Find your bank"


def test_a_session_times_out_with_its_link(finicity: Finicity) -> None:
    link = finicity.generate(finicity.customer())
    visit = Visit(finicity, link)
    finicity.advance("2h")
    assert visit.poll() == "The session has timed out"
    assert visit.told()[-1] == "error 1440 timeout"
    expired = finicity.http.get(link)
    assert (expired.status_code, "has expired" in expired.text) == (410, True)


def test_a_session_whose_scenario_is_gone(finicity: Finicity) -> None:
    finicity.put_scenario("mine", "name: mine\nprovider: finicity\nflows: {connect: [{status: started}]}\n")
    visit = start(finicity, scenario="mine")
    finicity.control("DELETE", "/scenarios/mine", status=204)
    assert visit.log_in() == "Something went wrong"
    assert visit.told()[-1] == "error 500 error"


def test_a_scenario_that_goes_while_nobody_does_anything(finicity: Finicity) -> None:
    steps = "{status: started}, {status: discovered}, {after: 1s, status: adding}, {status: added}"
    finicity.put_scenario("mine", f"name: mine\nprovider: finicity\nflows: {{connect: [{steps}]}}\n")
    link = finicity.generate(finicity.customer(), "lite", institutionId=101732, scenario="mine")
    visit = Visit(finicity, link)
    visit.do("agree")
    assert visit.log_in() == "Connecting to FinBank"
    finicity.advance("1s")
    finicity.control("DELETE", "/scenarios/mine", status=204)
    assert visit.poll() == "The session ends here"
    visit.do("close")
    assert visit.told()[-1] == "cancel 100 exit"


def test_a_reload_goes_on_where_it_was_and_tells_the_new_document(finicity: Finicity) -> None:
    visit = start(finicity)
    again = finicity.http.get(visit.address).text
    assert "Sign in at FinBank" in again
    assert "sign-in" in again
    visit.log_in()
    visit.do("choose", account=visit.accounts())
    visit.do("submit")
    for _ in range(2):
        assert "complete" in finicity.http.get(visit.address).text


def test_a_form_of_a_page_that_is_over_changes_nothing(finicity: Finicity) -> None:
    visit = start(finicity)
    turn = re.findall(r'name="turn" value="([^"]*)"', visit.page)[0]
    session = finicity.control("GET", "/subjects")["subjects"][0]["id"]
    finicity.control("POST", f"/subjects/{session}/act", {"do": "approve"})  # somebody else goes on
    sent = finicity.told()
    assert visit.do("log_in", turn=turn, **{"Banking Userid": "other", "Banking Password": "x"}) == "All done"
    assert finicity.told() == sent


def test_of_forms_that_are_sent_at_once_the_first_acts(finicity: Finicity, monkeypatch: pytest.MonkeyPatch) -> None:
    visit = start(finicity)
    turn = html.unescape(re.findall(r'name="turn" value="([^"]*)"', visit.page)[0])
    form = {"turn": turn, "Banking Userid": "somebody", "Banking Password": "secret"}
    assert sent_at_once(finicity.http.application, f"{visit.address}/log_in", form, monkeypatch) == {303}
    added = [each for each in told(finicity.http.get(visit.address).text) if each["type"] == "user"]
    assert [each["data"]["action"] for each in added] == ["AddAccounts"]


def test_what_is_done_too_late_is_not_done(finicity: Finicity) -> None:
    visit = start(finicity)
    finicity.advance("2h")
    assert visit.log_in() == "The session has timed out"
    assert "discovered" not in finicity.told()


def test_a_bank_page_that_shares_nothing_asks_for_an_account(finicity: Finicity) -> None:
    customer = finicity.customer()
    visit = Visit(finicity, finicity.generate(customer))
    visit.do("agree")
    visit.do("select", institution="102176")
    assert visit.do("log_in") == "Go on at FinBank OAuth"
    bank = f"{visit.address}/bank"
    assert "fill in all fields" in finicity.http.post(bank, data={"username": "", "password": "x"}).text
    consent = finicity.http.post(bank, data={"username": "any", "password": "x"}).text
    assert "Share your accounts?" in consent
    assert "at least one account" in finicity.http.post(bank, data={"do": "approve", "choice": "yes"}).text
    chosen = re.findall(r'data-testid="option-(\d+)"', consent)[:1]
    finicity.http.post(bank, data={"do": "approve", "choice": "yes", "account": chosen})
    assert [account["id"] for account in finicity.accounts(customer)] == chosen
    assert finicity.http.get(bank).status_code == 410
    assert visit.poll() == "Your accounts are connected"


@pytest.mark.parametrize(
    ("redirect", "end", "address"),
    [
        ("https://app.example/back", "close", "https://app.example/back?reason=exit&code=100"),
        (
            "https://app.example/back?order=7#top",
            "submit",
            "https://app.example/back?order=7&reason=complete&code=200#top",
        ),
        ("myapp://back", "late", "myapp://back?reason=timeout&code=1440"),
    ],
)
def test_the_way_back_to_the_app(finicity: Finicity, redirect: str, end: str, address: str) -> None:
    visit = start(finicity, redirectUri=redirect)
    visit.log_in()
    visit.do("choose", account=visit.accounts())
    if end == "late":
        finicity.advance("2h")
        visit.poll()
    else:
        visit.do(end)
    assert f'data-redirect="{address.replace("&", "&amp;")}"' in visit.page


def test_links_that_are_none(finicity: Finicity) -> None:
    link = finicity.generate(finicity.customer())
    path = link.removeprefix("http://localhost")
    for wrong in (path.replace("customerId=", "customerId=1"), "/finicity/connect", f"/sandbox/other{path}"):
        answer = finicity.http.get(wrong)
        assert (answer.status_code, answer.mimetype) == (404, "text/html"), wrong
    assert finicity.http.get("/finicity/connect/session/forged/1").status_code == 410
    assert finicity.http.head(link).status_code == 200
    assert finicity.told() == []


def test_a_single_use_link_that_was_used(finicity: Finicity) -> None:
    link = finicity.generate(finicity.customer(), singleUseUrl=True)
    assert Visit(finicity, link).do("agree") == "Find your bank"
    finicity.play(link)
    used = finicity.http.get(link)
    assert (used.status_code, "used already" in used.text) == (410, True)


@pytest.mark.parametrize(("language", "heading"), [("es", "Busque su banco"), ("fr", "Trouvez votre banque")])
def test_other_languages(finicity: Finicity, language: str, heading: str) -> None:
    visit = Visit(finicity, finicity.generate(finicity.customer(), language=language))
    assert visit.do("agree") == heading


def test_plain_pages_have_no_sandbox_line(make_server: Callable[..., Any], receiver: Receiver) -> None:
    for plain in (False, True):
        client = Finicity(make_server(plain_pages=plain).app, receiver)
        assert ('id="sandbox"' in start(client, bank=None).page) is not plain
