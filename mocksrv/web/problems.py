"""RFC 9457 problem documents: the one error shape of the control API."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from mocksrv.engine.storage.records import dumps
from mocksrv.providers.http import Answer

PROBLEM_TYPE = "application/problem+json"


class Problem(Exception):
    """An answer that says what is wrong. ``more``: further members of the document; ``retry_after``: seconds."""

    def __init__(self, status: int, detail: str, *, retry_after: int | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.retry_after = retry_after
        self.more = more

    def response(self) -> Answer:
        """The problem document."""
        title = HTTPStatus(self.status).phrase
        body = {"type": "about:blank", "title": title, "status": self.status, "detail": self.detail, **self.more}
        answer = Answer(self.status, dumps(body), PROBLEM_TYPE)
        if self.retry_after is not None:
            answer.headers["Retry-After"] = str(self.retry_after)
        return answer
