"""The dashboard's pages as they are asked for: where they are, who gets them, what a search means."""

from __future__ import annotations

import re

import pytest

from mocksrv.web.dashboard.views import PAGE
from tests.conftest import MX

HTML = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
NASTY = "<script>alert(1)</script>\"'"


def shown(mx: MX, path: str, status: int = 200) -> str:
    answer = mx.http.get(f"{mx.prefix}/_mocksrv/dashboard{path}", headers=HTML)
    assert answer.status_code == status
    assert answer.mimetype == "text/html"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    return answer.get_data(as_text=True)


def ids(kind: str, html: str) -> list[str]:
    return re.findall(rf'data-testid="{kind}-([^"]+)"', html)


@pytest.mark.parametrize("prefix", ["", "/sandbox/ci-17"])
def test_a_browser_is_led_to_it_and_a_program_gets_the_list_of_calls(prefix: str, mx: MX) -> None:
    led = mx.http.get(f"{prefix}/_mocksrv/", headers=HTML)
    assert (led.status_code, led.headers["Location"]) == (302, f"{prefix}/_mocksrv/dashboard/subjects")
    assert mx.http.get(f"{prefix}/", headers=HTML).headers["Location"] == f"{prefix}/_mocksrv/"
    for accept in ("*/*", "application/json", "application/json, text/html"):
        assert mx.http.get(f"{prefix}/_mocksrv/", headers={"Accept": accept}).get_json()["calls"]


def test_pages_of_other_sites_and_strangers_do_not_get_it(mx: MX) -> None:
    for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = mx.http.get("/_mocksrv/dashboard/subjects", headers=HTML | headers)
        assert answer.status_code == 403, headers
    far = mx.http.get("/_mocksrv/dashboard/subjects", headers=HTML, environ_base={"REMOTE_ADDR": "192.0.2.1"})
    assert far.status_code == 403


def test_a_search_is_made_of_the_filters_of_the_control_api(mx: MX) -> None:
    user = mx.user(id="customer-42")
    challenged = mx.create(user, password="challenge")["guid"]
    mx.advance("10s")
    assert ids("subject", shown(mx, "/subjects?q=status:CHALLENGED+provider:mx")) == [challenged]
    assert ids("subject", shown(mx, "/subjects?q=CHALLENGED")) == [challenged]
    assert ids("subject", shown(mx, "/subjects?q=CONNECTED")) == []
    assert "allowed are provider, scenario, status" in shown(mx, "/subjects?q=colour:red")
    assert "&#39;no-one&#39; is not a provider" in shown(mx, "/subjects?q=provider:no-one")
    events = ids("event", shown(mx, f"/webhooks?q=event:mx.member.*+subject:{challenged}"))
    assert len(events) == len(ids("event", shown(mx, f"/webhooks?q=member+subject:{challenged}"))) > 0
    assert len(ids("request", shown(mx, "/requests?q=method:POST+members"))) == 1


def test_long_lists_are_paged(mx: MX) -> None:
    for _ in range(PAGE + 5):
        mx.http.get("/nothing-here")
    first = shown(mx, "/requests?q=nothing")
    older = re.search(r'href="([^"]+)" rel="next"', first)
    assert older is not None
    assert len(ids("request", first)) == PAGE
    rest = shown(mx, older[1].replace("&amp;", "&").partition("/dashboard")[2])
    assert len(ids("request", rest)) == 5
    assert not set(ids("request", first)) & set(ids("request", rest))
    assert "Newest" in rest


def test_what_can_happen_next_are_control_calls(mx: MX) -> None:
    user = mx.user(id="customer-42")
    member = mx.create(user, password="challenge")["guid"]
    mx.advance("10s")
    page = shown(mx, f"/subjects/{member}")
    assert re.findall(r'data-testid="(act-\w+)"', page) == ["act-right", "act-wrong", "act-expire"]
    assert {"DENIED", "LOCKED", "CONNECTED"} <= set(ids("push", page))
    assert ids("status", page) == [member]
    assert f"curl -X POST http://localhost/_mocksrv/subjects/{member}/act" in page


def test_a_subject_that_is_deleted_keeps_its_timeline(mx: MX) -> None:
    user = mx.user(id="customer-42")
    member = mx.create(user)["guid"]
    mx.advance("10s")
    mx.call("DELETE", f"/users/{user}/members/{member}", status=204)
    page = shown(mx, f"/subjects/{member}")
    assert "It is deleted." in page
    assert "CONNECTED" in page
    assert "mx.member.deleted" in page
    assert ids("push", page) == []


def test_scenarios_are_shown_with_their_script(mx: MX) -> None:
    listed = ids("scenario", shown(mx, "/scenarios?q=mono"))
    assert listed
    assert all(name.startswith("mono/") for name in listed)
    assert "summary:" in shown(mx, "/scenarios/mx/challenged?q=mx")
    assert "there is no scenario" in shown(mx, "/scenarios/mx/chalenged", 404)


def test_what_is_not_there_says_so(mx: MX) -> None:
    assert "there is no subject MBR-none" in shown(mx, "/subjects/MBR-none", 404)
    assert "there is no webhook" in shown(mx, "/webhooks/none", 404)
    assert "&lt;script&gt;" in shown(mx, "/requests/%3Cscript%3E", 404)


def test_markup_in_what_clients_say_is_text(mx: MX) -> None:
    mx.user(metadata=NASTY)
    mx.http.get("/nothing/%3Cscript%3Ealert(1)%3C/script%3E", headers={"X-Own": NASTY})
    pages = [shown(mx, "/requests"), shown(mx, "/webhooks"), shown(mx, "/subjects?q=%3Cscript%3Ealert(1)")]
    pages += [shown(mx, f"/requests/{id}") for id in ids("request", pages[0])]
    pages += [shown(mx, f"/webhooks/{id}") for id in ids("event", pages[1])]
    assert len(pages) > 5
    for page in pages:
        assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in "".join(pages)


def test_its_files(mx: MX) -> None:
    for name in ("dashboard.css", "dashboard.js"):
        assert mx.http.get(f"/_mocksrv/dashboard/static/{name}").status_code == 200
    assert mx.http.get("/_mocksrv/dashboard/static/../views.py").status_code == 404
