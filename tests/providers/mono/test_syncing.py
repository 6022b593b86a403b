"""The manual sync of v1, the real-time sessions of v2, and the automatic sync."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.providers.mono.client import Mono

SUCCESS = {"status": "successful", "hasNewData": False, "code": "SYNC_SUCCESSFUL", "message": None}


def test_manual_sync(mono: Mono) -> None:
    id = mono.link()
    mono.news()
    assert mono.call("POST", f"/accounts/{id}/sync") == SUCCESS
    assert mono.events() == ["account_updated"]
    mono.advance("3d")
    before = len(mono.transactions(id))
    mono.script("sync: [{status: AVAILABLE, set: {has_new_data: true}}]")
    mono.control("PUT", f"/subjects/{id}/scenario", {"scenario": "mine"})
    mono.news()
    assert mono.call("GET", f"/accounts/{id}/sync") == {**SUCCESS, "hasNewData": True}
    assert mono.news()[-1]["data"]["meta"]["has_new_data"] is True
    assert len(mono.transactions(id)) > before


def test_manual_sync_once_every_two_minutes(mono: Mono) -> None:
    id = mono.link()
    mono.call("POST", f"/accounts/{id}/sync")
    mono.advance("1m59s")
    assert list(mono.call("POST", f"/accounts/{id}/sync", status=429)) == ["message"]
    mono.advance("1s")
    mono.call("POST", f"/accounts/{id}/sync")


def test_manual_sync_that_meets_multi_factor_authentication(mono: Mono) -> None:
    id = mono.link("reauthorisation-required")
    mono.news()
    answer = mono.call("POST", f"/accounts/{id}/sync")
    assert (answer["status"], answer["hasNewData"], answer["code"]) == ("failed", False, "REAUTHORISATION_REQUIRED")
    assert mono.news() == [{"event": "mono.events.reauthorisation_required", "data": {"account": {"_id": id}}}]


def test_an_incomplete_statement(mono: Mono) -> None:
    mono.script("sync: [{status: SYNC_FAILED, set: {sync_error: INCOMPLETE_STATEMENT_ERROR}}]")
    id = mono.link("mine")
    assert mono.call("POST", f"/accounts/{id}/sync")["code"] == "INCOMPLETE_STATEMENT_ERROR"
    mono.advance("2m")
    assert mono.call("POST", f"/accounts/{id}/sync?allow_incomplete_statement=true")["code"] == "SYNC_SUCCESSFUL"
    mono.call("POST", f"/accounts/{id}/sync?allow_incomplete_statement=perhaps", status=400)


def test_manual_sync_while_something_runs(mono: Mono) -> None:
    mono.script("sync: [{after: 10s, status: AVAILABLE}]")
    id = mono.link("mine")
    assert mono.call("POST", f"/accounts/{id}/sync")["code"] == "SYNC_ERROR"
    mono.news()
    mono.advance("10s")
    assert mono.events() == ["account_updated"]


@pytest.mark.parametrize(("path", "name"), [("balance", "sync_balance"), ("transactions", "sync_statement")])
def test_real_time(mono: Mono, path: str, name: str) -> None:
    mono.script("sync: [{status: AVAILABLE, set: {has_new_data: true}}]")
    id = mono.link("mine")
    mono.news()
    answer = mono.ask("GET", f"/v2/accounts/{id}/{path}", x_realtime="true")
    job = answer.headers["x-job-id"]
    assert re.fullmatch(r"[0-9a-f]{24}", job)
    assert (answer.headers["x-job-status"], answer.headers["x-has-new-data"]) == ("finished", "true")
    assert answer.get_json()["data"]
    processing, finished, updated = mono.news()
    assert [each["data"]["status"] for each in (processing, finished)] == ["processing", "finished"]
    assert processing["event"] == finished["event"] == "mono.accounts.jobs.update"
    assert list(finished["data"]) == ["account", "business", "app", "id", "name", "status"]
    assert (finished["data"]["account"], finished["data"]["id"], finished["data"]["name"]) == (
        id,
        job,
        f"jobs.accounts.{name}",
    )
    meta = updated["data"]["meta"]
    assert (meta["sync_status"], meta["job_id"], meta["has_new_data"]) == ("SUCCESSFUL", job, True)
    read = mono.call("GET", f"/v2/accounts/{id}/jobs/{job}")["data"]
    assert read == finished["data"]


def test_without_new_data_nothing_says_so(mono: Mono) -> None:
    id = mono.link("no-new-data")
    mono.news()
    answer = mono.ask("GET", f"/v2/accounts/{id}/balance", x_real_time="true")
    assert answer.headers["x-job-status"] == "finished"
    assert "x-has-new-data" not in answer.headers
    assert "has_new_data" not in mono.news()[-1]["data"]["meta"]


@pytest.mark.parametrize(
    ("scenario", "status"), [("sync-failed", "FAILED"), ("reauthorisation-required", "REAUTHORISATION_REQUIRED")]
)
def test_real_time_that_fails(mono: Mono, scenario: str, status: str) -> None:
    id = mono.link(scenario)
    mono.news()
    answer = mono.ask("GET", f"/v2/accounts/{id}/balance", x_realtime="true")
    assert answer.headers["x-job-status"] == "failed"
    *_, failed, updated = mono.news()
    assert failed["data"]["status"] == "failed"
    assert (updated["event"], updated["data"]["meta"]["sync_status"]) == ("mono.events.account_updated", status)


def test_real_time_that_takes_its_time(mono: Mono) -> None:
    mono.script("sync: [{after: 40s, status: AVAILABLE}]")
    id = mono.link("mine")
    mono.news()

    def ask(path: str = "transactions") -> tuple[Any, str, str]:
        answer = mono.ask("GET", f"/v2/accounts/{id}/{path}", x_realtime="true")
        return answer.get_json(), answer.headers["x-job-id"], answer.headers["x-job-status"]

    queued, job, status = ask()
    assert (queued["status"], queued["data"], status) == ("successful", None, "processing")
    assert mono.call("GET", f"/v2/accounts/{id}/transactions")["data"]  # without the header what is there is read
    mono.advance("39s")
    assert ask("balance")[1:] == (job, "processing")
    mono.advance("1s")
    told = [body["data"].get("status") or body["data"]["meta"]["sync_status"] for body in mono.news()]
    assert told == ["processing", "finished", "SUCCESSFUL"]
    assert ask()[1:] == (job, "finished")
    mono.advance("4m20s")
    assert ask()[1] != job


def test_real_time_while_the_account_is_being_linked(mono: Mono) -> None:
    id = mono.call("POST", "/account/auth", {"code": mono.connect(institution="any")})["id"]
    answer = mono.ask("GET", f"/v2/accounts/{id}/balance", x_realtime="true")
    assert answer.headers["x-job-status"] == "processing"
    mono.advance("1s")
    names = [body["event"].rpartition(".")[2] for body in mono.news()]
    assert names == ["account_connected", "update", "update", "account_updated"]
    assert mono.call("GET", f"/v2/accounts/{id}/jobs/{answer.headers['x-job-id']}")["data"]["status"] == "finished"


def test_a_job_of_another_account(mono: Mono) -> None:
    one, other = mono.link(), mono.link()
    job = mono.ask("GET", f"/v2/accounts/{one}/balance", x_realtime="true").headers["x-job-id"]
    mono.call("GET", f"/v2/accounts/{other}/jobs/{job}", status=404)


def test_the_automatic_sync_is_the_profiles_where_no_scenario_says_anything(mono: Mono) -> None:
    mono.script("link: [{status: PROCESSING}, {after: 1s, status: AVAILABLE}]")
    id = mono.link("mine")
    mono.news()
    for _ in range(7):
        before = len(mono.transactions(id))
        mono.midnight()
        (synced,) = mono.news()
        assert synced["data"] == {"account": id, "updated": len(mono.transactions(id)) > before}


def test_an_account_that_must_be_reauthorised_is_not_synced(mono: Mono) -> None:
    id = mono.link("reauthorisation-required")
    mono.midnight()
    mono.news()
    mono.advance("3d")
    assert mono.events() == []
    assert mono.status(id) == "REAUTHORISATION_REQUIRED"


@pytest.mark.parametrize("how", ["at night", "by a sync", "by hand"])
def test_a_login_that_must_be_reauthorised_is_that_for_every_job(mono: Mono, how: str) -> None:
    """Whatever the scenario writes of the other jobs, and however the account came to it."""
    wanted = "[{status: REAUTHORISATION_REQUIRED}]"
    mono.script(f"midnight: {wanted}\nsync: [{{status: AVAILABLE}}]" if how == "at night" else f"sync: {wanted}")
    id = mono.link("mine")
    if how == "at night":
        mono.midnight()
    elif how == "by a sync":
        mono.call("POST", f"/accounts/{id}/sync")
    else:
        mono.control("PUT", f"/subjects/{id}/status", {"status": "REAUTHORISATION_REQUIRED"})
    mono.advance("2m")
    mono.news()
    assert mono.call("POST", f"/accounts/{id}/sync")["code"] == "REAUTHORISATION_REQUIRED"
    assert mono.events() == ["reauthorisation_required"]
    answer = mono.ask("GET", f"/v2/accounts/{id}/balance", x_realtime="true")
    assert answer.headers["x-job-status"] == "failed"
    assert mono.news()[-1]["data"]["meta"]["sync_status"] == "REAUTHORISATION_REQUIRED"
    mono.connect(account=id)
    mono.advance("5m")
    assert mono.call("POST", f"/accounts/{id}/sync")["code"] == "SYNC_SUCCESSFUL"
