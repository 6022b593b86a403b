"""Routes of MX's older SDKs: served as their successors are, and marked deprecated."""

from __future__ import annotations

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


def test_tax_documents_are_fetched_and_there_are_none(mx: MX, member: str) -> None:
    assert mx.call("POST", f"{member}/fetch_tax_documents", status=202)["member"]["is_being_aggregated"]
    mx.advance("1m")
    listed = mx.call("GET", f"{member}/tax_documents")
    assert (listed["tax_documents"], listed["pagination"]["total_entries"]) == ([], 0)
    mx.call("GET", f"{member}/tax_documents/{NOTHING}", status=404)
    mx.call("GET", f"{member}/tax_documents/{NOTHING}.pdf", status=404)
    assert len(deprecated(mx)) == 4
