"""The dashboard: what happens in a sandbox, for people. Its pages are imported with the first of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, request

from mocksrv.web.control import Control
from mocksrv.web.control.calls import PREFIX

VIEWS = ("subjects", "webhooks", "requests", "scenarios")


def mount(app: Flask, control: Control) -> None:
    """Adds the dashboard to the application, below the control API whose calls it shows."""

    def view(name: str) -> Callable[..., Response]:
        def answer(id: str | None = None) -> Response:
            from mocksrv.web.dashboard.views import page

            return page(control, request, name, id)

        return answer

    def static(file: str) -> Any:
        from mocksrv.web.dashboard.views import static_file

        return static_file(file)

    for name in VIEWS:
        path = f"{PREFIX}/dashboard/{name}"
        app.add_url_rule(path, f"dashboard.{name}", view(name), methods=["GET"])
        app.add_url_rule(f"{path}/<path:id>", f"dashboard.{name}.one", view(name), methods=["GET"])
    app.add_url_rule(f"{PREFIX}/dashboard/static/<path:file>", "dashboard.static", static, methods=["GET"])
