"""The records that polls ask for again and again."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from mocksrv.engine.storage.records import Record

MOST_RECENT = 10_000  # records that are kept for polls


class Recent:
    """The records that are polled, by sandbox and guid. What a transaction changes is forgotten with its commit. They
    are shared by all who look, and who look change nothing.
    """

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], Record] = {}
        self.stamp = 0  # of the last change; a record that was read before it is not kept
        self._lock = threading.Lock()

    def all_of(self, sandbox: str, guids: Sequence[str]) -> dict[str, Record] | None:
        """These records; None when not all of them are known."""
        records = self.records
        try:
            return {guid: records[sandbox, guid] for guid in guids}
        except KeyError:
            return None

    def keep(self, stamp: int, records: Mapping[tuple[str, str], Record]) -> None:
        with self._lock:
            if stamp == self.stamp:
                if len(self.records) > MOST_RECENT:
                    self.records.clear()
                self.records.update(records)

    def forget(self, keys: set[tuple[str, str]] | None) -> None:
        with self._lock:
            self.stamp += 1
            if keys is None:
                self.records.clear()
            else:
                for key in keys:
                    self.records.pop(key, None)
