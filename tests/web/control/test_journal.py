"""The journal of calls: what was sent and answered, without secrets and within bounds; lists from either end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import MX


def newest(mx: MX, query: str = "") -> Any:
    [call] = mx.control("GET", f"/requests?newest=true&limit=1{query}")["requests"]
    return call


def test_a_call_is_kept_with_query_headers_and_bodies(mx: MX) -> None:
    guid = mx.user(id="customer-42")
    call = newest(mx)
    assert call["request"]["body"] == {"user": {"metadata": "test", "id": "customer-42"}}
    assert call["response"]["body"]["user"]["guid"] == guid
    assert call["request"]["headers"]["Accept"] == "application/vnd.mx.api.v1+json"
    assert call["response"]["headers"]["Content-Type"].startswith("application/")
    mx.call("GET", "/users?page=2&records_per_page=10")
    call = newest(mx)
    assert (call["path"], call["query"], call["request"]["body"]) == ("/users", "page=2&records_per_page=10", None)


def test_what_is_secret_is_not_kept(mx: MX) -> None:
    mx.create(mx.user(), password="hush")
    whole = json.dumps(mx.control("GET", "/requests"))
    assert "hush" not in whole
    call = newest(mx, "&path=*/members")
    assert call["request"]["headers"]["Authorization"] == "***"
    assert {each["value"] for each in call["request"]["body"]["member"]["credentials"]} == {"***"}


def test_a_large_body_is_kept_in_part(mx: MX) -> None:
    mx.http.post(
        "/users", data=b'{"user": "' + b"x" * 100_000 + b'"}', content_type="application/json", auth=("a", "b")
    )
    kept = newest(mx)["request"]
    assert (len(kept["body"]), kept["truncated"]) == (64 * 1024, True)


def test_a_body_that_is_no_json_is_kept_as_text(mx: MX) -> None:
    mx.http.post("/users", data=b"\xffnonsense", content_type="text/plain", auth=("a", "b"))
    assert newest(mx)["request"]["body"] == "\ufffdnonsense"


@pytest.mark.parametrize("path", ["/requests", "/webhooks", "/subjects"])
def test_a_list_is_read_from_either_end(mx: MX, path: str) -> None:
    user = mx.user()
    for number in range(3):
        mx.create(user, username=f"customer-{number}")
    name = path.strip("/")
    ids = [each["id"] for each in mx.control("GET", path)[name]]
    assert [each["id"] for each in mx.control("GET", f"{path}?newest=true")[name]] == ids[::-1]
    first = mx.control("GET", f"{path}?newest=true&limit=2")[name]
    assert [each["id"] for each in first] == ids[::-1][:2]
    rest = mx.control("GET", f"{path}?newest=true&after={first[-1]['id']}")[name]
    assert [each["id"] for each in rest] == ids[::-1][2:]
    assert [each["id"] for each in mx.control("GET", f"{path}?after={ids[1]}")[name]] == ids[2:]


@pytest.mark.parametrize("newest", [False, True])
def test_violations_are_paged_one_by_one(mx: MX, newest: bool) -> None:
    for fields in ({"colour": 1, "size": 2, "taste": 3}, {}, {"shade": 1, "tone": 2}):
        mx.call("POST", "/users", {"user": {"metadata": "m", **fields}}, status=200)
    whole = mx.control("GET", "/violations")["violations"]
    details = ["user.colour", "user.size", "user.taste", "user.shade", "user.tone"]
    assert [each["detail"] for each in whole] == details
    found: list[Any] = []
    while True:
        more = f"&after={found[-1]['id']}" if found else ""
        page = mx.control("GET", f"/violations?limit=2&newest={str(newest).lower()}{more}")["violations"]
        assert len(page) <= 2
        if not page:
            break
        found += page
    assert found == (whole[::-1] if newest else whole)
    assert len({each["id"] for each in found}) == len(found)
    assert mx.control("GET", f"/requests/{found[0]['call']}")["path"] == "/users"
    for id in (f"{whole[0]['call']}.4", whole[0]["call"], "REQ-none.1"):
        mx.control("GET", f"/violations?after={id}", status=404)


def test_a_call_shows_the_fields_that_nobody_read(mx: MX) -> None:
    mx.call("POST", "/users", {"user": {"metadata": "m", "colour": "red"}, "extra": 1}, status=200)
    id = newest(mx)["id"]
    assert sorted(mx.control("GET", f"/requests/{id}")["unread"]) == ["extra", "user.colour"]


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("newest=yes", "newest: must be true or false"),
        ("colour=red", "colour: unknown; allowed are after, limit, method, newest, path, "),
        ("metod=GET", "did you mean method?"),
        ("method=FETCH", "method: 'FETCH' is not allowed; allowed are GET"),
        ("limit=many", "allowed are 1 to 1000"),
    ],
)
def test_a_list_that_cannot_be(mx: MX, query: str, detail: str) -> None:
    for path in ("/requests", "/violations"):
        assert detail in mx.control("GET", f"{path}?{query}", status=422)["detail"]
