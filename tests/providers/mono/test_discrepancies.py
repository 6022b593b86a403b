"""A test for each row of the section Mono of docs/discrepancies.md."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from mocksrv.engine.clock import HOUR, SEEDED_START
from mocksrv.providers.mono.webhooks import RETRIES
from mocksrv.providers.profiles import Profiles, persona
from tests.providers.mono.client import Mono
from tests.providers.mono.test_analyses import OPEN, credit, enriched
from tests.providers.mono.test_customers import ADA
from tests.providers.mono.test_partners import GOOD, SESSION

DOCUMENT = Path(__file__).parents[3] / "docs" / "discrepancies.md"
TestT = TypeVar("TestT", bound=Callable[..., None])


def row(cell: str) -> Callable[[TestT], TestT]:
    """Says which row a test is about, by its first cell."""

    def mark(test: TestT) -> TestT:
        test.__dict__["row"] = cell
        return test

    return mark


def test_every_row_has_a_test() -> None:
    section = DOCUMENT.read_text("utf-8").partition("\n## Mono\n")[2].partition("\n## ")[0]
    rows = [line.split(" | ")[0].removeprefix("| ") for line in section.splitlines() if line.startswith("| ")]
    tested = [
        test.__dict__["row"] for test in globals().values() if inspect.isfunction(test) and "row" in test.__dict__
    ]
    assert tested == [cell for cell in rows if cell not in ("place", "---")]


@row("`POST /v2/accounts/auth`")
def test_post_v2_accounts_auth(mono: Mono) -> None:
    answer = mono.call("POST", "/v2/accounts/auth", {"code": mono.connect(institution="any")})
    assert answer["id"] == answer["data"]["id"]
    assert answer["status"] == "successful"


@row("exchanging a code")
def test_exchanging_a_code(mono: Mono) -> None:
    code = mono.connect(institution="any")
    for _ in range(2):
        mono.call("POST", "/account/auth", {"code": code})
    mono.advance("10m")
    mono.call("POST", "/account/auth", {"code": code}, status=404)


@row("the token of a reauthorisation")
def test_the_token_of_a_reauthorisation(mono: Mono) -> None:
    token = mono.call("POST", f"/accounts/{mono.link()}/reauthorise")["token"]
    assert re.fullmatch(r"auth_[A-Za-z0-9]{20}", token)


@row("data before they are fetched")
def test_data_before_they_are_fetched(mono: Mono) -> None:
    id = mono.call("POST", "/account/auth", {"code": mono.connect(institution="any")})["id"]
    assert mono.call("GET", f"/v2/accounts/{id}/transactions")["data"] == []
    assert mono.call("GET", f"/v2/accounts/{id}/balance")["data"] is None
    account = mono.call("GET", f"/v2/accounts/{id}")["data"]["account"]
    assert {name for name, value in account.items() if value is not None} == {"id", "institution"}


@row("`type` of an account")
def test_type_of_an_account(mono: Mono) -> None:
    id = mono.link()
    assert mono.call("GET", f"/v2/accounts/{id}")["data"]["account"]["type"] == "CURRENT"
    assert mono.call("GET", f"/accounts/{id}")["account"]["type"] == "CURRENT_ACCOUNT"
    assert mono.news()[-1]["data"]["account"]["type"] == "CURRENT_ACCOUNT"


@row("error bodies of v2")
def test_error_bodies_of_v2(mono: Mono) -> None:
    refused = mono.call("GET", "/v2/accounts/unknown", status=404)
    assert list(refused) == ["status", "message", "timestamp", "data"]
    assert list(mono.call("GET", "/accounts/unknown", status=404)) == ["message"]


@row("`identity` in v2")
def test_identity_in_v2(mono: Mono) -> None:
    identity = mono.call("GET", f"/v2/accounts/{mono.link()}/identity")["data"]
    assert {"full_name", "state_of_origin", "lga_of_origin", "created_at", "updated_at"} <= set(identity)
    assert "address_line2" not in identity


@row("pages of transactions")
def test_pages_of_transactions(mono: Mono) -> None:
    id = mono.link()
    page = mono.call("GET", f"/v2/accounts/{id}/transactions")
    assert len(page["data"]) == 50
    assert page["meta"]["next"] == f"http://localhost/mono/v2/accounts/{id}/transactions?page=2&limit=50"


@row("`statement` in v2")
def test_statement_in_v2(mono: Mono) -> None:
    statement = mono.call("GET", f"/v2/accounts/{mono.link()}/statement")
    assert statement["meta"] == {"count": len(statement["data"])}


@row("a statement as PDF")
def test_a_statement_as_pdf(mono: Mono) -> None:
    id = mono.link()
    job = mono.call("GET", f"/accounts/{id}/statement?output=pdf")
    assert job["status"] == "BUILDING"
    mono.advance("1s")
    assert mono.call("GET", f"/accounts/{id}/statement/jobs/{job['id']}")["status"] == "BUILT"


@row("credits and debits")
def test_credits_and_debits(mono: Mono) -> None:
    history = mono.call("GET", f"/v2/accounts/{mono.link()}/credits")["data"]["history"]
    assert [entry["period"] for entry in history][-2:] == ["02-25", "01-25"]


@row("`GET /v2/accounts`")
def test_get_v2_accounts(mono: Mono) -> None:
    mono.link()
    newer = mono.link()
    first = mono.call("GET", "/v2/accounts")["data"][0]
    assert (first["id"], len(first["bvn"])) == (newer, 4)


@row("lists of accounts and customers")
def test_lists_of_accounts_and_customers(mono: Mono) -> None:
    id = mono.link()
    assert list(mono.call("GET", "/v2/accounts")["meta"]) == ["total", "pages", "previous", "next"]
    assert list(mono.call("GET", f"/v2/accounts/{id}/transactions")["meta"]) == ["total", "page", "previous", "next"]


@row("`GET /v3/banks/list`")
def test_get_v3_banks_list(mono: Mono) -> None:
    banks = mono.call("GET", "/v3/banks/list")["data"]["banks"]
    assert {bank["direct_debit"] for bank in banks} == {True}


@row("creating a customer")
def test_creating_a_customer(mono: Mono) -> None:
    mono.call("POST", "/v2/customers", ADA, status=201)
    mono.call("POST", "/v2/customers", ADA | {"email": "another@example.com"}, status=201)
    mono.call("POST", "/v2/customers", ADA, status=400)
    without = {name: value for name, value in ADA.items() if name != "identity"}
    assert "identity" in mono.call("POST", "/v2/customers", without | {"email": "c@example.com"}, status=400)["message"]


@row("answers about customers")
def test_answers_about_customers(mono: Mono) -> None:
    created = mono.call("POST", "/v2/customers", ADA, status=201)
    assert list(created) == ["status", "message", "timestamp", "data"]


@row("a customer that is deleted")
def test_a_customer_that_is_deleted(mono: Mono) -> None:
    customer = mono.call("POST", "/v2/customers", ADA, status=201)["data"]["id"]
    id = mono.link(customer={"id": customer})
    mono.call("DELETE", f"/v2/customers/{customer}")
    assert mono.call("GET", f"/v2/accounts/{id}")["data"]["customer"] == {"id": customer}
    assert mono.call("GET", "/v2/accounts")["data"][0]["customer"] == {"id": customer, "name": None, "email": None}


@row("the transactions of a customer")
def test_the_transactions_of_a_customer(mono: Mono) -> None:
    id = mono.link()
    customer = mono.call("GET", f"/v2/accounts/{id}")["data"]["customer"]["id"]
    (found,) = mono.call("GET", f"/v2/customers/{customer}/transactions")["data"]
    page = found["account_transaction_data"]["data"]["data"]
    assert page["transactions"] == mono.transactions(id)[:50]


@row("`creditworthiness`")
def test_creditworthiness(mono: Mono) -> None:
    assert credit(mono, mono.link())["summary"]["monthly_payment"] == 3_384_762


@row("debts of a creditworthiness report")
def test_debts_of_a_creditworthiness_report(mono: Mono) -> None:
    id = mono.link()
    assert credit(mono, id)["debt"]["total_debt"] == 0
    assert credit(mono, id, existing_loans=[OPEN])["debt"]["total_debt"] == 8_000_000


@row("`statement/insights`")
def test_statement_insights(mono: Mono) -> None:
    id = mono.link()
    for method in ("GET", "POST"):
        assert mono.call(method, f"/v2/accounts/{id}/statement/insights")["data"]["jobStatus"] == "processing"


@row("callbacks of enrichment")
def test_callbacks_of_enrichment(mono: Mono) -> None:
    id = mono.link()
    mono.news()
    mono.control("POST", "/trigger", {"event": "mono.transaction_metadata", "subject": id})
    assert set(mono.news()[0]["data"]) == {"message", "account"}


@row("`GET /v2/enrichments/record/{jobId}`")
def test_get_v2_enrichments_record(mono: Mono) -> None:
    id = mono.link()
    insights = enriched(mono, id, "GET", "statement/insights")
    assert {"transaction_count", "inflow", "outflow", "account_summary", "recurring_transactions"} <= set(insights)
    categories = {each["category"] for each in enriched(mono, id, "POST", "transactions/categorise")["transactions"]}
    assert categories == {row["category"] for row in mono.transactions(id)}


@row("enrichment of an uploaded file")
def test_enrichment_of_an_uploaded_file(mono: Mono) -> None:
    mono.call("POST", "/v2/enrichments/transaction-categorisation", {}, status=404)


@row("`assets`, `earnings`")
def test_assets_earnings(mono: Mono) -> None:
    id = mono.link()
    assert mono.call("GET", f"/v2/accounts/{id}/assets")["data"]["assets"] == []
    assert mono.call("GET", f"/v2/accounts/{id}/earnings")["data"] == []


@row("a session of the Partners API")
def test_a_session_of_the_partners_api(mono: Mono) -> None:
    session = mono.call("POST", "/v2/connect/session", SESSION)["data"]["session"]
    assert mono.call("POST", "/v2/connect/login", GOOD, x_session_id=session["id"])["responseCode"] == 99
    session = mono.call("POST", "/v2/connect/session", SESSION)["data"]["session"]
    mono.advance("10m")
    mono.call("POST", "/v2/connect/login", GOOD, x_session_id=session["id"], status=400)


@row("`responseCode` of the Partners API")
def test_response_code_of_the_partners_api(mono: Mono) -> None:
    session = mono.call("POST", "/v2/connect/session", SESSION)["data"]["session"]["id"]
    refused = mono.call("POST", "/v2/connect/login", {}, x_session_id=session, status=400)
    assert refused["responseCode"] == refused["data"]["responseCode"] == 400
    again = mono.call("POST", "/v2/connect/reauth/session", {"account": mono.link()})
    assert (again["data"]["responseCode"], "responseCode" in again) == (99, False)


@row("`/v2/connect/reauth/session`")
def test_v2_connect_reauth_session(mono: Mono) -> None:
    answer = mono.ask("POST", "/v2/connect/reauth/session", {"account": mono.link()})
    session = answer.headers["x-session-id"]
    assert mono.call("POST", "/v2/connect/reauth/login", GOOD, x_session_id=session)["data"]["responseCode"] == 99


@row("`GET /users/stats/wallet`")
def test_the_wallet(mono: Mono) -> None:
    mono.link()
    assert mono.call("GET", "/users/stats/wallet") == {"balance": 0}


@row("`income` in v2")
def test_income_in_v2(mono: Mono) -> None:
    id = mono.link()
    mono.news()
    assert mono.call("GET", f"/v2/accounts/{id}/income")["data"] is None
    mono.advance("29s")
    assert mono.events() == []
    mono.advance("1s")
    data = mono.news()[0]["data"]
    records = mono.call("GET", f"/v2/accounts/{id}/income-records")["data"]
    assert records == {name: data[name] for name in records}


@row("sums of income")
def test_sums_of_income(mono: Mono) -> None:
    told = mono.call("GET", f"/v2/accounts/{mono.link()}/income-records")["data"]
    for name in ("total_income", "monthly_income", "annual_income"):
        assert told[name] == told["income_summary"][name] > 0


@row("`POST /accounts/{id}/sync` that fails")
def test_post_accounts_id_sync_that_fails(mono: Mono) -> None:
    answer = mono.call("POST", f"/accounts/{mono.link('sync-failed')}/sync", status=200)
    assert list(answer) == ["status", "hasNewData", "code", "message"]


@row("a manual sync whose scenario takes its time")
def test_a_manual_sync_whose_scenario_takes_its_time(mono: Mono) -> None:
    mono.script("sync: [{after: 5s, status: AVAILABLE}]")
    id = mono.link("mine")
    mono.news()
    assert mono.call("POST", f"/accounts/{id}/sync")["code"] == "SYNC_ERROR"
    mono.advance("5s")
    assert mono.events() == ["account_updated"]


@row("`/accounts/{id}/sync`")
def test_accounts_id_sync(mono: Mono) -> None:
    id = mono.link()
    assert mono.call("GET", f"/accounts/{id}/sync")["code"] == "SYNC_SUCCESSFUL"
    mono.advance("2m")
    assert mono.call("POST", f"/accounts/{id}/sync")["code"] == "SYNC_SUCCESSFUL"


@row("the header of real-time data")
def test_the_header_of_real_time_data(mono: Mono) -> None:
    for number, header in enumerate(("x_realtime", "x_real_time")):
        id = mono.link(ref=f"person-{number}")
        assert "x-job-id" in mono.ask("GET", f"/v2/accounts/{id}/balance", **{header: "true"}).headers


@row("real-time data that are not there at once")
def test_real_time_data_that_are_not_there_at_once(mono: Mono) -> None:
    mono.script("sync: [{after: 1s, status: AVAILABLE}]")
    answer = mono.ask("GET", f"/v2/accounts/{mono.link('mine')}/balance", x_realtime="true")
    assert (answer.get_json()["data"], answer.headers["x-job-status"]) == (None, "processing")


@row("real-time data whose job has failed")
def test_real_time_data_whose_job_has_failed(mono: Mono) -> None:
    answer = mono.ask("GET", f"/v2/accounts/{mono.link('sync-failed')}/balance", x_realtime="true")
    assert (answer.status_code, answer.headers["x-job-status"]) == (200, "failed")
    assert answer.get_json()["data"]["balance"] > 0


@row("`mono.events.account_reauthorized`")
def test_mono_events_account_reauthorized(mono: Mono) -> None:
    mono.control("POST", "/trigger", {"event": "mono.account_reauthorized", "subject": mono.link()})
    body = mono.news()[-1]
    assert (list(body), list(body["data"]), list(body["data"]["account"])) == (["event", "data"], ["account"], ["_id"])


@row("`account` of `mono.events.account_synced`")
def test_account_of_mono_events_account_synced(mono: Mono) -> None:
    id = mono.link()
    mono.midnight()
    assert mono.news()[-1]["data"]["account"] == id


@row("`mono.events.account_unlinked`")
def test_mono_events_account_unlinked(mono: Mono) -> None:
    id = mono.link()
    mono.call("POST", f"/v2/accounts/{id}/unlink")
    assert mono.news()[-1]["data"] == {"account": {"_id": id, "id": id}}


@row("`meta.ref` of a link that reauthorises")
def test_meta_ref_of_a_link_that_reauthorises(mono: Mono) -> None:
    id = mono.link("reauthorisation-required", ref="loan-1")
    mono.midnight()
    body = {"scope": "reauth", "account": id, "meta": {"ref": "loan-2"}}
    mono.connect(institution="any", token=mono.call("POST", "/v2/accounts/initiate", body)["data"]["mono_url"])
    mono.advance("1s")
    assert mono.news()[-1]["data"]["meta"]["ref"] == "loan-2"


@row("what acknowledges a callback")
def test_what_acknowledges_a_callback(mono: Mono) -> None:
    mono.receiver.answers[:] = [202]
    mono.connect(institution="any")
    mono.advance("0s")
    assert mono.control("GET", "/webhooks")["webhooks"][0]["deliveries"][0]["state"] == "delivered"


@row("how long a callback is tried again")
def test_how_long_a_callback_is_tried_again() -> None:
    assert sum(RETRIES.delays) <= 48 * HOUR < sum(RETRIES.delays) + RETRIES.delays[-1]


@row("an account that must be reauthorised")
def test_an_account_that_must_be_reauthorised(mono: Mono) -> None:
    mono.link("reauthorisation-required")
    mono.midnight()
    mono.news()
    mono.midnight()
    assert mono.events() == []


@row("amounts of a data profile")
def test_amounts_of_a_data_profile(mono: Mono) -> None:
    id = mono.link(ref="customer-42")
    key = persona("7", "customer-42")
    account = Profiles().generate("everyday", key=key, until=SEEDED_START, days=0).accounts[0]
    assert mono.call("GET", f"/v2/accounts/{id}/balance")["data"]["balance"] == round(account.fields["balance"] * 100)


@row("whose account it is")
def test_whose_account_it_is(mono: Mono) -> None:
    one, other, invented = mono.link(ref="customer-42"), mono.link(ref="customer-42"), mono.link()
    names = [mono.call("GET", f"/v2/accounts/{id}")["data"]["account"]["name"] for id in (one, other, invented)]
    owner = (
        Profiles()
        .generate("everyday", key=persona("7", "customer-42"), until=SEEDED_START, days=0)
        .accounts[0]
        .owners[0]
    )
    assert names[:2] == [owner["owner_name"].upper()] * 2
    assert names[2] != names[0]
