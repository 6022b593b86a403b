"""The calls about institutions: lists, one of them, its branding and its login form."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

from mocksrv.engine.storage.records import dumps
from mocksrv.providers.finicity.bank.institutions import PRODUCTS, Institution
from mocksrv.providers.finicity.http import Call, Routes, refusal
from mocksrv.providers.http import Reply

routes = Routes()
INSTITUTION = "/institution/v2/institutions/<id>"
PARAMETERS = ("search", "start", "limit", "type", "supportedCountries")
COUNTRIES = {"us": "USA", "usa": "USA", "ca": "CAN", "can": "CAN"}


def _found(call: Call, *more: str) -> Sequence[Institution]:
    """What the query asks for; ``more`` are further parameters that the call takes."""
    asked = call.arguments(*PARAMETERS, *more)
    wanted = [name for name in (asked.get("type") or "").split(",") if name in PRODUCTS]
    countries = {COUNTRIES.get(name.strip().lower()) for name in (asked.get("supportedCountries") or "").split(",")}
    found: Sequence[Institution] = call.institutions.search(asked.get("search") or "")
    return [
        each
        for each in found
        if all(name in each.products for name in wanted) and (countries == {None} or each.country in countries)
    ]


@routes.add("GET", "/institution/v2/institutions", "GetInstitutions")
def list_institutions(call: Call) -> Reply:
    found = _found(call)
    return Reply(call.paged(found, "institutions", Institution.shown, createdDate=call.sandbox.now() // 1000))


@routes.add("GET", "/institution/v2/certifiedInstitutions", "GetCertifiedInstitutions")
@routes.add("GET", "/institution/v2/certifiedInstitutions/rssd", "GetCertifiedInstitutionsWithRSSD")
def list_certified(call: Call) -> Reply:
    found = [each for each in _found(call, "requestedDate") if each.products]
    return Reply(call.paged(found, "institutions", Institution.certified, requestedDate=call.sandbox.now() // 1000))


def _institution(call: Call, id: str) -> Institution:
    found: Institution | None = call.institutions.get(id)
    if found is None:
        raise refusal("institution")
    return found


@routes.add("GET", INSTITUTION, "GetInstitution")
def read_institution(call: Call, id: str) -> Reply:
    return Reply({"institution": _institution(call, id).shown()})


@routes.add("GET", f"{INSTITUTION}/branding", "GetInstitutionBranding")
def read_branding(call: Call, id: str) -> Reply:
    """A colour; images would be loaded from outside, so there are none."""
    return Reply(
        {"branding": {"primaryColor": f"#{crc32(dumps(_institution(call, id).name).encode()) & 0xFFFFFF:06X}"}}
    )


@routes.add("GET", f"{INSTITUTION}/loginForm", "GetLoginForm")
def read_form(call: Call, id: str) -> Reply:
    return Reply({"loginForms": _institution(call, id).login_form()})
