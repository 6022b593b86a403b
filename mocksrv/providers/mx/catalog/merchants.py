"""Merchants and their locations: the same for everybody, to read only."""

from __future__ import annotations

from marshmallow import Schema, fields

from mocksrv.providers.http import Reply
from mocksrv.providers.mx.bank.merchants import catalogue
from mocksrv.providers.mx.http.call import PAGING, Call, Routes, not_found
from mocksrv.providers.mx.http.schemas import Moment

routes = Routes()


class MerchantSchema(Schema):
    """A merchant of the catalogue."""

    created_at = Moment()
    guid = fields.String()
    logo_url = fields.String()
    name = fields.String()
    updated_at = Moment()
    website_url = fields.String()


class LocationSchema(Schema):
    """A shop of a merchant."""

    city = fields.String()
    country = fields.String()
    created_at = Moment()
    guid = fields.String()
    latitude = fields.Float()
    longitude = fields.Float()
    merchant_guid = fields.String()
    phone_number = fields.String()
    postal_code = fields.String()
    state = fields.String()
    street_address = fields.String()
    updated_at = Moment()


MERCHANTS = MerchantSchema()
LOCATIONS = LocationSchema()


@routes.add("GET", "/merchants", "listMerchants")
def list_merchants(call: Call) -> Reply:
    name = call.arguments("name", *PAGING).get("name")
    return call.paged_list(catalogue().search(name), "merchants", MERCHANTS.dump)


@routes.add("GET", "/merchants/<merchant>", "readMerchant")
def read_merchant(call: Call, merchant: str) -> Reply:
    found = catalogue().by_guid.get(merchant) or not_found("Merchant", merchant)
    return Reply({"merchant": MERCHANTS.dump(found)})


@routes.add("GET", "/merchant_locations/<location>", "readMerchantLocation")
def read_merchant_location(call: Call, location: str) -> Reply:
    found = catalogue().locations.get(location) or not_found("Merchant location", location)
    return Reply({"merchant_location": LOCATIONS.dump(found)})
