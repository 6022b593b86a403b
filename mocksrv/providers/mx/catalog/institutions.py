"""Institutions and the fields of their login forms."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from mocksrv.providers.http import Reply
from mocksrv.providers.mx.http.call import PAGING, Call, Routes, not_found
from mocksrv.providers.mx.http.schemas import Moment
from mocksrv.providers.mx.http.versions import COUNTRIES, SUPPORTS, Versioned, parameters

routes = Routes()
INSTITUTION = "/institutions/<institution>"
MOST_ON_A_PAGE = 100


class InstitutionSchema(Schema):
    """An institution, with the fields of all versions."""

    code = fields.String()
    created_at = Moment()
    forgot_password_url = fields.String()
    forgot_username_url = fields.String()
    guid = fields.String()
    instructional_text = fields.String()
    instructional_text_steps = fields.List(fields.String())
    is_disabled_by_client = fields.Boolean()
    is_hidden = fields.Boolean()
    iso_country_code = fields.String()
    medium_logo_url = fields.String()
    name = fields.String()
    small_logo_url = fields.String()
    supported_products = fields.List(fields.String())
    supports_account_identification = fields.Boolean()
    supports_account_statement = fields.Boolean()
    supports_account_verification = fields.Boolean()
    supports_oauth = fields.Boolean()
    supports_tax_document = fields.Boolean()
    supports_transaction_history = fields.Boolean()
    trouble_signing_in_url = fields.String()
    url = fields.String()


class CredentialSchema(Schema):
    """One field of a login form."""

    display_order = fields.Integer()
    field_name = fields.String()
    field_type = fields.String()
    guid = fields.String()
    label = fields.String()
    type = fields.String()


INSTITUTIONS = Versioned("institution", InstitutionSchema)
CREDENTIALS = CredentialSchema()


@routes.add("GET", "/institutions", "listInstitutions")
def list_institutions(call: Call) -> Reply:
    filters = parameters("institutions", call.version)
    name = call.arguments(*PAGING, "name", "iso_country_code", "iso_country_code[]", *filters).get("name")
    asked = {field: call.flag(field) for field in SUPPORTS if field in filters}
    found = call.institutions.search(
        name=name,
        countries=call.many("iso_country_code"),
        supports={field: value for field, value in asked.items() if value is not None},
        products=call.many("supported_products") if "supported_products" in filters else (),
    )
    return page(call, found)


@routes.add("GET", "/institutions/favorites", "listFavoriteInstitutions")
def list_favorites(call: Call) -> Reply:
    call.arguments(*PAGING, "iso_country_code", "iso_country_code[]")
    countries = call.many("iso_country_code")
    return page(
        call,
        [each for each in call.institutions.favorites() if not countries or each.iso_country_code in countries],
    )


@routes.add("GET", INSTITUTION, "readInstitution")
def read_institution(call: Call, institution: str) -> Reply:
    return Reply({"institution": INSTITUTIONS.dump(call.version, _find(call, institution))})


@routes.add("GET", f"{INSTITUTION}/credentials", "listInstitutionCredentials", by_id=True)
def list_credentials(call: Call, institution: str) -> Reply:
    call.arguments(*PAGING)
    return call.paged_list(call.institutions.credentials(_find(call, institution)), "credentials", CREDENTIALS.dump)


def page(call: Call, found: list[Any], *, most: int = MOST_ON_A_PAGE) -> Reply:
    """A page of institutions. Under `sdk` a version shows those in countries that its file knows."""
    known = COUNTRIES[call.version] if call.mount.fidelity == "sdk" else None
    if known is not None:
        found = [each for each in found if each.iso_country_code in known]
    return call.paged_list(found, "institutions", lambda each: INSTITUTIONS.dump(call.version, each), most=most)


def _find(call: Call, code_or_guid: str) -> Any:
    """The institution with this code or guid. Raises MXError 404."""
    return call.institutions.get(code_or_guid) or not_found("Institution", code_or_guid)
