"""Widget URLs: what may be asked for, what is kept for the page, and for how long."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from mocksrv.engine.engine import Engine
from mocksrv.engine.sandbox import DEFAULT
from mocksrv.engine.storage.records import Query, Record
from mocksrv.web.app import App
from tests.conftest import MX, MX_HEADERS

V2 = {"Accept": "application/json", "Accept-Version": "v20250224"}


@pytest.fixture
def server(make_server: Callable[..., tuple[Engine, App]]) -> tuple[Engine, MX]:
    engine, app = make_server()
    return engine, MX(app)


def ask(mx: MX, user: str, *, headers: Any = None, status: int | None = None, **options: Any) -> Any:
    body = {"widget_url": {"widget_type": "connect_widget", **options}}
    answer = mx.call("POST", f"/users/{user}/widget_urls", body, headers=headers, status=status)
    return answer if status else answer["widget_url"]


def kept(engine: Engine) -> list[Record]:
    """What is kept for the pages."""
    with engine.look(engine.sandbox(DEFAULT)) as world:
        return world.list(Query("mx.widget"))


@pytest.mark.parametrize("headers", [None, V2])
def test_a_url_leads_to_the_page_of_the_widget(mx: MX, headers: Any) -> None:
    user = mx.user(id="u-1")
    connect = ask(mx, user, headers=headers)
    assert (connect["type"], connect["user_id"]) == ("connect_widget", "u-1")
    assert re.fullmatch(r"http://localhost/md/connect/[A-Za-z0-9_-]{43}", connect["url"])
    assert "/md/mini_spending/" in ask(mx, user, headers=headers, widget_type="mini_spending_widget")["url"]
    assert ask(mx, user, headers=headers)["url"] != connect["url"]


def test_a_url_stays_in_its_sandbox(make_server: Callable[..., tuple[Engine, App]]) -> None:
    mx = MX(make_server()[1], sandbox="ci-7")
    assert ask(mx, mx.user())["url"].startswith("http://localhost/sandbox/ci-7/md/connect/")


def test_what_the_page_needs_is_kept_for_ten_minutes(server: tuple[Engine, MX]) -> None:
    engine, mx = server
    user = mx.user()
    ask(
        mx,
        user,
        mode="verification",
        is_mobile_webview=True,
        headers={"X-CALLBACK-PAYLOAD": "YWJj", "Accept-Language": "es"},
    )
    ask(mx, user, color_scheme="dark", include_identity=True)
    verification, plain = kept(engine)
    assert verification.owner == user
    assert verification.body["callback_headers"] == {"X-CALLBACK-PAYLOAD": "YWJj"}
    assert (verification.body["language"], verification.body["used_at"]) == ("es", None)
    assert verification.body["expires_at"] == verification.created_at + 600_000
    following = (
        "disable_background_agg",
        "include_transactions",
        "oauth_referral_source",
        "color_scheme",
        "ui_message_version",
    )
    assert [verification.body["options"][name] for name in following] == [True, False, "APP", "light", 4]
    assert [plain.body["options"][name] for name in following] == [False, True, "BROWSER", "dark", 4]
    mx.advance("599s")
    assert len(kept(engine)) == 2
    mx.advance("1s")
    assert kept(engine) == []


def test_products_are_asked_for_in_either_version(server: tuple[Engine, MX]) -> None:
    engine, mx = server
    user = mx.user()
    wanted = {"data_request": {"products": ["account_verification", "transactions"]}}
    ask(mx, user, headers=V2, **wanted)
    ask(mx, user, **wanted)
    assert [record.body["options"].get("data_request") for record in kept(engine)] == [wanted["data_request"]] * 2
    assert mx.control("GET", "/violations")["violations"] == []
    ask(mx, user, headers=V2, data_request={"products": ["gold"]}, status=422)


def test_the_older_call_of_the_connect_widget(server: tuple[Engine, MX]) -> None:
    engine, mx = server
    user = mx.user()
    made = mx.call(
        "POST",
        f"/users/{user}/connect_widget_url",
        {"config": {"mode": "verification", "current_institution_code": "mxbank"}},
    )
    assert (made["user"]["guid"], "/md/connect/" in made["user"]["connect_widget_url"]) == (user, True)
    assert kept(engine)[0].body["options"]["widget_type"] == "connect_widget"
    assert mx.control("GET", "/violations")["violations"][0]["rule"] == "deprecated"
    mx.call("POST", f"/users/{user}/connect_widget_url", {"config": {}}, headers=V2, status=404)
    mx.call("POST", f"/users/{user}/connect_widget_url", {"config": "mobile"}, status=400)


@pytest.mark.parametrize("root", ["config", "widget_url", None])
def test_the_options_of_the_older_call_stand_under_either_root_or_none(
    server: tuple[Engine, MX], root: str | None
) -> None:
    engine, mx = server
    options = {"mode": "verification", "is_mobile_webview": True}
    user = mx.user()
    made = mx.call("POST", f"/users/{user}/connect_widget_url", {root: options} if root else options, status=200)
    assert made == {"user": {"connect_widget_url": made["user"]["connect_widget_url"], "guid": user}}
    assert options.items() <= kept(engine)[0].body["options"].items()
    assert [each["rule"] for each in mx.control("GET", "/violations")["violations"]] == ["deprecated"]


def test_the_older_call_needs_no_body(server: tuple[Engine, MX]) -> None:
    engine, mx = server
    answer = mx.http.post(f"/users/{mx.user()}/connect_widget_url", headers=MX_HEADERS, auth=("client", "key"))
    assert (answer.status_code, kept(engine)[0].body["options"]["mode"]) == (200, "aggregation")


def test_null_is_the_default_of_an_option(server: tuple[Engine, MX]) -> None:
    engine, mx = server
    user = mx.user()
    ask(mx, user)
    ask(mx, user, **dict.fromkeys(("client_redirect_url", "disable_background_agg", "mode", "include_identity")))
    plain, nulls = kept(engine)
    assert nulls.body["options"] == plain.body["options"]


def test_several_modes_stand_with_commas_between_them(server: tuple[Engine, MX]) -> None:
    engine, mx = server
    user = mx.user()
    ask(mx, user, mode="aggregation,verification", additional_product_option="account_verification")
    options = kept(engine)[0].body["options"]
    assert options["mode"] == "aggregation,verification"
    assert (options["disable_background_agg"], options["include_transactions"]) == (False, True)
    assert mx.control("GET", "/violations")["violations"] == []
    ask(mx, user, mode="aggregation,magic", status=422)
    ask(mx, user, additional_product_option="gold", status=422)


def test_a_page_of_another_origin_asks_for_a_widget(server: tuple[Engine, MX]) -> None:
    _, mx = server
    path, origin = f"/users/{mx.user()}/widget_urls", {"Origin": "https://app.example.com"}
    wish = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "accept,authorization"}
    asked = mx.http.options(path, headers=origin | wish | {"Access-Control-Request-Private-Network": "true"})
    assert (asked.status_code, asked.text) == (204, "")
    assert asked.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert asked.headers["Access-Control-Allow-Methods"] == "POST"
    assert asked.headers["Access-Control-Allow-Headers"] == "accept,authorization"
    assert asked.headers["Access-Control-Allow-Private-Network"] == "true"
    body = {"widget_url": {"widget_type": "connect_widget"}}
    for auth, status in ((("client", "key"), 200), (None, 401)):
        answer = mx.http.post(path, json=body, headers=origin | MX_HEADERS, auth=auth)
        assert answer.status_code == status
        assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
    users = mx.http.get("/users", headers=origin | MX_HEADERS, auth=("client", "key"))
    assert "Access-Control-Allow-Origin" not in users.headers
    assert mx.http.options("/users", headers=origin | wish).status_code == 404


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("widget_type", "no_widget"),
        ("mode", "magic"),
        ("color_scheme", "pink"),
        ("oauth_referral_source", "PHONE"),
        ("ui_message_version", 5),
        ("use_cases", ["PFM", "FUN"]),
        ("iso_country_code", ["DE"]),
        ("is_mobile_webview", "yes"),
        ("disable_institution_search", True),  # and nothing to begin with
        ("connections_use_case_filter", True),  # and no use cases
    ],
)
def test_bad_options(mx: MX, option: str, value: Any) -> None:
    assert option in ask(mx, mx.user(), status=422, **{option: value})["error"]["message"]


def test_what_the_page_begins_with_must_be_there(mx: MX) -> None:
    user = mx.user()
    member = mx.create(user)["guid"]
    ask(mx, user, current_member_guid=member, disable_institution_search=True)
    ask(mx, user, current_member_guid=member, current_institution_code="unknown")  # the member takes precedence
    ask(mx, user, current_institution_guid="INS-1572a04c-912b-59bf-5841-332c7dfafaef")
    for options in (
        {"current_member_guid": "MBR-0"},
        {"current_institution_code": "unknown"},
        {"current_institution_guid": "INS-0", "current_institution_code": "mxbank"},
        {"widget_type": "pulse_widget", "insight_guid": "BET-0"},
    ):
        ask(mx, user, status=404, **options)
    ask(mx, mx.user(), current_member_guid=member, status=404)
    mx.call("POST", f"/users/{user}/widget_urls", {"widget_url": {}}, status=400)
    mx.call("POST", "/users/USR-0/widget_urls", {"widget_url": {"widget_type": "connect_widget"}}, status=404)
    ask(mx, user, status=400, headers={"X-CALLBACK-PAYLOAD": "a" * 1025})


def test_a_microdeposit_is_opened_in_verification(mx: MX) -> None:
    user = mx.user()
    person = {"email": "a@example.com", "first_name": "A", "last_name": "B"}
    deposit = mx.call("POST", f"/users/{user}/micro_deposits", {"micro_deposit": person})["micro_deposit"][0]["guid"]
    ask(mx, user, headers=V2, mode="verification", current_microdeposit_guid=deposit)
    ask(mx, user, headers=V2, mode="verification", current_microdeposit_guid="MIC-0", status=404)


def test_a_widget_that_the_file_does_not_list(mx: MX, make_server: Callable[..., tuple[Engine, App]]) -> None:
    wire = MX(make_server(fidelity="wire")[1])
    assert ask(mx, mx.user(), headers=V2, widget_type="pulse_widget")["type"] is None
    assert ask(mx, mx.user(), widget_type="pulse_widget")["type"] == "pulse_widget"
    assert ask(wire, wire.user(), headers=V2, widget_type="pulse_widget")["type"] == "pulse_widget"


def test_urls_are_the_same_again_under_a_seed(make_server: Callable[..., tuple[Engine, App]]) -> None:
    one, two = (MX(make_server()[1]) for _ in range(2))
    assert ask(one, one.user())["url"] == ask(two, two.user())["url"]
