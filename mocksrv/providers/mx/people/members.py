"""Members: the connections of a user to institutions, their jobs and their challenges.

Sources: MX's Platform API reference and OpenAPI files, the Members webhook page (statuses, flags), the deposit account
guide (sequence).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from marshmallow import EXCLUDE, Schema, fields, validate

from mocksrv.engine.play import Play
from mocksrv.engine.scenarios.choosing import Choice
from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.http import NO_CONTENT, Reply
from mocksrv.providers.mx.bank.institutions import Institution
from mocksrv.providers.mx.catalog.institutions import CREDENTIALS
from mocksrv.providers.mx.events.jobs import MemberJob
from mocksrv.providers.mx.events.statuses import message
from mocksrv.providers.mx.events.webhooks import emit_member
from mocksrv.providers.mx.http.call import FORBIDDEN, MEMBER, Call, MXError, Routes, not_found
from mocksrv.providers.mx.http.schemas import Document, Moment, shown
from mocksrv.providers.mx.http.versions import V1
from mocksrv.providers.mx.people import logins
from mocksrv.providers.mx.people.challenges import challenges_of
from mocksrv.providers.mx.people.lifecycle import PRODUCTS

routes = Routes()
MEMBERS_OF_A_USER = 25
WAY_BACK = (
    "client_redirect_url",
    "enable_app2app",
    "referral_source",
    "ui_message_webview_url_scheme",
)  # of an OAuth login to the app
ROOTS_BESIDE_MEMBER = (*WAY_BACK, "data_request")
REFERRALS = ("APP", "BROWSER")


class CredentialValue(Schema):
    """A credential, or the answer to a challenge: its guid and the value."""

    class Meta:
        unknown = EXCLUDE

    guid = fields.String(required=True)
    value = fields.String(required=True)


MEMBER_ID = validate.And(
    validate.Length(1, 1024),
    validate.Regexp(r"^[A-Za-z0-9_-]*\Z", error="Only letters, digits, '-' and '_' are allowed."),
    validate.Regexp(r"^(?!MBR-)", error="May not begin with 'MBR-'."),
)


class MemberSchema(Document):
    """A member, as read and as written."""

    aggregated_at = Moment(dump_only=True)
    background_aggregation_is_disabled = fields.Boolean(truthy={True}, falsy={False})
    connection_status = fields.String(dump_only=True)
    connection_status_message = fields.String(dump_only=True)
    error = fields.Dict(dump_only=True)
    guid = fields.String(dump_only=True)
    id = fields.String(allow_none=True, validate=MEMBER_ID)
    institution_code = fields.String()
    institution_guid = fields.String(dump_only=True)
    is_being_aggregated = fields.Boolean(dump_only=True)
    is_managed_by_user = fields.Boolean(dump_only=True)
    is_manual = fields.Boolean(dump_only=True)
    is_oauth = fields.Boolean(truthy={True}, falsy={False})
    metadata = fields.String(allow_none=True)
    most_recent_job_detail_code = fields.Integer(dump_only=True)
    most_recent_job_detail_text = fields.String(dump_only=True)
    most_recent_job_guid = fields.String(dump_only=True)
    name = fields.String(dump_only=True)
    needs_updated_credentials = fields.Boolean(dump_only=True)
    oauth_window_uri = fields.String(dump_only=True)
    successfully_aggregated_at = Moment(dump_only=True)
    use_cases = fields.List(fields.String(validate=validate.OneOf(("PFM", "MONEY_MOVEMENT"))))
    user_guid = fields.String(dump_only=True)
    user_id = fields.String(dump_only=True)
    credentials = fields.List(fields.Nested(CredentialValue), load_only=True)
    skip_aggregation = fields.Boolean(load_only=True, truthy={True}, falsy={False})


class StatusSchema(Document):
    """The lean view that clients poll."""

    aggregated_at = Moment()
    connection_status = fields.String()
    guid = fields.String()
    has_processed_account_numbers = fields.Boolean()
    has_processed_accounts = fields.Boolean()
    has_processed_transactions = fields.Boolean()
    is_authenticated = fields.Boolean()
    is_being_aggregated = fields.Boolean()
    successfully_aggregated_at = Moment()


class WayBackSchema(Document):
    """What stands beside the member when one is created: how an OAuth login comes back to the app."""

    client_redirect_url = fields.String(allow_none=True)
    enable_app2app = fields.Boolean(allow_none=True, truthy={True}, falsy={False})
    ui_message_webview_url_scheme = fields.String(allow_none=True)
    referral_source = fields.String(allow_none=True, validate=validate.OneOf(REFERRALS))


MEMBERS = MemberSchema()
RETURN = WayBackSchema()
CHANGES = MemberSchema(exclude=("institution_code", "is_oauth"))
STATUS = StatusSchema()


def render(call: Call, member: Record, user: Record) -> dict[str, Any]:
    """A member as MX shows it."""
    body = member.body
    uri = oauth_uri(call, member) if body["connection_status"] == "PENDING" else None
    text = body.get("connection_status_message") or message(body["connection_status"], body["institution_name"])
    more = {"user_id": user.partner_id, "oauth_window_uri": uri, "connection_status_message": text}
    if call.version == V1 and call.mount.fidelity == "sdk":
        more["most_recent_job_guid"] = None  # typed boolean in the file: docs/discrepancies.md
    return dict(MEMBERS.dump(shown(member, **more)))


# reading


@routes.add("GET", "/users/<user>/members", "listMembers", by_id=True)
def list_members(call: Call, user: str) -> Reply:
    use_case = call.arguments("page", "records_per_page", "use_case").get("use_case")
    if use_case is not None and use_case not in ("PFM", "MONEY_MOVEMENT"):
        raise MXError(400, "use_case must be PFM or MONEY_MOVEMENT")
    with call.look() as world:
        owner = call.user(world, user)
        if use_case is None:
            return call.paged(world, Query("mx.member", owner=owner.guid), "members", lambda m: render(call, m, owner))
        members = [m for m in world.list(Query("mx.member", owner=owner.guid)) if use_case in m.body["use_cases"]]
        return call.paged_list(members, "members", lambda m: render(call, m, owner))


@routes.add("GET", MEMBER, "readMember", by_id=True)
def read_member(call: Call, user: str, member: str) -> Reply:
    with call.look() as world:
        owner, record = call.user_and_member(world, user, member)
        present = render(call, record, owner)
    call.polled(record)
    return Reply({"member": present})


@routes.add("GET", f"{MEMBER}/status", "readMemberStatus", by_id=True)
def read_status(call: Call, user: str, member: str) -> Reply:
    with call.look() as world:
        _, record = call.user_and_member(world, user, member)
    status = STATUS.dump({**record.body, "guid": record.guid})
    if record.body["connection_status"] == "CHALLENGED":
        status["challenges"] = challenges_of(record)
    call.polled(record)
    return Reply({"member": status})


@routes.add("GET", f"{MEMBER}/challenges", "listMemberChallenges", by_id=True)
def list_challenges(call: Call, user: str, member: str) -> Reply:
    call.arguments("page", "records_per_page")
    with call.look() as world:
        record = call.member(world, call.user(world, user), member)
    if record.body["connection_status"] != "CHALLENGED":
        return NO_CONTENT
    return call.paged_list(
        [c | {"field_name": c["field_name"] or c["label"]} for c in challenges_of(record)], "challenges", dict
    )


@routes.add("GET", f"{MEMBER}/credentials", "listMemberCredentials", by_id=True)
def list_member_credentials(call: Call, user: str, member: str) -> Reply:
    call.arguments("page", "records_per_page")
    with call.look() as world:
        record = call.member(world, call.user(world, user), member)
    form = call.institutions.credentials(institution_of(call, record)) if record.play is not None else []
    return call.paged_list(form, "credentials", CREDENTIALS.dump)


# creating, changing, deleting


@routes.add("POST", "/users/<user>/members", "createMember", by_id=True)
def create_member(call: Call, user: str, fetch: Sequence[str] = ()) -> Reply:
    """``fetch``: what the first job fetches, where a widget was asked for less than all and no products."""
    echo = call.callback_headers
    given = call.load("member", MEMBERS, known_beside=ROOTS_BESIDE_MEMBER) | call.checked(RETURN, call.json)
    products = _products(call)
    if "institution_code" not in given:
        raise MXError(400, "Required parameter missing: member.institution_code")
    institution = call.institutions.get(given["institution_code"]) or not_found(
        "Institution", given["institution_code"]
    )
    with call.change() as world:
        owner = call.user(world, user)
        if world.count(Query("mx.member", owner=owner.guid)) >= MEMBERS_OF_A_USER:
            raise MXError(405, f"A user may have {MEMBERS_OF_A_USER} members")
        check_id(world, given.get("id"), None)
        credentials = logins.given_credentials(call, institution, given)
        record = _new_member(call, world, owner, institution, given, credentials)
        job = "oauth" if record.body["is_oauth"] else "connect"
        skip = given.get("skip_aggregation", False)
        record.body["is_being_aggregated"] = not (skip or job == "oauth")
        request, complete = _request_of(institution, products, call.sandbox.settings.without)
        if fetch and not products:  # no ``data_request``: nobody is told that the first data are there
            request.fetch, request.ready = list(fetch), True
        request.headers = dict(echo)
        call.engine.player.start(world, call.about(record, new=True), job, created=True, skip=skip, details=request)
        accepted = 202 if complete else 201
        return Reply({"member": render(call, record, owner)}, 200 if skip or job == "oauth" else accepted)


def _new_member(
    call: Call,
    world: World,
    owner: Record,
    institution: Institution,
    given: Mapping[str, Any],
    credentials: dict[str, str],
) -> Record:
    """What `player.start` stores. Raises MXError 409 when another member of the user has this login."""
    oauth, skip = given.get("is_oauth", False), given.get("skip_aggregation", False)
    login = logins.login_of(call, institution, credentials, elsewhere=oauth)
    key = logins.unshared_key(world, owner.guid, login)
    choice = logins.choose_scenario(call, world, institution, login)
    body = {
        "connection_status": "PENDING" if oauth else "CREATED",
        "institution_code": institution.code,
        "institution_guid": institution.guid,
        "institution_name": institution.name,
        "name": institution.name,
        "metadata": given.get("metadata"),
        "is_oauth": oauth,
        "use_cases": given.get("use_cases", []),
        "is_being_aggregated": False,
        "is_authenticated": False,
        "is_manual": False,
        "is_managed_by_user": True,
        "needs_updated_credentials": False,
        "error": {},
        "aggregated_at": logins.used_before(world, owner.guid, key, skip=skip),
        "first_job_over": False,
        "successfully_aggregated_at": None,
        "most_recent_job_guid": None,
        "has_processed_accounts": False,
        "has_processed_account_numbers": False,
        "has_processed_transactions": False,
        "credentials": credentials,
        "background_aggregation_is_disabled": given.get("background_aggregation_is_disabled", False),
        "oauth_state": world.guid().replace("-", "") if oauth else None,
        "duplicate_key": key,
        **{name: given.get(name) for name in WAY_BACK},
    }
    play = Play("mx", *choice)
    return Record("mx.member", world.guid("MBR"), body, owner=owner.guid, partner_id=given.get("id"), play=play)


@routes.add("PUT", MEMBER, "updateMember", by_id=True)
def update_member(call: Call, user: str, member: str) -> Reply:
    echo = call.callback_headers
    given = call.load("member", CHANGES)
    with call.change() as world:
        owner = call.user(world, user)
        record = call.member(world, owner, member)
        if "id" in given:
            check_id(world, given["id"], record)
            record.partner_id = given["id"]
        for name in ("metadata", "use_cases", "background_aggregation_is_disabled"):
            if name in given:
                record.body[name] = given[name]
        if given.get("credentials"):
            _new_credentials(call, world, record, given, echo)
        else:
            _save(world, record, "update", echo)
        return Reply({"member": render(call, record, owner)})


def _new_credentials(
    call: Call, world: World, record: Record, given: Mapping[str, Any], echo: Mapping[str, str]
) -> None:
    """Credentials choose the scenario again and start a job; while one runs they are stored and start nothing."""
    if record.play is None:
        raise MXError(400, f"Member {record.guid} is not aggregated: it takes no credentials", FORBIDDEN)
    institution = institution_of(call, record)
    credentials = {
        **record.body["credentials"],
        **logins.given_credentials(call, institution, given, all_of_them=False),
    }
    play, login = record.play, logins.login_of(call, institution, credentials, elsewhere=record.body["is_oauth"])
    key = logins.unshared_key(world, record.owner, login, record)
    record.body.update(credentials=credentials, needs_updated_credentials=False, duplicate_key=key)
    play.renewed = True
    if play.job is not None:
        _save(world, record, "update", echo)
        return
    present = Choice(play.scenario, play.by)
    play.scenario, play.by = logins.choose_scenario(call, world, institution, login, present)
    details, skip = MemberJob(call="update", headers=dict(echo)), given.get("skip_aggregation", False)
    call.engine.player.start(world, record, "update", skip=skip, details=details)


@routes.add("DELETE", MEMBER, "deleteMember", by_id=True)
def delete_member(call: Call, user: str, member: str) -> Reply:
    with call.change() as world:
        record = call.member(world, call.user(world, user), member)
        call.delete(world, record)
    return NO_CONTENT


# what the calls above share


def institution_of(call: Call, member: Record) -> Institution:
    """The member's institution. Raises MXError 404 when it is gone, with the scenario that it stood for."""
    code = member.body["institution_code"]
    found: Institution = call.institutions.get(code) or not_found("Institution", code)
    return found


def oauth_uri(call: Call, record: Record) -> str:
    """Where the user meets the bank; the state is new with every request for it."""
    parameters = {
        "client_id": "mocksrv",
        "redirect_uri": f"{call.base_url}/oauth/redirect_from",
        "response_type": "code",
        "scope": "openid",
        "state": record.body["oauth_state"],
    }
    return f"{call.base_url}/oauth/authorize?{urlencode(parameters)}"


def _save(world: World, record: Record, by: str, echo: Mapping[str, str]) -> None:
    """A change that starts no job, with its callback."""
    record.body.pop("told", None)
    world.save(record)
    emit_member(world, "mx.member.updated", record, cause=MemberJob(call=by, headers=dict(echo)))


def check_id(world: World, id: str | None, own: Record | None) -> None:
    """A member's id is unique among all members of the client."""
    if id is not None and any(
        own is None or m.guid != own.guid for m in world.list(Query("mx.member", partner_id=id, limit=2))
    ):
        raise MXError(409, f"A member with the id {id} exists already")


def _products(call: Call) -> list[str]:
    """The products asked for with ``data_request``. Raises MXError 422."""
    request = call.json.get("data_request")
    if request is None:
        return []
    products = request.get("products", []) if isinstance(request, dict) else None
    if not isinstance(products, list):
        raise MXError(422, "data_request.products must be a list")
    for product in products:
        if not isinstance(product, str) or product not in PRODUCTS:
            raise MXError(
                422, f"data_request.products: {product!r} is not a product; allowed are {', '.join(PRODUCTS)}"
            )
    return products


def _request_of(institution: Institution, products: Sequence[str], lacking: Sequence[str]) -> tuple[MemberJob, bool]:
    """What the first job fetches and tells for these products; whether they are all there. ``lacking``: those
    that the client has not bought.
    """
    if not products:
        return MemberJob(call="create"), True
    asked, lacked = [PRODUCTS[name] for name in products], [PRODUCTS[name] for name in lacking if name in PRODUCTS]
    there = [product for product in asked if product.needs is None or getattr(institution, product.needs)]
    offered = [product for product in there if product not in lacked]
    fetch = list(dict.fromkeys(["accounts", *(part for product in offered for part in product.fetches)]))
    tells = list(dict.fromkeys(product.callback for product in offered if product.callback)) or ["mx.aggregation"]
    return MemberJob(call="create", fetch=fetch, tells=tells), len(offered) == len(products)
