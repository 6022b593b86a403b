"""How the widget is opened: by a hosted link, or with the query of Mono's own package.

Sources: github.com/withmono/connect.js (2.2.0: names, forms), Mono's mobile SDKs (``reauth_token``, ``code``),
docs.mono.co, Connect link and reauth link.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError

from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World
from mocksrv.providers.http import sentence
from mocksrv.providers.mono.bank.institutions import Institution, Institutions
from mocksrv.providers.mono.http import ACCOUNTS, linked
from mocksrv.providers.mono.ids import visit_id
from mocksrv.providers.mono.linking import TOKEN, VISIT, VISIT_LIFE, CustomerSchema, living
from mocksrv.providers.mono.pages.visit import OPENED_WITH

SCOPES = ("auth", "reauth")  # what the package's third, `payments`, asks for is not Mono Connect's
TOKENS = ("reauth_token", "code")  # what a token of a reauthorisation is called: by older packages, in React Native


class CannotOpen(Exception):
    """The widget cannot be opened so: ``key`` is that of the texts that say why, ``said`` a part of them."""

    def __init__(self, key: str, said: str = "") -> None:
        super().__init__(key)
        self.key = key
        self.said = said


def begin(world: World, opened: Mapping[str, Any], origin: str) -> Record:
    """The visit of somebody who has come from a host at ``origin``."""
    visit = Record(VISIT, visit_id(world), {**OPENED_WITH, **opened, "origin": origin})
    world.add(visit)
    world.set_timer(visit.guid, VISIT, world.now + VISIT_LIFE)
    return visit


def by_link(institutions: Institutions, link: Record) -> dict[str, Any]:
    """What a hosted link opens."""
    body = link.body
    institution = institutions.find(body["institution"]) if body["institution"] else None
    method = body["auth_method"] or (institution.methods[0] if institution is not None else None)
    return {
        "link": link.guid,
        "again": body["account"],
        "institution": institution.id if institution is not None else None,
        "auth_method": method,
        "reference": body["ref"],
        "redirect_url": body["redirect_url"],
    }


def by_query(world: World, institutions: Institutions, query: Mapping[str, str]) -> dict[str, Any]:
    """What the package's query opens. Raises CannotOpen."""
    if not query.get("key"):
        raise CannotOpen("key_missing")
    if query.get("scope", "auth") not in SCOPES:
        raise CannotOpen("scope_unknown", query["scope"])
    data = _json(query, "data")
    again = _account(world, query, data)
    opened: dict[str, Any] = {"reference": query.get("reference"), "customer": _customer(data)}
    if again is not None:
        told = {"institution": again.body["institution"], "auth_method": again.body["auth_method"]}
        return {**opened, **told, "again": again.guid}
    selected = _json(query, "selectedInstitution")
    if selected.get("id"):
        institution = _institution(institutions, selected)
        method = selected.get("auth_method") or institution.methods[0]
        opened |= {"institution": institution.id, "auth_method": method}
    return opened


def _json(query: Mapping[str, str], name: str) -> dict[str, Any]:
    try:
        found = json.loads(query.get(name) or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise CannotOpen("query_unreadable", name)
    return found


def _customer(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """The customer that the app names, if it does."""
    given = data.get("customer")
    try:
        return CustomerSchema().load(given) if given else None
    except ValidationError as error:
        raise CannotOpen("query_wrong", sentence("data.customer", error.messages)) from None


def _account(world: World, query: Mapping[str, str], data: Mapping[str, Any]) -> Record | None:
    """The account to be reauthorised: by its id, or by a token."""
    id = data.get("account")
    given = next((query[name] for name in TOKENS if query.get(name)), None)
    if given is not None:
        token = living(world, TOKEN, given)
        if token is None:
            raise CannotOpen("token_gone")
        id = token.body["account"]
    if id is None:
        return None
    account = world.get(ACCOUNTS, id) if isinstance(id, str) else None
    if account is None or not linked(account):
        raise CannotOpen("account_unknown", str(id))
    return account


def _institution(institutions: Institutions, selected: Mapping[str, Any]) -> Institution:
    id, method = selected["id"], selected.get("auth_method")
    found = institutions.find(id) if isinstance(id, str) else None
    if found is None:
        raise CannotOpen("institution_unknown", str(id))
    if method and method not in found.methods:
        raise CannotOpen("query_wrong", f"selectedInstitution.auth_method: must be {' or '.join(found.methods)}")
    return found
