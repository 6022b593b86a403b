"""What follows from a change of a user's accounts, transactions and categories.

Whoever changes them says what has changed, ``follow(world, TransactionsAdded([record]))``, and knows nobody who is
concerned; whoever is concerned (balances, alerts, budgets, goals, insights ...) registers, ``@after(TransactionsAdded,
rank=2)``. What follows from one change happens in the order of the ranks, of which each is given once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World


class UserAdded(NamedTuple):
    """A user is stored; its event is written afterwards."""

    user: Record


class AccountChanged(NamedTuple):
    """An account was brought up to date; ``before`` is the balance that it had."""

    account: Record
    before: float | None


class AccountGoing(NamedTuple):
    """An account is about to be deleted, its transactions and holdings are gone."""

    account: Record


class AccountMerging(NamedTuple):
    """An account is about to be deleted, and ``kept`` is what stands for both."""

    account: Record
    kept: Record


class AccountsVerified(NamedTuple):
    """The numbers of accounts of this user (a guid) are known."""

    user: str


class TransactionsAdded(NamedTuple):
    """Transactions were added to what was known before. The first load of a history is not told."""

    transactions: Sequence[Record]


class TransactionGoing(NamedTuple):
    """A transaction is about to be deleted."""

    transaction: Record


class TransactionMoved(NamedTuple):
    """A transaction is of another account now, and of that account's member."""

    transaction: Record


class TransactionTakenBack(NamedTuple):
    """A user has deleted a transaction that was entered by hand."""

    transaction: Record


class SpendingChanged(NamedTuple):
    """What this user (a guid) has spent, or means to spend, is not what it was."""

    user: str


class DataFetched(NamedTuple):
    """A job that fetched transactions of this user (a guid) has ended."""

    user: str


class MemberGone(NamedTuple):
    """A member of this user (a guid) was deleted with all that hangs on it."""

    user: str


class CategoryGoing(NamedTuple):
    """A user's own category is about to be deleted."""

    user: Record
    category: Record


class CategoryReplaced(NamedTuple):
    """A user's own category is gone: ``parent``, a guid, stands in its place."""

    user: Record
    category: Record
    parent: str


FollowerT = TypeVar("FollowerT", bound=Callable[[World, Any], None])
_FOLLOWERS: dict[type, dict[int, Callable[[World, Any], None]]] = {}


def after(change: type, *, rank: int = 1) -> Callable[[FollowerT], FollowerT]:
    """Registers what follows from a change: ``follower(world, change)``. Raises ValueError when the rank is taken."""

    def register(follower: FollowerT) -> FollowerT:
        others = _FOLLOWERS.setdefault(change, {})
        taken = others.setdefault(rank, follower)
        if taken is not follower:
            raise ValueError(
                f"{follower.__module__}.{follower.__qualname__}: rank {rank} after {change.__name__} is taken by "
                f"{taken.__module__}.{taken.__qualname__}"
            )
        _FOLLOWERS[change] = dict(sorted(others.items()))
        return follower

    return register


def follow(world: World, change: object) -> None:
    """Does what follows from a change."""
    for follower in _FOLLOWERS.get(type(change), {}).values():
        follower(world, change)
