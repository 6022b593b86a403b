"""RFC 9457 problem documents: the one error shape of the control API."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Response

from mocksrv.engine.storage.records import dumps


class Problem(Exception):
    """An answer that says what is wrong. ``more`` are further members of the document."""

    def __init__(self, status: int, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.more = more


def problem(status: int, detail: str, **more: Any) -> Response:
    """A problem document."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    return Response(dumps(body), status, mimetype="application/problem+json")
