"""What the receiver of a callback breaks of the provider's contract by its answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mocksrv.engine.callbacks.outbox import PRIVATE
from mocksrv.engine.sandbox import Endpoint, Sandbox
from mocksrv.engine.secrets import masked_urls
from mocksrv.engine.storage.rows import DueRow, NewViolationRow

if TYPE_CHECKING:
    from mocksrv.engine.callbacks.transport import Answer

SLOWEST = 5000.0  # ms of real time, which is all that a callback gets


def broken_by(
    sandbox: Sandbox, at: int, row: DueRow, endpoint: Endpoint, answer: Answer, wrong: Mapping[str, Any]
) -> Iterator[NewViolationRow]:
    """The violation of the first attempt of a delivery, if it is one. What was never sent is none, nor is what was sent
    ``wrong`` on purpose, so that it may well be refused.
    """
    if row.attempts or wrong.keys() - {PRIVATE} or not answer.duration_ms:
        return
    if answer.duration_ms >= SLOWEST:
        rule, detail = "webhook-slow", f"{row.event} was not answered in time"
    elif answer.status is None or not 200 <= answer.status < 300:
        rule, detail = "webhook-refused", f"{row.event} was answered {answer.status or f'by nobody: {answer.error}'}"
    else:
        return
    yield NewViolationRow(
        sandbox=sandbox.name,
        id=f"{row.event_id}.{row.seq}",
        at=at,
        provider=row.event.partition(".")[0],
        rule=rule,
        detail=detail,
        nearest=None,
        until=None,
        call=None,
        webhook=row.event_id,
        method="POST",
        path=masked_urls(endpoint.url),
        status=answer.status,
    )
