"""The providers that there are: one line each. What a provider consists of is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mocksrv.engine.config import Config
    from mocksrv.providers.provider import Provider

# name -> where its declaration is
PROVIDERS = {
    "mx": "mocksrv.providers.mx.provider:MXProvider",
    "mono": "mocksrv.providers.mono.provider:MonoProvider",
    "finicity": "mocksrv.providers.finicity.provider:FinicityProvider",
}
DEFAULT = next(iter(PROVIDERS))  # where nobody says which


def declared(name: str) -> type[Provider]:
    """The declaration of a provider. Raises KeyError."""
    module, _, member = PROVIDERS[name].partition(":")
    found: type[Provider] = getattr(import_module(module), member)
    return found


def all_declared() -> Iterator[type[Provider]]:
    """The declarations of all providers."""
    return map(declared, PROVIDERS)


def nouns() -> str:
    """What plays scenarios, for people: ``member (Mono: account, Finicity: session)``."""
    first, *others = all_declared()
    return f"{first.noun} ({', '.join(f'{each.title}: {each.noun}' for each in others)})"


def make_providers(config: Config) -> list[Provider]:
    """One of each provider, for a server."""
    return [provider(config) for provider in all_declared()]
