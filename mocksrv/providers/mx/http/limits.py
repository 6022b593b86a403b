"""What MX allows a client in all, kept by a server with ``--limits``. What it allows a member or a user (25 members, a
standard aggregation in three hours, five balances in two, 100 rows to enhance) is kept always, where it is met.

Sources: MX's Platform API overview (users in integration, calls a second) and its errors page (429). That a user too
many is refused as a member too many is (405) is inferred.
"""

from __future__ import annotations

from collections import Counter
from threading import Lock

from mocksrv.engine.clock import SECOND, wall_ms
from mocksrv.engine.storage.records import Query
from mocksrv.engine.world import World
from mocksrv.providers.mx.http.call import Call, MXError, basic_credentials

MOST_USERS = 100  # of a client in MX's integration environment
A_SECOND = {"GET": 2000, "POST": 750, "PUT": 750, "DELETE": 150}  # method -> calls of a client


class ClientLimits:
    """Counts the calls of this process in each second of real time: a clock that stands still refuses nobody."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._second = 0
        self._calls: Counter[tuple[str, ...]] = Counter()  # of that second, by method, sandbox and client

    def check_rate(self, call: Call, method: str) -> None:
        """Raises MXError 429."""
        client, _ = basic_credentials(call.request.headers.get("Authorization")) or ("", "")
        most = A_SECOND.get(method)
        if most is not None and call.once("calls", lambda: self._count(method, call.sandbox.name, client)) > most:
            raise MXError(429, f"A client may make {most} {method} calls a second")

    def _count(self, *which: str) -> int:
        second = wall_ms() // SECOND
        with self._lock:
            if second != self._second:
                self._second = second
                self._calls.clear()
            self._calls[which] += 1
            return self._calls[which]

    def check_users(self, world: World) -> None:
        """Raises MXError 405 where there is no room for another user."""
        if world.count(Query("mx.user")) >= MOST_USERS:
            raise MXError(405, f"A client may have {MOST_USERS} users in the integration environment")
