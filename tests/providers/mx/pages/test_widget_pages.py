"""The addresses of the widget without a browser: one-time links, sessions, who may post, what is allowed in a frame."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from mocksrv.providers.mx.pages import steps
from mocksrv.providers.mx.pages.session import WidgetSession
from tests.conftest import MX
from tests.providers.pages.sending import sent_at_once

FORM = {"LOGIN": "mxuser", "PASSWORD": "challenge"}


class Visit:
    """A visit of the widget by a client that runs no script."""

    def __init__(self, mx: MX, **options: Any) -> None:
        self.mx = mx
        self.user = mx.user()
        self.link = widget(mx, self.user, **options)
        self.page = mx.http.get(self.link, follow_redirects=True, headers={"Referer": "https://app.example/pay?x"})
        self.address = self.page.request.path

    def do(self, act: str, status: int = 200, headers: dict[str, str] | None = None, **fields: str) -> str:
        """Sends a form; the page that it leads to."""
        answer = self.mx.http.post(f"{self.address}/{act}", data=fields, headers=headers, follow_redirects=True)
        assert answer.status_code == status
        return answer.get_data(as_text=True)

    def poll(self) -> str:
        """What a poll brings; empty for nothing new."""
        return self.mx.http.get(f"{self.address}/poll").get_data(as_text=True)


def widget(mx: MX, user: str, headers: dict[str, str] | None = None, **options: Any) -> str:
    asked = {"widget_url": {"widget_type": "connect_widget", **options}}
    url: str = mx.call("POST", f"/users/{user}/widget_urls", asked, headers=headers)["widget_url"]["url"]
    return url.removeprefix("http://localhost")


def told(page: str) -> list[Any]:
    """The messages that a page sends."""
    found = re.search(r'data-messages="([^"]*)"', page)
    assert found
    return [each.get("post", each.get("go")) for each in json.loads(html.unescape(found[1]))]


def test_a_link_is_good_for_one_visit_which_can_be_reloaded(mx: MX) -> None:
    visit = Visit(mx)
    assert "Select your institution" in visit.page.text
    assert "Select your institution" in mx.http.get(visit.address).text
    again = mx.http.get(visit.link)
    assert (again.status_code, "used already" in again.text) == (410, True)


def test_head_is_no_visit(mx: MX) -> None:
    user = mx.user()
    link = widget(mx, user)
    assert mx.http.head(link).status_code == 200
    assert mx.http.get(link).status_code == 303


def test_links_that_are_old_forged_of_another_kind_or_of_another_sandbox(mx: MX) -> None:
    user = mx.user()
    link = widget(mx, user)
    token = link.rpartition("/")[2]
    for wrong in (f"/md/pulse/{token}", "/md/connect/forged", f"/sandbox/other{link}", "/md/session/forged"):
        assert mx.http.get(wrong).status_code in (404, 410), wrong
        assert mx.http.get(wrong).mimetype == "text/html", wrong
    mx.advance("11m")
    assert mx.http.get(link).status_code == 404


def test_the_first_host_is_told_everything(mx: MX) -> None:
    """Later steps have our own page as their referrer."""
    visit = Visit(mx, current_institution_code="mxbank")
    assert 'data-target="https://app.example"' in visit.page.text
    page = mx.http.get(visit.address, headers={"Referer": f"http://localhost{visit.address}"})
    assert 'data-target="https://app.example"' in page.text


def test_messages_are_sent_once(mx: MX) -> None:
    visit = Visit(mx)
    assert [each["type"] for each in told(visit.page.text)] == ["mx/load", "mx/connect/stepChange", "mx/connect/loaded"]
    assert told(visit.page.text)[1]["metadata"].keys() == {"current", "user_guid", "session_guid"}
    assert told(mx.http.get(visit.address).text) == []


def test_any_host_may_frame_it_and_no_script_but_ours_runs(mx: MX) -> None:
    visit = Visit(mx)
    policy = visit.page.headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in visit.page.headers
    assert "frame-ancestors" not in policy
    assert "form-action" not in policy
    assert "default-src 'none'; script-src 'self'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=", visit.page.text)
    assert not re.search(r"""(?:src|href)=["']https?:""", visit.page.text)


@pytest.mark.parametrize(
    ("origin", "status"), [("null", 200), ("http://localhost", 200), ("https://evil.example", 403)]
)
def test_pages_of_others_do_not_post(origin: str, status: int, mx: MX) -> None:
    visit = Visit(mx)
    visit.do("select", status, {"Origin": origin}, institution="mxbank")
    entered = "Log in at MX Bank" in mx.http.get(visit.address).text
    assert entered == (status == 200)


def test_a_form_counts_once(mx: MX) -> None:
    visit = Visit(mx, current_institution_code="mxbank")
    turn = re.search(r'name="turn" value="(\d+)"', visit.page.text)
    assert turn
    for _ in range(2):
        visit.do("credentials", turn=turn[1], **FORM)
    assert len(mx.call("GET", f"/users/{visit.user}/members")["members"]) == 1


def test_of_forms_that_are_sent_at_once_the_first_acts(mx: MX, monkeypatch: pytest.MonkeyPatch) -> None:
    visit = Visit(mx)
    visit.do("manual")
    form = {"name": "Piggy bank", "type": "SAVINGS", "balance": "12.5"}
    assert sent_at_once(mx.http.application, f"{visit.address}/track", form, monkeypatch) == {303}
    assert len(mx.call("GET", f"/users/{visit.user}/accounts")["accounts"]) == 1


def test_a_page_that_is_shown_makes_no_member(mx: MX) -> None:
    """The member that waits for the bank's page is made by what leads there: pages may be asked for at once."""
    chosen, named = Visit(mx), Visit(mx, current_institution_code="mx_bank_oauth")
    mx.http.post(f"{chosen.address}/select", data={"institution": "mx_bank_oauth"})
    for visit in (chosen, named):
        (made,) = mx.call("GET", f"/users/{visit.user}/members")["members"]
        shown = {mx.http.get(visit.address).text.partition("data-bank=")[2].split('"')[1] for _ in range(2)}
        assert (len(shown), made["connection_status"]) == (1, "PENDING")
        assert len(mx.call("GET", f"/users/{visit.user}/members")["members"]) == 1


def test_what_a_page_keeps_while_a_form_is_on_its_way_is_no_act(mx: MX, monkeypatch: pytest.MonkeyPatch) -> None:
    visit = Visit(mx)
    claim = WidgetSession.claim

    def late(session: WidgetSession) -> bool:
        with session.page.change() as world:  # a host's second frame has been told something
            world.save(replace(session.record))
        return claim(session)

    monkeypatch.setattr(WidgetSession, "claim", late)
    assert "Log in at MX Bank" in visit.do("select", institution="mxbank")


def test_a_member_is_made_as_the_widget_was_asked_for(mx: MX) -> None:
    payload = {"X-CALLBACK-PAYLOAD": "aGVsbG8="}
    user = mx.user()
    options = {"current_institution_code": "mxbank", "disable_background_agg": True, "use_cases": ["PFM"]}
    link = widget(mx, user, payload | {"X-Mocksrv-Scenario": "locked"}, **options)
    address = mx.http.get(link, follow_redirects=True).request.path
    mx.http.post(f"{address}/credentials", data=FORM)
    (member,) = mx.call("GET", f"/users/{user}/members")["members"]
    assert (member["background_aggregation_is_disabled"], member["use_cases"]) == (True, ["PFM"])
    (subject,) = mx.control("GET", "/subjects")["subjects"]
    assert subject["scenario"] == "locked"
    (event,) = mx.control("GET", "/webhooks?event=mx.member.created")["webhooks"]
    assert event["headers"]["X-CALLBACK-PAYLOAD"] == "aGVsbG8="


def test_polls_say_nothing_until_there_is_something_and_count_as_reads(mx: MX) -> None:
    visit = Visit(mx, current_institution_code="mxbank")
    visit.do("credentials", **FORM)
    assert [each["metadata"]["connection_status"] for each in told(visit.poll())] == [0]
    assert visit.poll() == ""
    mx.advance("2s")
    kinds = [each["type"].rpartition("/")[2] for each in told(visit.poll())]
    assert kinds == ["memberStatusUpdate", "stepChange"]
    assert visit.poll() == ""


def test_a_host_is_told_once_that_it_takes_long(mx: MX) -> None:
    visit = Visit(mx, current_institution_code="mock_slow")
    visit.do("credentials", **FORM)
    visit.poll()
    mx.advance("61s")
    steps = [each["metadata"] for each in told(visit.poll()) if each["type"].endswith("stepChange")]
    assert [(each["previous"], each["current"]) for each in steps] == [("connecting", "timeOut")]
    assert "longer than usual" in mx.http.get(visit.address).text


def test_an_answer_that_comes_too_late(mx: MX) -> None:
    visit = Visit(mx, current_institution_code="mxbank")
    visit.do("credentials", **FORM)
    mx.advance("2s")
    visit.poll()
    mx.advance("11m")
    page = visit.do("answer", **{"answer-1": "correct"})
    assert "came too late" in page


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("IMPEDED", "needs your attention"),
        ("DEGRADED", "being upgraded"),
        ("DISCONNECTED", "interrupted"),
        ("DISCONTINUED", "not supported any more"),
        ("CLOSED", "was closed"),
        ("FAILED", "could not be reached"),
        ("DISABLED", "switched off"),
        ("EXPIRED", "Connecting to"),  # a new job starts at once
        ("REJECTED", "Connecting to"),
        ("CONNECTED", "are connected"),
        ("DENIED", "Log in at"),
        ("PREVENTED", "Your login is needed"),
        ("IMPAIRED", "Your login is needed"),
        ("IMPORTED", "Your login is needed"),
        ("CHALLENGED", "Confirm that it is you"),
        ("LOCKED", "account is locked"),
    ],
)
def test_where_a_member_is_gone_on_with(status: str, said: str, mx: MX) -> None:
    user = mx.user()
    guid = mx.create(user)["guid"]
    mx.advance("10s")
    mx.control("PUT", f"/subjects/{guid}/status", {"status": status})
    page = mx.http.get(widget(mx, user, current_member_guid=guid), follow_redirects=True)
    assert said in html.unescape(page.text)


def test_other_widgets_are_placeholders_that_load(mx: MX) -> None:
    visit = Visit(mx, widget_type="pulse_widget")
    assert "pulse_widget" in visit.page.text
    assert [each["type"] for each in told(visit.page.text)] == ["mx/load"]


def test_a_user_who_has_a_member_to_verify_is_offered_it(mx: MX) -> None:
    user = mx.user()
    guid = mx.create(user)["guid"]
    mx.advance("10s")
    page = mx.http.get(widget(mx, user, mode="verification"), follow_redirects=True)
    assert f"option-{guid}" in page.text
    answer = mx.http.post(f"{page.request.path}/existing", data={"member": guid}, follow_redirects=True)
    assert "Connecting to" in answer.text


def test_plain_pages_have_no_sandbox_line(make_server: Any) -> None:
    for plain in (False, True):
        mx = MX(make_server(plain_pages=plain).app)
        assert ('id="sandbox"' in Visit(mx).page.text) is not plain


def test_who_may_not_use_the_control_api_is_not_offered_it(make_server: Any) -> None:
    for token in (None, "secret"):
        mx = MX(make_server(control_token=token).app)
        assert ("data-advance" in Visit(mx).page.text) is (token is None)


def test_a_poll_does_not_undo_what_is_done_meanwhile(mx: MX, monkeypatch: pytest.MonkeyPatch) -> None:
    visit = Visit(mx, current_institution_code="mxbank")
    visit.do("credentials", **FORM)
    mx.advance("2s")

    def watch(session: WidgetSession) -> None:
        visit.do("back")
        steps.watch(session)

    monkeypatch.setattr("mocksrv.providers.mx.pages.widget.watch", watch)
    assert visit.poll() == ""
    assert "Select your institution" in mx.http.get(visit.address).text


def test_a_page_whose_step_is_over_is_told_so_by_its_next_poll(mx: MX) -> None:
    """Another tab has left the step, or the answer of the poll that did was lost."""
    visit = Visit(mx, current_institution_code="mxbank")
    page = visit.do("credentials", **(FORM | {"PASSWORD": "correct"}))
    seen = re.search(r'data-poll="([^"]*)"', page)
    assert seen
    mx.advance("1m")
    for _ in range(2):
        assert 'data-testid="done"' in mx.http.get(html.unescape(seen[1])).text
    assert mx.http.get(f"{visit.address}/poll").status_code == 204


def stepped(mx: MX, *steps: str, **options: Any) -> Visit:
    """A visit where MX has switched on steps for the client."""
    mx.control("PUT", "/sandbox", {"steps": list(steps)})
    return Visit(mx, **options)


def test_a_widget_says_first_what_it_is_for_where_that_is_switched_on(mx: MX) -> None:
    visit = stepped(mx, "disclosure")
    assert "Before you begin" in visit.page.text
    assert told(visit.page.text)[-1]["metadata"]["initial_step"] == "disclosure"
    assert told(visit.do("navigate"))[-1]["metadata"]["did_go_back"] is False
    page = visit.do("disclosed")
    assert "Select your institution" in page
    changed = told(page)[-1]["metadata"]
    assert (changed["previous"], changed["current"]) == ("disclosure", "search")


def test_an_institution_is_read_with_consent_where_that_is_switched_on(mx: MX) -> None:
    visit = stepped(mx, "consent", "disclosure", current_institution_code="mxbank", include_identity=True)
    page = visit.do("disclosed")
    assert all(shared in page for shared in ("Accounts and their balances", "Transactions", "Names and addresses"))
    assert "Account and routing numbers" not in page
    page = visit.do("consented")
    assert "Log in at MX Bank" in page
    assert [message["metadata"]["current"] for message in told(page)] == ["enterCreds"]


def test_consent_to_a_verification_names_the_numbers_and_no_transactions(mx: MX) -> None:
    page = stepped(mx, "consent", mode="verification").do("select", institution="mxbank")
    assert "Account and routing numbers" in page
    assert "Transactions" not in page
    assert "Transactions" in stepped(mx, "consent", mode="verification", include_transactions=True).do(
        "select", institution="mxbank"
    )


def test_steps_are_those_that_mx_has_and_go_with_a_reset(mx: MX) -> None:
    refused = mx.control("PUT", "/sandbox", {"steps": ["consent", "disclosur"]}, status=422)
    assert refused["detail"].startswith("steps.1: 'disclosur' is not allowed; allowed are disclosure, consent")
    assert mx.control("PUT", "/sandbox", {"steps": ["consent"]})["steps"] == ["consent"]
    assert mx.control("POST", "/reset")["steps"] == []


@pytest.mark.parametrize(
    ("options", "there"),
    [
        ({}, True),
        ({"include_transactions": False}, False),
        ({"mode": "verification"}, False),
        ({"mode": "verification", "include_transactions": True}, True),
        ({"mode": "aggregation,verification"}, True),
    ],
)
def test_transactions_come_where_the_widget_was_asked_for_them(mx: MX, options: dict[str, Any], there: bool) -> None:
    visit = Visit(mx, current_institution_code="mxbank", **options)
    visit.do("credentials", LOGIN="mxuser", PASSWORD="any")
    for _ in range(4):
        mx.advance("1m")
        visit.poll()
    [member] = mx.call("GET", f"/users/{visit.user}/members")["members"]
    assert member["connection_status"] in ("CONNECTED", "CHALLENGED")  # a verification asks for the account
    assert mx.call("GET", f"/users/{visit.user}/accounts")["accounts"]
    assert bool(mx.call("GET", f"/users/{visit.user}/transactions")["transactions"]) is there
    assert not mx.control("GET", "/webhooks?event=mx.initial_data_ready")["webhooks"]
