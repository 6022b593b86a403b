"""What follows from a change: in the order of the ranks, of which each is given once."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from mocksrv.engine.world import World
from mocksrv.providers.mx.events.changes import SpendingChanged, after, follow
from mocksrv.providers.mx.money import budgets


@dataclass(frozen=True, slots=True)
class Nothing:
    """A change that nobody is concerned by, until a test is."""

    seen: list[str]


def test_followers_come_in_the_order_of_their_ranks() -> None:
    @after(Nothing, rank=2)
    def second(_: World, change: Nothing) -> None:
        change.seen.append("second")

    @after(Nothing, rank=1)
    def first(_: World, change: Nothing) -> None:
        change.seen.append("first")

    change = Nothing([])
    follow(None, change)  # type: ignore[arg-type]
    assert change.seen == ["first", "second"]


def test_a_rank_is_given_once() -> None:
    def another(_: World, change: SpendingChanged) -> None:
        """Not registered in the end."""

    with pytest.raises(ValueError, match=r"another: rank 1 after SpendingChanged is taken by .*budgets\.check"):
        after(SpendingChanged)(another)
    assert budgets.check.__name__ == "check"
