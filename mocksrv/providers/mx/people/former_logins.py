"""Logins of deleted members: made again, a member shows when its login was aggregated before."""

from __future__ import annotations

from mocksrv.engine.clock import HOUR
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World

KIND = "mx.former_login"
REMEMBERED = 3 * HOUR


def remember_login(world: World, member: Record) -> None:
    """Keeps when a member that is deleted was aggregated last."""
    key, at = member.body.get("duplicate_key"), member.body["aggregated_at"]
    if not key or at is None:
        return
    body = {"aggregated_at": at, "deleted_at": world.now}
    known = _former(world, member.owner, key)
    if known is None:
        world.add(Record(KIND, world.guid(), body, owner=member.owner, partner_id=key))
    else:
        known.body = body
        world.save(known)


def used_before(world: World, owner: str, key: str | None, *, skip: bool) -> int | None:
    """When a login of this user was aggregated before (ms), as a new member shows it: ``skip``: it is not aggregated at
    once; else only if the former member was deleted no more than three hours ago.
    """
    former = _former(world, owner, key) if key else None
    if former is None or not (skip or world.now - former.body["deleted_at"] <= REMEMBERED):
        return None
    at: int = former.body["aggregated_at"]
    return at


def _former(world: World, owner: str, key: str) -> Record | None:
    return next(iter(world.list(Query(KIND, owner=owner, partner_id=key, limit=1))), None)
