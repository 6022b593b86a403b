"""What the widget makes of each option that it is asked for with, one test for each."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest

from tests.conftest import MX
from tests.providers.mx.pages.test_widget_pages import Visit, told, widget

GOOD = {"LOGIN": "mxuser", "PASSWORD": "any"}
V2 = {"Accept-Version": "v20250224"}  # the version that knows ``data_request``
CONNECTS = "Log in at MX Bank"


def connected(mx: MX, **options: Any) -> Visit:
    """A visit after a good login at MX Bank, and whatever it waits for."""
    visit = Visit(mx, current_institution_code="mxbank", **options)
    visit.do("credentials", **GOOD)
    for _ in range(3):
        mx.advance("1m")
        visit.poll()
    return visit


def shown(visit: Visit) -> str:
    """The present page."""
    return str(visit.mx.http.get(visit.address).text)


@pytest.mark.parametrize("mode", ["aggregation", "verification", "aggregation,verification"])
def test_mode(mode: str, mx: MX) -> None:
    """A verification asks for the account."""
    assert ("option-" in shown(connected(mx, mode=mode))) is ("verification" in mode)


@pytest.mark.parametrize("option", ["current_institution_code", "current_institution_guid"])
def test_current_institution(option: str, mx: MX) -> None:
    guid = "INS-1572a04c-912b-59bf-5841-332c7dfafaef"
    assert CONNECTS in Visit(mx, **{option: "mxbank" if option.endswith("code") else guid}).page.text


def test_current_member_and_update_credentials(mx: MX) -> None:
    user = mx.user()
    member = mx.create(user)["guid"]
    mx.advance("10s")
    for options, said in (({}, "Your accounts at"), ({"update_credentials": True}, CONNECTS)):
        link = widget(mx, user, current_member_guid=member, **options)
        assert said in mx.http.get(link, follow_redirects=True).text


def test_disable_institution_search(mx: MX) -> None:
    for disabled in (False, True):
        visit = Visit(mx, current_institution_code="mxbank", disable_institution_search=disabled)
        assert ('data-testid="back"' in visit.page.text) is not disabled
        assert told(visit.do("navigate"))[-1]["metadata"]["did_go_back"] is not disabled


@pytest.mark.parametrize("scheme", ["light", "browser", "dark"])
def test_color_scheme(scheme: str, mx: MX) -> None:
    assert f'data-scheme="{scheme}"' in Visit(mx, color_scheme=scheme).page.text


def test_ui_message_version(mx: MX) -> None:
    [old] = told(Visit(mx, ui_message_version=3).page.text)
    assert json.loads(old)["type"] == "mxConnect:widgetLoaded"
    assert told(Visit(mx, ui_message_version=4).page.text)[0]["type"] == "mx/load"


def test_is_mobile_webview_and_ui_message_webview_url_scheme(mx: MX) -> None:
    first = told(Visit(mx, is_mobile_webview=True).page.text)
    assert {each.partition("://")[0] for each in first} == {"mx"}
    own = told(Visit(mx, is_mobile_webview=True, ui_message_webview_url_scheme="myapp").page.text)
    assert {each.partition("://")[0] for each in own} == {"myapp"}


@pytest.mark.parametrize(("option", "verifies"), [("account_verification", True), ("transactions", False)])
def test_additional_product_option(option: str, verifies: bool, mx: MX) -> None:
    visit = connected(mx, additional_product_option=option)
    assert 'data-testid="skip"' in shown(visit)
    visit.do("offer", wanted="yes")
    mx.advance("1m")
    visit.poll()
    [member] = mx.call("GET", f"/users/{visit.user}/members")["members"]
    assert (member["connection_status"] == "CHALLENGED") is verifies  # asked for the account


def test_data_request(mx: MX) -> None:
    user = mx.user()
    asked = {"current_institution_code": "mxbank", "data_request": {"products": ["transactions"]}}
    page = mx.http.get(widget(mx, user, V2, **asked), follow_redirects=True)
    mx.http.post(f"{page.request.path}/credentials", data=GOOD)
    mx.advance("1m")
    assert len(mx.control("GET", "/webhooks?event=mx.initial_data_ready")["webhooks"]) == 1


@pytest.mark.parametrize(("source", "opens"), [("BROWSER", "yes"), ("APP", "")])
def test_oauth_referral_source(source: str, opens: str, mx: MX) -> None:
    """Only in a browser the widget opens the bank's window itself."""
    visit = Visit(mx, current_institution_code="mx_bank_oauth", oauth_referral_source=source)
    assert f'data-opens="{opens}"' in visit.page.text


def test_client_redirect_url(mx: MX) -> None:
    asked = {"oauth_referral_source": "APP", "client_redirect_url": "https://app.example/back?order=7"}
    visit = Visit(mx, current_institution_code="mx_bank_oauth", **asked)
    bank = re.search(r'data-bank="http://localhost([^"]*)"', visit.page.text)
    assert bank
    state = re.search(r"state=([^&]*)", html.unescape(bank[1]))
    assert state
    decided = mx.http.post(bank[1].partition("?")[0], data={"state": state[1], "do": "deny"})
    back = mx.http.get(decided.headers["Location"]).headers["Location"]
    assert back.startswith("https://app.example/back?order=7&status=error&member_guid=MBR-")
    assert back.endswith("&error_reason=DENIED")
