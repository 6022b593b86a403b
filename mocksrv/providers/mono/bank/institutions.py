"""The institutions an account can be linked at: a catalogue of Nigerian banks, and one institution for every scenario
of Mono's.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mocksrv.engine import yamlnodes
from mocksrv.engine.scenarios.choosing import MOCK

METHODS = ("internet_banking", "mobile_banking")
ANY = "any"  # stands for the first of the catalogue
MOCK_CODE = "999"
WEIGHTS = (3, 7, 3)  # of the digits of a bank's code and a serial number, over and over
OTHERS = "9"  # goes before a code of five digits, which other financial institutions than deposit banks have


@dataclass(frozen=True, slots=True)
class Institution:
    """One institution. ``scenario``: the one it stands for; ``methods``: how users may sign in."""

    id: str
    name: str
    bank_code: str
    nip_code: str
    color: str
    type: str = "PERSONAL_BANKING"
    methods: Sequence[str] = METHODS
    scenario: str | None = None

    @property
    def identifier(self) -> str:
        return f"{MOCK}{self.scenario}" if self.scenario else self.name.lower().replace(" ", "-")


class Institutions:
    """All institutions. ``scenarios`` gives the names of the scenarios that are institutions, too."""

    def __init__(self, scenarios: Callable[[], Sequence[str]]) -> None:
        self._scenarios = scenarios

    @cached_property
    def _catalogue(self) -> list[Institution]:
        rows = yamlnodes.load(Path(__file__).with_name("institutions.yaml"))
        return [Institution(**row) for row in rows]

    def all(self) -> list[Institution]:
        return [*self._catalogue, *map(_mock, self._scenarios())]

    def find(self, wanted: str) -> Institution | None:
        """By id, identifier or name; ``any`` is one of them."""
        if wanted == ANY:
            return self._catalogue[0]
        folded = wanted.strip().casefold()
        return next((each for each in self.all() if folded in (each.id, each.identifier, each.name.casefold())), None)


def _mock(scenario: str) -> Institution:
    id = hashlib.blake2b(f"mono:{scenario}".encode(), digest_size=12).hexdigest()
    return Institution(id, f"Mock: {scenario}", MOCK_CODE, f"000{MOCK_CODE}", "#444444", scenario=scenario)


def nuban(bank_code: str, serial: str) -> str:
    """The account number of a serial number of nine digits at a bank: with its check digit after it.

    Source: Central Bank of Nigeria, Standards on Nigeria Uniform Bank Account Number, 2020.
    """
    code = OTHERS + bank_code if len(bank_code) == 5 else bank_code
    total = sum(int(digit) * WEIGHTS[place % 3] for place, digit in enumerate(code + serial))
    return f"{serial}{-total % 10}"


def account_number(institution: Institution, chance: random.Random) -> str:
    return nuban(institution.bank_code or MOCK_CODE, f"{chance.randrange(10**8):09d}")
