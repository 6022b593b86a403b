"""An engine with the made-up provider of `toy`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mocksrv.engine.config import Config
from tests.engine.toy import House


@pytest.fixture
def make_house(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """Makes engines: ``make_house(urls=[...], clock="manual", seed=7, database=...)``, started."""
    made: list[House] = []

    def make(
        *, urls: list[str] | None = None, seed: int | None = 7, events: list[str] | None = None, **config: Any
    ) -> House:
        house = House(tmp_path / "none", Config(**{"clock": "manual", "seed": seed, **config}))
        if urls:
            house.endpoints([{"url": url, "events": events or []} for url in urls])
        house.engine.start()
        made.append(house)
        return house

    yield make
    for house in made:
        house.engine.close()


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    """An engine on a manual clock, without endpoints."""
    return make_house()
