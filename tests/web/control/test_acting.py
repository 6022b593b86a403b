"""Acting for the person at the bank's page or in a widget: `POST /subjects/{id}/act`, and the command for it."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest
from click.testing import CliRunner

from mocksrv import Server
from mocksrv.cli import main
from tests.conftest import MX, MX_HEADERS, Receiver
from tests.providers.finicity.client import Finicity
from tests.providers.mono.client import Mono

OAUTH = {"institution_code": "mx_bank_oauth", "is_oauth": True}
SCRIPT = """
name: consents
provider: mx
extends: connected
flows:
  oauth:
    - status: PENDING
      oauth: {{wait: 30m{keys}}}
  denied: [{{status: DENIED}}]
  cancelled: [{{status: CLOSED}}]
  failed: [{{status: FAILED}}]
  forgotten: [{{status: EXPIRED}}]
"""
WRITTEN = ", denied: denied, cancelled: cancelled, failed: failed, silent: forgotten"


class Person:
    """One OAuth member, and what is done for its user."""

    def __init__(self, mx: MX, scenario: str | None = None) -> None:
        self.mx = mx
        self.user = mx.user()
        headers = {"X-Mocksrv-Scenario": scenario} if scenario else None
        member = mx.call("POST", f"/users/{self.user}/members", {"member": OAUTH}, headers=headers)["member"]
        self.member = member["guid"]
        self.path = f"/users/{self.user}/members/{self.member}"

    def act(self, do: str, *answers: str, status: int = 200) -> Any:
        body = {"do": do, **({"answers": answers} if answers else {})}
        return self.mx.control("POST", f"/subjects/{self.member}/act", body, status=status)

    def status(self) -> str:
        found: str = self.mx.call("GET", self.path)["member"]["connection_status"]
        return found

    def causes(self) -> list[str]:
        return [row["cause"] for row in self.mx.control("GET", f"/subjects/{self.member}")["timeline"]]


def put(mx: MX, keys: str) -> None:
    text = SCRIPT.format(keys=keys)
    answer = mx.http.put("/_mocksrv/scenarios/consents", data=text.encode(), content_type="application/yaml")
    assert answer.status_code == 200, answer.text


def test_an_approval_connects(mx: MX) -> None:
    person = Person(mx)
    assert person.status() == "PENDING"
    assert person.act("approve")["status"] == "CREATED"
    mx.advance("1m")
    assert person.status() == "CONNECTED"


@pytest.mark.parametrize(("do", "said"), [("deny", "denied"), ("cancel", "cancelled"), ("fail", "failed")])
def test_unwritten_outcomes_leave_it_pending_and_may_be_tried_again(mx: MX, do: str, said: str) -> None:
    person = Person(mx)
    assert person.act(do)["status"] == "PENDING"
    assert f"the bank's page: {said}" in person.causes()
    person.act("approve")
    mx.advance("1m")
    assert person.status() == "CONNECTED"


@pytest.mark.parametrize(
    ("do", "status"), [("deny", "DENIED"), ("cancel", "CLOSED"), ("fail", "FAILED"), ("expire", "EXPIRED")]
)
def test_written_outcomes_are_played(mx: MX, do: str, status: str) -> None:
    put(mx, WRITTEN)
    person = Person(mx, "consents")
    assert person.act(do)["status"] == status


@pytest.mark.parametrize(("auto", "status"), [("cancel", "CLOSED"), ("fail", "FAILED"), ("deny", "DENIED")])
def test_a_scenario_may_answer_by_itself(mx: MX, auto: str, status: str) -> None:
    put(mx, f"{WRITTEN}, auto: {auto}")
    person = Person(mx, "consents")
    mx.advance("1s")
    assert person.status() == status


def test_a_member_whose_consent_runs_out_is_deleted(mx: MX) -> None:
    person = Person(mx)
    assert person.act("expire")["deleted"] is True
    mx.call("GET", person.path, status=404)


def test_questions_are_answered_in_their_order(mx: MX) -> None:
    user = mx.user()
    member = mx.create(user, headers={"X-Mocksrv-Scenario": "challenged"})["guid"]
    mx.advance("1s")
    few = mx.control("POST", f"/subjects/{member}/act", {"do": "answer"}, status=422)
    assert "What city were you born in?" in few["detail"]
    refused = mx.control("POST", f"/subjects/{member}/act", {"do": "approve"}, status=409)
    assert refused["detail"].endswith("possible now: answer, expire")
    mx.control("POST", f"/subjects/{member}/act", {"do": "answer", "answers": ["correct"]})
    mx.advance("1m")
    assert mx.status(user, member)["connection_status"] == "CONNECTED"
    idle = mx.control("POST", f"/subjects/{member}/act", {"do": "approve"}, status=409)
    assert "nothing waits for a person now" in idle["detail"]


def test_what_is_no_act_is_refused_with_those_that_are(mx: MX) -> None:
    person = Person(mx)
    assert "approve" in person.act("aprove", status=422)["detail"]
    assert "answers" in person.act("approve", "x", status=422)["detail"]
    mx.control("POST", "/subjects/MBR-1/act", {"do": "approve"}, status=404)


# consent that is given again


def connected(mx: MX) -> Person:
    person = Person(mx)
    person.act("approve")
    mx.advance("1m")
    return person


def test_an_oauth_member_is_authorised_again(mx: MX) -> None:
    person = connected(mx)
    body = {"status": "IMPAIRED"}
    mx.control("PUT", f"/subjects/{person.member}/status", body)
    person.act("approve", status=409)  # nobody has asked for the page
    assert "/oauth/authorize" in mx.call("GET", f"{person.path}/oauth_window_uri")["member"]["oauth_window_uri"]
    assert person.status() == "IMPAIRED"
    for do in ("deny", "cancel", "fail"):
        assert person.act(do)["status"] == "IMPAIRED"
    assert mx.call("GET", person.path)["member"]["needs_updated_credentials"]
    assert person.act("approve")["status"] == "UPDATED"
    assert not mx.call("GET", person.path)["member"]["needs_updated_credentials"]
    mx.advance("1m")
    assert person.status() == "CONNECTED"
    person.act("approve", status=409)


def test_consent_given_again_while_a_job_runs_starts_nothing(mx: MX) -> None:
    person = connected(mx)
    mx.call("GET", f"{person.path}/oauth_window_uri")
    mx.call("POST", f"{person.path}/check_balance")
    assert person.act("approve")["status"] == "CONNECTED"
    mx.advance("1m")
    assert person.status() == "CONNECTED"


# PENDING


def test_pending_is_only_for_young_members_that_use_oauth(mx: MX) -> None:
    user = mx.user()
    plain = mx.create(user)["guid"]
    told = mx.control("PUT", f"/subjects/{plain}/status", {"status": "PENDING"}, status=409)["detail"]
    assert "OAuth" in told
    person = connected(mx)
    mx.control("PUT", f"/subjects/{person.member}/status", {"status": "PENDING"})
    person.act("approve")
    mx.advance("61m")
    told = mx.control("PUT", f"/subjects/{person.member}/status", {"status": "PENDING"}, status=409)["detail"]
    assert "younger than an hour" in told


def test_a_script_that_enters_pending_elsewhere_stops_with_an_error(mx: MX) -> None:
    text = "name: wrong\nprovider: mx\nflows:\n  connect: [{status: CREATED}, {after: 1s, status: PENDING}]\n"
    mx.http.put("/_mocksrv/scenarios/wrong", data=text.encode(), content_type="application/yaml")
    user = mx.user()
    member = mx.create(user, headers={"X-Mocksrv-Scenario": "wrong"})["guid"]
    mx.advance("1m")
    causes = [row["cause"] for row in mx.control("GET", f"/subjects/{member}")["timeline"]]
    assert any(
        cause.startswith("stopped: ") and "PENDING is only for members that use OAuth" in cause for cause in causes
    )
    assert mx.status(user, member)["is_being_aggregated"] is False


# the other providers, the command, a program


def test_a_connect_session_is_gone_through(make_server: Any, receiver: Receiver) -> None:
    finicity = Finicity(make_server()[1], receiver)
    customer = finicity.customer()
    finicity.generate(customer, scenario="mfa")
    [session] = finicity.control("GET", "/subjects")["subjects"]
    path = f"/subjects/{session['id']}/act"
    finicity.control("POST", path, {"do": "deny"}, status=409)
    assert finicity.control("POST", path, {"do": "approve"})["status"] == "done"
    assert finicity.accounts(customer)


def test_a_question_of_a_connect_session_is_answered(make_server: Any, receiver: Receiver) -> None:
    finicity = Finicity(make_server()[1], receiver)
    finicity.play(finicity.generate(finicity.customer(), scenario="mfa"), answers=[""])
    [session] = finicity.control("GET", "/subjects")["subjects"]
    assert session["status"] == "mfa"
    path = f"/subjects/{session['id']}/act"
    told = finicity.control("POST", path, {"do": "approve"}, status=409)["detail"]
    assert told.endswith("possible now: answer, expire, cancel")
    assert finicity.control("POST", path, {"do": "expire"})["status"] == "unableToConnect"


def test_monos_widget_links_an_account_and_reauthorises_it(make_server: Any, receiver: Receiver) -> None:
    mono = Mono(make_server()[1], receiver)
    customer = {"name": "Sam Sample", "email": "sam@example.com"}
    given = {"customer": customer, "scope": "auth", "redirect_url": "https://a.example"}
    link = mono.call("POST", "/v2/accounts/initiate", given)["data"]["mono_url"].rpartition("/")[2]
    account = mono.control("POST", f"/subjects/{link}/act", {"do": "approve"})["id"]
    mono.advance("2s")
    path = f"/subjects/{account}/act"
    mono.control("POST", path, {"do": "approve"}, status=409)
    mono.control("PUT", f"/subjects/{account}/status", {"status": "REAUTHORISATION_REQUIRED"})
    assert mono.control("POST", path, {"do": "deny"})["status"] == "REAUTHORISATION_REQUIRED"
    mono.control("POST", path, {"do": "approve"})
    mono.advance("2s")
    assert mono.control("GET", f"/subjects/{account}")["status"] == "AVAILABLE"


def sent(url: str, path: str, body: Any) -> Any:
    """One POST of MX."""
    headers = {**MX_HEADERS, "Content-Type": "application/json", "Authorization": "Basic Y2xpZW50OmtleQ=="}
    call = urllib.request.Request(f"{url}{path}", json.dumps(body).encode(), headers, method="POST")
    with urllib.request.urlopen(call) as answer:
        return json.load(answer)


def test_the_command_and_a_program_act_too() -> None:
    with Server(seed=7, clock="manual") as server:
        sandbox = server.sandbox("acting")
        user = sent(sandbox.base_url, "/users", {"user": {"metadata": "x"}})["user"]["guid"]
        member = sent(sandbox.base_url, f"/users/{user}/members", {"member": OAUTH})["member"]["guid"]
        at = ["--url", server.url, "--sandbox", "acting"]
        assert sandbox.act(member, "deny")["status"] == "PENDING"
        told = CliRunner().invoke(main, ["subjects", "act", member, "approve", *at])
        assert told.exit_code == 0, told.output
        assert told.output.strip() == f"{member} is CREATED"
        wrong = CliRunner().invoke(main, ["subjects", "act", member, "answer", "x", *at])
        assert "nothing waits for a person now" in wrong.output


def test_demo_acts_at_the_banks_page() -> None:
    shown = CliRunner().invoke(main, ["demo", "oauth"])
    assert shown.exit_code == 0, shown.output
    assert "/act  approve" in shown.output
    assert "CONNECTED" in shown.output


def test_a_connect_session_is_closed_and_opened_again(make_server: Any, receiver: Receiver) -> None:
    """Wherever it stands; no event tells of it."""
    finicity = Finicity(make_server()[1], receiver)
    link = finicity.generate(customer := finicity.customer(), scenario="mfa")
    finicity.play(link, answers=[""])
    [session] = finicity.control("GET", "/subjects")["subjects"]
    path, sent = f"/subjects/{session['id']}", len(finicity.control("GET", "/webhooks")["webhooks"])
    closed = finicity.control("POST", f"{path}/act", {"do": "cancel"})
    assert (closed["status"], closed["job"]) == ("mfa", None)
    assert closed["timeline"][-1]["cause"] == "stopped: the user has closed Connect"
    finicity.advance("1h")
    assert len(finicity.control("GET", "/webhooks")["webhooks"]) == sent
    assert finicity.accounts(customer) == []
    told = finicity.control("POST", f"{path}/act", {"do": "cancel"}, status=409)["detail"]
    assert "possible now: approve" in told
    assert finicity.control("POST", f"{path}/act", {"do": "approve"})["status"] == "done"
    assert "cancel" in finicity.control("POST", f"{path}/act", {"do": "cancel"}, status=409)["detail"]


def test_pending_by_a_push_lives_for_an_hour_from_then_on(mx: MX) -> None:
    person = Person(mx, "oauth")
    mx.advance("30m")
    mx.control("PUT", f"/subjects/{person.member}/status", {"status": "PENDING"})
    mx.advance("59m")
    assert person.status() == "PENDING"
    mx.advance("1m")
    mx.call("GET", person.path, status=404)
