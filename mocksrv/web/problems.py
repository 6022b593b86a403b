"""RFC 9457 problem documents: the one error shape of the control API."""

from __future__ import annotations

from mocksrv.engine.storage.records import dumps
from mocksrv.providers.http import Answer
from mocksrv.providers.provider import Refusal
from mocksrv.web.hosting.calls import PROBLEM_TYPE, problem


def problem_document(refusal: Refusal) -> Answer:
    """The answer that a refusal is told with."""
    body = problem(refusal.status, refusal.detail) | refusal.more
    answer = Answer(refusal.status, dumps(body), PROBLEM_TYPE)
    if refusal.retry_after is not None:
        answer.headers["Retry-After"] = str(refusal.retry_after)
    return answer
