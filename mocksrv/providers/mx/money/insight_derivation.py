"""What a user's data tell, as insights; of many transactions it is derived before the transaction that needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.mx.money import scheduled
from mocksrv.providers.mx.money.insight_cases import Books
from mocksrv.providers.mx.money.insight_templates import NewInsight, derive
from mocksrv.providers.mx.money.repeating import find_all, recent


def derive_all(world: World, user: Record) -> list[NewInsight]:
    """All that the user's data tell, known or not, the weightiest first."""
    rows = recent(world, user.guid)
    series = find_all(world, user, rows)
    owned = {record.guid: record for record in world.list(Query("mx.account", owner=user.guid))}
    return list(derive(Books(world.now, rows, series, owned, scheduled.match_series(world, user, series))))


class Derivation:
    """A load (`mocksrv.engine.loads`) that writes nothing: ``found`` is what the data tell."""

    def __init__(self, user: Record, at: int) -> None:
        self.subject = user.guid
        self.key = f"insights {user.guid}"
        self.at = at
        self.found: list[NewInsight] = []
        self._user = user

    def prepare(self, world: World) -> None:
        self.found = derive_all(world, self._user)

    def slices(self) -> Iterator[Callable[[World, int], None]]:
        return iter(())
