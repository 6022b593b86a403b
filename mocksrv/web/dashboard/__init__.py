"""The dashboard: what happens in a sandbox, for people. Its pages are imported with the first of them."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, request

from mocksrv.web.control import Control
from mocksrv.web.control.calls import PREFIX

VIEWS = (
    "overview",
    "subjects",
    "webhooks",
    "requests",
    "scenarios",
    "endpoints",
    "faults",
    "trigger",
    "violations",
    "coverage",
    "sandboxes",
)


def mount(app: Flask, control: Control) -> None:
    """Adds the dashboard to the application, below the control API whose calls it shows."""

    def view(name: str, id: str | None = None) -> Response:
        from mocksrv.web.dashboard.views import page

        return page(control, request, name, id)

    def static(file: str) -> Any:
        from mocksrv.web.dashboard.html import static_file

        return static_file(file)

    def sign_in() -> Response:
        from mocksrv.web.dashboard import signing_in

        return signing_in.sign_in(control.guard, request)

    def sign_out() -> Response:
        from mocksrv.web.dashboard import signing_in

        return signing_in.sign_out(request)

    path = f"{PREFIX}/dashboard/<any({', '.join(VIEWS)}):name>"
    for rule in (path, f"{path}/<path:id>"):
        app.add_url_rule(rule, "dashboard.view", view, methods=["GET"])
    app.add_url_rule(f"{PREFIX}/dashboard/static/<path:file>", "dashboard.static", static, methods=["GET"])
    app.add_url_rule(f"{PREFIX}/dashboard/sign-in", "dashboard.sign_in", sign_in, methods=["POST"])
    app.add_url_rule(f"{PREFIX}/dashboard/sign-out", "dashboard.sign_out", sign_out, methods=["POST"])
