"""How users are reached: phone and channels, which no call of MX's API takes, and the verification of addresses.

Source: MX's page on notification webhooks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, validate

from mocksrv.engine.clock import iso_ms
from mocksrv.engine.sandbox import Sandbox
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.fields import Answer, Flag, Items, OneOf, Part, Text
from mocksrv.providers.mx.events.members import USER
from mocksrv.providers.mx.events.verifications import (
    ADDRESSES,
    CHANNELS,
    EMAIL_ADDRESS,
    KIND,
    PHONE_NUMBER,
    Address,
    CannotVerify,
    enabled_channels,
    find_by_token,
    url_of,
    use,
)
from mocksrv.providers.mx.events.webhooks import emit_user
from mocksrv.providers.mx.http.call import Mount
from mocksrv.providers.mx.money.alerts import user_alerts
from mocksrv.providers.provider import ControlRoute, Refusal

MOST_SHOWN = 20  # verifications of one user, the newest
PHONE_DIGITS = validate.Regexp(
    r"\+?(?:[ ().-]*[0-9]){7,15}\Z", error="must be a phone number: 7 to 15 digits, for example 15555550123"
)


# what follows from a change


def address_changed(user: Record, address: Address) -> None:
    """The user has another address, or none: it is not verified."""
    user.body[address.flag] = False


def ask_to_verify(world: World, user: Record, before: list[str], *changed: Address) -> None:
    """Sends what verifies an address that notifications go to from now on: because it has ``changed``, or because its
    channel was not among those of ``before``.
    """
    now = enabled_channels(user)
    for address in ADDRESSES:
        new = address in changed or address.channel not in before
        if new and address.channel in now and not user.body.get(address.flag):
            user_alerts.alert(world, address.action, user, user)


def verify(world: World, verification: Record) -> Record:
    """Verifies what a token was sent for, and tells of it; the user. Raises CannotVerify."""
    user = use(world, verification)
    emit_user(world, user, "updated")
    if verification.body["channel"] == EMAIL_ADDRESS.channel:
        user_alerts.alert(world, "EMAIL_VERIFIED", user, user)
    return user


# control calls


class ContactsBody(Schema):
    """What is left out stays as it is."""

    phone = Text("Where text messages go; null for nowhere.", validate=PHONE_DIGITS, allow_none=True)
    channels = Items(
        Text(validate=OneOf(CHANNELS)),
        "How the user is notified, where there is an address for it; null for the default: all but `push`.",
        allow_none=True,
    )


class VerifyBody(Schema):
    token = Text(
        "What the user was sent: `sms_verification_token`, or the end of `email_verification_url`.",
        required=True,
        validate=validate.Length(1, error="must not be empty"),
    )


class VerificationShown(Answer):
    channel = Text("`email` or `sms`.")
    address = Text("Where the token was sent.", allow_none=True)
    token = Text("What verifies the address.")
    url = Text("Opening it does the same.")
    expires_at = Text("Until when.")
    used_at = Text("When it was used; null while it was not.", allow_none=True)


class ContactsShown(Answer):
    """How a user is reached."""

    guid = Text("The user's.")
    email = Text("As MX's API has set it.", allow_none=True)
    email_is_verified = Flag("Whether the user has proved that it is theirs.")
    phone = Text("As it was set here.", allow_none=True)
    phone_is_verified = Flag("Whether the user has proved that it is theirs.")
    channels = Items(Text(), "How notifications reach the user: those for which there is an address.")
    verifications = Items(Part(VerificationShown), f"What the user was sent, the newest first; {MOST_SHOWN} at most.")


class ContactCalls:
    """The control calls about how users are reached."""

    def __init__(self, mount: Mount) -> None:
        self._engine = mount.engine

    def routes(self) -> list[ControlRoute]:
        unknown = {404: "there is no such user"}
        guid = {"guid": "The guid of a user of MX."}
        return [
            ControlRoute(
                "PUT",
                "/users/<guid>",
                self.put,
                "MX: sets what no call of its API takes of a user, and notifications need: phone and channels.",
                ContactsBody,
                ContactsShown,
                unknown,
                guid,
            ),
            ControlRoute(
                "POST",
                "/users/<guid>/verify",
                self.verify,
                "MX: verifies an address of a user with the token that was sent there.",
                VerifyBody,
                ContactsShown,
                {**unknown, 410: "the token was used, has expired, or is of another address than the user has now"},
                guid,
            ),
        ]

    def put(self, sandbox: Sandbox, body: Mapping[str, Any], guid: str) -> Any:
        with self._engine.change(sandbox) as world:
            user = _user(world, guid)
            first_choice = user.body.get("channels") is None and body.get("channels") is not None
            before = [] if first_choice else enabled_channels(user)
            if "channels" in body:
                chosen = body["channels"]
                user.body["channels"] = None if chosen is None else [each for each in CHANNELS if each in chosen]
            new_phone = "phone" in body and body["phone"] != user.body.get("phone")
            if new_phone:
                user.body["phone"] = body["phone"]
                address_changed(user, PHONE_NUMBER)
            if new_phone or "channels" in body:
                world.save(user)
            if new_phone:
                emit_user(world, user, "updated")
            ask_to_verify(world, user, before, *([PHONE_NUMBER] if new_phone else []))
            return _shown(world, user)

    def verify(self, sandbox: Sandbox, body: Mapping[str, Any], guid: str) -> Any:
        with self._engine.change(sandbox) as world:
            user = _user(world, guid)
            try:
                verified = verify(world, find_by_token(world, user, body["token"]))
            except CannotVerify as error:
                raise Refusal(error.status, f"token: {error}") from None
            return _shown(world, verified)


def _user(world: World, guid: str) -> Record:
    user = world.get(USER.kind, guid)
    if user is None:
        raise Refusal(404, f"there is no user {guid} in the sandbox {world.sandbox.name}; MX's GET /users lists them")
    return user


def _shown(world: World, user: Record) -> dict[str, Any]:
    sent = world.list(Query(KIND, owner=user.guid, newest_first=True, limit=MOST_SHOWN))
    return {
        "guid": user.guid,
        **{name: user.body.get(name) for name in ("email", "phone")},
        **{each.flag: user.body.get(each.flag, False) for each in ADDRESSES},
        "channels": enabled_channels(user),
        "verifications": [_verification(world, each) for each in sent],
    }


def _verification(world: World, verification: Record) -> dict[str, Any]:
    said, used = verification.body, verification.body["used_at"]
    return {
        **{name: said[name] for name in ("channel", "address", "token")},
        "url": url_of(world, verification),
        "expires_at": iso_ms(said["expires_at"]),
        "used_at": None if used is None else iso_ms(used),
    }
