"""Identifiers in the forms that Mono's have."""

from __future__ import annotations

import hashlib
import string

from mocksrv.engine.world import World

CAPITALS = string.ascii_uppercase + string.digits
SMALL = string.ascii_lowercase + string.digits
MIXED = string.ascii_letters + string.digits


def document_id(world: World) -> str:
    """Of what Mono stores: 24 hexadecimal digits."""
    return world.guid().replace("-", "")[:24]


def widget_code(world: World) -> str:
    return f"code_{_word(world, 24, SMALL)}"


def reauth_token(world: World) -> str:
    return f"auth_{_word(world, 20, MIXED)}"


def link_code(world: World) -> str:
    return f"AL{_word(world, 8, CAPITALS)}"


def visit_id(world: World) -> str:
    """Of a visit of the widget's page: long, for who knows it can go on there."""
    return _word(world, 32, MIXED)


def event_id(world: World) -> str:
    return _word(world, 40, MIXED)


def _word(world: World, length: int, letters: str) -> str:
    number = int.from_bytes(hashlib.blake2b(world.guid().encode(), digest_size=48).digest())
    made = []
    for _ in range(length):
        number, place = divmod(number, len(letters))
        made.append(letters[place])
    return "".join(made)
