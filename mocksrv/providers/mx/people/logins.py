"""The logins of members: the credentials that a client sends, the scenario that they choose, and that no two members of
a user have the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mocksrv.engine.scenarios.choosing import SCENARIO_HEADER, Choice, Credentials, choose, choose_again
from mocksrv.engine.scenarios.lookup import UnknownScenario
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.mx.bank.institutions import Credential, Institution
from mocksrv.providers.mx.http.call import Call, MXError


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
            raise MXError(400, "Member's institution does not support OAuth.")
        return {}
    for guid in values:
        if guid not in known:
            raise MXError(400, f"member.credentials: {guid} is not a credential of {institution.code}")
    missing = [c.field_name for guid, c in known.items() if guid not in values]
    if missing and all_of_them:
        raise MXError(400, f"Required parameter missing: member.credentials ({', '.join(missing)})")
    return values


def login_of(call: Call, institution: Institution, credentials: Mapping[str, str] | None) -> Credentials:
    """What `logins` of scenarios are matched with: the name is the first credential that is no password.
    ``credentials`` are None for a member that logs in at its bank.
    """
    if credentials is None:
        return Credentials(institution.code, None, None, elsewhere=True)
    definitions: Sequence[Credential] = call.institutions.credentials(institution)
    password = next((d.guid for d in definitions if d.field_type == "PASSWORD"), None)
    username = next((d.guid for d in definitions if d.field_type != "PASSWORD"), None)
    return Credentials(institution.code, credentials.get(username or ""), credentials.get(password or ""))


def first_scenario(call: Call, world: World, institution: Institution, credentials: Mapping[str, str] | None) -> Choice:
    """The scenario that a new member plays; ``credentials`` are None for one that logs in at its bank. Raises MXError
    400.
    """
    login = login_of(call, institution, credentials)
    header = call.request.headers.get(SCENARIO_HEADER)
    return _chosen(
        lambda: choose(
            world,
            call.mount.role.vocabulary,
            header=header,
            institution=institution.scenario,
            login=login,
        )
    )


def next_scenario(
    call: Call, world: World, member: Record, institution: Institution, credentials: Mapping[str, str]
) -> Choice:
    """The scenario that new credentials of a member choose. Raises MXError 400."""
    assert member.play is not None
    before = Choice(member.play.scenario, member.play.by)
    login = login_of(call, institution, None if member.body["is_oauth"] else credentials)
    header = call.request.headers.get(SCENARIO_HEADER)
    return _chosen(lambda: choose_again(world, call.mount.role.vocabulary, before, header=header, login=login))


def _chosen(choosing: Callable[[], Choice]) -> Choice:
    try:
        return choosing()
    except UnknownScenario as unknown:
        raise MXError(400, f"{SCENARIO_HEADER}: {unknown}") from None


def duplicate_key(call: Call, institution: Institution, credentials: Mapping[str, str]) -> str | None:
    """What two members of one user may not share: the institution and the login's name; None without a login."""
    name = login_of(call, institution, credentials).username if credentials else None
    return hashlib.sha256(f"{institution.code}\0{name}".encode()).hexdigest() if name else None


def check_duplicate(
    call: Call,
    world: World,
    owner: str,
    institution: Institution,
    credentials: Mapping[str, str],
    own: Record | None = None,
) -> None:
    """Raises MXError 409, with the member that has this login already; ``own`` is none."""
    key = duplicate_key(call, institution, credentials)
    same = world.list(Query("mx.member", owner=owner, body={"duplicate_key": key}, limit=2)) if key else []
    others = [member for member in same if own is None or member.guid != own.guid]
    if others:
        raise MXError(409, f"Member {others[0].guid} of this user has the same institution and login name already")
