"""Names that this server hands out beside guids: opaque texts that can be guessed by nobody, and guids of those who
have no record.
"""

from __future__ import annotations

import base64
import uuid

from mocksrv.engine.world import World


def opaque(world: World) -> str:
    """A URL-safe text of 43 characters, as MX's codes and tokens are; the same again for the same seed and the same
    calls.
    """
    raw = b"".join(uuid.UUID(world.guid()).bytes for _ in range(2))
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def guid_of(prefix: str, name: str) -> str:
    """The guid of a party that is known by a name only (a client, a processor): always the same for the same name."""
    return f"{prefix}-{uuid.uuid5(uuid.NAMESPACE_URL, name)}"
