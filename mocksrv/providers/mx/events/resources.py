"""A kind of resource, declared once: its records, the prefix of their guids, the webhooks of its changes, and what one
that is sent on request shows where there is no such record.

    TAG = Resource("mx.tag", prefix="TAG", events=Events(changes("a tag"), names("guid name updated_at")),
        sample={"name": "Reimbursable"})
    TAG.emit(world, "created", record)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mocksrv.engine.callbacks import batches, outbox
from mocksrv.engine.callbacks.batches import Values
from mocksrv.engine.callbacks.consistency import Rule, always, ordered
from mocksrv.engine.clock import DAY
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.providers.mx.events.payloads import client_guid, client_id, seconds
from mocksrv.providers.mx.events.webhooks import HEADERS, UNASKED, send
from mocksrv.providers.mx.http.schemas import shown


def day_seconds(ms: int | None) -> int | None:
    """A date as the second it begins."""
    return None if ms is None else ms // DAY * DAY // 1000


@dataclass(frozen=True, slots=True)
class Events:
    """The events of one resource.

    ``when`` has its actions, and says in words what each is sent for. ``fields`` is what its object shows, ``forms``
    how fields are written that are not written as they are (moments become Unix seconds without being named here),
    ``renamed`` MX's other names for fields of the API, ``beside`` what stands beside the object, ``optional`` the
    fields that are left out while they are null, ``rules`` what agrees in the payload with fields put over it.
    """

    when: Mapping[str, str]
    fields: tuple[str, ...]
    forms: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    beside: Mapping[str, Any] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()
    rules: tuple[Rule, ...] = (ordered("created_at", "updated_at"),)
    _shown: tuple[tuple[str, str, Callable[[Any], Any] | None], ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        """Name in the object, name in the API, and how it is written: looked up once, for an event may come by the
        thousand.
        """
        object.__setattr__(self, "_shown", tuple((n, self.renamed.get(n, n), self._form(n)) for n in self.fields))

    def payload(self, wrapper: str, action: str, view: Mapping[str, Any]) -> dict[str, Any]:
        """The body: ``view`` has the resource's fields by the API's names, moments in milliseconds."""
        present, get, optional = {}, view.get, self.optional
        for name, source, form in self._shown:
            value = get(source)
            if form is not None:
                value = form(value)
            if value is not None or name not in optional:
                present[name] = value
        return {"action": action, **self.beside, wrapper: present}

    def by_own_names(self, values: Mapping[str, int]) -> dict[str, int]:
        """What is given for fields by the API's names, by the object's own: one can show another's value."""
        return {name: values[source] for name, source, _ in self._shown if source in values}

    def _form(self, name: str) -> Callable[[Any], Any] | None:
        return self.forms.get(name) or (seconds if name.endswith("_at") else None)


def changes(what: str, **special: str) -> dict[str, str]:
    """What the three events of a resource are sent for: ``changes("a tag", deleted="a tag was taken away")``."""
    return {
        "created": f"{what} was created",
        "updated": f"{what} has changed",
        "deleted": f"{what} was deleted",
        **special,
    }


def names(text: str) -> tuple[str, ...]:
    """Names of fields, written one after the other, and the keys of the user."""
    return (*text.split(), "user_guid", "user_id")


class CatalogueEvent(NamedTuple):
    """One event of the catalogue: what it is sent for, the kind of the records that it is about, and what writes it:
    ``write(world, owner, record)``, where None stands for a record that has to be invented.
    """

    when: str
    about: str
    write: Callable[[World, Record, Record | None], None]


class Resource:
    """One kind of resource.

    ``kind`` names its records and, behind ``mx.``, the object of its events; ``prefix`` begins their guids. ``sample``
    is what an invented one shows, by the API's names: what is not there is null. ``about`` names the kind of the
    records, where that is another's. ``of_member``: the records of one member are no other member's.
    """

    def __init__(
        self,
        kind: str,
        *,
        prefix: str,
        events: Events | None = None,
        sample: Mapping[str, Any] | None = None,
        about: str | None = None,
        of_member: bool = False,
    ) -> None:
        self.kind = kind
        self.prefix = prefix
        self.events = events
        self.sample = sample
        self.about = about or kind
        self.of_member = of_member

    def problems(self) -> list[str]:
        """What is wrong with the declaration."""
        found = []
        if not self.kind.startswith("mx."):
            found.append(f"the kind {self.kind!r} does not begin with 'mx.'")
        if not (len(self.prefix) == 3 and self.prefix.isascii() and self.prefix.isalpha() and self.prefix.isupper()):
            found.append(f"the prefix {self.prefix!r} of {self.kind} is not three capital letters")
        if self.events is not None and self.sample is None:
            found.append(f"{self.kind} has events and no sample of what one shows that is sent on request")
        found += (f"the sample of {self.kind} has {name!r}, which its events do not show" for name in self._unshown())
        return found

    def _unshown(self) -> list[str]:
        if self.events is None or self.sample is None:
            return []
        read = {self.events.renamed.get(name, name) for name in self.events.fields}
        return sorted(self.sample.keys() - read)

    def declared(self) -> Mapping[str, CatalogueEvent]:
        """Its events, by their whole names."""
        when = self.events.when if self.events else {}
        return {
            f"{self.kind}.{action}": CatalogueEvent(text, self.about, self._writer(action))
            for action, text in when.items()
        }

    def _writer(self, action: str) -> Callable[[World, Record, Record | None], None]:
        def write(world: World, owner: Record, record: Record | None) -> None:
            if record is None:
                self._send(world, action, self.invent(world, owner), owner, lambda: self.sample or {})
            else:
                self.emit(world, action, record)

        return write

    def invent(self, world: World, owner: Record) -> Record:
        """A record as if it had been stored now, of this user."""
        guid, member, account = world.guid(self.prefix), world.guid("MBR"), world.guid("ACT")
        return self.stamped(world, Record(self.about, guid, {}, owner.guid, member, account))

    @staticmethod
    def stamped(world: World, record: Record) -> Record:
        record.created_at = record.updated_at = world.now
        return record

    def details(self, world: World, user: Record | None, record: Record, action: str) -> Mapping[str, Any]:
        """What the events of a record show beside its body and its keys, by the API's names."""
        return {}

    def details_of_many(
        self, world: World, user: Record | None, records: Sequence[Record], action: str
    ) -> list[Mapping[str, Any]]:
        """The `details` of records of one user and parent."""
        return [self.details(world, user, record, action) for record in records]

    def subscribed(self, world: World, action: str) -> bool:
        """Whether an endpoint asks for the event of a change."""
        return self._has(action) and outbox.subscribed(world, f"{self.kind}.{action}", UNASKED)

    def wanted(self, world: World, action: str) -> bool:
        """Whether the event of one of many changes is written: an endpoint asks for it, or the sandbox records all."""
        return self._has(action) and outbox.wanted(world, f"{self.kind}.{action}", UNASKED)

    def can_batch(self, world: World, action: str) -> bool:
        """Whether the events of many changes can be written as a batch."""
        return self._has(action) and batches.possible(world, f"{self.kind}.{action}", UNASKED)

    def emit_batch(
        self, world: World, action: str, records: Sequence[Record], places: Mapping[str, int], values: Sequence[Values]
    ) -> None:
        """Writes the events of many changes as a batch. Each of ``values`` begins with the number of the record, of one
        user and parent, that shows what it shows but for the fields in ``places``, none of which is optional.
        """
        assert self.events is not None
        if not records:
            return
        wrapper, user = self.kind.removeprefix("mx."), world.get("mx.user", records[0].owner)
        details = self.details_of_many(world, user, records, action)
        payloads = [
            self.events.payload(wrapper, action, self._all_shown(world, record, user, each))
            for record, each in zip(records, details, strict=True)
        ]
        forms = batches.forms_of(payloads, wrapper, self.events.by_own_names(places))
        batches.emit(world, f"{self.kind}.{action}", forms, values, HEADERS)

    def _has(self, action: str) -> bool:
        return self.events is not None and action in self.events.when

    def emit(self, world: World, action: str, record: Record, *, bulk: bool = False) -> None:
        """Writes the event of a change, if the resource has one for it.

        ``bulk``: one of the many changes that a job brings, written only where it is `wanted`.
        """
        if not self._has(action) or (bulk and not self.wanted(world, action)):
            return
        user = world.get("mx.user", record.owner)
        self._send(world, action, record, user, lambda: self.details(world, user, record, action))

    def _send(
        self,
        world: World,
        action: str,
        record: Record,
        user: Record | None,
        details: Callable[[], Mapping[str, Any]],
    ) -> None:
        assert self.events is not None
        deleted = action == "deleted"
        if deleted:
            record.revision += 1
            record.updated_at = world.now
        gone = {"deleted_at": world.now} if deleted else {}
        view = {**self._all_shown(world, record, user, details()), **gone}
        send(
            world,
            f"{self.kind}.{action}",
            record.guid,
            self.events.payload(self.kind.removeprefix("mx."), action, view),
            rules=(always("action", action), *self.events.rules),
        )

    @staticmethod
    def _all_shown(world: World, record: Record, user: Record | None, details: Mapping[str, Any]) -> dict[str, Any]:
        """What the events of a record show, by the API's names."""
        sandbox = world.sandbox.name
        keys = {
            "account_guid": record.parent,
            "member_guid": record.subject,
            "user_id": user.partner_id if user else None,
            "client_guid": client_guid(sandbox),
            "client_id": client_id(sandbox),
        }
        return {**keys, **shown(record), **details}
