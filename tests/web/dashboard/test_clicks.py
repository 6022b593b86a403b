"""Whatever is clicked in the dashboard has the same for the command line beside it."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from mocksrv.web.dashboard.views import VIEWS
from tests.conftest import MX
from tests.web.dashboard.test_views import HTML

VOID = frozenset({"br", "hr", "img", "input", "link", "meta", "path", "rect", "circle"})
OF_THE_PAGE_ALONE = frozenset({"pause", "scheme", "keys"})  # they change nothing on the server


class Element:
    """An element of a page, with those that it stands in."""

    def __init__(self, tag: str, attributes: dict[str, str | None], parent: Element | None) -> None:
        self.tag, self.attributes, self.parent = tag, attributes, parent
        self.children: list[Element] = []

    def all(self) -> list[Element]:
        """Those within it, at whatever depth."""
        return [found for child in self.children for found in (child, *child.all())]

    def within(self, tag: str) -> Element | None:
        """The nearest of these that it stands in."""
        found = self.parent
        while found is not None and found.tag != tag:
            found = found.parent
        return found

    def has(self, *names: str) -> bool:
        return any(name in self.attributes for name in names)

    def __repr__(self) -> str:
        return f"<{self.tag} {self.attributes}>"


class Page(HTMLParser):
    """A page as a tree."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.root = self._open = Element("", {}, None)
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        made = Element(tag, dict(attrs), self._open)
        self._open.children.append(made)
        if tag not in VOID:
            self._open = made

    def handle_endtag(self, tag: str) -> None:
        while self._open.parent is not None and tag not in VOID:
            closed, self._open = self._open, self._open.parent
            if closed.tag == tag:
                return


def copies(element: Element | None) -> bool:
    """Whether a button that copies a command is within an element."""
    return element is not None and any(each.has("data-copy", "data-curl") for each in element.all())


def has_its_curl(button: Element) -> bool:
    """Whether what a button does can be copied: beside it, or, of a form that is tried, at its call."""
    form = button.within("form")
    if button.has("data-copy", "data-curl") or button.attributes.get("id") in OF_THE_PAGE_ALONE:
        return True
    if button.has("data-method", "data-calls", "data-editor"):
        return copies(button.parent)
    assert form is not None, f"{button} does nothing"
    if form.has("data-try"):
        return copies(form.within("article"))
    if form.has("data-path"):
        return copies(button.parent)
    return form.attributes.get("method") == "dialog" or form.attributes.get("role") == "search"


def opened(mx: MX) -> list[str]:
    """Every view with something in it, and every row that can be opened."""
    user = mx.user(id="customer-42")
    mx.control("PUT", "/endpoints", {"endpoints": [{"url": "http://127.0.0.1:9/hooks"}]})
    mx.control("PUT", "/faults", {"faults": [{"on": "GET /users", "status": 503}, {"events": "mx.*", "drop": True}]})
    member = mx.create(user, password="challenge")["guid"]
    mx.advance("10s")
    event = mx.control("GET", "/webhooks")["webhooks"][0]["id"]
    call = mx.control("GET", "/requests")["requests"][0]["id"]
    endpoint = mx.control("GET", "/endpoints")["endpoints"][0]["id"]
    rows = ("subjects", member), ("webhooks", event), ("requests", call), ("endpoints", endpoint)
    more = ("scenarios", "mx/challenged"), ("trigger", "mx.member.updated")
    views = [each.path or f"/dashboard/{name}" for name, each in VIEWS.items()]
    return views + [f"/dashboard/{view}/{id}" for view, id in (*rows, *more)]


def test_every_button_and_form_has_its_curl(mx: MX) -> None:
    seen = 0
    for path in opened(mx):
        answer = mx.http.get(f"/_mocksrv{path}", headers=HTML)
        assert answer.status_code == 200, path
        buttons = [each for each in Page(answer.get_data(as_text=True)).root.all() if each.tag == "button"]
        assert [each for each in buttons if not has_its_curl(each)] == [], path
        seen += sum(each.has("data-method", "data-editor") for each in buttons)
    assert seen > 100
