"""Customers: made by the app, by hosted links and by the widget; their transactions.

Source: docs.mono.co, customers (create, retrieve, list, update, delete, transactions).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, validate, validates_schema
from marshmallow.exceptions import ValidationError

from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.http import Document, Reply
from mocksrv.providers.mono.bank.transactions import TRANSACTION
from mocksrv.providers.mono.http import ACCOUNTS, Call, MonoError, Routes, linked, not_found
from mocksrv.providers.mono.ids import document_id
from mocksrv.providers.mono.transactions import V2_ROW, since_of, transaction_of

routes = Routes()
CUSTOMER = "mono.customer"
INDIVIDUAL, BUSINESS = "individual", "business"
LONGEST_ADDRESS = 100
NAMES = {INDIVIDUAL: ("first_name", "last_name"), BUSINESS: ("business_name",)}  # what each type must have
IDENTIFIED = ("email", "phone", "address", "identification_no", "identification_type", "bvn")  # of both types
# what the app may say of a customer later on
CHANGEABLE = ("type", "first_name", "last_name", "business_name", "phone", "address", "identity")


class CustomerIdentitySchema(Document):
    """How somebody is known to the state: the kind of number, and the number."""

    type = fields.String(required=True, validate=validate.Regexp(r"^\S+\Z", error="Must have no white space."))
    number = fields.String(required=True, validate=validate.Length(min=1))


class UpdateSchema(Document):
    """What of a customer is changed."""

    type = fields.String(validate=validate.OneOf(tuple(NAMES)))
    first_name = fields.String(validate=validate.Length(min=1))
    last_name = fields.String(validate=validate.Length(min=1))
    business_name = fields.String(validate=validate.Length(min=1))
    phone = fields.String()
    address = fields.String(validate=validate.Length(max=LONGEST_ADDRESS))
    identity = fields.Nested(CustomerIdentitySchema)


class NewCustomerSchema(UpdateSchema):
    """A customer as the app creates it: a person, or a business."""

    email = fields.Email(required=True)
    phone = fields.String(required=True)
    address = fields.String(required=True, validate=validate.Length(max=LONGEST_ADDRESS))
    identity = fields.Nested(CustomerIdentitySchema, required=True)

    @validates_schema(skip_on_field_errors=True)
    def check_names(self, data: Mapping[str, Any], **_: Any) -> None:
        """Raises ValidationError without the names that its type has."""
        _check_names(data)


def _check_names(data: Mapping[str, Any]) -> None:
    missing = [name for name in NAMES[data.get("type") or INDIVIDUAL] if not data.get(name)]
    if missing:
        raise ValidationError({name: ["Missing data for required field."] for name in missing})


class PersonSchema(Document):
    """A person as a customer."""

    id = fields.String()
    name = fields.String()
    first_name = fields.String()
    last_name = fields.String()
    email = fields.String()
    phone = fields.String()
    address = fields.String()
    identification_no = fields.Function(lambda customer: (customer["identity"] or {}).get("number"))
    identification_type = fields.Function(lambda customer: (customer["identity"] or {}).get("type"))
    bvn = fields.Function(lambda customer: _bvn(customer["identity"] or {}))


class BusinessSchema(PersonSchema):
    """A business as a customer."""

    class Meta(Document.Meta):
        fields = ("id", "type", "business_name", *IDENTIFIED)

    type = fields.String()
    business_name = fields.String()


PERSON, COMPANY = PersonSchema(), BusinessSchema()


def _bvn(identity: Mapping[str, str]) -> str | None:
    return identity["number"] if identity.get("type", "").casefold() == "bvn" else None


def _shown(record: Record) -> dict[str, Any]:
    body = {**record.body, "id": record.guid}
    shown: dict[str, Any] = (COMPANY if body["type"] == BUSINESS else PERSON).dump(body)
    return shown


# the records


def find_customer(world: World, given: Mapping[str, Any], ref: str | None) -> Record:
    """The customer of that id, or of that email; else a new one. Raises MonoError 400, 404."""
    if given.get("id"):
        return world.get(CUSTOMER, given["id"]) or not_found("Customer", given["id"])
    for name in ("name", "email"):
        if not given.get(name):
            raise MonoError(400, f"customer.{name} is required")
    known = with_email(world, given["email"])
    if known is not None:
        return known
    return add_customer(
        world,
        given["name"],
        given["email"],
        person=ref or given["email"],
        named=True,
        identity=given.get("identity"),
    )


def with_email(world: World, email: str) -> Record | None:
    return next(iter(world.list(Query(CUSTOMER, partner_id=email, limit=1))), None)


def add_customer(world: World, name: str, email: str, *, person: str | None, named: bool, **more: Any) -> Record:
    """A new customer. ``person``: the app's own id of that person, as far as it has said one; ``named``: the app has
    said who it is; ``more`` are fields of `UpdateSchema`.
    """
    guid = document_id(world)
    first, _, last = name.partition(" ")
    unknown: dict[str, Any] = {**dict.fromkeys(CHANGEABLE), "type": INDIVIDUAL, "first_name": first, "last_name": last}
    body = {**unknown, **more, "name": name, "email": email, "person": person or guid, "named": named}
    record = Record(CUSTOMER, guid, body, partner_id=email)
    world.add(record)
    return record


def _customer(world: World, id: str, message: str, status: int = 400) -> Record:
    """Raises MonoError with Mono's own message where there is no such customer."""
    record = world.get(CUSTOMER, id)
    if record is None:
        raise MonoError(status, message)
    return record


# operations


@routes.add("POST", "/v2/customers", also=["/v2/customers/"])
def create(call: Call) -> Reply:
    given = call.load(NewCustomerSchema())
    email = given.pop("email")
    with call.change() as world:
        if with_email(world, email):
            raise MonoError(400, "Customer already exists with similar credentials (email or names supplied)")
        record = add_customer(world, _name(given), email, person=email, named=True, **given)
    return Reply(call.envelope(_shown(record), "Created customer successfully"), 201)


def _name(given: Mapping[str, Any]) -> str:
    return " ".join(given[name] for name in NAMES[given.get("type") or INDIVIDUAL])


@routes.add("GET", "/v2/customers", also=["/v2/customers/"])
def list_customers(call: Call) -> Reply:
    """All customers, the newest first."""
    call.arguments("page", "limit")
    with call.look() as world:
        shown, meta = call.page_of(list(world.pages(Query(CUSTOMER, newest_first=True))))
    return Reply(call.envelope([_shown(each) for each in shown], meta=meta))


@routes.add("GET", "/v2/customers/<id>")
def read(call: Call, id: str) -> Reply:
    with call.look() as world:
        record = _customer(world, id, "Invalid Customer Id, could not fetch customer")
    return Reply(call.envelope(_shown(record), "Customer Data retrieved successfully"))


@routes.add("PATCH", "/v2/customers/<id>")
def update(call: Call, id: str) -> Reply:
    given = call.load(UpdateSchema())
    with call.change() as world:
        record = _customer(world, id, "Invalid Customer Id")
        changed = {**record.body, **given}
        try:
            _check_names(changed)
        except ValidationError as error:
            raise MonoError(400, call.sentence(error)) from None
        record.body = {**changed, "name": _name(changed)}
        world.save(record)
    return Reply(call.envelope(None, "Customer updated successfully"))


@routes.add("DELETE", "/v2/customers/<id>")
def delete(call: Call, id: str) -> Reply:
    """The accounts that are linked stay so."""
    with call.change() as world:
        world.remove(guid=_customer(world, id, "Invalid Customer Id").guid)
    return Reply(call.envelope(None, "Deleted customer successfully"))


@routes.add("GET", "/v2/customers/<id>/transactions")
def list_transactions(call: Call, id: str) -> Reply:
    """The transactions of all accounts of a customer, or of one of them, each account with pages of its own."""
    call.arguments("period", "page", "account", "limit")
    since, wanted = since_of(call), call.request.args.get("account")
    with call.look() as world:
        accounts = [each for each in world.list(Query(ACCOUNTS, owner=id)) if linked(each)]
        accounts = [each for each in accounts if wanted in (None, "", each.guid)]
        if world.get(CUSTOMER, id) is None or not accounts:
            raise MonoError(404, "Unable to fetch connected account from customer supplied")
        return Reply(call.envelope([_transactions(call, world, each, since) for each in accounts]))


def _transactions(call: Call, world: World, account: Record, since: int) -> dict[str, Any]:
    query = Query(TRANSACTION, parent=account.guid, ranges={"sort": (since, None)}, newest_first=True)
    rows, meta = call.page_of(list(world.pages(query)))
    found = {"transactions": [V2_ROW.dump(transaction_of(row, account)) for row in rows], "meta": meta}
    said = {"message": "Data retrieved successfully", "status": "successful", "data": found}
    return {
        "account": account.guid,
        "account_name": account.body["name"],
        "bank": account.body["bank"]["name"],
        "account_transaction_data": {"errored": False, "data": said, "error": None},
    }
