"""The queries of a transaction."""

from __future__ import annotations

from mocksrv.engine.storage.tables.callbacks import CallbackQueries
from mocksrv.engine.storage.tables.loads import LoadQueries
from mocksrv.engine.storage.tables.met import MetQueries
from mocksrv.engine.storage.tables.records import RecordQueries
from mocksrv.engine.storage.tables.removals import RemovalQueries
from mocksrv.engine.storage.tables.requests import RequestQueries
from mocksrv.engine.storage.tables.sandboxes import SandboxQueries
from mocksrv.engine.storage.tables.state import StateQueries
from mocksrv.engine.storage.tables.timers import TimerQueries
from mocksrv.engine.storage.tables.violations import ViolationQueries


class Tx(
    SandboxQueries,
    RecordQueries,
    TimerQueries,
    CallbackQueries,
    RequestQueries,
    ViolationQueries,
    MetQueries,
    LoadQueries,
    RemovalQueries,
    StateQueries,
):
    """The queries, inside one transaction (or one read)."""
