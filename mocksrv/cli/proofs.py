"""How a sender proves itself, as the command line says it: basic:USER:PASSWORD, bearer:TOKEN, KIND:SECRET."""

from __future__ import annotations

from collections.abc import Mapping

from mocksrv.engine.callbacks.credentials import Signer
from mocksrv.engine.config import Config
from mocksrv.registry import all_declared, make_providers


def auth_kinds() -> list[str]:
    """The kinds that providers have of their own."""
    return [kind for provider in all_declared() for kind in provider.auth_kinds]


def proofs(last: str = "or") -> str:
    """What may be said, for people."""
    words = ["basic:USER:PASSWORD", "bearer:TOKEN", *(f"{kind}:SECRET" for kind in auth_kinds())]
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def signers() -> Mapping[str, Signer]:
    """Kind -> what makes its headers."""
    return {kind: sign for each in make_providers(Config()) for kind, sign in each.role.signers.items()}
