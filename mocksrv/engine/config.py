"""How a server is set up: one class for all floors. What users can say, and how it is read, is `mocksrv.settings`."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

TEMPORARY = ""  # a database file of its own, gone with the server
IN_MEMORY = ":memory:"
POSTGRES = ("postgresql://", "postgres://")  # how the URL of a PostgreSQL begins
NINETY_DAYS = 90 * 86_400_000  # ms


class Config(NamedTuple):
    """Everything that a server can be told. The values are taken as they are: who lets users say them checks them.

    - ``host``: the address to listen on.
    - ``port``: the port to listen on; 0 is a free one.
    - ``workers``: how many processes serve; several share a database that is kept.
    - ``threads``: how many calls that change something, or may have to wait, are served at the same time.
    - ``webhook_url``: where callbacks of new sandboxes go; None: nowhere.
    - ``database``: the file that keeps the state, TEMPORARY, IN_MEMORY, or the URL of a PostgreSQL.
    - ``sandboxes``: how many sandboxes there may be; beyond that the longest idle one of a server that keeps no state
      is dropped, and of a server that keeps it no other is made.
    - ``sandbox_idle``: for how long, in real ms, a sandbox may be without a call before it is dropped; None: for ever.
    - ``sandbox_by``: whose a provider call without a prefix is: ``url``: the default sandbox's, ``client-id``: of
      the one named after its client id or key.
    - ``keep_events``: how many webhooks a sandbox keeps, with their attempts.
    - ``keep_for``: for how long it keeps them, in ms of its time.
    - ``keep_requests``: how many calls a sandbox keeps, with what they did wrong.
    - ``scenarios``: folders with scenarios and data profiles of the user's own.
    - ``strict``: whether a fault in one of those files keeps the server from starting.
    - ``quiet``: whether no line is printed for calls and callbacks.
    - ``log_format``: how these lines are written: ``text`` or ``json``.
    - ``port_file``: the file that has the port while the server is there; None: there is none.
    - ``plain_pages``: whether pages leave out the line that says that this is a sandbox.
    - ``clock``: the clock of new sandboxes: ``real``, ``manual`` (stands still), or a speed such as ``x60``.
    - ``now``: the moment at which new sandboxes start, in ms since 1970 UTC; None: the present, or with a seed and a
      manual clock a fixed day.
    - ``seed``: what ids and data of new sandboxes are made from; None: they differ in every run.
    - ``scenario``: what new sandboxes play when nothing else chooses; None: the provider's own default.
    - ``fidelity``: where the sources of a provider disagree: ``sdk`` as its libraries read it, ``wire`` as its
      documentation says.
    - ``public_url``: the beginning of handed-out links; None: the host of the request.
    - ``allow_callbacks``: patterns of hosts that callbacks may go to, beside loopback and private addresses.
    - ``allow_host``: patterns of names of this server under which the control API may be called.
    - ``control_from``: which clients the control API answers without a token: ``loopback`` or ``private``.
    - ``control_token``: opens the control API to whoever sends it; None: there is none.
    - ``tls``: ``self`` for HTTPS with a certificate that the server makes for itself at its start; None: it does not.
    - ``tls_cert``, ``tls_key``: PEM files of the certificate that it shows instead, with its chain, and of the key.
    - ``client_id``, ``api_key``: the only credentials that the providers accept; None: they accept any.
    - ``limits``: whether the providers' limits on a client hold, on calls a second for instance.
    """

    host: str = "127.0.0.1"
    port: int = 8484
    workers: int = 1
    threads: int = 32
    webhook_url: str | None = None
    database: str = TEMPORARY
    sandboxes: int = 10_000
    sandbox_idle: int | None = None
    sandbox_by: str = "url"
    keep_events: int = 10_000
    keep_for: int = NINETY_DAYS
    keep_requests: int = 10_000
    scenarios: tuple[Path, ...] = ()
    strict: bool = False
    quiet: bool = False
    log_format: str = "text"
    port_file: Path | None = None
    plain_pages: bool = False
    clock: str = "real"
    now: int | None = None
    seed: int | None = None
    scenario: str | None = None
    fidelity: str = "sdk"
    public_url: str | None = None
    allow_callbacks: tuple[str, ...] = ()
    allow_host: tuple[str, ...] = ()
    control_from: str = "loopback"
    control_token: str | None = None
    client_id: str | None = None
    api_key: str | None = None
    limits: bool = False
    tls: str | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None

    @property
    def scheme(self) -> str:
        """Of the server's URLs."""
        return "https" if self.tls or self.tls_cert else "http"

    @property
    def temporary(self) -> bool:
        """Whether the state is gone with the server."""
        return self.database in (TEMPORARY, IN_MEMORY)

    @property
    def credentials(self) -> tuple[str, str] | None:
        """Client id and API key, where only these are accepted."""
        return (self.client_id, self.api_key) if self.client_id is not None and self.api_key is not None else None


def is_postgres(database: str) -> bool:
    """Whether a database is a PostgreSQL, by its URL."""
    return database.startswith(POSTGRES)
