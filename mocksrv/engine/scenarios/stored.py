"""The scenarios that the control API put in: kept in the store, played from the library."""

from __future__ import annotations

import logging
import threading

from mocksrv.engine.problems import YamlError
from mocksrv.engine.scenarios.library import Library
from mocksrv.engine.scenarios.model import Scenario
from mocksrv.engine.storage.queries import Tx
from mocksrv.engine.storage.rows import ScenarioRow
from mocksrv.engine.storage.store import Store

log = logging.getLogger("mocksrv")


class StoredScenarios:
    """Brings what is stored into the library, whichever process stored it."""

    def __init__(self, store: Store, library: Library) -> None:
        self._store = store
        self._library = library
        self._lock = threading.Lock()
        self._revision = 0  # of the latest that the library has
        with store.read() as tx:
            self._take_in(tx.scenarios())

    def put(self, text: str) -> Scenario:
        """Takes a scenario into the library and the store. Raises YamlError."""
        scenario = self._library.put(text)
        with self._store.write() as tx:
            tx.put_scenario(scenario.provider, scenario.name, text)
        return scenario

    def learn(self, revision: int, tx: Tx) -> None:
        """Takes in what was stored since, if ``revision`` is not the latest that is known."""
        if revision > self._revision:
            with self._lock:
                self._take_in(tx.scenarios(after=self._revision))

    def _take_in(self, rows: list[ScenarioRow]) -> None:
        """In any order: those that extend others after these."""
        self._revision = max((row.revision for row in rows), default=self._revision)
        while rows:
            left, faults = [], []
            for row in rows:
                try:
                    self._library.put(row.text)
                except YamlError as error:
                    left.append(row)
                    faults.append(error)
            if len(left) == len(rows):
                for row, fault in zip(left, faults, strict=True):
                    log.warning("the stored scenario %s/%s is left out: %s", row.provider, row.name, fault)
                return
            rows = left
