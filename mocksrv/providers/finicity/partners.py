"""Partner authentication: tokens for two hours, the lock after five failures, new secrets.

A partner is made by its first authentication in a sandbox; from then on its secret is the one to use.
"""

from __future__ import annotations

import re

from marshmallow import fields

from mocksrv.engine.clock import DAY, HOUR
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.finicity.http import (
    Call,
    Document,
    FinicityError,
    Routes,
    refusal,
)
from mocksrv.providers.http import NO_CONTENT, Reply

routes = Routes()
PATH = "/aggregation/v2/partners/authentication"
LIFETIME = 2 * HOUR  # of a token
GRACE = 30 * DAY  # in which a secret still works that was replaced, but not immediately
MOST_FAILURES = 5
SECRET = re.compile(r"(?=.*[A-Za-z])(?=.*[0-9])[A-Za-z0-9!@#$%&*_+-]{12,255}")


class LoginSchema(Document):
    partner_id = fields.String(required=True, data_key="partnerId")
    secret = fields.String(required=True, data_key="partnerSecret")


class NewSecret(LoginSchema):
    new = fields.String(required=True, data_key="newPartnerSecret")
    immediate = fields.Boolean(load_default=True, truthy={True}, falsy={False})


LOGIN, NEW_SECRET = LoginSchema(), NewSecret()


@routes.add("POST", PATH, "PartnerAuthentication", token=False)
def authenticate(call: Call) -> Reply:
    given = call.load(LOGIN)
    with call.change() as world:
        _, refused = _checked(call, world, given["partner_id"], given["secret"])
        token = Record("finicity.token", world.guid().replace("-", "")[:20], {})
        if refused is None:
            token.body = {"partner": given["partner_id"], "secret": given["secret"], "expires_at": world.now + LIFETIME}
            world.add(token)
    if refused is not None:
        raise refused  # only now: the failure is counted
    return Reply({"token": token.guid})


@routes.add("PUT", PATH, "ModifyPartnerSecret", token=False)
def change_secret(call: Call) -> Reply:
    given = call.load(NEW_SECRET)
    if not SECRET.fullmatch(given["new"]):
        raise refusal("secret")
    with call.change() as world:
        partner, refused = _checked(call, world, given["partner_id"], given["secret"])
        if refused is None:
            old = None if given["immediate"] else {"secret": partner.body["secret"], "until": world.now + GRACE}
            partner.body.update(secret=given["new"], old=old)
            world.save(partner)
    if refused is not None:
        raise refused
    return NO_CONTENT


def _checked(call: Call, world: World, id: str, secret: str) -> tuple[Record, FinicityError | None]:
    """The partner, and why it is not let in; counts what fails."""
    found = world.list(Query("finicity.partner", partner_id=id, limit=1))
    new = {"secret": None, "failures": 0, "old": None}
    partner = found[0] if found else Record("finicity.partner", world.guid("PTN"), new, partner_id=id)
    if not found:
        world.add(partner)
    body, only = partner.body, call.mount.credentials
    if body["failures"] >= MOST_FAILURES:
        return partner, refusal("locked")
    old = body["old"] or {"secret": None, "until": 0}
    known = (
        (id, secret) == only if only and body["secret"] is None else secret == body["secret"] or body["secret"] is None
    )
    if secret and id and (known or (secret == old["secret"] and world.now < old["until"])):
        body.update(secret=body["secret"] or secret, failures=0)
        world.save(partner)
        return partner, None
    body["failures"] += 1
    world.save(partner)
    return partner, refusal("credentials")
