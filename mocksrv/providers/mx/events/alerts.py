"""What MX's notification webhooks have in common: what an alert shows, and by which channels it is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mocksrv.engine.callbacks import outbox
from mocksrv.engine.callbacks.consistency import Body, Rule, always, ordered, settle
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.providers.mx.events.members import USER
from mocksrv.providers.mx.events.payloads import client_id, seconds
from mocksrv.providers.mx.events.resources import CatalogueEvent, Resource, day_seconds
from mocksrv.providers.mx.events.verifications import BY_ACTION, enabled_channels
from mocksrv.providers.mx.events.webhooks import UNASKED, send
from mocksrv.providers.mx.http.schemas import shown

NAME = "mx.notification"  # begins the names of the events
PRODUCT = "mocksrv"  # client_product_name: the sender's display name


class AlertGroup(Resource):
    """The alerts about one kind of resource: actions with what raises each, and the fields of their object, of which
    those that end in ``_at``, and ``date``, are Unix seconds.

    ``of`` is the resource. ``samples`` are further fields of the sample of one action, ``rules`` what its payload has
    to be like.
    """

    def __init__(
        self,
        of: Resource,
        fields: str,
        actions: Mapping[str, str],
        *,
        sample: Mapping[str, Any],
        samples: Mapping[str, Mapping[str, Any]] | None = None,
        rules: Mapping[str, tuple[Rule, ...]] | None = None,
    ) -> None:
        super().__init__(
            f"mx.notification.{of.kind.removeprefix('mx.')}", prefix=of.prefix, about=of.kind, sample=sample
        )
        self.of = of
        self.fields = tuple(fields.split())
        self.actions = actions
        self.samples = samples or {}
        self.rules = rules or {}

    def declared(self) -> Mapping[str, CatalogueEvent]:
        return {
            f"{NAME}.{action}": CatalogueEvent(when, self.about, self._writer(action))
            for action, when in self.actions.items()
        }

    def _writer(self, action: str) -> Callable[[World, Record, Record | None], None]:
        def write(world: World, owner: Record, record: Record | None) -> None:
            if record is None:
                invented = owner if self.about == USER.kind else self.invent(world, owner)
                self.alert(world, action, owner, invented, self.invented_view(world, owner, action))
            else:
                self.alert(world, action, owner, record, self.view(world, owner, record, action))

        return write

    def view(self, world: World, user: Record, record: Record, action: str) -> Mapping[str, Any]:
        """What an alert shows of a record that this does not: where no call of the API makes such records, what is
        invented.
        """
        return self.invented_view(world, user, action)

    def invented_view(self, world: World, user: Record, action: str) -> Mapping[str, Any]:
        """The same of an invented record of this user."""
        return {**(self.sample or {}), **self.samples.get(action, {})}

    def asked(self, world: World) -> bool:
        """Whether any endpoint gets these alerts; nobody is told of what a client has muted."""
        return not world.muted and any(outbox.wanted(world, f"{NAME}.{action}", UNASKED) for action in self.actions)

    def alert(
        self, world: World, action: str, user: Record, subject: Record, view: Mapping[str, Any] | None = None
    ) -> None:
        """Writes the event of an alert about a record of this user; ``view`` has its fields, moments in
        milliseconds.
        """
        channels, proved = enabled_channels(user), BY_ACTION.get(action)
        if proved is not None and proved.channel not in channels:  # what verifies an address is sent there
            channels.append(proved.channel)
        known = {
            "client_product_name": PRODUCT,
            "user_guid": user.guid,
            "user_id": user.partner_id,
            **shown(subject),
            "account_guid": subject.parent,
            "member_guid": subject.subject,
            "client_id": client_id(world.sandbox.salt),
            **(self.view(world, user, subject, action) if view is None else view),
        }
        payload: dict[str, Any] = {
            "action": action,
            "enabled_channels": channels,
            "user_email": (user.body["email"] or "") if "email" in channels else "",
            "user_mobile": (user.body.get("phone") or "") if "sms" in channels else "",
            self.of.kind.removeprefix("mx."): {name: _written(name, known.get(name)) for name in self.fields},
        }
        rules = (always("action", action), *COMMON, *self.rules.get(action, ()))
        settle(payload, rules)  # of a record that somebody asked for, whatever it is like
        send(world, f"{NAME}.{action}", subject.guid, payload, rules=rules)


def sent_by(channel: str, name: str, address: str) -> Rule:
    """What is sent by one channel is sent to an address; ``address`` is an invented one."""

    def rule(body: Body) -> None:
        enabled = body["enabled_channels"]
        if isinstance(enabled, list) and channel not in enabled:
            if "enabled_channels" in body.typed:
                body.refuse("enabled_channels", f"this is sent by {channel}: it is one of them")
            body["enabled_channels"] = [*enabled, channel]
        if not body[name]:
            if name in body.typed:
                body.refuse(name, f"this is sent by {channel}: never empty")
            body[name] = address

    return rule


def _reached(channel: str, name: str, address: str) -> Rule:
    """A channel is enabled where there is an address for it, and only there; ``address`` is an invented one."""

    def rule(body: Body) -> None:
        enabled = body["enabled_channels"]
        if not isinstance(enabled, list) or (channel in enabled) == bool(body[name]):
            return
        if "enabled_channels" in body.typed:
            body[name] = address if channel in enabled else ""
        else:
            others = [each for each in enabled if each != channel]
            body["enabled_channels"] = [*others, channel] if body[name] else others

    return rule


BY_EMAIL = ("email", "user_email", "sam.sample@example.com")
BY_SMS = ("sms", "user_mobile", "555-555-0123")
COMMON = (
    _reached(*BY_EMAIL),
    _reached(*BY_SMS),
    ordered("created_at", "updated_at"),
)


def _written(name: str, value: Any) -> Any:
    if name == "date":
        return day_seconds(value)
    return seconds(value) if name.endswith("_at") else value
