"""Routes of MX's older SDKs: served as their successors are, and marked deprecated."""

from __future__ import annotations

import hashlib

import pytest

from tests.conftest import MX

NOTHING = "HLD-00000000-0000-0000-0000-000000000000"


@pytest.fixture
def member(mx: MX) -> str:
    """The path of a member whose data are there."""
    user = mx.user()
    made = mx.create(user)["guid"]
    mx.advance("1m")
    return f"/users/{user}/members/{made}"


def deprecated(mx: MX) -> list[str]:
    found = mx.control("GET", "/violations")["violations"]
    return [each["detail"] for each in found if each["rule"] == "deprecated"]


def test_holdings_are_those_of_the_newer_call(mx: MX, member: str) -> None:
    user = member.partition("/members")[0]
    newer = mx.call("GET", f"{user}/investment_holdings")["investment_holdings"]
    assert newer
    assert deprecated(mx) == []
    account = f"{user}/accounts/{newer[0]['account_guid']}"
    lists = [mx.call("GET", f"{path}/holdings")["holdings"] for path in (user, member, account)]
    for older in lists[:2]:
        assert [each["guid"] for each in older] == [each["guid"] for each in newer]
        assert [each["shares"] for each in older] == [float(each["quantity"]) for each in newer]
    assert {each["account_guid"] for each in lists[2]} == {newer[0]["account_guid"]}
    one = mx.call("GET", f"{user}/holdings/{newer[0]['guid']}")["holding"]
    assert one == lists[0][0]
    assert one["member_guid"] == member.rpartition("/")[2]
    mx.call("GET", f"{user}/holdings/{NOTHING}", status=404)
    assert len(deprecated(mx)) == 5


def test_tax_documents_of_the_last_year_are_fetched(mx: MX, member: str) -> None:
    assert mx.call("GET", f"{member}/tax_documents")["tax_documents"] == []
    assert mx.call("POST", f"{member}/fetch_tax_documents", status=202)["member"]["is_being_aggregated"]
    mx.advance("1m")
    listed = mx.call("GET", f"{member}/tax_documents")
    [mortgage] = listed["tax_documents"]
    assert listed["pagination"]["total_entries"] == 1
    assert (mortgage["document_type"], mortgage["tax_year"], mortgage["issued_on"]) == (
        "1098 Mortgage Interest Statement",
        "2024",  # those of 2025 come at the end of January
        "2025-01-31",
    )
    path = f"{member}/tax_documents/{mortgage['guid']}"
    assert mx.call("GET", path)["tax_document"] == mortgage
    assert f"/{mortgage['uri']}" == f"{path}.pdf"
    answer = mx.http.get(f"{path}.pdf", headers={"Accept": "application/vnd.mx.api.v1+pdf"}, auth=("client", "key"))
    assert answer.mimetype == "application/vnd.mx.api.v1+pdf"
    assert hashlib.sha256(answer.data).hexdigest() == mortgage["content_hash"]
    mx.call("GET", f"{member}/tax_documents/{NOTHING}", status=404)
    mx.call("GET", f"{member}/tax_documents/{NOTHING}.pdf", status=404)
    assert len(deprecated(mx)) == 7


def test_each_year_has_its_tax_documents(mx: MX) -> None:
    user = mx.user()
    member = f"/users/{user}/members/{mx.create(user, institution='mock_connected')['guid']}"
    years = []
    for wait in ("1m", "1m", "40d"):
        mx.advance(wait)
        mx.call("POST", f"{member}/fetch_tax_documents")
        mx.advance("1m")
        years.append([each["tax_year"] for each in mx.call("GET", f"{member}/tax_documents")["tax_documents"]])
    assert years == [["2024"], ["2024"], ["2024", "2025"]]
    account = mx.call("GET", f"{member}/tax_documents")["tax_documents"][1]
    assert account["document_type"] == "1099-INT Interest Income"
