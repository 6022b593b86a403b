"""The dashboard in a browser: what happens shows at once, its buttons do what the control API does."""

from __future__ import annotations

import json
from typing import Any

import pytest

import mocksrv
from tests.browser.conftest import NODE, App
from tests.browser.looks import NASTY, RUN_AXE, WORST
from tests.browser.test_oauth import at, oauth_member
from tests.conftest import Receiver

BAR = 50  # px: one line of buttons
OWN = """
name: nasty
provider: mx
extends: connected
flows:
  connect:
    - status: CHALLENGED
      challenges: [{type: TEXT, label: %s, answer: %s}]
"""


@pytest.fixture
def page(context: Any) -> Any:
    made = context.new_page()
    made.set_viewport_size({"width": 1280, "height": 800})
    return made


def open_(page: Any, app: App, path: str = "/subjects") -> None:
    """Opens a view, and waits until it hears of what happens."""
    with page.expect_response(lambda answer: answer.url.endswith("/stream")):
        page.goto(f"{app.base}/_mocksrv/dashboard{path}")


def badge(page: Any, member: str, status: str) -> Any:
    return page.locator(f'[data-testid="status-{member}"]', has_text=status)


def test_a_login_at_the_bank_expires_by_advancing_the_clock(app: App, page: Any) -> None:
    app.manual()
    member = oauth_member(app)["guid"]
    page.goto(f"{app.base}/_mocksrv/")
    at(page, f"subject-{member}").click()
    badge(page, member, "PENDING").wait_for()
    assert at(page, "act-approve").is_enabled()
    at(page, "advance-1h").click()
    at(page, "act-approve").wait_for(state="detached")
    shown = app.control("GET", f"/subjects/{member}")
    assert shown.get("deleted") or shown["status"] != "PENDING"
    assert page.locator("#told").is_hidden()


def test_a_question_is_answered_wrong_then_right(app: App, page: Any) -> None:
    app.manual()
    member = app.member(password="challenge")["guid"]
    app.advance("2s")
    open_(page, app, f"/subjects/{member}")
    page.locator(".questions", has_text="What city were you born in?").wait_for()
    at(page, "act-wrong").click()
    badge(page, member, "RESUMED").wait_for()
    at(page, "advance-1m").click()
    page.locator(".timeline .badge", has_text="REJECTED").wait_for()
    badge(page, member, "CHALLENGED").wait_for()
    at(page, "act-right").click()
    badge(page, member, "RESUMED").wait_for()
    at(page, "advance-1m").click()
    badge(page, member, "CONNECTED").wait_for()
    page.locator("summary", has_text="Push").click()
    at(page, "push-DENIED").click()
    badge(page, member, "DENIED").wait_for()
    at(page, "push-IMPEDED").click()  # the menu is open still
    badge(page, member, "IMPEDED").wait_for()


def test_a_callback_fails_three_times_and_is_delivered_on_replay(app: App, page: Any) -> None:
    app.manual()
    receiver = Receiver()
    receiver.answers = [500, 500, 500]
    app.control("PUT", "/endpoints", {"endpoints": [{"url": receiver.url, "events": ["mx.member.created"]}]})
    app.member()
    for _ in range(3):
        app.advance("1d")
    page.goto(f"{app.base}/_mocksrv/dashboard/webhooks?q=mx.member.created")
    page.locator(".rows .badge").wait_for()
    [event] = app.control("GET", "/webhooks?event=mx.member.created")["webhooks"]
    tried = [each["status"] for each in event["deliveries"][0]["attempts"]]
    assert tried[:3] == [500, 500, 500]
    at(page, f"event-{event['id']}").click()
    assert page.locator(".timeline .badge").all_inner_texts() == [str(each) for each in tried]
    at(page, f"replay-{event['id']}").click()
    page.locator(".timeline .badge", has_text="204").last.wait_for()
    page.locator(".rows .badge", has_text="delivered").wait_for()
    assert receiver.bodies()[-1]["action"] == "created"
    receiver.close()


def copied(page: Any, label: str) -> str:
    """The command that is copied beside a button."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator(f'[aria-label="Copy as curl: {label}"]:visible').click()
    page.locator("#told", has_text="Copied.").wait_for()
    page.locator("#told").evaluate("(told) => { told.textContent = ''; }")
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


SINCE = """(id) => new Promise((found) => {
  const look = () => document.querySelector(`[data-testid="status-${id}"]`)?.textContent.includes("DENIED")
    && found(performance.timeOrigin + performance.now());
  new MutationObserver(look).observe(document.body, {subtree: true, childList: true});
  fetch(`${document.body.dataset.root}/subjects/${id}/status`,
    {method: "PUT", headers: {"Content-Type": "application/json"}, body: '{"status": "DENIED"}'})
    .then(() => { window.pushed = performance.timeOrigin + performance.now(); look(); });
})"""


def test_a_change_shows_within_200_ms(app: App, page: Any) -> None:
    took = []
    open_(page, app)
    for number in range(3):
        member = app.member(name=f"u-{number}")["guid"]
        badge(page, member, "CONNECTED").wait_for()  # a new row comes by itself
        page.wait_for_timeout(1000)
        shown = page.evaluate(SINCE, member)
        took.append(shown - page.evaluate("window.pushed"))
    print(f"shown {[round(each) for each in took]} ms after the answer")
    assert min(took) < 200


SLOW = """() => {
  const fetch = window.fetch;
  window.fetch = async (...asked) => {
    const answer = await fetch(...asked);
    await new Promise((resolve) => setTimeout(resolve, 500));
    return answer;
  };
  const channel = new BroadcastChannel(`mocksrv ${document.body.dataset.root}`);
  setInterval(() => channel.postMessage("happened"), 20);
}"""


def test_a_page_that_comes_slowly_shows_what_happens_while_more_happens(app: App, page: Any) -> None:
    open_(page, app)
    page.evaluate(SLOW)
    member = app.member(name="u-1")["guid"]
    badge(page, member, "CONNECTED").wait_for()


def test_the_tabs_of_a_browser_share_one_stream(app: App, context: Any) -> None:
    streams: list[str] = []
    context.on("request", lambda request: streams.append(request.url) if request.url.endswith("/stream") else None)
    first, second = context.new_page(), context.new_page()
    open_(first, app)
    second.goto(f"{app.base}/_mocksrv/dashboard/subjects")
    member = app.member(name="u-1")["guid"]
    for page in (first, second):
        badge(page, member, "CONNECTED").wait_for()
    assert len(streams) == 1
    with second.expect_response(lambda answer: answer.url.endswith("/stream")):
        first.close()
    app.control("PUT", f"/subjects/{member}/status", {"status": "DENIED"})
    badge(second, member, "DENIED").wait_for()


def test_a_lost_connection_is_said_and_waited_for(context: Any) -> None:
    page = context.new_page()
    with mocksrv.Server(process=True) as server:
        port = int(server.url.rpartition(":")[2])
        app = App(server.url)
        open_(page, app)
    page.locator("#told.trouble", has_text="The connection is lost").wait_for()
    with mocksrv.Server(port=port):
        page.locator("#told").wait_for(state="hidden")
        member = App(app.base).member(name="u-1")["guid"]
        at(page, f"subject-{member}").wait_for()


HIDE = """() => {
  Object.defineProperty(document, "hidden", {get: () => true});
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_a_tab_that_nobody_sees_gives_its_stream_to_another(app: App, context: Any) -> None:
    hidden, seen = context.new_page(), context.new_page()
    open_(hidden, app)
    seen.goto(f"{app.base}/_mocksrv/dashboard/subjects")
    with seen.expect_response(lambda answer: answer.url.endswith("/stream")):
        hidden.evaluate(HIDE)
    member = app.member(name="u-1")["guid"]
    badge(seen, member, "CONNECTED").wait_for()


def test_the_keyboard_does_it(app: App, page: Any) -> None:
    app.manual()
    members = [app.member(name=f"u-{number}")["guid"] for number in range(3)]
    open_(page, app)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.locator("#one").wait_for()
    assert page.url.endswith(f"/subjects/{members[1]}")
    before = at(page, "clock").inner_text()
    page.keyboard.press("a")
    page.wait_for_function("(before) => document.querySelector('[data-testid=clock]').innerText !== before", arg=before)
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    assert page.locator("#pause").get_attribute("aria-pressed") == "true"
    page.keyboard.press("/")
    page.keyboard.type("CONNECTED")
    page.keyboard.press("Enter")
    page.wait_for_url("**/subjects?q=CONNECTED")


def test_next_and_the_command_line(app: App, page: Any) -> None:
    open_(page, app)
    page.locator("summary", has_text="Next:").click()
    at(page, "next-denied").click()
    page.locator("summary", has_text="Next: denied").wait_for()
    member = app.member()["guid"]
    badge(page, member, "DENIED").wait_for()
    copied = page.locator('[aria-label="Copy as curl: +1h"]').get_attribute("data-copy")
    assert copied.startswith(f"curl -X POST {app.base}/_mocksrv/clock/advance")


def test_a_sandbox_is_left_for_another_and_emptied(app: App, page: Any) -> None:
    member = app.member()["guid"]
    server = app.base.partition("/sandbox/")[0]
    page.goto(f"{server}/_mocksrv/")
    page.goto(f"{app.base}/_mocksrv/")
    page.locator("summary", has_text="sandbox").click()
    at(page, "sandbox-default").click()
    page.wait_for_url(f"{server}/sandbox/default/**")
    page.go_back()
    at(page, f"subject-{member}").wait_for()
    page.locator("summary", has_text="sandbox").click()
    page.once("dialog", lambda asked: asked.dismiss())
    at(page, "reset").click()
    assert app.control("GET", "/subjects")["subjects"]
    page.once("dialog", lambda asked: asked.accept())
    at(page, "reset").click()
    page.locator("#newest-subjects", has_text="None yet.").wait_for()
    assert app.control("GET", "/subjects") == {"subjects": []}


def test_all_sandboxes_are_listed_copied_emptied_and_dropped(app: App, page: Any) -> None:
    app.member()
    copy = App(f"{app.base}-copy")
    copy.control("DELETE", "/sandbox")
    name = copy.base.rpartition("/")[2]
    open_(page, app, "/sandboxes")
    at(page, "field-name").fill(name)
    at(page, "fork").click()
    at(page, f"open-{name}").wait_for()
    at(page, "search").fill("-copy")
    at(page, "search").press("Enter")
    at(page, f"open-{name}").click()
    page.locator("#newest-subjects li").wait_for()
    page.go_back()
    page.on("dialog", lambda asked: asked.accept())
    for act in ("reset", "drop"):
        with page.expect_response(lambda answer: answer.request.method in ("POST", "DELETE") and name in answer.url):
            at(page, f"{act}-{name}").click()
    at(page, f"open-{name}").wait_for(state="detached")
    assert app.control("GET", f"/sandboxes?name={name}") == {"sandboxes": []}
    assert app.control("GET", "/subjects")["subjects"]


WRITTEN = """name: written
provider: mx
summary: Written in the editor.
flows:
  connect:
    - status: CREATED
    - {after: 1s, status: DENYED}
"""


def test_a_scenario_is_written_in_the_editor_and_played(app: App, page: Any) -> None:
    open_(page, app, "/scenarios?q=mx")
    at(page, "scenario-mx/connected").click()
    at(page, "source").fill(WRITTEN)
    at(page, "save").click()
    page.locator("#problems li", has_text="DENIED").wait_for()  # the nearest that there is
    marked = "(all) => all.value.slice(all.selectionStart, all.selectionEnd)"
    assert at(page, "source").evaluate(marked) == "    - {after: 1s, status: DENYED}"
    at(page, "source").fill(WRITTEN.replace("DENYED", "DENIED"))
    at(page, "check").click()
    page.locator("#problems .good").wait_for()
    assert copied(page, "Check").startswith(f"curl -X POST '{app.base}/_mocksrv/scenarios/validate' -H")
    saving = f"curl -X PUT '{app.base}/_mocksrv/scenarios/mx/written' -H 'Content-Type: text/yaml' -d 'name: written"
    assert copied(page, "Save").startswith(saving)
    at(page, "save").click()
    page.wait_for_url("**/scenarios/mx/written")
    assert "status: DENIED" in at(page, "source").input_value()
    at(page, "play-next").click()
    page.wait_for_function(
        "async () => (await (await fetch(document.body.dataset.root + '/bindings')).json()).next.length === 1"
    )
    widget = page.context.new_page()
    widget.goto(app.widget(current_institution_code="mxbank"))
    at(widget, "field-LOGIN").fill("mxuser")
    at(widget, "field-PASSWORD").fill("any")
    at(widget, "submit").click()
    at(widget, "error").wait_for()
    [member] = app.members()
    page.goto(f"{app.base}/_mocksrv/")
    badge(page, member["guid"], "DENIED").wait_for()
    assert app.control("GET", f"/subjects/{member['guid']}")["scenario"] == "written"


def test_endpoints_are_added_changed_and_removed(app: App, page: Any) -> None:
    open_(page, app, "/endpoints")
    at(page, "field-url").fill("http://127.0.0.1:9/hooks")
    at(page, "field-events").fill("mx.member.*, mono.*")
    at(page, "field-auth.type").select_option("basic")
    at(page, "field-auth.username").fill("mx")
    at(page, "field-auth.password").fill("secret")
    at(page, "field-headers").fill("X-Team: payments")
    at(page, "save").click()
    page.locator(".rows .badge", has_text="basic").wait_for()
    [made] = app.control("GET", "/endpoints")["endpoints"]
    assert (made["url"], made["events"]) == ("http://127.0.0.1:9/hooks", ["mx.member.*", "mono.*"])
    assert made["auth"] == {"type": "basic", "username": "mx", "password": "***"}
    assert made["headers"] == {"X-Team": "***"}
    with page.expect_response(lambda answer: answer.url.endswith("/stream")):
        at(page, f"endpoint-{made['id']}").click()
    at(page, "field-events").fill("mx.members")
    at(page, "save").click()
    page.locator("#told.trouble", has_text="mx.member").wait_for()  # no event fits; the nearest pattern is named
    at(page, "field-events").fill("mx.*")
    at(page, "save").click()
    page.locator(".rows .soft", has_text="mx.*").wait_for()
    [changed] = app.control("GET", "/endpoints")["endpoints"]
    assert changed == made | {"events": ["mx.*"]}  # its secrets are kept
    at(page, f"remove-{made['id']}").click()
    page.locator(".empty", has_text="mocksrv listen").wait_for()
    assert app.control("GET", "/endpoints") == {"endpoints": []}


def test_an_error_stays_when_the_stream_of_what_happens_opens_after_it(app: App, page: Any) -> None:
    held: list[Any] = []
    page.route("**/stream", lambda route: held.append(route))
    page.goto(f"{app.base}/_mocksrv/dashboard/endpoints")
    at(page, "field-events").fill("mx.members")
    at(page, "save").click()
    error = page.locator("#told.trouble", has_text="mx.member")
    error.wait_for()
    with page.expect_response(lambda answer: answer.url.endswith("/stream")):
        held[0].continue_()
    app.member()
    page.wait_for_function("() => performance.getEntriesByType('resource').some((each) => each.name === location.href)")
    assert error.is_visible()


def test_what_is_sent_before_the_scripts_have_come_is_in_no_url(app: App, page: Any) -> None:
    held: list[Any] = []
    page.route("**/dashboard.js", lambda route: held.append(route))
    page.goto(f"{app.base}/_mocksrv/dashboard/endpoints", wait_until="commit")
    at(page, "field-headers").fill("X-Key: secret")
    at(page, "save").click()
    held[0].continue_()
    page.wait_for_load_state()
    assert page.url == f"{app.base}/_mocksrv/dashboard/endpoints"
    at(page, "save").click()  # what was filled in is still there
    page.locator(".rows .badge", has_text="no auth").wait_for()
    [made] = app.control("GET", "/endpoints")["endpoints"]
    assert made["headers"] == {"X-Key": "***"}


def test_faults_are_added_and_removed(app: App, page: Any) -> None:
    open_(page, app, "/faults")
    calls, callbacks = at(page, "fault-of-calls"), at(page, "fault-of-callbacks")
    at(calls, "field-times").fill("2")
    at(calls, "add-calls").click()
    page.locator(".fault", has_text="status 503 · 2 times more").wait_for()
    at(callbacks, "field-corrupt").select_option("truncated")
    at(callbacks, "field-stale").check()
    at(callbacks, "field-skip").fill("2")
    at(callbacks, "field-times").fill("")
    at(callbacks, "add-callbacks").click()
    page.locator(".fault", has_text="after 2, always").wait_for()
    [call, callback] = app.control("GET", "/faults")["faults"]
    assert call == {"on": "GET /users/*/members/*/status", "status": 503, "times": 2}
    assert callback == {"events": "mx.*", "corrupt": "truncated", "stale": True, "skip": 2, "times": None}
    at(page, "remove-1").click()
    page.locator(".fault").nth(1).wait_for(state="detached")
    assert app.control("GET", "/faults") == {"faults": [callback]}
    at(page, "remove-all").click()
    page.locator(".empty").wait_for()


def test_an_event_is_triggered_with_fields_of_ones_own(app: App, page: Any) -> None:
    member = app.member()["guid"]
    open_(page, app, "/trigger/mx.member.updated")
    at(page, "field-subject").fill(member)
    at(page, "field-payload").fill("{name}")
    at(page, "send").click()
    page.locator("#told.trouble", has_text="no JSON").wait_for()
    at(page, "field-payload").fill('{"member": {"name": "It\'s mine"}}')
    assert "It'\\''s mine" in copied(page, "Send")
    at(page, "send").click()
    page.wait_for_url("**/webhooks/*")
    assert "It's mine" in page.locator("#one").inner_text()
    at(page, "drop-next").click()
    page.wait_for_function(
        "async () => (await (await fetch(document.body.dataset.root + '/faults')).json()).faults.length === 1"
    )
    assert app.control("GET", "/faults")["faults"] == [{"events": "mx.member.updated", "drop": True, "times": 1}]


def test_a_browser_signs_in_with_the_token_that_open_hands_over(context: Any) -> None:
    asked: list[str] = []
    with mocksrv.Server(control_token="t0k&n") as server:
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        with page.expect_response(lambda answer: answer.url.endswith("/stream") and answer.ok):
            page.goto(f"{server.url}/_mocksrv/#token=t0k%26n")
        at(page, "demo-mono").click()
        page.locator("#newest-subjects li").wait_for()
        assert "t0k" not in page.url
        assert page.evaluate("document.cookie") == ""
        page.locator("summary", has_text="sandbox").click()
        at(page, "sign-out").click()
        at(page, "token").fill("wrong")
        at(page, "sign-in").click()
        page.get_by_text("This is not the token").wait_for()
        at(page, "token").fill("t0k&n")
        at(page, "sign-in").click()
        page.locator("#newest-subjects li").wait_for()
    assert not [url for url in asked if "t0k" in url]


LONGEST = 300  # ms
PAINTED = """() => new Promise((found) => new PerformanceObserver((list, observer) => {
  observer.disconnect();
  found(list.getEntriesByName("first-contentful-paint")[0].startTime);
}).observe({type: "paint", buffered: true}))"""


@pytest.mark.parametrize("name", ["dashboard", "widget"])
def test_a_page_is_painted_within_300_ms(name: str, app: App, page: Any) -> None:
    app.member()
    took: list[float] = []
    while min(took, default=LONGEST) >= LONGEST and len(took) < 20:  # the machine may be busy with other things
        page.goto(f"{app.base}/_mocksrv/dashboard/overview" if name == "dashboard" else app.widget())
        took.append(page.evaluate(PAINTED))
    print(f"{name}: painted {[round(each) for each in took]} ms after it was asked for")
    assert min(took) < LONGEST


SPILLED = """(drawing) => {
  const flows = [...drawing.querySelectorAll("rect.flow")].map((each) => each.getBBox());
  return [...drawing.querySelectorAll("text")].filter((text) => {
    const {x, y, width, height} = text.getBBox();
    return !flows.some((flow) => x >= flow.x && x + width <= flow.x + flow.width
      && y >= flow.y && y + height <= flow.y + flow.height);
  }).map((text) => text.textContent);
}"""


def test_what_a_diagram_says_stays_in_its_boxes(app: App, page: Any) -> None:
    for scenario in ("mx/challenged", "mx/messy-webhooks", "mono/reauthorisation-required", "finicity/mfa"):
        open_(page, app, f"/scenarios/{scenario}")
        assert at(page, "diagram").evaluate(SPILLED) == [], scenario


def test_each_provider_connects_something_with_a_click(app: App, page: Any) -> None:
    open_(page, app, "/overview")
    for count, provider in enumerate(("mx", "mono", "finicity")):
        at(page, f"demo-{provider}").click()
        page.locator("#newest-subjects li").nth(count).wait_for()
    assert page.locator("#told").is_hidden()
    made = app.control("GET", "/subjects")["subjects"]
    assert [each["provider"] for each in made] == ["mx", "mono", "finicity"]
    at(page, f"subject-{made[0]['id']}").click()
    badge(page, made[0]["id"], "CONNECTED").wait_for()


def test_the_clock_takes_any_speed_and_step(app: App, page: Any) -> None:
    app.manual()
    open_(page, app, "/overview")
    for name, value in (("by", "90m"), ("to", "2031-05-06T07:08:09Z"), ("mode", "x600")):
        page.get_by_text("Clock", exact=True).click()
        at(page, f"clock-{name}").fill(value)
        with page.expect_navigation():
            at(page, f"clock-{name}").press("Enter")
    page.get_by_text("Clock", exact=True).click()
    assert copied(page, "Advance by").endswith("""-d '{"by":"90s"}'""")
    page.get_by_text("Clock", exact=True).click()
    clock = app.control("GET", "/clock")
    assert clock["mode"] == "x600"
    assert clock["now"].startswith("2031-05-06")
    page.get_by_text("Clock", exact=True).click()
    at(page, "clock-mode").fill("quick")
    at(page, "clock-mode").press("Enter")
    page.locator("#told.trouble", has_text="quick").wait_for()


def test_it_looks_right_whatever_it_shows(app: App, page: Any) -> None:
    app.put_scenario("nasty", OWN % (json.dumps(NASTY), json.dumps(NASTY)))
    app.control("PUT", "/bindings", {"next": ["nasty"]})
    views = ["/overview", "/subjects?q=nothing"]
    member = app.member(name="nasty", password="any")["guid"]
    app.control("GET", "/subjects?status=CHALLENGED&wait=10s")
    app.manual()  # the question is open until the end
    app.control("PUT", "/endpoints", {"endpoints": [{"url": "http://127.0.0.1:9/" + "long" * 40}]})
    trigger = {"event": "mx.member.updated", "subject": member, "payload": {"member": {"name": NASTY}}}
    event = app.control("POST", "/trigger", trigger)["webhooks"][0]["id"]
    request = app.control("GET", "/requests?newest=true")["requests"][0]["id"]
    views += [f"/subjects/{member}", "/webhooks", f"/webhooks/{event}", "/requests", f"/requests/{request}"]
    fault = {"events": "mx.*", "corrupt": "truncated"}
    app.control("PUT", "/faults", {"faults": [{"on": "GET /users/" + "long" * 40, "status": 503}, fault]})
    endpoint = app.control("GET", "/endpoints")["endpoints"][0]["id"]
    views += ["/scenarios", "/scenarios/mx/nasty", f"/endpoints/{endpoint}", "/faults", "/trigger"]
    app.mx("POST", "/users", {"user": {"metadata": "x", "long" * 30: NASTY}})
    views += ["/violations", "/coverage", "/sandboxes", "/trigger/mx.member.updated", "/endpoints?q=nothing"]
    for view in views:
        open_(page, app, view)
        page.evaluate((NODE / "axe-core" / "axe.min.js").read_text("utf-8"))
        page.locator("summary").evaluate_all("all => all.slice(1).forEach((each) => each.parentElement.open = true)")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found = [each for each in page.evaluate(RUN_AXE) if each[0] in WORST]
            assert found == [], f"{view}, {scheme}"
        for width in (360, 768, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{view}, {width}"
        assert page.locator("body > header").bounding_box()["height"] < BAR, view
        assert page.title().endswith("mocksrv")
        assert page.locator("img").count() == 0
    open_(page, app, f"/subjects/{member}")
    assert NASTY in page.locator(".questions").inner_text()
