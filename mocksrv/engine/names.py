"""Names of sandboxes that are made of other names: of tests, of clients."""

from __future__ import annotations

import hashlib
import re

NAME = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}")
LONGEST = 64
SECRET_DIGITS = 16  # of the hash that stands for a secret


def slug_of(text: str, whole: str | None = None) -> str:
    """What a text says, as far as it can be part of a URL, and a hash of all that tells it from others (``whole``, else
    the text).
    """
    mark = hashlib.blake2b((text if whole is None else whole).encode(), digest_size=4).hexdigest()
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[: LONGEST - len(mark) - 1].rstrip("-")
    return f"{slug}-{mark}" if slug else mark


def of_client(id: str) -> str:
    """The name of the sandbox of a client with this id: the id itself where it can be one."""
    return id if NAME.fullmatch(id) else slug_of(id)


def of_key(provider: str, key: str) -> str:
    """The same for a client that a provider knows by a secret key, which cannot be read in it: the first digits of its
    SHA-256.
    """
    return f"{provider}-{hashlib.sha256(key.encode()).hexdigest()[:SECRET_DIGITS]}"
