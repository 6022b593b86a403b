"""Statements: real PDF files whose lines add up from balance to balance, month after month, and to what the API
shows.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from urllib.parse import urljoin

import pytest
from pypdf import PdfReader

from mocksrv.engine.engine import Engine
from mocksrv.providers.pdf import Page, document
from mocksrv.web.app import App
from tests.conftest import MX

V2 = {"Accept": "application/json", "Accept-Version": "v20250224"}
PDF = "application/vnd.mx.api.v1+pdf"
EVERYDAY = (
    "name: plain\nprovider: mx\nflows:\n  connect:\n    - {status: CREATED}\n    - {after: 1s, status: CONNECTED, "
    "data: everyday}\n"
)
LINE = re.compile(r"(\d{4}-\d\d-\d\d) +(.+?) +(-?[\d,]+\.\d\d) +(-?[\d,]+\.\d\d)")
EDGE = re.compile(r"(Opening|Closing) balance +(-?[\d,]+\.\d\d)")


def connected(mx: MX, user: str, *, everyday: bool = False) -> str:
    """A connected member: with MX Bank's data, or with those of the profile ``everyday``."""
    if everyday:
        assert (
            mx.http.put(
                f"{mx.prefix}/_mocksrv/scenarios/plain", data=EVERYDAY.encode(), content_type="application/yaml"
            ).status_code
            == 200
        )
    member: str = mx.create(user, headers={"X-Mocksrv-Scenario": "plain"} if everyday else None)["guid"]
    mx.advance("1m")
    return member


def fetched(mx: MX, user: str, member: str) -> list[dict[str, Any]]:
    """The member's statements, after they were fetched."""
    mx.call("POST", f"/users/{user}/members/{member}/fetch_statements", status=202)
    mx.advance("1m")
    found: list[dict[str, Any]] = mx.call("GET", f"/users/{user}/members/{member}/statements?records_per_page=100")[
        "statements"
    ]
    return found


def download(mx: MX, statement: dict[str, Any], **headers: str) -> Any:
    url = urljoin("http://localhost/", statement["uri"])
    return mx.http.get(
        mx.prefix + url.removeprefix("http://localhost"), headers={"Accept": PDF, **headers}, auth=("client", "key")
    )


class Paper:
    """What a person reads on a statement."""

    def __init__(self, data: bytes) -> None:
        self.reader = PdfReader(io.BytesIO(data), strict=True)
        self.text = "\n".join(page.extract_text() for page in self.reader.pages)
        edges = {name: cents(amount) for name, amount in EDGE.findall(self.text)}
        self.opening, self.closing = edges["Opening"], edges["Closing"]
        self.lines = [
            (date, text, cents(amount), cents(balance)) for date, text, amount, balance in LINE.findall(self.text)
        ]
        self.month = re.findall(r"Period: (\d{4}-\d\d)-01 to \1", self.text)[0]
        self.account = re.findall(r"Account: (.+?)(?: \*|$)", self.text, re.M)[0]


def cents(text: str) -> int:
    return round(float(text.replace(",", "")) * 100)


def papers(mx: MX, statements: list[dict[str, Any]]) -> dict[str, list[Paper]]:
    """The statements by account, oldest first."""
    found: dict[str, list[Paper]] = {}
    for statement in statements:
        found.setdefault(statement["account_guid"], []).append(Paper(download(mx, statement).data))
    return {guid: sorted(each, key=lambda paper: paper.month) for guid, each in found.items()}


@pytest.mark.parametrize("everyday", [True, False])
def test_statements_add_up(mx: MX, everyday: bool) -> None:
    user = mx.user()
    member = connected(mx, user, everyday=everyday)
    accounts = {a["guid"]: a for a in mx.call("GET", f"/users/{user}/accounts")["accounts"]}
    found = papers(mx, fetched(mx, user, member))
    assert {accounts[guid]["type"] for guid in found} == {"CHECKING", "SAVINGS", "CREDIT_CARD"}
    for guid, months in found.items():
        debt = accounts[guid]["type"] == "CREDIT_CARD"
        rows = mx.call("GET", f"/users/{user}/accounts/{guid}/transactions?from_date=2025-01-01&records_per_page=1000")[
            "transactions"
        ]
        assert [paper.month for paper in months] == ["2025-10", "2025-11", "2025-12"]
        for paper in months:
            assert paper.account == accounts[guid]["name"]
            balance = paper.opening
            for _, _, amount, after in paper.lines:
                balance += amount
                assert after == balance
            assert balance == paper.closing
        for earlier, later in pairwise(months):
            assert earlier.closing == later.opening
        last = months[-1]  # of its transactions the API shows all
        posted = [row for row in rows if row["posted_at"].startswith(last.month) and row["status"] == "POSTED"]
        signed = [
            (row["posted_at"][:10], round(row["amount"] * 100) * (1 if (row["type"] == "CREDIT") != debt else -1))
            for row in posted
        ]
        assert sorted((date, amount) for date, _, amount, _ in last.lines) == sorted(signed) != []
        since = sum(
            round(row["amount"] * 100) * (1 if (row["type"] == "CREDIT") != debt else -1)
            for row in rows
            if row["status"] == "POSTED" and row["posted_at"][:7] > last.month
        )
        assert last.closing + since == round(accounts[guid]["balance"] * 100)


def test_the_closing_balance_is_what_the_account_had_that_day(mx: MX) -> None:
    user = mx.user()
    member = connected(mx, user, everyday=True)
    mx.control("POST", "/clock/advance", {"to": "2026-01-31T23:00:00Z"})
    mx.call("POST", f"/users/{user}/members/{member}/check_balance")
    mx.advance("1m")
    balances = {a["guid"]: round(a["balance"] * 100) for a in mx.call("GET", f"/users/{user}/accounts")["accounts"]}
    mx.advance("9d")
    found = papers(mx, fetched(mx, user, member))
    assert {guid: months[-1].closing for guid, months in found.items()} == balances
    assert {months[-1].month for months in found.values()} == {"2026-01"}


def test_the_file_is_sound_and_names_account_and_owner(mx: MX) -> None:
    user = mx.user()
    statements = fetched(mx, user, connected(mx, user))
    answer = download(mx, statements[0])
    assert answer.mimetype == PDF
    assert answer.data.startswith(b"%PDF-1.4")
    assert hashlib.sha256(answer.data).hexdigest() == statements[0]["content_hash"]
    paper = Paper(answer.data)
    assert "MX Bank" in paper.text
    assert "MX Test\n3401 N Thanksgiving Way #500\nLehi Utah 84034" in paper.text
    assert "Account: Checking ****0685" in paper.text
    assert len(paper.reader.pages) == 2  # 60 lines and more
    assert "Page 2 of 2" in paper.text
    assert download(mx, statements[0], **{"Accept-Version": "v20250224"}).data == answer.data


def test_the_same_seed_makes_the_same_files(make_server: Callable[..., tuple[Engine, App]]) -> None:
    hashes = []
    for seed in (3, 3, 4):
        mx = MX(make_server(seed=seed)[1])
        user = mx.user()
        hashes.append([s["content_hash"] for s in fetched(mx, user, connected(mx, user))])
    assert hashes[0] == hashes[1] != hashes[2]


def test_reading_and_paging(mx: MX) -> None:
    user, other = mx.user(), mx.user()
    member = connected(mx, user)
    path = f"/users/{user}/members/{member}/statements"
    assert mx.call("GET", path)["statements"] == []
    statements = fetched(mx, user, member)
    assert len(statements) == 9
    one = mx.call("GET", f"{path}/{statements[3]['guid']}", headers=V2)["statement"]
    assert one == statements[3]
    assert one["uri"] == f"users/{user}/members/{member}/statements/{one['guid']}.pdf"
    assert (one["user_guid"], one["member_guid"]) == (user, member)
    page = mx.call("GET", f"{path}?records_per_page=10")
    assert page["pagination"] == {"current_page": 1, "per_page": 10, "total_entries": 9, "total_pages": 1}
    for wrong in (
        f"{path}/STA-none",
        f"{path}/STA-none.pdf",
        f"/users/{other}/members/{member}/statements/{one['guid']}.pdf",
    ):
        mx.call("GET", wrong, status=404)


def test_a_later_fetch_adds_what_is_new(mx: MX) -> None:
    user = mx.user()
    member = connected(mx, user, everyday=True)
    before = fetched(mx, user, member)
    assert fetched(mx, user, member) == before
    mx.advance("32d")
    later = fetched(mx, user, member)
    assert [s for s in later if s in before] == before
    assert len(later) == len(before) + 3
    told = [w["payload"] for w in mx.control("GET", "/webhooks?limit=1000")["webhooks"] if w["event"] == "mx.statement"]
    assert [body["statements_created_count"] for body in told] == [9, 0, 3]


def test_letters_that_pdf_treats_specially() -> None:
    page = Page()
    page.text(50, 50, r"Rock (and \roll) café €5 №1")
    reader = PdfReader(io.BytesIO(document([page], title="Ünïcode №")), strict=True)
    assert reader.pages[0].extract_text() == r"Rock (and \roll) café €5 ?1"
    assert reader.metadata is not None
    assert reader.metadata.title == "Ünïcode №"
