"""A visit of Mono's pages by a client that runs no script."""

from __future__ import annotations

import html
import json
import re
from typing import Any
from urllib.parse import urlencode

from tests.providers.mono.client import Mono

GTBANK = "5f2d08be60b92e2888287702"
PERSON = {"name": "Ada Obi", "email": "ada@example.com"}
TYPED = {"username": "user_good", "password": "123456"}


def hosted_link(mono: Mono, headers: dict[str, str] | None = None, **more: Any) -> str:
    """The path of a hosted link."""
    asked = {"scope": "auth", "redirect_url": "https://app.example/done", "customer": PERSON, **more}
    url: str = mono.call("POST", "/v2/accounts/initiate", asked, **(headers or {}))["data"]["mono_url"]
    return url.removeprefix("http://localhost")


def widget(mono: Mono, **options: Any) -> str:
    """The path that Mono's package opens; objects are written as JSON."""
    query = {name: value if isinstance(value, str) else json.dumps(value) for name, value in options.items()}
    return f"{mono.prefix}/mono/widget?{urlencode({'key': 'test_pk_any', **query})}"


class Visit:
    """``page`` is the present one, ``told`` all that the host was told so far."""

    def __init__(self, mono: Mono, path: str) -> None:
        self.mono = mono
        opened = mono.http.get(path, follow_redirects=True, headers={"Referer": "https://app.example/pay?x"})
        self.status = opened.status_code
        self.address = opened.request.path
        self.told: list[dict[str, Any]] = []
        self._shows(opened.get_data(as_text=True))

    def do(self, act: str, **fields: str) -> str:
        """Sends a form; the page that it leads to."""
        answer = self.mono.http.post(f"{self.address}/{act}", data=fields, follow_redirects=True)
        assert answer.status_code == 200
        return self._shows(answer.get_data(as_text=True))

    def poll(self) -> str:
        """What a poll brings; empty for nothing new."""
        text = self.mono.http.get(f"{self.address}/poll").get_data(as_text=True)
        return self._shows(text) if text else ""

    def sign_in(self, institution: str = GTBANK) -> str:
        """Chooses a bank, where none is yet, and signs in."""
        if "Select your bank" in self.page:
            self.do("select", institution=institution)
        return self.do("login", **TYPED)

    def through(self) -> str:
        """All the way to the code."""
        self.sign_in()
        self.do("answer", **{"answer-1": "1234"})
        if "Choose an account" in self.page:
            self.do("choose", account=self.offered()[0])
        return self.do("done")

    def offered(self) -> list[str]:
        """The accounts that can be chosen."""
        return re.findall(r'name="account" value="([^"]+)"', self.page)

    def names(self) -> list[str]:
        """The types of all messages, in short."""
        return [each["type"].removeprefix("mono.connect.") for each in self.told]

    @property
    def heading(self) -> str:
        found = re.search(r"<h1[^>]*>(.*?)</h1>", self.page)
        assert found
        return html.unescape(found[1])

    def attribute(self, name: str) -> str | None:
        """An attribute of the page's body."""
        found = re.search(rf'<body[^>]* {name}="([^"]*)"', self.page)
        return html.unescape(found[1]) if found else None

    def _shows(self, page: str) -> str:
        self.page = page
        self.told += [each["post"] for each in json.loads(self.attribute("data-messages") or "[]")]
        return page
