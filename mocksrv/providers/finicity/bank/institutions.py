"""The institutions: Finicity's test banks, banks that people know, one for each scenario (``Mock: NAME``), and those of
the user's own.

Source of the test banks: the fact sheets of several open-source clients and Mastercard's page on testing. The ids of
the other banks are invented, but for the one that Mastercard's test suite asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from functools import cache
from typing import Any, NamedTuple
from zlib import crc32

from mocksrv.engine.scenarios.choosing import MOCK
from mocksrv.engine.scenarios.institutions import OwnInstitution
from mocksrv.engine.scenarios.lookup import ScenarioLookup
from mocksrv.engine.scenarios.model import Step
from mocksrv.providers.banks import LargeBank, large_banks

MOCK_IDS = range(10**9, 2**31)  # of scenarios: so many that two of them hardly ever have the same
BANK_IDS = range(10**8, 10**9)  # of banks that more than one provider has
OWN_IDS = range(2**31, 2**32)  # of institutions of the user's whose code is no number
CERTIFICATIONS = ("transAgg", "ach", "stateAgg", "voi", "voa", "aha")  # those that have a status in production
PRODUCTS = (
    *CERTIFICATIONS,
    "availBalance",
    "accountOwner",
    "studentLoanData",
    "loanPaymentDetails",
    "liabilityData",
    "billPayData",
)
# Of a login: names, what stands beside the fields, and whether they are masked.
FORM = (("Banking Userid", "Banking Userid", False), ("Banking Password", "Banking Password", True))


class Institution(NamedTuple):
    """One bank. ``scenario``: what it stands for, if it is none of Finicity's. ``products``: those that it is certified
    for. ``own``: its code, where it is the user's; ``also``: other names that people know it by.
    """

    id: int
    name: str
    oauth: bool = False
    status: str = "online"
    products: tuple[str, ...] = PRODUCTS
    scenario: str | None = None
    own: str | None = None
    url: str = "https://finbank.example"
    kind: str = "TESTING FinBank"
    form: tuple[tuple[str, str, bool], ...] = FORM
    country: str = "USA"
    also: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        """What `logins` of scenarios call it."""
        return self.own or (f"{MOCK}{self.scenario}" if self.scenario else str(self.id))

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            **self._products(),
            "displayName": self.name,
            "accountTypeDescription": self.kind,
            "phone": "8005550100",
            "urlHomeApp": self.url,
            "urlLogonApp": f"{self.url}/login",
            "oauthEnabled": self.oauth,
            "urlForgotPassword": f"{self.url}/forgot",
            "urlOnlineRegistration": f"{self.url}/signup",
            "class": "testfi" if self.kind.startswith("TESTING") else "banking",
            "specialText": f"Please enter your {self.name} Username and Password.",
            "timeZone": "America/Denver",
            "address": {"city": "Salt Lake City", "state": "UT", "country": self.country},
            "currency": "USD" if self.country == "USA" else "CAD",
            "email": "help@finbank.example",
            "status": self.status,
        }

    def certified(self) -> dict[str, Any]:
        """What the list of certified institutions has of it."""
        status = "online" if self.status == "online" else "offline"
        flags = {name: status if name in self.products else "offline" for name in CERTIFICATIONS}
        return {
            "id": self.id,
            "name": self.name,
            **self._products(),
            "oauthEnabled": self.oauth,
            "productionStatus": {"overallStatus": status, **flags},
        }

    def _products(self) -> dict[str, bool]:
        return {name: name in self.products for name in PRODUCTS}

    def login_form(self) -> list[dict[str, Any]]:
        """The fields of the login form; none where the bank's own page asks."""
        return [
            {
                "id": f"{self.id}00{order}",
                "name": name,
                "value": "",
                "description": label,
                "displayOrder": order,
                "mask": str(masked).lower(),
            }
            for order, (name, label, masked) in enumerate(() if self.oauth else self.form, 1)
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
    Institution(176082, "FinBank Decertified", products=()),
)
USA, CANADA = "USA", "CAN"
PRINCIPAL = Institution(
    4222,
    "Principal Financial - Retirement (Personal)",
    url="https://www.principal.example",
    kind="Workplace Retirement",
)
KINDS = {"bank": "Banking", "union": "Banking", "card": "Credit Cards", "broker": "Investments"}
COUNTRIES = {"US": USA, "CA": CANADA}


def _from_bank(bank: LargeBank) -> Institution:
    """A bank that more than one provider has: its id is made of its code."""
    return Institution(
        BANK_IDS[crc32(bank.code.encode()) % len(BANK_IDS)],
        bank.name,
        url=bank.url.rstrip("/"),
        kind=KINDS[bank.kind],
        country=COUNTRIES[bank.country],
        also=tuple(bank.also),
    )


def mock_id(scenario: str) -> int:
    """The id of a scenario's institution: of its name alone, whatever other scenarios there are."""
    return MOCK_IDS[crc32(scenario.encode()) % len(MOCK_IDS)]


def own_id(code: str) -> int:
    """The id of an institution of the user's: its code where that is a number of up to nine digits, else one made of
    it.
    """
    if code.isascii() and code.isdigit() and len(code) < 10 and not code.startswith("0"):
        return int(code)
    return OWN_IDS[crc32(code.encode()) % len(OWN_IDS)]


def _own(own: OwnInstitution) -> Institution:
    """An institution of the user's as Finicity shows it."""
    return Institution(
        own_id(own.code),
        own.name,
        oauth=own.oauth,
        products=PRODUCTS if own.products is None else tuple(name for name in PRODUCTS if name in own.products),
        own=own.code,
        url=(own.url or "https://bank.example").rstrip("/"),
        kind="Banking",
        form=tuple((each.name, each.label, each.type == "PASSWORD") for each in own.credentials) or FORM,
    )


def meets_bank(flows: Mapping[str, Sequence[Step]]) -> bool:
    """Whether the bank's own page is met in these flows."""
    return any(step.oauth for steps in flows.values() for step in steps)


def standing_for(scenarios: ScenarioLookup) -> list[tuple[str, bool]]:
    """The scenarios that are institutions, too: names, and whether the bank's own page is met in them."""
    names = scenarios.names("finicity")
    return [(name, meets_bank(scenarios.flows(scenarios.get("finicity", name)))) for name in names]


@cache
def _large() -> Sequence[Institution]:
    return [_from_bank(bank) for bank in large_banks()]


class Institutions:
    """All institutions. ``scenarios`` gives the scenarios: name, and whether the bank's own page is met in it; ``own``
    those of the user's.
    """

    def __init__(
        self,
        scenarios: Callable[[], Iterable[tuple[str, bool]]],
        own: Callable[[], Iterable[OwnInstitution]] = tuple,
    ) -> None:
        self._scenarios = scenarios
        self._own = own

    def of(self, scenarios: ScenarioLookup) -> Institutions:
        """The same as one sandbox sees them, with its scenarios."""
        seen = copy(self)
        seen._scenarios = lambda: standing_for(scenarios)
        return seen

    def all(self) -> list[Institution]:
        """The user's own first: one with the id of another bank stands in its place."""
        own = [_own(each) for each in self._own()]
        mocks = (Institution(mock_id(name), f"Mock: {name}", oauth, scenario=name) for name, oauth in self._scenarios())
        taken = {each.id for each in own}
        return [*own, *(each for each in (*TEST_BANKS, *mocks, PRINCIPAL, *_large()) if each.id not in taken)]

    def get(self, id: str) -> Institution | None:
        """The institution with an id, or with the code of a scenario (``mock_oauth``) or of the user's."""
        return next((each for each in self.all() if id in (str(each.id), each.code)), None)

    def search(self, text: str) -> list[Institution]:
        """Those of which a name or the code holds all the words: those that are called so first, then those whose name
        begins so.
        """
        asked = text.strip().casefold()
        if not asked:
            return self.all()
        found = []
        for each in self.all():
            names = [name.casefold() for name in (each.name, *each.also)]
            if all(word in " ".join((*names, each.code.casefold())) for word in asked.split()):
                begins = any(name.startswith(asked) for name in names)
                found.append(((asked not in names, not begins, len(each.name)), each))
        return [each for _, each in sorted(found, key=lambda match: match[0])]
