"""The catalogue of MX's webhooks, put together of what resources declare; it sends any event on request: about a record
that is there, or about an invented one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mocksrv.engine.role import WrongSubject
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.mx.events.members import MEMBER, USER
from mocksrv.providers.mx.events.resources import CatalogueEvent, Resource

CONNECTED = {"is_manual": False, "is_managed_by_user": True}  # a member that MX aggregates


class Catalogue:
    """All events: by their names what they are sent for, and how they are written."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        resources = list(resources)
        self.events: Mapping[str, CatalogueEvent] = {
            name: event for resource in resources for name, event in resource.declared().items()
        }
        self._of_member = frozenset(resource.kind for resource in resources if resource.of_member)

    @property
    def meanings(self) -> Mapping[str, str]:
        """Event -> what it is sent for, in words."""
        return {name: event.when for name, event in self.events.items()}

    def trigger(self, world: World, near: Record | None, name: str) -> None:
        """Writes an event. It is about ``near`` or what belongs to it; else about the newest record that fits; else
        about an invented one.

        Raises WrongSubject when ``near`` is nothing that the event can be about.
        """
        event = self.events[name]
        record = _newest(world, event.about) if near is None else self._found(world, near, event.about)
        if record is None and near is not None and near.kind not in (USER.kind, MEMBER.kind):
            raise WrongSubject(f"{name} is about {event.about}, not about {near.kind}")
        event.write(world, _owner(world, record or near), record)

    def _found(self, world: World, near: Record, kind: str) -> Record | None:
        """``near`` itself, what it belongs to, or the newest of what belongs to it: to a member what is its user's and
        no other member's.
        """
        if near.kind == kind:
            return near
        above = (world.get(kind, guid) for guid in (near.parent, near.subject, near.owner) if guid)
        for record in above:
            if record is not None:
                return record
        beneath = _newest(world, kind, subject=near.guid) or _newest(world, kind, parent=near.guid)
        if near.kind == USER.kind:
            return beneath or _newest(world, kind, owner=near.guid)
        if near.kind == MEMBER.kind and kind not in self._of_member:
            return beneath or _newest(world, kind, owner=near.owner)
        return beneath


def _newest(world: World, kind: str, **keys: str) -> Record | None:
    """The newest of a kind; of members one that connects, before those that the user or the client keeps."""
    for wanted in (CONNECTED, {}) if kind == MEMBER.kind else ({},):
        found = world.list(Query(kind, newest_first=True, limit=1, body=wanted, **keys))  # type: ignore[arg-type]
        if found:
            return found[0]
    return None


def _owner(world: World, record: Record | None) -> Record:
    """The user that a record belongs to; the newest one; an invented one."""
    if record is not None and record.kind == USER.kind:
        return record
    owner = world.get(USER.kind, record.owner) if record is not None else None
    if owner is not None:
        return owner
    newest = world.list(Query(USER.kind, owner="", newest_first=True, limit=1))
    return newest[0] if newest else USER.invent(world)
