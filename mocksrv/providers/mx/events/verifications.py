"""How users prove that an address is theirs: tokens that are good once and for a while, and the URLs that verify.

Source: MX's page on notification webhooks: an e-mail's URL lives 24 hours, the token of a text message ten minutes;
each works once. That a token is worthless once the user has another address is inferred.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mocksrv.engine.clock import DAY, MINUTE
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World

KIND = "mx.verification"
CHANNELS = ("in_app", "email", "sms", "push")  # how a user can be notified


class Address(NamedTuple):
    """One of a user's addresses: the channel that goes there, the fields of the user that have it and whether it is
    verified, how long a token lives (ms), the action of the notification that brings it, the path of its URLs, and what
    people call it.
    """

    channel: str
    field: str
    flag: str
    lifetime: int
    action: str
    path: str
    title: str


EMAIL_ADDRESS = Address(
    "email", "email", "email_is_verified", DAY, "EMAIL_VERIFICATION", "/email_verifications", "e-mail address"
)
PHONE_NUMBER = Address(
    "sms", "phone", "phone_is_verified", 10 * MINUTE, "SMS_VERIFICATION", "/sms_verifications", "phone number"
)
ADDRESSES = (EMAIL_ADDRESS, PHONE_NUMBER)
BY_ACTION: Mapping[str, Address] = {each.action: each for each in ADDRESSES}
BY_CHANNEL: Mapping[str, Address] = {each.channel: each for each in ADDRESSES}


def enabled_channels(user: Record) -> list[str]:
    """How a user is notified: by the channels that were chosen, else by all but ``push``; where there is an address."""
    chosen = user.body.get("channels")
    wanted = [each for each in CHANNELS if each != "push"] if chosen is None else chosen
    without = {each.channel for each in ADDRESSES if not user.body.get(each.field)}
    return [each for each in wanted if each not in without]


class Verification(NamedTuple):
    """What a user is sent: a token, and a URL of this server that does the same."""

    token: str
    url: str


def open_verification(world: World, user: Record, address: Address) -> Verification:
    """Makes a token for the present address of a user. The token of an e-mail is the end of its URL, that of a text
    message six digits.
    """
    key = world.guid()
    token = key if address is EMAIL_ADDRESS else f"{int(world.guid()[:8], 16) % 10**6:06d}"
    body = {
        "channel": address.channel,
        "address": user.body.get(address.field),
        "token": token,
        "expires_at": world.now + address.lifetime,
        "used_at": None,
    }
    made = Record(KIND, world.guid("VRF"), body, owner=user.guid, partner_id=key)
    world.add(made)
    return Verification(token, url_of(world, made))


def url_of(world: World, verification: Record) -> str:
    """The URL that does what the token does."""
    return f"{world.sandbox.url}{BY_CHANNEL[verification.body['channel']].path}/{verification.partner_id}"


class CannotVerify(Exception):
    """A token that verifies nothing (any more): the HTTP status of the refusal, and why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def find_by_token(world: World, user: Record, token: str) -> Record:
    """The newest verification of a user with this token. Raises CannotVerify."""
    query = Query(KIND, owner=user.guid, body={"token": token}, newest_first=True, limit=1)
    for found in world.list(query):
        return found
    raise CannotVerify(422, f"this is no token that was sent to {user.guid}")


def find_by_key(world: World, address: Address, key: str) -> Record:
    """The verification that a URL is of. Raises CannotVerify."""
    for found in world.list(Query(KIND, partner_id=key, limit=1)):
        if found.body["channel"] == address.channel:
            return found
    raise CannotVerify(404, "this link was never sent")


def check(world: World, verification: Record) -> Record:
    """The user whose address a token verifies. Raises CannotVerify for what was used, has expired, or was for another
    address than the user has now.
    """
    said: Mapping[str, Any] = verification.body
    address = BY_CHANNEL[said["channel"]]
    if said["used_at"] is not None:
        raise CannotVerify(410, "this was used already; it works once")
    if world.now >= said["expires_at"]:
        raise CannotVerify(410, f"this has expired; it lives {address.lifetime // MINUTE} minutes")
    user = world.get("mx.user", verification.owner)
    if user is None or user.body.get(address.field) is None:
        raise CannotVerify(410, f"the user has no {address.title}")
    if user.body[address.field] != said["address"]:
        raise CannotVerify(410, f"this was sent to another {address.title} than the user has now")
    return user


def use(world: World, verification: Record) -> Record:
    """Uses a token up: the address of the user, whom this returns, is verified. Raises CannotVerify as `check` does."""
    user = check(world, verification)
    verification.body["used_at"] = world.now
    world.save(verification)
    user.body[BY_CHANNEL[verification.body["channel"]].flag] = True
    world.save(user)
    return user
