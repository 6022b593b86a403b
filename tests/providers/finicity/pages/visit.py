"""Connect driven by a client that runs no script."""

from __future__ import annotations

import html
import json
import re
from typing import Any

from tests.providers.finicity.client import Finicity

LOGIN = ["started", "institutionSupported"]
REST = ["discovered", "adding", "added", "done"]
SCRIPT = {"X-Page-Script": "1"}


class Visit:
    """One visit of a Connect link; ``page`` is the text of the present page."""

    def __init__(self, finicity: Finicity, link: str) -> None:
        self.http = finicity.http
        answer = self.http.get(link, follow_redirects=True)
        assert answer.status_code == 200, answer.text
        self.page = answer.text
        self.address = answer.request.path
        self.messages = told(self.page)

    def do(self, act: str, status: int = 200, **fields: Any) -> str:
        """Sends a form as the page's script does; the heading of the page that it leads to."""
        answer = self.http.post(f"{self.address}/{act}", data=fields, headers=SCRIPT, follow_redirects=True)
        assert answer.status_code == status, answer.text
        return self._show(answer.text)

    def log_in(self, username: str = "somebody", password: str = "secret") -> str:
        return self.do("log_in", **{"Banking Userid": username, "Banking Password": password})

    def poll(self) -> str:
        """What a poll brings: a heading, empty for nothing new."""
        found = re.search(r'data-poll="([^"]*)"', self.page)
        assert found, "the page does not poll"
        answer = self.http.get(html.unescape(found[1]), headers=SCRIPT)
        return self._show(answer.text) if answer.status_code == 200 else ""

    def accounts(self) -> list[str]:
        """The ids of the accounts that can be chosen."""
        return re.findall(r'data-testid="option-(\d+)"', self.page)

    def _show(self, page: str) -> str:
        self.page = page
        self.messages += told(page)
        return heading(page)

    def told(self) -> list[str]:
        """What the host was told since the last time, in short."""
        messages, self.messages = self.messages, []
        return [short(each) for each in messages]


def heading(page: str) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", page)
    return html.unescape(found[1]) if found else ""


def told(page: str) -> list[Any]:
    """The messages that a page sends."""
    found = re.search(r'data-messages="([^"]*)"', page)
    return [each["post"] for each in json.loads(html.unescape(found[1]))] if found else []


def short(message: dict[str, Any]) -> str:
    """A message in a line: ``route search``, ``user AddAccounts True``, ``done 200 complete``."""
    data = message.get("data", {})
    words: list[Any] = [message["type"]]
    if "screen" in data:
        words += [data["screen"], *data["params"].values()]
    if "action" in data:
        words += [data["action"], data.get("success", data.get("title"))]
    if "code" in data:
        words += [data["code"], data["reason"]]
    return " ".join(str(word) for word in words)


def start(finicity: Finicity, bank: str | None = "101732", **generate: Any) -> Visit:
    """A visit of a new customer's link, up to the sign-in at a bank (None: up to the search)."""
    visit = Visit(finicity, finicity.generate(finicity.customer(), **generate))
    visit.do("agree")
    if bank is not None:
        visit.do("select", institution=bank)
    return visit
