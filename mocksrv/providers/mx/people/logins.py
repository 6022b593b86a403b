"""The logins of members: the credentials that a client sends, the scenario that they choose, that no two members of a
user have the same, and when those of deleted members were aggregated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from mocksrv.engine.clock import HOUR
from mocksrv.engine.scenarios.choosing import SCENARIO_HEADER, Choice, Credentials, choose, choose_again
from mocksrv.engine.scenarios.lookup import UnknownScenario
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.mx.bank.institutions import Credential, Institution
from mocksrv.providers.mx.http.call import FORBIDDEN, Call, MXError

FORMER = "mx.former_login"  # kind of records: logins of deleted members
REMEMBERED = 3 * HOUR


def given_credentials(
    call: Call, institution: Institution, given: Mapping[str, Any], *, all_of_them: bool = True
) -> dict[str, str]:
    """The credentials by guid. Raises MXError 400 when they are not the institution's, or some are missing."""
    values = {c["guid"]: c["value"] for c in given.get("credentials") or ()}
    known = {c.guid: c for c in call.institutions.credentials(institution)}
    if given.get("is_oauth"):
        if values:
            raise MXError(400, "Credentials must not be sent for a member that uses OAuth")
        if not institution.supports_oauth:
            raise MXError(400, "Member's institution does not support OAuth.", FORBIDDEN)
        return {}
    for guid in values:
        if guid not in known:
            raise MXError(400, f"member.credentials: {guid} is not a credential of {institution.code}")
    missing = [c.field_name for guid, c in known.items() if guid not in values]
    if missing and all_of_them:
        raise MXError(400, f"Required parameter missing: member.credentials ({', '.join(missing)})")
    return values


def login_of(
    call: Call, institution: Institution, credentials: Mapping[str, str], *, elsewhere: bool = False
) -> Credentials:
    """What `logins` of scenarios are matched with: the name is the first credential that is no password.
    ``elsewhere``: the member logs in at its bank.
    """
    definitions: Sequence[Credential] = call.institutions.credentials(institution)
    password = next((d.guid for d in definitions if d.field_type == "PASSWORD"), "")
    username = next((d.guid for d in definitions if d.field_type != "PASSWORD"), "")
    return Credentials(institution.code, credentials.get(username), credentials.get(password), elsewhere)


def choose_scenario(
    call: Call, world: World, institution: Institution, login: Credentials, present: Choice | None = None
) -> Choice:
    """The scenario that a new member plays; or one whose credentials are new, which plays the ``present`` one. Raises
    MXError 400.
    """
    vocabulary, header = call.mount.role.vocabulary, call.request.headers.get(SCENARIO_HEADER)
    try:
        if present is not None:
            return choose_again(world, vocabulary, present, header=header, login=login)
        return choose(world, vocabulary, header=header, institution=institution.scenario, login=login)
    except UnknownScenario as unknown:
        raise MXError(400, f"{SCENARIO_HEADER}: {unknown}") from None


def duplicate_key(login: Credentials) -> str | None:
    """What two members of one user may not share: the institution and the login's name; None without a login."""
    if not login.username:
        return None
    return hashlib.sha256(f"{login.institution}\0{login.username}".encode()).hexdigest()


def unshared_key(world: World, owner: str, login: Credentials, own: Record | None = None) -> str | None:
    """The same. Raises MXError 409, with the member other than ``own`` that has this login already."""
    key = duplicate_key(login)
    same = world.list(Query("mx.member", owner=owner, body={"duplicate_key": key}, limit=2)) if key else []
    others = [member for member in same if own is None or member.guid != own.guid]
    if others:
        raise MXError(409, f"Member {others[0].guid} of this user has the same institution and login name already")
    return key


# of deleted members


def remember_login(world: World, member: Record) -> None:
    """Keeps when a member that is deleted was aggregated last."""
    key, at = member.body.get("duplicate_key"), member.body["aggregated_at"]
    if not key or at is None:
        return
    body = {"aggregated_at": at, "deleted_at": world.now}
    known = _former(world, member.owner, key)
    if known is None:
        world.add(Record(FORMER, world.guid(), body, owner=member.owner, partner_id=key))
    else:
        known.body = body
        world.save(known)


def used_before(world: World, owner: str, key: str | None, *, skip: bool) -> int | None:
    """When a login of this user was aggregated before (ms), as a new member shows it: ``skip``: it is not aggregated at
    once; else only if the former member was deleted no more than three hours ago.
    """
    former = _former(world, owner, key) if key else None
    if former is None or not (skip or world.now - former.body["deleted_at"] <= REMEMBERED):
        return None
    at: int = former.body["aggregated_at"]
    return at


def _former(world: World, owner: str, key: str) -> Record | None:
    return next(iter(world.list(Query(FORMER, owner=owner, partner_id=key, limit=1))), None)
