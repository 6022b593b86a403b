"""Whose a path is, and which URLs are built."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import url_for
from werkzeug.routing import BuildError

from mocksrv.web.app import App
from tests.conftest import started

INVALID_ROUTE = {"error": {"message": "Invalid route", "status": "not_found", "type": "not_found_error"}}


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    """One for all tests, which look and change nothing."""
    engine, app = started()
    yield app
    engine.close()


@pytest.mark.parametrize("sandbox", ["", "/sandbox/mine"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/monopoly", INVALID_ROUTE),  # whose prefix is empty answers for the others
        ("/finicityx", INVALID_ROUTE),
        ("/mono", {"message": "Resource not found"}),
        ("/mono/nothing", {"message": "Resource not found"}),
        ("/finicity", {"code": 14001}),
        ("/finicity/nothing", {"code": 14001}),
    ],
)
def test_a_prefix_ends_at_a_slash(app: App, sandbox: str, path: str, body: dict[str, Any]) -> None:
    answer = app.test_client().get(f"{sandbox}{path}")
    assert answer.status_code == 404
    assert answer.get_json().items() >= body.items()


@pytest.mark.parametrize("host", ["x" * 64, "..", "a..b"])
@pytest.mark.parametrize("path", ["/users", "/nothing"])
def test_what_cannot_be_a_host_is_refused(app: App, host: str, path: str) -> None:
    answer = app.test_client().get(path, headers={"Host": host, "Authorization": "Basic YTpi"})
    assert answer.status_code == 400
    assert answer.get_json()["error"]["type"] == "bad_request_error"


def test_urls_are_built_for_all_that_flask_answers(app: App) -> None:
    with app.others.flask.test_request_context("/", environ_overrides={"SCRIPT_NAME": "/sandbox/mine"}):
        assert url_for("root") == "/sandbox/mine/"
        assert url_for("control.GET /webhooks", newest="true") == "/sandbox/mine/_mocksrv/webhooks?newest=true"
        with pytest.raises(BuildError):
            url_for("control.GET /nothing")
