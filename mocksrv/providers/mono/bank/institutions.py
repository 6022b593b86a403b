"""The institutions an account can be linked at: a catalogue of Nigerian banks, those of the user's own, and one for
every scenario of Mono's.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import cache
from pathlib import Path
from typing import NamedTuple

from mocksrv.engine import yamlnodes
from mocksrv.engine.scenarios.choosing import MOCK
from mocksrv.engine.scenarios.institutions import OwnInstitution
from mocksrv.engine.scenarios.lookup import ScenarioLookup

METHODS = ("internet_banking", "mobile_banking")
ANY = "any"  # stands for the first of the catalogue
MOCK_CODE, MOCK_NIP, MOCK_COLOR = "999", "000999", "#444444"
PRODUCTS = ("Auth", "Accounts", "Transactions", "Balance", "Income", "Identity")
FORM: Sequence[Mapping[str, str]] = (
    {"name": "username", "hint": "Enter your username", "contentType": "string"},
    {"name": "password", "hint": "Enter your password", "contentType": "password"},
)
WEIGHTS = (3, 7, 3)  # of the digits of a bank's code and a serial number, over and over
OTHERS = "9"  # goes before a code of five digits, which other financial institutions than deposit banks have


class Institution(NamedTuple):
    """One institution. ``also``: other names that people know it by; ``methods``: how users may sign in; ``form``: the
    fields of its login form, each with ``name``, ``hint`` and ``contentType``; ``scenario``: the one it stands for;
    ``code``: what scenarios and calls name one of the user's own by; ``website``: "" for an invented one.
    """

    id: str
    name: str
    bank_code: str
    nip_code: str
    color: str
    type: str = "PERSONAL_BANKING"
    methods: Sequence[str] = METHODS
    also: Sequence[str] = ()
    form: Sequence[Mapping[str, str]] = FORM
    products: Sequence[str] = PRODUCTS
    scenario: str | None = None
    code: str = ""
    website: str = ""

    @property
    def identifier(self) -> str:
        return f"{MOCK}{self.scenario}" if self.scenario else self.code or self.name.lower().replace(" ", "-")

    def is_called(self, folded: str) -> bool:
        """Whether this is its id, identifier, code or name, in lower case; spaces do not count in names."""
        if folded in (self.id.casefold(), self.identifier.casefold()):
            return True
        named = {name.casefold().replace(" ", "") for name in (self.name, *self.also)}
        return folded.replace(" ", "") in named | {self.bank_code, self.nip_code} - {"", MOCK_CODE, MOCK_NIP}

    def has_in_name(self, folded: str) -> bool:
        """Whether one of its names has this text in it, which is in lower case."""
        return any(folded in name.casefold() for name in (self.name, *self.also))

    def begins_with(self, words: Sequence[str]) -> bool:
        """Whether one of its names begins with these words, which are in lower case."""
        return any(name.casefold().split()[: len(words)] == words for name in (self.name, *self.also))


@cache
def _catalogue() -> Sequence[Institution]:
    """The institutions that every server has, read once in a process."""
    return [Institution(**row) for row in yamlnodes.load(Path(__file__).with_name("institutions.yaml"))]


class Institutions:
    """All institutions. ``scenarios`` gives the names of the scenarios that are institutions, too, ``own`` those of the
    user's.
    """

    def __init__(self, scenarios: Callable[[], Sequence[str]], own: Callable[[], Sequence[OwnInstitution]]) -> None:
        self._scenarios = scenarios
        self._own = own

    def of(self, scenarios: ScenarioLookup) -> Institutions:
        """The same as one sandbox sees them, with its scenarios."""
        seen = copy(self)
        seen._scenarios = lambda: scenarios.names("mono")
        return seen

    def all(self) -> list[Institution]:
        """The user's own first: where one has the id of another, it takes its place."""
        own = [_of_the_user(each) for each in self._own()]
        taken = {each.id for each in own}
        return [*own, *(each for each in _catalogue() if each.id not in taken), *map(_mock, self._scenarios())]

    def search(self, text: str) -> list[Institution]:
        """Those with a name that has this text in it, or called so; all of them for no text."""
        folded = text.strip().casefold()
        return [each for each in self.all() if each.is_called(folded) or each.has_in_name(folded)]

    def find(self, wanted: str) -> Institution | None:
        """By id, identifier, code or name, or by the words that its name alone begins with; ``any`` is one of them."""
        if wanted == ANY:
            return _catalogue()[0]
        folded = wanted.strip().casefold()
        every = self.all()
        called = next((each for each in every if each.is_called(folded)), None)
        if called is not None or not folded:
            return called
        beginning = [each for each in every if each.begins_with(folded.split())]
        return beginning[0] if len(beginning) == 1 else None


def _of_the_user(own: OwnInstitution) -> Institution:
    """A user's institution: its code is Mono's id. One that goes by OAuth has no form."""
    fields = [
        {"name": each.name, "hint": each.label, "contentType": "password" if each.type == "PASSWORD" else "string"}
        for each in own.credentials
    ]
    return Institution(
        own.code,
        own.name,
        MOCK_CODE,
        MOCK_NIP,
        MOCK_COLOR,
        form=() if own.oauth else fields or FORM,
        products=own.products or PRODUCTS,
        code=own.code,
        website=own.url or "",
    )


def _mock(scenario: str) -> Institution:
    id = hashlib.blake2b(f"mono:{scenario}".encode(), digest_size=12).hexdigest()
    return Institution(id, f"Mock: {scenario}", MOCK_CODE, MOCK_NIP, MOCK_COLOR, scenario=scenario)


def nuban(bank_code: str, serial: str) -> str:
    """The account number of a serial number of nine digits at a bank: with its check digit after it.

    Source: Central Bank of Nigeria, Standards on Nigeria Uniform Bank Account Number, 2020.
    """
    code = OTHERS + bank_code if len(bank_code) == 5 else bank_code
    total = sum(int(digit) * WEIGHTS[place % 3] for place, digit in enumerate(code + serial))
    return f"{serial}{-total % 10}"


def account_number(institution: Institution, chance: random.Random) -> str:
    return nuban(institution.bank_code or MOCK_CODE, f"{chance.randrange(10**8):09d}")
