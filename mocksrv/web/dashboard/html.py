"""What the dashboard's pages are made with: templates, headers, where their files are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from flask import Request, Response, send_from_directory
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from mocksrv.providers.pages import STATIC
from mocksrv.web.control.calls import PREFIX

HERE = Path(__file__).parent
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
}
SIGNALS: Mapping[str, Sequence[str]] = {  # class of a badge -> what it shows in that colour
    "good": ("CONNECTED", "AVAILABLE", "delivered", "done"),
    "attention": ("CHALLENGED", "PENDING", "REAUTHORISATION_REQUIRED", "pending", "warning"),
    "trouble": ("DENIED", "LOCKED", "FAILED", "PREVENTED", "REJECTED", "IMPAIRED", "EXPIRED", "failed", "error"),
}


def html(template: str, status: int, request: Request, **context: Any) -> Response:
    """A page; its template is also told where the dashboard's files and those of the page kit are."""
    root = request.script_root
    places = {"static": f"{root}{PREFIX}/dashboard/static", "kit": f"{root}{STATIC}/kit"}
    text = _templates().get_template(template).render(**places, **context)
    return Response(text, status, HEADERS, mimetype="text/html")


def static_file(file: str) -> Response:
    """A style sheet or a script."""
    found = send_from_directory(HERE / "static", file)
    found.headers["X-Content-Type-Options"] = "nosniff"
    return found


def signal(status: object) -> str:
    """The class of a badge."""
    text = str(status)
    if text.isdigit():
        return "good" if int(text) < 400 else "trouble"
    return next((name for name, shown in SIGNALS.items() if text in shown), "")


def pretty(value: object) -> str:
    """JSON for people; a text as it is."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def prose(text: str) -> Markup:
    """A sentence of the API's documentation: what stands between backticks is code."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(each) if n % 2 else escape(each) for n, each in enumerate(parts)
    )


def percent(share: float | None) -> str:
    """A share from 0 to 1 for people."""
    return "–" if share is None else f"{share:.0%}"


def outcome(webhook: Mapping[str, Any]) -> str:
    """How the deliveries of an event stand: the worst of their states."""
    states = {each["state"] for each in webhook["deliveries"]}
    return next((state for state in ("failed", "pending", "dropped", "delivered") if state in states), "no endpoint")


@cache
def _templates() -> Environment:
    """All that is put into them is escaped."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(signal=signal, pretty=pretty, outcome=outcome, percent=percent, prose=prose, compact=json.dumps)
    return made
