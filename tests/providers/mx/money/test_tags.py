"""Tags, and the taggings that put them on transactions."""

from __future__ import annotations

from typing import Any

import pytest

from mocksrv.providers.mx.bank.categories import BY_NAME
from mocksrv.providers.mx.http.versions import V2
from tests.conftest import MX

NEW = {"Accept": "application/json", "Accept-Version": V2}


@pytest.fixture
def user(mx: MX) -> str:
    """Somebody with the everyday data of a bank."""
    mx.advance("14d")
    guid = mx.user(id="somebody")
    mx.create(guid, institution="amberlock_bank")
    mx.advance("1m")
    return guid


def tag(mx: MX, user: str, name: str = "Trip") -> str:
    guid: str = mx.call("POST", f"/users/{user}/tags", {"tag": {"name": name}})["tag"]["guid"]
    return guid


def put(mx: MX, user: str, tag: str, transaction: str, **expected: Any) -> Any:
    body = {"tagging": {"tag_guid": tag, "transaction_guid": transaction}}
    return mx.call("POST", f"/users/{user}/taggings", body, **expected)


def transactions(mx: MX, user: str, query: str = "records_per_page=1000") -> list[Any]:
    found: list[Any] = mx.call("GET", f"/users/{user}/transactions?{query}")["transactions"]
    return found


def events(mx: MX, name: str) -> list[Any]:
    return [
        each["payload"]
        for each in mx.control("GET", "/webhooks?limit=1000")["webhooks"]
        if each["event"].startswith(name)
    ]


# tags


@pytest.mark.parametrize("headers", [{}, NEW])
def test_every_user_starts_with_the_tag_business(mx: MX, headers: dict[str, str]) -> None:
    user = mx.user()
    found = mx.call("GET", f"/users/{user}/tags", headers=headers)
    assert [(each["name"], each["user_guid"]) for each in found["tags"]] == [("Business", user)]
    assert found["pagination"]["total_entries"] == 1
    assert events(mx, "mx.tag") == []


@pytest.mark.parametrize("headers", [{}, NEW])
def test_a_tag_is_created_read_renamed_and_deleted(mx: MX, headers: dict[str, str]) -> None:
    user = mx.user(id="somebody")
    path = f"/users/{user}/tags"
    made = mx.call("POST", path, {"tag": {"name": "MY TAG"}}, headers=headers)["tag"]
    one = f"{path}/{made['guid']}"
    assert made == {"guid": made["guid"], "name": "MY TAG", "user_guid": user}
    assert mx.call("PUT", one, {"tag": {"name": "Ours"}}, headers=headers)["tag"]["name"] == "Ours"
    assert mx.call("GET", one, headers=headers)["tag"]["name"] == "Ours"
    mx.call("DELETE", one, headers=headers)
    mx.call("GET", one, status=404, headers=headers)
    told = events(mx, "mx.tag.")
    assert [(each["action"], each["tag"]["name"], each["tag"]["revision"]) for each in told] == [
        ("created", "MY TAG", 1),
        ("updated", "Ours", 2),
        ("deleted", "Ours", 3),
    ]
    assert told[0]["tag"]["user_id"] == "somebody"


@pytest.mark.parametrize(
    ("body", "status"), [({}, 400), ({"tag": {}}, 400), ({"tag": {"name": 5}}, 422), ({"tag": {"name": ""}}, 422)]
)
def test_a_tag_needs_a_name(mx: MX, body: Any, status: int) -> None:
    user = mx.user()
    mx.call("POST", f"/users/{user}/tags", body, status=status)
    mx.call("PUT", f"/users/{user}/tags/{tag(mx, user)}", body, status=status)


# taggings


@pytest.mark.parametrize("headers", [{}, NEW])
def test_a_tagging_is_created_listed_moved_and_deleted(mx: MX, user: str, headers: dict[str, str]) -> None:
    trip, work, transaction = tag(mx, user), tag(mx, user, "Work"), transactions(mx, user)[0]
    made = put(mx, user, trip, transaction["guid"], headers=headers)["tagging"]
    assert made == {
        "guid": made["guid"],
        "member_is_managed_by_user": True,
        "tag_guid": trip,
        "transaction_guid": transaction["guid"],
        "user_guid": user,
    }
    path = f"/users/{user}/taggings"
    found = mx.call("GET", path, headers=headers)
    assert (found["taggings"], found["pagination"]["total_entries"]) == ([made], 1)
    one = f"{path}/{made['guid']}"
    other = transactions(mx, user)[1]["guid"]
    moved = mx.call("PUT", one, {"tagging": {"tag_guid": work, "transaction_guid": other}}, headers=headers)["tagging"]
    assert moved == made | {"tag_guid": work}
    assert mx.call("GET", one, headers=headers)["tagging"] == moved
    mx.call("DELETE", one, headers=headers)
    mx.call("GET", one, status=404, headers=headers)
    told = [each["tagging"] for each in events(mx, "mx.tagging.")]
    assert [(each["tag_name"], each["revision"]) for each in told] == [("Trip", 1), ("Work", 2), ("Work", 3)]
    assert (told[0]["transaction_id"], told[0]["user_id"]) == (transaction["id"], "somebody")


def test_a_transaction_with_a_tag_twice_is_listed_once(mx: MX, user: str) -> None:
    transaction, trip = transactions(mx, user)[0]["guid"], tag(mx, user)
    put(mx, user, trip, transaction)
    put(mx, user, trip, transaction)
    found = mx.call("GET", f"/users/{user}/tags/{trip}/transactions")
    assert ([each["guid"] for each in found["transactions"]], found["pagination"]["total_entries"]) == (
        [transaction],
        1,
    )


def test_tag_and_transaction_are_the_users_own(mx: MX, user: str) -> None:
    stranger = mx.user()
    mine, theirs, transaction = tag(mx, user), tag(mx, stranger), transactions(mx, user)[0]["guid"]
    assert put(mx, user, theirs, transaction, status=422)["error"]["message"].startswith("tagging.tag_guid: ")
    assert put(mx, stranger, theirs, transaction, status=422)["error"]["message"].startswith(
        "tagging.transaction_guid: "
    )
    made = put(mx, user, mine, transaction)["tagging"]["guid"]
    mx.call("PUT", f"/users/{user}/taggings/{made}", {"tagging": {"tag_guid": theirs}}, status=422)
    mx.call("GET", f"/users/{stranger}/taggings/{made}", status=404)


def test_a_tagging_needs_both_and_its_update_the_tag(mx: MX, user: str) -> None:
    trip, transaction = tag(mx, user), transactions(mx, user)[0]["guid"]
    for given in ({"tag_guid": trip}, {"transaction_guid": transaction}):
        mx.call("POST", f"/users/{user}/taggings", {"tagging": given}, status=400)
    made = put(mx, user, trip, transaction)["tagging"]["guid"]
    mx.call("PUT", f"/users/{user}/taggings/{made}", {"tagging": {}}, status=400)


def test_with_a_tag_go_its_taggings(mx: MX, user: str) -> None:
    trip, work = tag(mx, user), tag(mx, user, "Work")
    for transaction in transactions(mx, user)[:3]:
        put(mx, user, trip, transaction["guid"])
    kept = put(mx, user, work, transactions(mx, user)[0]["guid"])["tagging"]
    mx.call("DELETE", f"/users/{user}/tags/{trip}")
    assert mx.call("GET", f"/users/{user}/taggings")["taggings"] == [kept]
    assert [each["tagging"]["tag_name"] for each in events(mx, "mx.tagging.deleted")] == ["Trip"] * 3
    assert mx.events()[-4:] == ["mx.tagging.deleted"] * 3 + ["mx.tag.deleted"]


def test_with_a_member_go_the_taggings_of_its_transactions(mx: MX, user: str) -> None:
    put(mx, user, tag(mx, user), transactions(mx, user)[0]["guid"])
    member = mx.call("GET", f"/users/{user}/members")["members"][0]["guid"]
    mx.call("DELETE", f"/users/{user}/members/{member}")
    assert mx.call("GET", f"/users/{user}/taggings")["taggings"] == []


# transactions by tag


@pytest.fixture
def tagged(mx: MX, user: str) -> tuple[str, list[Any]]:
    """A tag and the transactions that have it, newest first: every third of those there are."""
    guid = tag(mx, user)
    some = transactions(mx, user)[::3]
    for transaction in reversed(some):
        put(mx, user, guid, transaction["guid"])
    return guid, some


def by_tag(mx: MX, user: str, tag: str, query: str, **more: Any) -> Any:
    return mx.call("GET", f"/users/{user}/tags/{tag}/transactions?{query}", **more)


def test_the_transactions_of_a_tag_are_listed_in_pages(mx: MX, user: str, tagged: tuple[str, list[Any]]) -> None:
    guid, some = tagged
    assert by_tag(mx, user, guid, "records_per_page=1000")["transactions"] == some
    second = by_tag(mx, user, guid, "records_per_page=10&page=2")
    assert second["transactions"] == some[10:20]
    assert second["pagination"] == {
        "current_page": 2,
        "per_page": 10,
        "total_entries": len(some),
        "total_pages": -(-len(some) // 10),
    }
    business = mx.call("GET", f"/users/{user}/tags")["tags"][0]["guid"]
    assert by_tag(mx, user, business, "")["transactions"] == []
    mx.call("GET", f"/users/{user}/tags/TAG-none/transactions", status=404)


def test_they_are_filtered_as_other_lists_are(mx: MX, user: str, tagged: tuple[str, list[Any]]) -> None:
    guid, some = tagged
    dates = sorted({each["date"] for each in some})
    first, last = dates[2], dates[-3]
    shopping, food = BY_NAME["Groceries"].guid, BY_NAME["Food & Dining"].guid
    known = {each["guid"] for each in some}
    for query in (
        f"from_date={first}&to_date={last}",
        f"category_guid={shopping}",
        f"top_level_category_guid[]={food}",
        "use_case=PFM",
    ):
        wanted = [each for each in transactions(mx, user, f"{query}&records_per_page=1000") if each["guid"] in known]
        assert by_tag(mx, user, guid, f"{query}&records_per_page=1000")["transactions"] == wanted
    assert (
        0
        < len(by_tag(mx, user, guid, f"from_date={first}&to_date={last}&records_per_page=1000")["transactions"])
        < len(some)
    )
    by_tag(mx, user, guid, "from_date=yesterday", status=400)
    assert "merchant" in by_tag(mx, user, guid, "includes=merchants")["transactions"][0]


def test_the_new_version_takes_ones_own_id_and_unix_seconds(mx: MX, user: str, tagged: tuple[str, list[Any]]) -> None:
    guid, some = tagged
    from_date = 1_768_003_200  # 2026-01-10
    found = by_tag(mx, "somebody", guid, f"from_date={from_date}&records_per_page=1000", headers=NEW)["transactions"]
    assert [each["guid"] for each in found] == [each["guid"] for each in some if each["date"] >= "2026-01-10"]
    assert 0 < len(found) < len(some)
    by_tag(mx, "somebody", guid, "from_date=2026-01-01", status=400, headers=NEW)
