"""How each rule of each provider's contract is broken: once, as an app would do it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any
from unittest.mock import patch

from mocksrv.engine.callbacks import receivers
from tests.conftest import MX, Receiver
from tests.providers.finicity.client import Finicity
from tests.providers.mono.client import Mono

Break = Callable[[Any], None]
CLIENTS: dict[str, Callable[[Any, Receiver], Any]] = {"mx": lambda app, _: MX(app), "mono": Mono, "finicity": Finicity}
MX_HEADERS = {"Accept": "application/vnd.mx.api.v1+json"}
CUSTOMERS = "/aggregation/v1/customers"


def sent_as_text(path: str, headers: dict[str, str], **more: Any) -> Break:
    return lambda client: client.http.post(path, data=b"{}", content_type="text/plain", headers=headers, **more)


def update_of_an_aggregated_account(mx: MX) -> None:
    user = mx.user()
    member = mx.create(user)["guid"]
    mx.advance("10s")
    account = mx.call("GET", f"/users/{user}/accounts")["accounts"][0]["guid"]
    mx.call("PUT", f"/users/{user}/members/{member}/accounts/{account}", {"account": {"name": "Mine"}})


def resume_that_nobody_waits_for(mx: MX) -> None:
    user = mx.user()
    member = mx.create(user)["guid"]
    mx.advance("10s")
    answers = {"member": {"challenges": [{"guid": "CRD-1", "value": "correct"}]}}
    mx.call("PUT", f"/users/{user}/members/{member}/resume", answers, status=405)


def in_real_time(make_calls: Break) -> Break:
    """On a real clock, on which alone it is noted how fast calls come."""

    def made(client: Any) -> None:
        client.control("PUT", "/clock", {"mode": "real"})
        make_calls(client)

    return made


def retried(client: Any, on: str, make_call: Callable[[], Any]) -> None:
    """A call that is refused, and at once made again."""
    client.control("PUT", "/faults", {"faults": [{"on": f"GET {on}", "status": 503}]})
    for _ in range(4):
        make_call()


def refused_users(mx: MX) -> None:
    retried(mx, "/users", lambda: mx.call("GET", "/users", status=503))


def polled(mx: MX) -> None:
    user = mx.user()
    member = mx.create(user)["guid"]
    for _ in range(11):
        mx.status(user, member)


def early_read(mx: MX) -> None:
    user = mx.user()
    mx.call("GET", f"/users/{user}/members/{mx.create(user)['guid']}/accounts")


def late_answer(mx: MX) -> None:
    user = mx.user()
    mx.control("PUT", "/bindings", {"next": ["challenged"]})
    member = mx.create(user)["guid"]
    mx.advance("5s")
    asked = mx.status(user, member)["challenges"]
    mx.advance("1d")
    answers = {"member": {"challenges": [{"guid": each["guid"], "value": "correct"} for each in asked]}}
    mx.call("PUT", f"/users/{user}/members/{member}/resume", answers, status=405)


def first_page(mx: MX) -> None:
    user = mx.user()
    mx.create(user)
    mx.advance("10s")
    mx.call("GET", f"/users/{user}/transactions?records_per_page=10")


def polled_account(mono: Mono) -> None:
    id = mono.link()
    for _ in range(11):
        mono.call("GET", f"/v2/accounts/{id}")


def two_syncs(mono: Mono) -> None:
    id = mono.link()
    for _ in range(2):
        mono.ask("POST", f"/accounts/{id}/sync")


def early_transactions(mono: Mono) -> None:
    id = mono.call("POST", "/v2/accounts/auth", {"code": mono.connect(institution="any")})["data"]["id"]
    mono.call("GET", f"/v2/accounts/{id}/transactions?paginate=false")


def first_transactions(finicity: Finicity) -> None:
    customer = finicity.customer()
    finicity.connected(customer)
    path = f"/aggregation/v3/customers/{customer}/transactions"
    finicity.call("GET", f"{path}?fromDate=1&toDate=9999999999&limit=1")


SLOW = {
    "name": "slow",
    "provider": "finicity",
    "extends": "connect-full",
    "flows": {"refresh": [{"after": "10s", "status": "done"}]},
}  # a refresh takes ten seconds


def refreshing(finicity: Finicity) -> tuple[str, dict[str, Any]]:
    """A customer and an account of theirs whose refresh, just begun, takes ten seconds."""
    finicity.control("PUT", "/scenarios/slow", SLOW)
    finicity.control("PUT", "/bindings", {"default": "slow"})
    customer = finicity.customer()
    [account, *_] = finicity.connected(customer)
    refresh(finicity, customer, account)
    return customer, account


def refresh(finicity: Finicity, customer: str, account: dict[str, Any]) -> str:
    """Begins a refresh of an account's login; its id."""
    begun = {"institutionLoginId": str(account["institutionLoginId"])}
    path = f"/aggregation/customers/{customer}/transactions/refreshes"
    return str(finicity.call("POST", path, begun)["refreshId"])


def automated_refreshes(finicity: Finicity) -> None:
    refresh(finicity, *refreshing(finicity))


def cached_balance(finicity: Finicity) -> None:
    customer = finicity.customer()
    [account, *_] = finicity.connected(customer)
    finicity.call("GET", f"{CUSTOMERS}/{customer}/accounts/{account['id']}/availableBalance")


def transactions_of_a_refresh(finicity: Finicity) -> None:
    customer, account = refreshing(finicity)
    path = f"/aggregation/v3/customers/{customer}/accounts/{account['id']}/transactions"
    finicity.call("GET", f"{path}?fromDate=1&toDate=9999999999&limit=1000")


def polled_refresh(finicity: Finicity) -> None:
    customer = finicity.customer()
    [account, *_] = finicity.connected(customer)
    id = refresh(finicity, customer, account)
    for _ in range(11):
        finicity.call("GET", f"/aggregation/customers/{customer}/transactions/refreshes/{id}")


def webhook_to(answer: Callable[[Receiver], None]) -> Break:
    """A webhook to an endpoint that answers so."""

    def made(client: Any) -> None:
        with closing(Receiver()) as receiver:
            answer(receiver)
            client.control("PUT", "/endpoints", {"endpoints": [{"url": receiver.url, "events": ["*"]}]})
            client.control("POST", "/trigger", {"event": EVENTS[type(client)]})
            client.advance("0s")

    return made


def refuse(receiver: Receiver) -> None:
    receiver.answers = [500]


EVENTS = {MX: "mx.user.created", Mono: "mono.account_updated", Finicity: "finicity.added"}
CASES: dict[tuple[str, str], Break] = {
    ("mx", "unknown-field"): lambda mx: mx.call("POST", "/users", {"user": {"metadata": "m", "emial": "a@b.example"}}),
    ("mx", "ignored-field"): update_of_an_aggregated_account,
    ("mx", "unknown-parameter"): lambda mx: mx.call("GET", "/users?record_per_page=100"),
    ("mx", "parameter"): lambda mx: mx.call("GET", "/users?page=two"),
    ("mx", "content-type"): sent_as_text("/users", MX_HEADERS, auth=("client", "key")),
    ("mx", "missing-header"): lambda mx: mx.http.get("/users", auth=("client", "key")),
    ("mx", "secret-in-url"): lambda mx: mx.http.get("/users?api_key=s3cret", headers=MX_HEADERS),
    ("mx", "forbidden"): resume_that_nobody_waits_for,
    ("mx", "deprecated"): lambda mx: mx.call("POST", f"/users/{mx.user()}/connect_widget_url", {}),
    ("mono", "unknown-field"): lambda mono: mono.ask("POST", "/account/auth", {"cod": "code_1"}),
    ("mono", "unknown-parameter"): lambda mono: mono.call("GET", "/v2/accounts?pages=2"),
    ("mono", "content-type"): sent_as_text("/mono/account/auth", {"mono-sec-key": "test_sk_1"}),
    ("mono", "missing-header"): lambda mono: mono.http.get("/mono/v2/accounts"),
    ("mono", "credentials"): lambda mono: mono.ask("GET", "/v2/accounts", **{"mono-sec-key": "test_pk_1"}),
    ("mono", "secret-in-url"): lambda mono: mono.http.get("/mono/v2/accounts?secret_key=test_sk_1"),
    ("finicity", "unknown-field"): lambda finicity: finicity.call(
        "POST", "/aggregation/v2/customers/testing", {"username": "customer-42", "firstname": "Ann"}
    ),
    ("finicity", "unknown-parameter"): lambda finicity: finicity.call("GET", f"{CUSTOMERS}?star=1"),
    ("finicity", "content-type"): lambda finicity: sent_as_text(
        "/finicity/aggregation/v2/customers/testing", finicity.headers
    )(finicity),
    ("finicity", "missing-header"): lambda finicity: finicity.http.get(f"/finicity{CUSTOMERS}"),
    ("finicity", "secret-in-url"): lambda finicity: finicity.call("GET", f"{CUSTOMERS}?token=abc"),
    ("mx", "early-read"): early_read,
    ("mx", "late-answer"): late_answer,
    ("mx", "polling"): in_real_time(polled),
    ("mx", "no-back-off"): in_real_time(refused_users),
    ("mx", "pagination"): first_page,
    ("mono", "forbidden"): two_syncs,
    ("mono", "deprecated"): lambda mono: mono.ask("GET", "/accounts/1"),
    ("mono", "early-read"): early_transactions,
    ("mono", "polling"): in_real_time(polled_account),
    ("mono", "no-back-off"): in_real_time(
        lambda mono: retried(mono, "/mono/v2/accounts", lambda: mono.ask("GET", "/v2/accounts"))
    ),
    ("mono", "pagination"): lambda mono: mono.call("GET", f"/v2/accounts/{mono.link()}/transactions?limit=1"),
    ("finicity", "no-back-off"): in_real_time(
        lambda finicity: retried(finicity, f"/finicity{CUSTOMERS}", lambda: finicity.call("GET", CUSTOMERS, status=503))
    ),
    ("finicity", "pagination"): first_transactions,
    ("finicity", "forbidden"): automated_refreshes,
    ("finicity", "deprecated"): cached_balance,
    ("finicity", "early-read"): transactions_of_a_refresh,
    ("finicity", "polling"): in_real_time(polled_refresh),
    **{(provider, "webhook-refused"): webhook_to(refuse) for provider in CLIENTS},
    **{(provider, "webhook-slow"): webhook_to(lambda receiver: None) for provider in CLIENTS},
}

NONE: dict[tuple[str, str], str] = {
    ("mx", "credentials"): "one kind of credentials for all calls: the id of the client and its API key",
    ("mono", "ignored-field"): "no operation takes a field of some records alone",
    ("mono", "parameter"): "such a value is refused (400)",
    ("mono", "late-answer"): "questions are asked in Mono's widget, which the app does not answer",
    ("finicity", "ignored-field"): "no operation takes a field of some records alone",
    ("finicity", "parameter"): "such a value is refused (400, codes 41003, 41004, 14016)",
    ("finicity", "credentials"): "one kind of credentials for all calls: the app's key and its token",
    ("finicity", "late-answer"): "questions are asked in Connect, which the app does not answer",
}  # what a provider does not have that the rule could be about


def broken(provider: str, rule: str, app: Any, receiver: Receiver) -> list[dict[str, Any]]:
    """The violations of a rule after it was broken by a client of the application."""
    client = CLIENTS[provider](app, receiver)
    slowest = 0.0 if rule == "webhook-slow" else receivers.SLOWEST  # no test waits for five seconds
    with patch.object(receivers, "SLOWEST", slowest):
        CASES[provider, rule](client)
    found: list[dict[str, Any]] = client.control("GET", f"/violations?provider={provider}&rule={rule}")["violations"]
    return found
