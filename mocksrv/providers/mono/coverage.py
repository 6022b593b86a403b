"""The institutions that accounts are linked at: what the widget offers, and Mono's lists of them.

Sources: docs.mono.co, Partners API sandbox guide, list of banks; github.com/iameo/monopy (coverage).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mocksrv.providers.http import Reply
from mocksrv.providers.mono.bank.institutions import Institution
from mocksrv.providers.mono.http import Call, Routes

routes = Routes()
COUNTRY = "ng"
SCOPE = "financial_data"


@routes.add("GET", "/coverage", keyless=True, from_pages=True)
def list_coverage(call: Call) -> Reply:
    """Read by pages, too: the package of the widget calls it from the host's origin, without a key."""
    return Reply([_coverage(each) for each in call.institutions.all()])


def _coverage(institution: Institution) -> dict[str, Any]:
    business = institution.type == "BUSINESS_BANKING"
    return {
        "name": institution.name,
        "icon": _icon(institution),
        "website": institution.website or f"https://{institution.identifier.replace('_', '-')}.example.com",
        "coverage": {"personal": not business, "business": business, "countries": [COUNTRY.upper()]},
        "products": list(institution.products),
    }


@routes.add("GET", "/v3/institutions")
def list_institutions(call: Call) -> Reply:
    wanted = call.arguments("scope", "bank_code", "auth_method")
    rows = [each for each in call.institutions.all() if _fits(each, wanted)]
    return Reply(call.envelope([_institution(each) for each in rows]))


@routes.add("GET", "/v3/banks/list")
def list_banks(call: Call) -> Reply:
    rows = [each for each in call.institutions.all() if each.bank_code]
    banks = [
        {"name": each.name, "bank_code": each.bank_code, "nip_code": each.nip_code, "direct_debit": True}
        for each in rows
    ]
    return Reply(call.envelope({"banks": banks}, "request completed successfully"))


def _fits(institution: Institution, wanted: Mapping[str, str]) -> bool:
    scope, code, method = (wanted.get(name) for name in ("scope", "bank_code", "auth_method"))
    return (
        scope in (None, "", SCOPE)
        and code in (None, "", institution.bank_code)
        and (not method or method in institution.methods)
    )


def _institution(institution: Institution) -> dict[str, Any]:
    form = login_form(institution)
    return {
        "_id": institution.id,
        "name": institution.name,
        "type": institution.type,
        "icon": _icon(institution),
        "identifier": institution.identifier,
        "nip_code": institution.nip_code,
        "country": COUNTRY,
        "primary_color": institution.color,
        "scope": [{"name": SCOPE, "type": SCOPE}],
        "auth_methods": [
            {"type": method, "ui": {"title": f"Sign in to {institution.name}", "form": form}}
            for method in institution.methods
        ],
    }


@routes.add("GET", "/users/stats/wallet")
def read_wallet(call: Call) -> Reply:
    """What the business has to pay for live calls with, in kobo. Calls of a sandbox are free."""
    call.arguments()
    return Reply({"balance": 0})


def login_form(institution: Institution) -> list[dict[str, str]]:
    """The fields of an institution's form, as Mono shows them."""
    return [{"type": "elements.input", **field} for field in institution.form]


def _icon(institution: Institution) -> str:
    """A letter on the institution's colour; needs no network."""
    from urllib.parse import quote

    picture = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="48" height="48"><rect width="48" height="48" rx="8" '
        f'fill="{institution.color}"/>'
        '<text x="24" y="32" font-size="24" font-family="sans-serif" text-anchor="middle" '
        f'fill="#fff">{institution.name[0]}</text></svg>'
    )
    return f"data:image/svg+xml,{quote(picture)}"
