"""An engine with the made-up provider of `toy`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mocksrv.engine.config import Config
from tests.engine.toy import ToyEngine


@pytest.fixture
def make_toy(tmp_path: Path) -> Iterator[Callable[..., ToyEngine]]:
    """Makes engines: ``make_toy(urls=[...], clock="manual", seed=7, database=...)``, started."""
    made: list[ToyEngine] = []

    def make(
        *, urls: list[str] | None = None, seed: int | None = 7, events: list[str] | None = None, **config: Any
    ) -> ToyEngine:
        toy = ToyEngine(tmp_path / "none", Config(**{"clock": "manual", "seed": seed, **config}))
        if urls:
            toy.endpoints([{"url": url, "events": events or []} for url in urls])
        toy.engine.start()
        made.append(toy)
        return toy

    yield make
    for toy in made:
        toy.engine.close()


@pytest.fixture
def toy(make_toy: Callable[..., ToyEngine]) -> ToyEngine:
    """An engine on a manual clock, without endpoints."""
    return make_toy()
