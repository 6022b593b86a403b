"""Whatever a client sends, the server has an answer: a search for calls that make it fail, and those that once did."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from mocksrv.engine.config import Config
from mocksrv.engine.engine import Engine
from mocksrv.registry import make_providers
from mocksrv.web.app import App
from tests.conftest import MX, MX_HEADERS, started
from tests.properties import examples

V1, V2 = MX_HEADERS, {"Accept-Version": "v20250224"}
EMPTY_BANK = """\
name: bare
provider: mx
summary: No data.
flows:
  connect:
    - {status: CREATED, data: empty}
    - {after: 1s, status: CONNECTED}
"""

# What stands in paths, queries and bodies: the world's own names (in braces), and what nobody expects.
KNOWN = [
    "{user}",
    "{member}",
    "{event}",
    "{request}",
    "customer-42",
    "m-1",
    "mock_bare",
    "bare",
    "mx/bare",
    "mxbank",
    "default",
    "CRD-1",
]
ODD_TEXTS = [
    "",
    " ",
    ".",
    "..",
    "/",
    "\0",
    "\n",
    "\u00fc",
    "\U0001f600",
    "'",
    '"',
    "%",
    "*",
    "[",
    "{",
    "-1",
    "0",
    "1e9",
    "x" * 3000,
    "MBR-",
    "$.x",
    "true",
    "null",
    "1h",
    "99999999999d",
    "2026-01-01",
    "9999-12-31T23:59:59Z",
    "0001-01-01",
]
WORDS = st.sampled_from([*KNOWN, *ODD_TEXTS]) | st.text(max_size=20).filter(lambda text: text.isprintable())
NUMBERS = st.sampled_from(
    [0, -1, 1, 7, 2**31, 2**63, -(2**63) - 1, 10**400, 0.5, 1e308, -0.0, float("nan"), float("inf")]
)
LEAVES = st.none() | st.booleans() | NUMBERS | WORDS | st.just("\ud800")
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=6
)

PARAMETERS = [
    "page",
    "records_per_page",
    "id",
    "email",
    "is_disabled",
    "name",
    "iso_country_code[]",
    "supported_products[]",
    "use_case",
    "from_date",
    "to_date",
    "from_updated_at",
    "to_updated_at",
    "from_created_at",
    "to_created_at",
    "from_timestamp",
    "includes",
    "category_guid",
    "is_manual",
    "supports_account_statement",
    "include_holdings",
    "referral_source",
    "skip_aggregation",
    "limit",
    "after",
    "event",
    "subject",
    "state",
    "status",
    "method",
    "path",
    "provider",
    "scenario",
    "file",
    "\u00fc",
]
USER = {"user": {"id": "x", "email": "a@b.c", "metadata": "m", "is_disabled": True}}
MEMBER = {
    "member": {
        "institution_code": "mock_bare",
        "credentials": "{credentials}",
        "id": "x",
        "metadata": "m",
        "use_cases": ["PFM"],
        "skip_aggregation": True,
        "background_aggregation_is_disabled": True,
    },
    "client_redirect_url": "https://a",
    "referral_source": "APP",
    "data_request": {"products": ["transactions"]},
}
ENDPOINT = {
    "url": "http://127.0.0.1:1/x",
    "events": ["mx.*"],
    "auth": {"type": "basic", "username": "u", "password": "***"},
    "headers": {"X-A": "b"},
}
# The end of a path -> bodies that are good there.
BODIES: dict[str, list[Any]] = {
    "/users": [USER],
    "<user>": [USER],
    "/members": [
        MEMBER,
        {"member": {"institution_code": "mx_bank_oauth", "is_oauth": True}, "referral_source": "BROWSER"},
    ],
    "<member>": [MEMBER],
    "/resume": [{"member": {"challenges": [{"guid": "{challenge}", "value": "correct"}]}}],
    "/bindings": [{"default": "bare", "next": ["bare"]}],
    "/scenario": [{"scenario": "bare", "flow": "connect"}],
    "/status": [
        {"status": "CHALLENGED", "set": {"name": "x", "error": {}, "use_cases": ["PFM"], "is_authenticated": True}}
    ],
    "/clock": [{"mode": "x2", "now": "2026-02-01"}],
    "/advance": [{"by": "1h", "wait": "1s"}, {"to": "2026-01-03", "wait": "1s"}],
    "/endpoints": [{"endpoints": [ENDPOINT]}],
    "/faults": [{"faults": [{"on": "GET /users/**", "status": 500, "times": 2, "delay": "1ms", "drop": False}]}],
    "/sandbox": [{"seed": 7}, {"without": ["insights"]}],
    "/users/<guid>": [{"phone": "15555550123", "channels": ["sms"]}],
    "/verify": [{"token": "493817"}],
}
# What stands in a path for a parameter of it, or after the beginning of a path.
OWN = {
    "<user>": "{user}",
    "<member>": "{member}",
    "<path:name>": "bare",
    "/_mocksrv/subjects": "{member}",
    "/_mocksrv/webhooks": "{event}",
    "/_mocksrv/requests": "{request}",
}
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "X-CALLBACK-PAYLOAD": st.sampled_from(["aGk=", "", "\u00fc", "x" * 2000]),
        "X-Mocksrv-Scenario": st.sampled_from(["bare", "mx/bare", "", "none", "../x", "\u00fc", "x" * 2000]),
        "Content-Type": st.sampled_from(
            ["application/json", "", "text/plain", "application/json; charset=utf-16", "multipart/form-data", "\u00fc/"]
        ),
        "Accept-Version": st.sampled_from(["v20250224", "v20111101", "", "\u00fc"]),
        "Content-Length": st.sampled_from(["0", "-1", "many", "99999999999999999999"]),
        "Authorization": st.sampled_from(["", "Basic", "Basic /////w==", "Bearer x", "\u00fc"]),
        "Host": st.sampled_from(["", "example.com:0", "a b", "[::1", "\u00fc"]),
    },
)


@st.composite
def mutated(draw: st.DrawFn, good: list[Any]) -> Any:
    """A good body, one part of which is something else."""
    body = json.loads(json.dumps(draw(st.sampled_from(good))))
    place = body
    while True:
        keys = list(place) if isinstance(place, dict) else range(len(place))
        key = draw(st.sampled_from(list(keys)))
        if isinstance(place[key], (dict, list)) and place[key] and draw(st.booleans()):
            place = place[key]
            continue
        if draw(st.booleans()):
            place[key] = draw(VALUES)
        return body


RAW = st.binary(max_size=40) | st.sampled_from(
    [b"", b"{", b"[" * 5000, b"\xff", EMPTY_BANK.encode(), b"name: [", '{"user": {}}'.encode("utf-16")]
)


def payloads(path: str) -> st.SearchStrategy[Any]:
    """What is sent to a path: something good there that has been spoilt, or anything at all."""
    good = next((bodies for end, bodies in BODIES.items() if path.endswith(end)), [USER])
    return st.one_of(mutated(good).map(json.dumps), mutated(good).map(json.dumps), VALUES.map(json.dumps), RAW)


@st.composite
def calls(draw: st.DrawFn, rules: list[tuple[str, str]]) -> dict[str, Any]:
    """A call of some route, or of none."""
    method, path = draw(st.sampled_from(rules))
    if draw(st.integers(0, 9)) == 0:
        method = draw(st.sampled_from(["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "NONSENSE"]))
    if draw(st.integers(0, 20)) == 0:
        path = draw(st.lists(WORDS, max_size=4).map("/".join))
    query = draw(st.dictionaries(st.sampled_from(PARAMETERS), WORDS, max_size=3))
    if draw(st.integers(0, 9)) == 0:
        query["wait"] = draw(st.sampled_from(["1ms", "0s", "", "x"]))
    fill, good = draw(st.lists(WORDS, min_size=4, max_size=4)), draw(st.integers(0, 3)) > 0
    headers = draw(st.sampled_from([V1, V2])) | (draw(HEADERS) if draw(st.integers(0, 3)) == 0 else {})
    data = draw(payloads(path))
    return {
        "method": method,
        "path": path,
        "fill": fill,
        "good": good,
        "query": query,
        "headers": headers,
        "data": data,
    }


# The keys of refusals: MX's, Finicity's two, Mono's two.
ERRORS = (
    {"error"},
    {"code", "message"},
    {"code", "message", "status", "user_message", "tags"},
    {"message"},
    {"status", "message", "timestamp", "data"},
)
CREDENTIALS = {"Authorization": "Basic YTpi", "Finicity-App-Key": "key", "Finicity-App-Token": "token"}


class Ground:
    """A server on which calls are tried out, each round in a sandbox of its own."""

    def __init__(self) -> None:
        self.engine, self.app = started()
        self.client = self.app.test_client()
        self.rules = [
            (method, str(rule.rule))
            for rule in self.app.others.flask.url_map.iter_rules()
            for method in sorted(rule.methods or ())
            if method != "HEAD"
        ]
        self.rules += [
            (route.method, provider.prefix + route.path)
            for provider in make_providers(Config())
            for route in provider.routes.values()
        ]
        self._rounds = 0

    def world(self) -> tuple[str, dict[str, str]]:
        """A sandbox with a user and a member, and their names."""
        self._rounds += 1
        name = f"round-{self._rounds}"
        mx = MX(self.app, name)
        put = mx.http.put(f"{mx.prefix}/_mocksrv/scenarios/bare", data=EMPTY_BANK, content_type="application/yaml")
        assert put.status_code == 200
        user = mx.user(id="customer-42")
        member = mx.create(user, institution="mock_bare", id="m-1")["guid"]
        mx.control("PUT", f"/subjects/{member}/status", {"status": "CHALLENGED"})
        request = mx.http.get(f"/sandbox/{name}/users").headers["X-Mocksrv-Request"]
        names = {
            "user": user,
            "member": member,
            "event": mx.control("GET", "/webhooks")["webhooks"][0]["id"],
            "request": request,
            "challenge": mx.status(user, member)["challenges"][0]["guid"],
            "credentials": json.dumps(mx.credentials("mock_bare", password="other")),
        }
        return name, names

    def call(self, sandbox: str, names: dict[str, str], tried: dict[str, Any]) -> TestResponse:
        """Makes one call, with the world's own names put in."""
        path = tried["path"]
        for number, part in enumerate(piece for piece in path.split("/") if piece.startswith("<")):
            own = OWN.get(part) or OWN.get(path.partition(f"/{part}")[0]) if tried["good"] else None
            path = path.replace(part, quote(_named(own or tried["fill"][number % 4], names), safe=""), 1)
        data = tried["data"] if isinstance(tried["data"], bytes) else _named(tried["data"], names).encode()
        query = urlencode([(name, _named(value, names)) for name, value in tried["query"].items()])
        headers = CREDENTIALS | tried["headers"]
        return self.client.open(f"/sandbox/{sandbox}{path}?{query}", method=tried["method"], headers=headers, data=data)


def _named(text: str, names: dict[str, str]) -> str:
    text = text.replace('"{credentials}"', names["credentials"])
    for name in ("user", "member", "event", "request", "challenge"):
        text = text.replace(f"{{{name}}}", names[name])
    return text


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    made = Ground()
    yield made
    made.engine.close()


@pytest.mark.slow
@settings(max_examples=examples(120), deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_call_makes_the_server_fail(ground: Ground, data: st.DataObject) -> None:
    sandbox, names = ground.world()
    for tried in data.draw(st.lists(calls(ground.rules), min_size=1, max_size=5)):
        answer = ground.call(sandbox, names, tried)
        assert answer.status_code < 500, (tried, answer.get_data(as_text=True))
        if answer.status_code >= 400 and answer.mimetype == "application/json" and answer.data:
            assert set(answer.get_json()) in ERRORS
    ground.engine.drop(sandbox)


# what once made it fail, where no other test has it


@pytest.mark.parametrize("path", ["/webhooks?event=", "/requests?path="])
def test_a_pattern_that_is_too_long_is_refused(mx: MX, path: str) -> None:
    assert "may have 1000 characters" in mx.control("GET", path + "*" * 60_000, status=422)["detail"]


def test_a_large_body_for_the_control_api_is_refused(mx: MX) -> None:
    answer = mx.http.put("/_mocksrv/bindings", data=b'{"default": "' + b"x" * 2**20 + b'"}')
    assert (answer.status_code, answer.mimetype) == (413, "application/problem+json")


@pytest.mark.parametrize("now", ["1980-01-01", "9899-12-31T23:00:00Z"])
def test_what_hangs_on_an_early_or_late_clock_can_be_shown(mx: MX, now: str) -> None:
    mx.control("PUT", "/clock", {"now": now})
    mx.control("PUT", "/endpoints", {"endpoints": [{"url": "http://127.0.0.1:1/closed"}]})
    user = mx.user()
    member = mx.create(user)["guid"]
    mx.advance("10s")
    assert mx.status(user, member)["connection_status"] == "CONNECTED"
    assert len(mx.call("GET", f"/users/{user}/transactions?records_per_page=1000")["transactions"]) == 910
    assert mx.control("GET", "/webhooks")["webhooks"][1]["deliveries"][0]["next_attempt_at"]


def test_a_member_of_an_institution_that_is_gone_is_still_there(
    make_server: Callable[..., tuple[Engine, App]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mocksrv.engine.scenarios.library.LOOK_EVERY", 0)
    file = tmp_path / "bare.yaml"
    file.write_text(EMPTY_BANK)
    engine, app = make_server(scenarios=(tmp_path,))
    mx = MX(app)
    user = mx.user()
    member = mx.create(user, institution="mock_bare")["guid"]
    mx.advance("10s")
    file.unlink()
    engine.library.refresh()
    path = f"/users/{user}/members/{member}"
    assert mx.call("GET", path)["member"]["connection_status"] == "CONNECTED"
    mx.call("GET", f"{path}/credentials", status=404)
    mx.call("POST", f"{path}/verify", status=404)
    mx.call("PUT", path, {"member": {"credentials": []}}, status=200)
