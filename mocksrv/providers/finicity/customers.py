"""Customers, testing and active, and the consumer records that reports need."""

from __future__ import annotations

import re
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from mocksrv.engine.storage.records import Query, Record
from mocksrv.engine.world import World
from mocksrv.providers.finicity.http import (
    Call,
    Document,
    Number,
    Routes,
    Seconds,
    number,
    refusal,
    shown,
)
from mocksrv.providers.http import NO_CONTENT, Reply

routes = Routes()
TYPES = ("testing", "active")
CUSTOMER = "/aggregation/v1/customers/<customer>"
NAME_RULES = (
    (r".{6,255}", "username policy"),
    (r"[A-Za-z0-9!@.#$%&*_+-]*", "username characters"),
)
CONSUMER_NEEDS = (("ssn", "birthday"), ("phone", "email"))  # one of each
EMPTY: dict[str, Any] = {**dict.fromkeys(("address", "city", "zip", "phone", "ssn", "email"), ""), "birthday": {}}
FORMATS = {  # of a consumer's fields: the rule, and what the refusal adds
    "email": (r"[^@\s]+@[^@\s]+", ""),
    "phone": (r"[0-9+() .x-]+", ""),
    "ssn": (r"\d{3}-?\d{2}-?\d{4}|\d{4}", "  Required format is 9 digits."),
}


class CustomerSchema(Document):
    """A customer, as read and as written."""

    id = fields.String(dump_only=True)
    username = fields.String(required=True)
    firstName = fields.String()
    lastName = fields.String()
    applicationId = fields.String()
    phone = fields.String(validate=validate.Length(max=15))
    email = fields.String()
    type = fields.String(dump_only=True)
    createdDate = Seconds(text=True)
    lastModifiedDate = Seconds(text=True)


class Birthday(Document):
    year = fields.Integer(required=True, validate=validate.Range(1800, 9999))
    month = fields.Integer(required=True, validate=validate.Range(1, 12))
    dayOfMonth = fields.Integer(required=True, validate=validate.Range(1, 31))


class ConsumerSchema(Document):
    """The person behind a customer; of the SSN the last four digits are shown."""

    id = fields.String(dump_only=True)
    firstName = fields.String(required=True)
    lastName = fields.String(required=True)
    address = fields.String()
    city = fields.String()
    state = fields.String(required=True)
    zip = fields.String()
    phone = fields.String()
    ssn = fields.String()
    birthday = fields.Nested(Birthday)
    email = fields.String()
    suffix = fields.String()
    endUser = fields.Dict()
    customerId = Number(dump_only=True)
    createdDate = Seconds()

    @validates_schema(skip_on_field_errors=True)
    def _one_of_each(self, data: dict[str, Any], partial: Any = None, **_: Any) -> None:
        for names in () if partial else CONSUMER_NEEDS:
            if not any(data.get(name) for name in names):
                raise ValidationError(f"one of {' and '.join(names)} is needed", names[0])


CUSTOMERS, CONSUMERS = CustomerSchema(), ConsumerSchema()


def _consumer_shown(consumer: Record) -> dict[str, Any]:
    """A consumer as it is read: what was not given is empty, since the file requires it."""
    return dict(CONSUMERS.dump(shown(consumer, **{name: consumer.body.get(name) or EMPTY[name] for name in EMPTY})))


def render(customer: Record) -> dict[str, Any]:
    return dict(CUSTOMERS.dump(shown(customer, lastModifiedDate=customer.updated_at)))


@routes.add("POST", "/aggregation/v2/customers/<type>", "AddCustomer")
def add_customer(call: Call, type: str) -> Reply:
    if type not in TYPES:
        raise refusal("resource")
    given = _given(call)
    with call.change() as world:
        if world.list(Query("finicity.customer", partner_id=given["username"], limit=1)):
            raise refusal("username taken")
        record = Record("finicity.customer", number(world), {**given, "type": type}, partner_id=given["username"])
        world.add(record)
        return Reply({"id": record.guid, "username": given["username"], "createdDate": record.created_at // 1000}, 201)


def _given(call: Call, *, partial: bool = False) -> dict[str, Any]:
    given = call.load(CUSTOMERS, partial=partial)
    for pattern, broken in NAME_RULES if "username" in given else ():
        if not re.fullmatch(pattern, given["username"], re.DOTALL):
            raise refusal(broken)
    return given


@routes.add("GET", "/aggregation/v1/customers", "GetCustomers")
def list_customers(call: Call) -> Reply:
    asked = call.arguments("username", "type", "search", "start", "limit")
    if asked.get("type") not in (None, "", *TYPES):
        raise refusal("customer type")
    sought = asked.get("search", "").lower()
    with call.look() as world:
        rows = world.list(Query("finicity.customer", partner_id=asked.get("username") or None))
    found = [
        row
        for row in rows
        if asked.get("type") in (None, "", row.body["type"])
        and any(sought in (row.body.get(name) or "").lower() for name in ("username", "firstName", "lastName"))
    ]
    return Reply(call.paged(found, "customers", render))


@routes.add("GET", CUSTOMER, "GetCustomer")
def read_customer(call: Call, customer: str) -> Reply:
    with call.look() as world:
        return Reply(render(call.customer(world, customer)))


@routes.add("PUT", CUSTOMER, "ModifyCustomer")
def update_customer(call: Call, customer: str) -> Reply:
    given = _given(call, partial=True)
    if not given.get("firstName") and not given.get("lastName"):
        raise refusal("nothing to update")
    with call.change() as world:
        record = call.customer(world, customer)
        record.body.update({name: given[name] for name in ("firstName", "lastName", "phone", "email") if name in given})
        world.save(record)
    return NO_CONTENT


@routes.add("DELETE", CUSTOMER, "DeleteCustomer")
def delete_customer(call: Call, customer: str) -> Reply:
    with call.change() as world:
        call.customer(world, customer)
        for session in world.list(Query("finicity.session", owner=customer)):
            world.cancel_timers(session.guid)
        world.remove_below("owner", customer)
        world.remove(guid=customer)
    return NO_CONTENT


# consumers


def consumer_of(world: World, customer: str) -> Record | None:
    return next(iter(world.list(Query("finicity.consumer", owner=customer, limit=1))), None)


@routes.add("POST", "/decisioning/v1/customers/<customer>/consumer", "CreateConsumer")
def add_consumer(call: Call, customer: str) -> Reply:
    given = _consumer_fields(call)
    with call.change() as world:
        call.customer(world, customer)
        if consumer_of(world, customer):
            raise refusal("consumer exists", customer=customer)
        record = Record("finicity.consumer", world.guid().replace("-", ""), given, owner=customer)
        world.add(record)
        return Reply({"id": record.guid, "createdDate": record.created_at // 1000, "customerId": int(customer)}, 201)


def _consumer_fields(call: Call, *, partial: bool = False) -> dict[str, Any]:
    """What the body says of a consumer; of the SSN only the last four digits are kept."""
    given = call.json
    for name, (rule, more) in FORMATS.items():
        value = given.get(name)
        if value is not None and not (isinstance(value, str) and re.fullmatch(rule, value, re.ASCII)):
            raise refusal("consumer field", name=name, more=more)
    loaded = call.load(CONSUMERS, partial=partial)
    return {**loaded, **({"ssn": loaded["ssn"][-4:]} if loaded.get("ssn") else {})}


@routes.add("GET", "/decisioning/v1/customers/<customer>/consumer", "GetConsumerForCustomer")
def read_consumer_of_customer(call: Call, customer: str) -> Reply:
    with call.look() as world:
        record = consumer_of(world, customer)
    if record is None:
        raise refusal("resource")
    return Reply(_consumer_shown(record))


def _consumer(world: World, id: str) -> Record:
    found = world.get("finicity.consumer", id)
    if found is None:
        raise refusal("consumer", id=id)
    return found


@routes.add("GET", "/decisioning/v1/consumers/<consumer>", "GetConsumer")
def read_consumer(call: Call, consumer: str) -> Reply:
    with call.look() as world:
        return Reply(_consumer_shown(_consumer(world, consumer)))


@routes.add("PUT", "/decisioning/v1/consumers/<consumer>", "ModifyConsumer")
def update_consumer(call: Call, consumer: str) -> Reply:
    """Any part of the consumer; what is not sent stays."""
    given = _consumer_fields(call, partial=True)
    with call.change() as world:
        record = _consumer(world, consumer)
        record.body.update(given)
        world.save(record)
    return NO_CONTENT
