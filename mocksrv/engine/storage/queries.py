"""The queries of a transaction."""

from __future__ import annotations

from collections.abc import Callable

from mocksrv.engine.storage.dialect import Connection, Dialect
from mocksrv.engine.storage.recent import Recent
from mocksrv.engine.storage.tables.callbacks import CallbackQueries
from mocksrv.engine.storage.tables.loads import LoadQueries
from mocksrv.engine.storage.tables.records import RecordQueries
from mocksrv.engine.storage.tables.requests import RequestQueries
from mocksrv.engine.storage.tables.sandboxes import SandboxQueries
from mocksrv.engine.storage.tables.shared import SharedQueries
from mocksrv.engine.storage.tables.statements import LoadsUnderWay
from mocksrv.engine.storage.tables.timers import TimerQueries


class Tx(SandboxQueries, RecordQueries, TimerQueries, CallbackQueries, RequestQueries, SharedQueries, LoadQueries):
    """The queries, inside one transaction (or one read)."""

    def __init__(
        self,
        connection: Connection,
        dialect: Dialect,
        recent: Recent | None = None,
        loads: LoadsUnderWay | None = None,
    ) -> None:
        super().__init__(connection, dialect, recent, loads)
        self.after_commit: list[Callable[[], None]] = []
        self.on_rollback: list[Callable[[], None]] = []
