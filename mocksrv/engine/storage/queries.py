"""The queries of a transaction."""

from __future__ import annotations

from mocksrv.engine.storage.tables.callbacks import CallbackQueries
from mocksrv.engine.storage.tables.loads import LoadQueries
from mocksrv.engine.storage.tables.records import RecordQueries
from mocksrv.engine.storage.tables.requests import RequestQueries
from mocksrv.engine.storage.tables.sandboxes import SandboxQueries
from mocksrv.engine.storage.tables.shared import SharedQueries
from mocksrv.engine.storage.tables.timers import TimerQueries


class Tx(SandboxQueries, RecordQueries, TimerQueries, CallbackQueries, RequestQueries, SharedQueries, LoadQueries):
    """The queries, inside one transaction (or one read)."""
