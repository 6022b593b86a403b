"""Institutions: Finicity's test banks, and one for each scenario (``Mock: NAME``), with their login forms.

Source of the test banks: the fact sheets of several open-source clients and Mastercard's page on testing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from mocksrv.engine.scenarios.choosing import MOCK
from mocksrv.engine.storage.records import dumps
from mocksrv.providers.finicity.http import (
    Call,
    Routes,
    refusal,
)
from mocksrv.providers.http import Reply

routes = Routes()
INSTITUTION = "/institution/v2/institutions/<id>"
MOCK_IDS = range(10**9, 2**31)  # of scenarios: so many that two of them hardly ever have the same
PRODUCTS = (
    "transAgg",
    "ach",
    "stateAgg",
    "voi",
    "voa",
    "aha",
    "availBalance",
    "accountOwner",
    "studentLoanData",
    "loanPaymentDetails",
)


@dataclass(frozen=True, slots=True)
class Institution:
    """One bank. ``scenario`` is what it stands for, if it is none of Finicity's. ``certified``: its products are
    supported.
    """

    id: int
    name: str
    oauth: bool = False
    status: str = "online"
    certified: bool = True
    scenario: str | None = None

    @property
    def code(self) -> str:
        """What `logins` of scenarios call it."""
        return f"{MOCK}{self.scenario}" if self.scenario else str(self.id)

    def shown(self) -> dict[str, Any]:
        site = "https://finbank.example"
        return {
            "id": self.id,
            "name": self.name,
            **dict.fromkeys(PRODUCTS, self.certified),
            "displayName": self.name,
            "accountTypeDescription": "TESTING FinBank",
            "phone": "8005550100",
            "urlHomeApp": site,
            "urlLogonApp": f"{site}/login",
            "oauthEnabled": self.oauth,
            "urlForgotPassword": f"{site}/forgot",
            "class": "testfi",
            "timeZone": "America/Denver",
            "address": {"city": "Salt Lake City", "state": "UT", "country": "USA"},
            "currency": "USD",
            "email": "help@finbank.example",
            "status": self.status,
        }

    def form(self) -> list[dict[str, Any]]:
        """The fields of the login form; none where the bank's own page asks."""
        names = () if self.oauth else (("Banking Userid", "false"), ("Banking Password", "true"))
        return [
            {
                "id": f"{self.id}00{order}",
                "name": name,
                "value": "",
                "description": name,
                "displayOrder": order,
                "mask": mask,
            }
            for order, (name, mask) in enumerate(names, 1)
        ]


TEST_BANKS = (
    Institution(101732, "FinBank"),
    Institution(102105, "FinBank Profiles - A"),
    Institution(102168, "FinBank Profiles - B"),
    Institution(199100, "FinBank Profiles - C"),
    Institution(176081, "FinBank Profiles J"),
    Institution(102176, "FinBank OAuth", oauth=True),
    Institution(102219, "FinBank O", oauth=True),
    Institution(102220, "Health Check"),
    Institution(170680, "FinBank C"),
    Institution(170776, "FinBank Billable"),
    Institution(170830, "FinBank M1"),
    Institution(171011, "Finbank Oauth Billable", oauth=True),
    Institution(176078, "FinBank Offline", status="offline"),
    Institution(176082, "FinBank Decertified", certified=False),
)


def mock_id(scenario: str) -> int:
    """The id of a scenario's institution: of its name alone, whatever other scenarios there are."""
    return MOCK_IDS[crc32(scenario.encode()) % len(MOCK_IDS)]


class Institutions:
    """All institutions. ``scenarios`` gives the scenarios: name, and whether the bank's own page is met in it."""

    def __init__(self, scenarios: Callable[[], Iterable[tuple[str, bool]]]) -> None:
        self._scenarios = scenarios

    def all(self) -> list[Institution]:
        mocks = (Institution(mock_id(name), f"Mock: {name}", oauth, scenario=name) for name, oauth in self._scenarios())
        return [*TEST_BANKS, *mocks]

    def get(self, id: str) -> Institution | None:
        """The institution with an id, or with the code of a scenario (``mock_oauth``)."""
        return next((each for each in self.all() if id in (str(each.id), each.code)), None)

    def search(self, text: str) -> list[Institution]:
        """Those whose names hold all the words, the better matches first."""
        sought = text.casefold().split()
        found = [each for each in self.all() if all(word in f"{each.name} {each.code}".casefold() for word in sought)]
        return sorted(
            found, key=lambda each: (each.name.casefold() != text.strip().casefold(), len(each.name)) if sought else ()
        )


def _list(call: Call, *more: str) -> Reply:
    asked = call.arguments("search", "start", "limit", "type", "supportedCountries", *more)
    wanted = [name for name in asked.get("type", "").split(",") if name in PRODUCTS]
    found: Sequence[Institution] = call.mount.institutions.search(asked.get("search") or "")
    found = [each for each in found if each.certified or not (wanted or more)]
    now = call.sandbox.now() // 1000
    return Reply(call.paged(found, "institutions", Institution.shown, createdDate=now))


@routes.add("GET", "/institution/v2/institutions", "GetInstitutions")
def list_institutions(call: Call) -> Reply:
    return _list(call)


@routes.add("GET", "/institution/v2/certifiedInstitutions", "GetCertifiedInstitutions")
def list_certified(call: Call) -> Reply:
    return _list(call, "requestedDate")


def _institution(call: Call, id: str) -> Institution:
    found: Institution | None = call.mount.institutions.get(id)
    if found is None:
        raise refusal("institution")
    return found


@routes.add("GET", INSTITUTION, "GetInstitution")
def read_institution(call: Call, id: str) -> Reply:
    return Reply({"institution": _institution(call, id).shown()})


@routes.add("GET", f"{INSTITUTION}/branding", "GetInstitutionBranding")
def read_branding(call: Call, id: str) -> Reply:
    colour = f"#{crc32(dumps(_institution(call, id).name).encode()) & 0xFFFFFF:06x}"
    return Reply(
        {"branding": {"logo": None, "alternateLogo": None, "icon": None, "primaryColor": colour, "tile": None}}
    )


@routes.add("GET", f"{INSTITUTION}/loginForm", "GetLoginForm")
def read_form(call: Call, id: str) -> Reply:
    return Reply({"loginForms": _institution(call, id).form()})
