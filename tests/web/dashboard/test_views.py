"""The dashboard's pages as they are asked for: where they are, who gets them, what a search means."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import mocksrv
from mocksrv.web.dashboard.views import PAGE
from tests.conftest import MX

DOCS = Path(__file__).parents[3] / "docs"
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
    assert (led.status_code, led.headers["Location"]) == (302, f"{prefix}/_mocksrv/dashboard/overview")
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


def test_the_ids_that_the_documents_promise_are_there(mx: MX) -> None:
    promised = re.findall(r"`(\w+)-[A-Z]+`", (DOCS / "dashboard.md").read_text("utf-8"))
    assert promised == ["subject", "status", "push", "advance", "next", "event", "replay", "request"]
    member = mx.create(mx.user(), password="challenge")["guid"]
    mx.advance("10s")
    [event, *_] = ids("event", shown(mx, "/webhooks"))
    html = shown(mx, f"/subjects/{member}") + shown(mx, f"/webhooks/{event}") + shown(mx, "/requests")
    found = {kind: ids(kind, html) for kind in promised}
    assert found["subject"] == found["status"] == [member]
    assert {"DENIED", "IMPEDED"} <= set(found["push"])
    assert {"1m", "1h", "1d", "next"} <= set(found["advance"])
    assert "denied" in found["next"]
    assert found["replay"] == [event]
    assert event in found["event"]
    assert found["request"]


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


def test_all_files_of_all_pages_are_small() -> None:
    package = Path(mocksrv.__file__).parent
    files = [file for file in package.rglob("static/*") if file.suffix in (".css", ".js")]
    assert len(files) > 8
    assert sum(file.stat().st_size for file in files) <= 120_000


def test_the_overview_says_what_is_under_way_and_what_it_waits_for(mx: MX) -> None:
    empty = shown(mx, "/overview")
    assert "No scenario is being played now." in empty
    user = mx.user(id="customer-42")
    asked = mx.create(user, password="challenge")["guid"]
    mx.advance("10s")
    member = {"institution_code": "mx_bank_oauth", "is_oauth": True}
    mx.call("POST", f"/users/{user}/members", {"member": member})
    page = shown(mx, "/overview")
    assert ids("subject", page)[-1] == asked
    assert "challenged waits for an answer, until" in page
    assert "waits for the bank&#39;s page" in page


def test_a_page_that_asks_anew_is_told_how_long_to_rest_and_one_that_is_opened_counts_nothing(mx: MX) -> None:
    def rests(**headers: str) -> list[float]:
        answers = [mx.http.get("/_mocksrv/dashboard/subjects", headers={**HTML, **headers}) for _ in range(100)]
        return [float(each.headers.get("X-Mocksrv-Rest", -1)) for each in answers]

    assert set(rests()) == {-1}
    anew = rests(**{"X-Page-Script": "1"})
    assert anew[0] == 0 < anew[-1]


def test_what_broke_a_contract_leads_to_its_call(mx: MX) -> None:
    assert "No call has broken" in shown(mx, "/violations")
    mx.call("POST", "/users", {"user": {"metadata": "x", "colour": "red"}})
    [broken] = mx.control("GET", "/violations")["violations"]
    page = shown(mx, f"/violations?q={broken['rule']}+provider:mx")
    assert ids("violation", page) == [broken["id"]]
    assert all(word in page for word in ("user.colour", f"/requests/{broken['call']}", "Leave the field out"))
    assert ids("violation", shown(mx, "/violations?q=severity:warning")) == []
    assert "Leave the field out" in shown(mx, f"/requests/{broken['call']}")
    shown(mx, f"/violations/{broken['id']}", 404)


def test_coverage_says_what_was_met_and_what_was_not(mx: MX) -> None:
    mx.user(id="customer-42")
    page = shown(mx, "/coverage?q=provider:mx+user")
    assert "createUser ×1" in page
    assert "deleteUser<" in page
    assert "createMember" not in page
    assert ids("coverage", page)[0] == "mx-operation"
    assert "allowed are provider, name" in shown(mx, "/coverage?q=colour:red")


def test_endpoints_faults_and_events_are_searched(mx: MX) -> None:
    mx.control("PUT", "/endpoints", {"endpoints": [{"url": f"http://127.0.0.1:9/{name}"} for name in ("one", "two")]})
    first, second = (each["id"] for each in mx.control("GET", "/endpoints")["endpoints"])
    assert ids("endpoint", shown(mx, "/endpoints")) == [first, second]
    assert ids("endpoint", shown(mx, "/endpoints?q=two")) == [second]
    assert ids("endpoint", shown(mx, "/endpoints?q=auth:none+url:*/one")) == [first]
    assert "Nothing fits" in shown(mx, "/endpoints?q=auth:basic")
    assert "allowed are url, events, auth" in shown(mx, "/endpoints?q=colour:red")
    mx.control("PUT", "/faults", {"faults": [{"on": "GET /users", "status": 503}, {"events": "mx.*", "drop": True}]})
    [spoiled] = re.findall(r'<li class="fault".*?</li>', shown(mx, "/faults?q=of:callbacks"), re.DOTALL)
    assert "mx.*" in spoiled
    assert "&#34;on&#34;: &#34;GET /users&#34;" in spoiled  # to remove it leaves the one that is not shown
    assert "GET /users" in shown(mx, "/faults?q=users")
    assert ids("trigger", shown(mx, "/trigger?q=provider:mono+account_conn"))
    assert ids("trigger", shown(mx, "/trigger?q=provider:no-one")) == []


def test_sandboxes_are_listed_with_where_they_are(mx: MX) -> None:
    for name in ("ci-1", "ci-2"):
        mx.http.get(f"/sandbox/{name}/_mocksrv/clock")
    assert ids("open", shown(mx, "/sandboxes")) == ["ci-1", "ci-2", "default"]
    page = mx.http.get("/sandbox/ci-1/_mocksrv/dashboard/sandboxes?q=name:ci-*", headers=HTML).get_data(as_text=True)
    assert ids("open", page) == ["ci-1", "ci-2"]
    assert "http://localhost/sandbox/ci-2/" in page
    assert "curl -X DELETE http://localhost/sandbox/ci-2/_mocksrv/sandbox" in page
    assert "http://localhost/sandbox/ci-1/_mocksrv/sandboxes?name=ci-*" in page


def test_the_command_of_a_list_has_its_search(mx: MX) -> None:
    mx.user()
    page = shown(mx, "/requests?q=method:POST+users")
    assert "/_mocksrv/requests?method=POST&amp;path=*users*&amp;newest=true" in page
