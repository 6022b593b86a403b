"""The control API as a page: all that its OpenAPI document says, for people."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest

from mocksrv.web.dashboard.html import prose
from mocksrv.web.dashboard.reference import groups
from tests.conftest import MX, Parts
from tests.web.dashboard.test_views import HTML, NASTY

DOCS = "/_mocksrv/docs"


def articles(page: str) -> dict[str, str]:
    """The calls that are shown, by the ids of their operations."""
    return dict(re.findall(r'<article id="(\w+)"(.*?)</article>', page, re.DOTALL))


@pytest.mark.parametrize("prefix", ["", "/sandbox/ci-17"])
def test_every_call_of_the_document_is_on_the_page(prefix: str, mx: MX) -> None:
    page = mx.http.get(f"{prefix}{DOCS}", headers=HTML)
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    document = mx.http.get(f"{prefix}/_mocksrv/openapi.json").get_json()
    shown = articles(page.text)
    described = [each for item in document["paths"].values() for each in item.values()]
    assert list(shown) == [
        each.id for calls in groups(document).values() for each in calls
    ]  # in the order of the headings
    assert sorted(shown) == sorted(each["operationId"] for each in described)
    for each in described:
        text = unescape(shown[each["operationId"]])
        names = [parameter["name"] for parameter in each.get("parameters", ())]
        assert all(f"<code>{name}</code>" in text for name in names), each["operationId"]
        assert all(f">{status}<" in text for status, answer in each["responses"].items() if "$ref" in answer)
        assert f'href="#{each["operationId"]}"' in page.text
    assert f"curl -X POST http://localhost{prefix}/_mocksrv/reset" in shown["post_reset"]
    assert f'href="{prefix}{DOCS}"' in mx.http.get(f"{prefix}/_mocksrv/dashboard/overview", headers=HTML).text


def test_objects_in_objects_are_members_of_their_own(mx: MX) -> None:
    operations = {each.id: each for calls in groups(mx.control("GET", "/openapi.json")).values() for each in calls}
    body = {each.name: (each.kind, each.needed) for each in operations["put_endpoints"].body}
    assert body["endpoints"] == ("list of object", True)
    assert body["endpoints[].auth.password"] == ("string", False)
    assert body["endpoints[].url"] == ("string", True)
    assert operations["put_endpoints"].sample == {"endpoints": [{"url": ""}]}
    assert operations["get_stream"].endless
    assert "data-try" not in articles(mx.http.get(DOCS, headers=HTML).text)["get_stream"]


def test_what_is_said_is_text_and_code_alone() -> None:
    assert prose(f"`{NASTY}` and <b>") == ("<code>&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;</code> and &lt;b&gt;")


def test_it_is_shown_to_whoever_may_use_the_calls(make_server: Callable[..., Parts], mx: MX) -> None:
    assert mx.http.get(DOCS, headers=HTML | {"Host": "evil.example"}).status_code == 403
    _, app = make_server(control_token="hush")
    client = app.test_client()
    program = client.get(DOCS)
    assert (program.status_code, program.mimetype) == (401, "application/problem+json")
    assert client.get(DOCS, headers={"Authorization": "Bearer hush"}).status_code == 200
    asked = client.get(DOCS, headers=HTML)
    assert (asked.status_code, "post_reset" in asked.text) == (401, False)
    form = {"token": "hush", "then": re.findall(r'name="then" value="([^"]+)"', asked.text)[0]}
    led = client.post("/_mocksrv/dashboard/sign-in", data=form, headers=HTML)
    assert (led.status_code, led.headers["Location"]) == (303, DOCS)
    assert "post_reset" in client.get(DOCS, headers=HTML).text
